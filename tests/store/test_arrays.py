"""Columns of a batch as arrays: what goes to the database comes back."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diameter_ocs.embedded import Cluster
from diameter_ocs.store.arrays import (
    EPOCH_2000,
    array_literals,
    big_ints,
    moments,
    octets,
    register,
    texts,
)

Ask = Callable[[str, object], list[Any]]
INT8 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)


@pytest.fixture(scope="module")
def ask(cluster: Cluster) -> Any:
    """Send one packed array to the database, and return what a statement makes of it."""
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        register(connection)

        def ask(statement: str, packed: object) -> list[Any]:
            row = connection.execute(statement, {"a": packed}, binary=True).fetchone()
            assert row is not None
            return row[0]

        yield ask


@given(st.lists(st.none() | INT8, max_size=50))
@settings(max_examples=60, deadline=None)
def test_integers_come_back(ask: Ask, values: list[int | None]) -> None:
    assert ask("SELECT %(a)s", big_ints(values)) == values


@given(st.lists(st.none() | TEXT, max_size=20))
@settings(max_examples=60, deadline=None)
def test_texts_come_back(ask: Ask, values: list[str | None]) -> None:
    assert ask("SELECT %(a)s", texts(values)) == values


@given(st.lists(st.none() | st.binary(max_size=30), max_size=20))
@settings(max_examples=60, deadline=None)
def test_octets_come_back(ask: Ask, values: list[bytes | None]) -> None:
    assert ask("SELECT %(a)s", octets(values)) == values


@given(st.lists(st.integers(EPOCH_2000 - 10**15, 4 * 10**15), max_size=20))
@settings(max_examples=60, deadline=None)
def test_moments_come_back_to_the_microsecond(ask: Ask, values: list[int]) -> None:
    statement = (
        "SELECT coalesce(array_agg((extract(epoch FROM at) * 1000000)::bigint), '{}')"
        " FROM unnest(%(a)s) AS at"
    )
    assert ask(statement, moments(values)) == values


@given(st.lists(st.lists(INT8, max_size=5), max_size=10))
@settings(max_examples=40, deadline=None)
def test_rows_of_integers_come_back(ask: Ask, rows: list[list[int]]) -> None:
    statement = "SELECT coalesce(array_agg(r::bigint[]::text), '{}') FROM unnest(%(a)s) AS r"
    found = ask(statement, array_literals(rows))
    assert found == ["{" + ",".join(map(str, row)) + "}" for row in rows]


@pytest.mark.parametrize(
    ("pack", "values"),
    [
        (big_ints, []),
        (big_ints, [0, -1, 2**63 - 1, -(2**63)]),
        (big_ints, [None]),
        (big_ints, [None, 5, None]),
        (big_ints, list(range(3000))),
        (texts, []),
        (texts, ["", None, "ü", "'\"\\{},"]),
        (octets, [b"", None, b"\0\xff", b"x" * 70_000]),
    ],
)
def test_the_corners_come_back(
    ask: Ask, pack: Callable[[Sequence[Any]], object], values: list[Any]
) -> None:
    assert ask("SELECT %(a)s", pack(values)) == values


def test_views_of_a_dictionary_are_rows_too(ask: Ask) -> None:
    held = {3: 4, 5: 6}
    assert ask("SELECT %(a)s", array_literals([held.keys(), held.values(), ()])) == [
        "{3,5}",
        "{4,6}",
        "{}",
    ]


def test_octets_that_are_no_text_are_spelled_out(ask: Ask) -> None:
    assert ask("SELECT %(a)s", texts(["a\udcffb"])) == ["a\\udcffb"]


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_an_integer_that_is_too_large_is_no_array(value: int) -> None:
    with pytest.raises(struct.error):
        big_ints([1, value])


async def test_asynchronous_connections_learn_it_too(cluster: Cluster) -> None:
    async with await psycopg.AsyncConnection.connect(cluster.conninfo("postgres")) as connection:
        register(connection)
        cursor = await connection.execute("SELECT %(a)s", {"a": big_ints([1, None])}, binary=True)
        assert await cursor.fetchone() == ([1, None],)
