"""What a rating group says of its quotas: filled in from those above it, and checked."""

from collections.abc import Iterator, Sequence
from typing import Any

from ..charging.catalogue import RatingGroup
from ..charging.units import UnitType
from .catalogue_document import RatingGroupPart

VOLUME_THRESHOLD_PERCENT = 20
VOLUME_HOLDING_SECONDS = 600
"""What gateways are told of quotas of volume where nothing else is said."""
NEEDED = ("min_reservation", "quota_validity")
"""What a group, or one above it, says whose quotas follow what is used."""


def quota_terms(
    part: RatingGroupPart, like: RatingGroup | None, unit_type: UnitType
) -> dict[str, Any]:
    """Returns what becomes of a group's keys; `like` is the one above, if it counts the same."""
    is_volume = unit_type is UnitType.VOLUME
    threshold, holding, share = part.quota_threshold, part.quota_holding, part.max_session_share
    if threshold is None:
        threshold = like.threshold_percent if like else VOLUME_THRESHOLD_PERCENT * is_volume
    if holding is None:
        holding = like.quota_holding_seconds if like else VOLUME_HOLDING_SECONDS * is_volume
    if share is None:
        share = like.max_session_share_percent if like else 100
    consumption = like.quota_consumption_seconds if like else None
    before = like.min_validity_seconds if like else None
    is_dynamic = part.dynamic_quota
    if is_dynamic is None:
        is_dynamic = before is not None
    return {
        "threshold_percent": threshold,
        "quota_holding_seconds": holding,
        "quota_consumption_seconds": part.quota_consumption or consumption,
        "max_session_share_percent": share,
        "min_validity_seconds": (part.min_validity or before) if is_dynamic else None,
    }


def faults(
    part: RatingGroupPart, group: RatingGroup, above: Sequence[RatingGroupPart]
) -> Iterator[tuple[str, str]]:
    """Finds what a group says of its quotas in vain, by key; `above` are those above it."""
    if part.quota_consumption is not None and group.unit_type is not UnitType.TIME:
        reason = "time that is idle counts where time is counted: this group has other units"
        yield "quota_consumption", reason
    if part.dynamic_quota:
        said = [*above, part]
        missing = [key for key in NEEDED if all(getattr(each, key) is None for each in said)]
        if group.min_validity_seconds is None:
            missing.append("min_validity")
        if missing:
            reason = f"say {' and '.join(f'`{key}`' for key in missing)} too: a quota lasts for"
            reason += " min_validity, is never below min_reservation, and ends with quota_validity"
            yield "dynamic_quota", reason
    elif part.min_validity is not None and group.min_validity_seconds is None:
        yield "min_validity", "say `dynamic_quota: true` too, or leave it out"
