"""When a gateway comes back before its quota is used up (TS 32.299 section 6.5)."""

from .catalogue import RatingGroup

THRESHOLD_MAX = 2**32 - 1
"""The greatest threshold that a gateway can be told."""


def threshold(rating_group: RatingGroup, units: int) -> int | None:
    """Returns with how many units left the gateway asks for more; None: it waits for the end.

    That is always less than the quota, so that a quota can be too small to have a threshold.
    """
    left = units * rating_group.threshold_percent // 100
    if not left:
        return None
    return left if left < THRESHOLD_MAX else THRESHOLD_MAX


def holding_seconds(rating_group: RatingGroup, validity_seconds: int) -> int | None:
    """Returns after how long an idle quota is given back; None: not before its validity ends."""
    seconds = rating_group.quota_holding_seconds
    return seconds if 0 < seconds < validity_seconds else None
