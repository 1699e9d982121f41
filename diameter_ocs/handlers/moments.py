"""Moments as people write and read them: ISO 8601, in UTC unless an offset is said."""

import datetime

from .refusals import Refusal

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
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


def moment_text(microseconds: int) -> str:
    """Writes microseconds since 1970 so that `parse_moment` reads them."""
    moment = EPOCH + microseconds // 1_000_000 * datetime.timedelta(seconds=1)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{microseconds % 1_000_000:06d}Z"


def parse_optional_moment(text: str | None) -> int | None:
    """Reads a moment that may not be said."""
    return None if text is None else parse_moment(text)


def optional_moment_text(microseconds: int | None) -> str | None:
    """Writes a moment that there may not be."""
    return None if microseconds is None else moment_text(microseconds)
