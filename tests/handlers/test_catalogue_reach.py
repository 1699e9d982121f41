"""Rates that are never reached: what is told is so, by trying out, and what is plain is told."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diameter_ocs.charging.expressions import parse_countries, parse_networks, parse_numbers
from diameter_ocs.charging.hours import working_hours
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.handlers.catalogue_reach import Unreached, unreached


def rate(countries: str = "", networks: str = "", numbers: str = "", days: str = "", **more: bool):  # type: ignore[no-untyped-def]
    return Restrictions(
        from_countries=parse_countries(countries) if countries else None,
        from_networks=parse_networks(networks) if networks else None,
        numbers=parse_numbers(numbers) if numbers else None,
        hours=working_hours([(days, "00:00-24:00")]) if days else None,
        **more,
    )


def dated(dates: str, times: str = "00:00-24:00") -> Restrictions:
    return Restrictions(hours=working_hours([], [(dates, "mon-sun", times)]))


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([dated("12-25"), dated("12-25")], [(1, 0)]),
        ([dated("12-25"), rate(days="mon-sun")], []),
        ([rate(days="mon-sun"), dated("12-25")], [(1, None)]),
        ([rate(days="mon-sat"), dated("2026-12-25")], []),
        ([dated("01-01 - 12-31"), rate(days="mon")], []),
    ],
)
def test_rates_of_dates_take_what_they_surely_take(
    rates: list[Restrictions | None], expected: list[tuple[int, int | None]]
) -> None:
    assert list(unreached(rates)) == [Unreached(*each) for each in expected]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([None, rate("DE")], [(1, 0)]),
        ([rate("DE"), None], []),
        ([rate("DE"), rate("FR"), None, None], [(3, 2)]),
        ([rate("DE"), rate("DE")], [(1, 0)]),
        ([rate("*"), rate("DE")], [(1, None)]),
        ([rate("*"), rate("!DE")], [(1, None)]),
        ([rate("DE"), rate("*")], []),
        ([rate("(DE,FR)"), rate("FR")], [(1, None)]),
        ([rate("DE"), rate("FR"), rate("(FR,DE)")], [(2, None)]),
        ([rate("DE"), rate("FR"), rate("(FR,IT)")], []),
        ([rate("DE"), rate("DE", days="mon")], [(1, 0)]),
        ([rate("DE", days="mon"), rate("DE")], []),
        ([rate("DE", days="mon-sat"), rate("DE", days="sun"), rate("DE", days="mon-sun")],
         [(2, None)]),
        ([rate("DE", days="mon-sat"), rate("FR", days="sun"), rate("DE", days="mon-sun")], []),
        ([rate("(DE,FR)"), rate("DE", is_on_net=True)], [(1, None)]),
        ([rate("(DE,FR)", is_on_net=True), rate("DE")], []),
        ([rate("DE", is_on_net=True), rate("DE", is_on_net=False)], []),
        ([rate("!US"), rate("PR")], []),
        ([rate("!US"), rate("!CA"), rate("!(US,CA)")], []),
        ([rate("!US"), rate("!US")], [(1, 0)]),
        ([rate(networks="262/*"), rate(networks="262/01")], [(1, None)]),
        ([rate(networks="262/01"), rate(networks="262/*")], []),
        ([rate(networks="!262/*"), rate(networks="262/*"), rate(networks="310/*")], [(2, None)]),
        ([rate(numbers="49*"), rate(numbers="49171*")], [(1, None)]),
        ([rate(numbers="49171*"), rate(numbers="49*")], []),
        ([rate(networks="262/*"), rate("DE")], []),
    ],
)  # fmt: skip
def test_rates_that_are_never_reached_are_found(
    rates: list[Restrictions | None], expected: list[tuple[int, int | None]]
) -> None:
    assert list(unreached(rates)) == [Unreached(*each) for each in expected]


COUNTRY_SETS = [
    subset for size in (1, 2, 3) for subset in itertools.combinations(("US", "GU", "PR"), size)
]
SEVERAL = st.lists(
    st.builds(
        rate,
        st.sampled_from(("", "US", "(US,GU)", "!US", "!(US,GU)", "*", "PR")),
        st.sampled_from(("", "310/*", "310/26*", "!310/260", "*")),
        st.sampled_from(("", "4*", "49*", "49171", "!49*")),
        is_on_net=st.sampled_from((None, True)),
    ),
    max_size=6,
)


def holds(restrictions: Restrictions, where: tuple[tuple[str, ...], str, str, bool]) -> bool:
    countries, plmn, number, is_on_net = where
    return (
        (restrictions.from_countries is None or restrictions.from_countries.matches(countries))
        and (restrictions.from_networks is None or restrictions.from_networks.matches(plmn))
        and (restrictions.numbers is None or restrictions.numbers.matches(number))
        and restrictions.is_on_net in (None, is_on_net)
    )


@settings(max_examples=200, deadline=None)
@given(rates=SEVERAL)
def test_what_is_told_to_be_unreached_is_never_the_price(rates: list[Restrictions]) -> None:
    told = {each.rate for each in unreached(rates)}
    for where in itertools.product(
        COUNTRY_SETS, ("310260", "310410", "26201"), ("49171", "4930", "44", "1"), (True, False)
    ):
        first = next((n for n, each in enumerate(rates) if holds(each, where)), None)
        assert first not in told
