"""Moments as people write and read them: ISO 8601, in UTC unless an offset is said."""

import datetime

from ..charging.moments import EPOCH
from ..charging.moments import moment_text as moment_text
from ..charging.moments import optional_moment_text as optional_moment_text
from .refusals import Refusal

MICROSECOND = datetime.timedelta(microseconds=1)


def parse_moment(text: str) -> int:
    """Reads 2026-11-20, 2026-11-20T18:30 or 2026-11-20T18:30:00+01:00; microseconds since 1970."""
    try:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return (moment - EPOCH) // MICROSECOND
    except (ValueError, OverflowError):
        raise Refusal(
            "invalid_time", f"{text!r} is no time: write 2026-11-20 or 2026-11-20T18:30, in UTC"
        ) from None


def parse_optional_moment(text: str | None) -> int | None:
    """Reads a moment that may not be said."""
    return None if text is None else parse_moment(text)
