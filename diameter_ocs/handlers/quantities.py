"""Amounts of units as people write them: 100, 6000 s, 10 GiB."""

import re

from ..charging.units import AMOUNT_MAX, UnitType

UNITS = {
    "": 1,
    "B": 1,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "s": 1,
    "min": 60,
    "h": 3600,
    "d": 86400,
}
SPOKEN = {
    UnitType.VOLUME: ("TiB", "GiB", "MiB", "KiB", "B"),
    UnitType.TIME: ("d", "h", "min", "s"),
    UnitType.SERVICE_SPECIFIC_UNITS: (),
}
"""The units that people are told, the largest first."""
PATTERN = r"([0-9][0-9_]{0,39})\s*([A-Za-z]*)"


def parse_quantity(value: object) -> int:
    """Reads a whole number of units, as 100, "6000 s", "10 GiB" or "1 min".

    Raises:
        ValueError: no number, an unknown unit, not whole, or too large.
    """
    match = re.fullmatch(PATTERN, str(value).strip())
    if isinstance(value, bool) or match is None or match[2] not in UNITS:
        raise ValueError(f"{shortened(value)} is no quantity; write it like 100, 6000 s or 10 GiB")
    quantity = int(match[1]) * UNITS[match[2]]
    if quantity > AMOUNT_MAX:
        raise ValueError(f"{shortened(value)} is too large")
    return quantity


def shortened(value: object) -> str:
    """Quotes what was written, the beginning of it where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def quantity_text(quantity: int, unit_type: UnitType) -> str:
    """Writes a number of units as `parse_quantity` reads it: in the largest unit that is exact."""
    for name in SPOKEN[unit_type]:
        if quantity >= UNITS[name] and quantity % UNITS[name] == 0:
            return f"{quantity // UNITS[name]} {name}"
    return str(quantity)
