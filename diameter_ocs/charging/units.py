"""Octets, seconds, service-specific units and money in micro-units: integers, never floats."""

import re
from enum import IntEnum

MICRO_UNITS = 1_000_000
"""Micro-units in one unit of a currency."""

MILLIONTHS = 1_000_000
"""Of a micro-unit: the finest amount that a request can name."""

AMOUNT_MAX = 2**63 - 1
"""The largest amount that a balance may have."""

PRICE_MAX = 10**15
"""The largest price, in micro-units: a thousand million units of the currency."""

WHOLE_DIGITS_MAX = 13
DECIMALS_MAX = 6
"""Digits of an amount of money before and after the point."""

_MONEY = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]+))?")


class UnitType(IntEnum):
    """What a rating group and an allowance are measured in (TS 32.299 section 7.2)."""

    TIME = 1
    """Seconds."""
    VOLUME = 2
    """Octets."""
    SERVICE_SPECIFIC_UNITS = 3
    """Messages, events, whatever the service counts."""
    MONEY = 4
    """Micro-units: what a request says in money instead; no rating group is measured so."""


def round_up(units: int, rounding: int) -> int:
    """Returns the next multiple of `rounding` that is not below `units`."""
    return -(-units // rounding) * rounding


def half_up(numerator: int, denominator: int) -> int:
    """Divides two integers that are not negative; a half is rounded up."""
    return (2 * numerator + denominator) // (2 * denominator)


def parse_money(text: str) -> int:
    """Reads a decimal amount of currency units as micro-units.

    Raises:
        ValueError: no decimal number, finer than a micro-unit, or too large.
    """
    match = _MONEY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no amount; write it like 12.50")
    sign, whole, decimals = match.groups("")
    if len(whole.lstrip("0")) > WHOLE_DIGITS_MAX:
        raise ValueError(f"{text!r} is too large for an amount")
    decimals = decimals.rstrip("0")
    if len(decimals) > DECIMALS_MAX:
        raise ValueError(f"{text!r} is finer than a millionth of the currency unit")
    micro_units = int(whole.lstrip("0") + decimals.ljust(DECIMALS_MAX, "0"))
    if micro_units > AMOUNT_MAX:
        raise ValueError(f"{text!r} is too large for an amount")
    return -micro_units if sign == "-" else micro_units


def format_money(micro_units: int) -> str:
    """Writes micro-units as a decimal amount with at least two decimals."""
    sign = "-" if micro_units < 0 else ""
    whole, rest = divmod(abs(micro_units), MICRO_UNITS)
    decimals = f"{rest:06d}"
    return f"{sign}{whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"
