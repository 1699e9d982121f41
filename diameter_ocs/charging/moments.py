"""Moments as people and programs read them: ISO 8601, in UTC."""

import datetime

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def moment_text(microseconds: int) -> str:
    """Writes microseconds since 1970, as 2026-11-20T18:30:00.000000Z."""
    moment = EPOCH + microseconds // 1_000_000 * datetime.timedelta(seconds=1)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{microseconds % 1_000_000:06d}Z"


def optional_moment_text(microseconds: int | None) -> str | None:
    """Writes a moment that there may not be."""
    return None if microseconds is None else moment_text(microseconds)
