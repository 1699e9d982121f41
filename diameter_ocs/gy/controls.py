"""When a gateway comes back before its quota is used up (TS 32.299 section 6.5).

These stand in Multiple-Services-Credit-Control alone.
"""

from typing import Any

from ..charging.decisions import Grant
from ..charging.units import UnitType

UNSIGNED32_MAX = 2**32 - 1

THRESHOLDS = {
    UnitType.TIME: "Time-Quota-Threshold",
    UnitType.VOLUME: "Volume-Quota-Threshold",
    UnitType.SERVICE_SPECIFIC_UNITS: "Unit-Quota-Threshold",
}


def controls(grant: Grant) -> list[tuple[str, Any]]:
    """Returns a quota's threshold and times of idleness, as far as it has them.

    There is no threshold of money.
    """
    said = (
        (THRESHOLDS.get(grant.unit_type, ""), grant.threshold),
        ("Quota-Holding-Time", grant.holding_seconds),
        ("Quota-Consumption-Time", grant.consumption_seconds),
    )
    return [(name, min(value, UNSIGNED32_MAX)) for name, value in said if value is not None]
