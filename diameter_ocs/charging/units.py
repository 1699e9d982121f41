"""Octets, seconds, service-specific units and money in micro-units: integers, never floats."""

from decimal import ROUND_DOWN, Decimal, InvalidOperation, Overflow
from enum import IntEnum

MICRO_UNITS = 1_000_000
"""Micro-units in one unit of a currency."""

AMOUNT_MAX = 2**63 - 1
"""The largest amount that a balance, a price or a quota may have."""


class UnitType(IntEnum):
    """What a rating group and an allowance are measured in (TS 32.299 section 7.2)."""

    TIME = 1
    """Seconds."""
    VOLUME = 2
    """Octets."""
    SERVICE_SPECIFIC_UNITS = 3
    """Messages, events, whatever the service counts."""


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
    try:
        value = Decimal(text) * MICRO_UNITS
    except InvalidOperation:
        raise ValueError(f"{text!r} is no amount; write it like 12.50") from None
    except Overflow:
        raise ValueError(f"{text!r} is too large for an amount") from None
    if not value.is_finite() or abs(value) > AMOUNT_MAX:
        raise ValueError(f"{text!r} is too large for an amount")
    if value != value.to_integral_value(ROUND_DOWN):
        raise ValueError(f"{text!r} is finer than a millionth of the currency unit")
    return int(value)


def format_money(micro_units: int) -> str:
    """Writes micro-units as a decimal amount with at least two decimals."""
    sign = "-" if micro_units < 0 else ""
    whole, rest = divmod(abs(micro_units), MICRO_UNITS)
    decimals = f"{rest:06d}"
    return f"{sign}{whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"
