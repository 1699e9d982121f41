"""The pool that a quota is part of (RFC 8506 section 8.30)."""

from typing import Any

from ..charging.decisions import Grant
from ..charging.units import UnitType

POOL = 1
"""The G-S-U-Pool-Identifier of a session's only pool, its money."""
EXPONENT = -9
"""A unit counts so many micro-units; what is told of it are thousand-millionths of one."""

_TYPES = {UnitType.TIME: 0, UnitType.VOLUME: 2, UnitType.SERVICE_SPECIFIC_UNITS: 5}
"""The CC-Unit-Type."""


def pool_reference(grant: Grant) -> list[tuple[str, Any]]:
    """Says that a quota is in the pool, and what a unit of it counts there."""
    if grant.pool is None:
        return []
    members = [
        ("G-S-U-Pool-Identifier", POOL),
        ("CC-Unit-Type", _TYPES[grant.unit_type]),
        ("Unit-Value", [("Value-Digits", grant.pool), ("Exponent", EXPONENT)]),
    ]
    return [("G-S-U-Pool-Reference", members)]
