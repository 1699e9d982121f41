"""Text of AVPs made fit to be compared, stored and logged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.base.text import SPELLED_OUT_LENGTH_MAX, clean, spelled_out
from diameter_ocs.base.tolerance import Tolerated

CASES = [
    (b"pgw.example", "pgw.example", set()),
    (b"", "", set()),
    ("Zürich".encode(), "Zürich", set()),
    (b"pgw\0.example\0", "pgw.example", {Tolerated.NUL_IN_TEXT}),
    (b"Z\xfcrich", "Z\\xfcrich", {Tolerated.OCTETS_IN_TEXT}),
    (b"\xed\xa0\x80", "\\xed\\xa0\\x80", {Tolerated.OCTETS_IN_TEXT}),
    (b"\xff\0", "\\xff", {Tolerated.NUL_IN_TEXT, Tolerated.OCTETS_IN_TEXT}),
]


@pytest.mark.parametrize(("octets", "text", "tolerated"), CASES)
def test_text_is_what_a_database_takes(octets: bytes, text: str, tolerated: set[Tolerated]) -> None:
    noted: set[Tolerated] = set()
    assert clean(octets.decode("utf-8", "surrogateescape"), noted) == text
    assert noted == tolerated


@given(st.binary())
def test_any_octets_become_text_without_nul_and_without_surrogates(octets: bytes) -> None:
    text = clean(octets.decode("utf-8", "surrogateescape"), set())
    assert "\0" not in text
    assert text.encode().decode() == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich 1", "Zürich 1"),
        ("a\0b", "ab"),
        ("a\x1b[31m", "a\\x1b[31m"),
        ("a\u202eb\n", "a\\u202eb\\n"),
        ("\udcff", "\\xff"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, shown: str) -> None:
    assert spelled_out(text) == shown


def test_of_long_text_the_beginning_is_told() -> None:
    assert spelled_out("a" * 60_000) == "a" * SPELLED_OUT_LENGTH_MAX


@given(st.binary() | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode))
def test_any_octets_can_be_shown(octets: bytes) -> None:
    text = octets.decode("utf-8", "surrogateescape")
    assert spelled_out(text).isprintable()
