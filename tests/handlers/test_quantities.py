"""Amounts of units as people write them."""

import pytest

from diameter_ocs.charging.units import AMOUNT_MAX, UnitType
from diameter_ocs.handlers.quantities import parse_quantity, quantity_text


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("0", 0),
        ("100", 100),
        (" 6000 s ", 6000),
        ("1_000", 1000),
        ("1KiB", 1024),
        ("10 GiB", 10 * 2**30),
        ("2 TB", 2 * 10**12),
        ("1 h", 3600),
        (7, 7),
        (str(AMOUNT_MAX), AMOUNT_MAX),
    ],
)
def test_a_quantity_is_a_whole_number_with_a_unit(text: object, quantity: int) -> None:
    assert parse_quantity(text) == quantity


@pytest.mark.parametrize(
    "text",
    ["", "s", "1.0", 1.0, True, None, "-1", "+1", "1 kib", "1 s s", "٣", "1e3", str(2**63), "8 EiB",
     "9000000 TiB", "9" * 10_000],
)  # fmt: skip
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"quantity|too large"):
        parse_quantity(text)


def test_a_long_word_is_not_told_whole() -> None:
    with pytest.raises(ValueError, match=r"^.{1,150}$"):
        parse_quantity("9" * 10_000)


@pytest.mark.parametrize(
    ("quantity", "unit_type", "text"),
    [
        (0, UnitType.VOLUME, "0"),
        (1, UnitType.VOLUME, "1 B"),
        (1025, UnitType.VOLUME, "1025 B"),
        (20 * 2**20, UnitType.VOLUME, "20 MiB"),
        (90, UnitType.TIME, "90 s"),
        (3600, UnitType.TIME, "1 h"),
        (1024, UnitType.SERVICE_SPECIFIC_UNITS, "1024"),
    ],
)
def test_a_quantity_is_told_in_the_largest_exact_unit(
    quantity: int, unit_type: UnitType, text: str
) -> None:
    assert quantity_text(quantity, unit_type) == text
    assert parse_quantity(text) == quantity
