"""Emergencies: whatever is asked is served, for nothing, whoever asks."""

from .catalogue import Price, RatingGroup, Source, Tariff
from .considered import GroupConsidered, short_text
from .requests import ServiceUsage, Units
from .settlement import USED_MAX
from .units import UnitType

FREE = Price(0, 1)
ZONE = "emergency"

_UNIT_TYPES = {
    "32251": UnitType.VOLUME,
    "32270": UnitType.SERVICE_SPECIFIC_UNITS,
    "32274": UnitType.SERVICE_SPECIFIC_UNITS,
}
"""What services of a context are counted in that a request says nothing of; others in seconds."""
_DEFAULT_QUOTA = {
    UnitType.TIME: 3600,
    UnitType.VOLUME: 2**30,
    UnitType.SERVICE_SPECIFIC_UNITS: 1,
}
_QUOTA_VALIDITY_SECONDS = 3600


def tariffs_in_emergency(rating_group: int) -> tuple[Tariff, ...]:
    """Returns what pays for a rating group: nothing, and that never ends."""
    told = short_text(GroupConsidered(rating_group, (), True))
    return (Tariff(FREE, (Source(ZONE, True, ()),), (), True, ZONE, considered=told),)


def unknown_group(usage: ServiceUsage, context: str | None) -> RatingGroup:
    """Returns a rating group for usage that belongs to none that the tenant knows."""
    unit_type = _unit_type(usage, context)
    return RatingGroup(
        id=usage.rating_group or 0,
        name=ZONE,
        parent_id=None,
        unit_type=unit_type,
        rounding=1,
        min_reservation=1,
        max_reservation=USED_MAX[unit_type],
        default_quota=_DEFAULT_QUOTA[unit_type],
        quota_validity_seconds=_QUOTA_VALIDITY_SECONDS,
    )


def _unit_type(usage: ServiceUsage, context: str | None) -> UnitType:
    """Returns the type of the units that a request names, else the one that is usual."""
    for units in (usage.requested or Units(), *usage.used):
        for unit_type in _DEFAULT_QUOTA:
            if units.of(unit_type) is not None:
                return unit_type
    return _UNIT_TYPES.get(context or "", UnitType.TIME)
