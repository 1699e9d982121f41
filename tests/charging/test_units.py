"""Integers round as they are said to, and money is read and written exactly."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.charging.units import AMOUNT_MAX, format_money, half_up, parse_money, round_up


@pytest.mark.parametrize(
    ("units", "rounding", "expected"),
    [(0, 60, 0), (1, 60, 60), (60, 60, 60), (61, 60, 120), (7, 1, 7), (2**64 - 1, 1024, 2**64)],
)
def test_units_are_rounded_up_to_the_next_multiple(units, rounding, expected):
    assert round_up(units, rounding) == expected


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(0, 3, 0), (1, 2, 1), (49, 100, 0), (50, 100, 1), (3, 2, 2), (10**30, 3, (10**30) // 3)],
)
def test_a_half_is_rounded_up(numerator, denominator, expected):
    assert half_up(numerator, denominator) == expected


@given(st.integers(0, 2**80), st.integers(1, 2**64))
def test_rounding_is_never_off_by_more_than_a_half(numerator, denominator):
    error = half_up(numerator, denominator) - Fraction(numerator, denominator)
    assert Fraction(-1, 2) < error <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("text", "micro_units"),
    [
        ("12.50", 12_500_000),
        ("0.000001", 1),
        ("-3", -3_000_000),
        ("+3.10", 3_100_000),
        ("0012.5000000000", 12_500_000),
        ("9223372036854.775807", AMOUNT_MAX),
    ],
)
def test_money_is_read_to_the_micro_unit(text, micro_units):
    assert parse_money(text) == micro_units


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("twelve", "write it like 12.50"),
        ("", "write it like 12.50"),
        ("0.0000001", "finer than a millionth"),
        ("9223372036854.775808", "too large"),
        ("9" * 5000, "too large"),
        ("1e3", "write it like 12.50"),
        ("1_000", "write it like 12.50"),
        (" 1", "write it like 12.50"),
        ("1,5", "write it like 12.50"),
        (".5", "write it like 12.50"),
        ("٣", "write it like 12.50"),
        ("NaN", "write it like 12.50"),
        ("Infinity", "write it like 12.50"),
    ],
)
def test_what_is_no_amount_is_refused_with_the_reason(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse_money(text)


@pytest.mark.parametrize(
    ("micro_units", "text"),
    [(0, "0.00"), (12_500_000, "12.50"), (1, "0.000001"), (-10_000, "-0.01"), (-1, "-0.000001")],
)
def test_money_is_written_with_two_decimals_or_more(micro_units, text):
    assert format_money(micro_units) == text


@given(st.integers(-AMOUNT_MAX, AMOUNT_MAX))
def test_money_that_is_written_is_read_back(micro_units):
    assert parse_money(format_money(micro_units)) == micro_units
