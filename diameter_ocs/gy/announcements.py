"""Announcements as AVPs (Announcement-Information, TS 32.299)."""

from typing import Any

from ..charging.announcements import Announcement, VariablePart

Pairs = list[tuple[str, Any]]


def announced(announcement: Announcement) -> Pairs:
    """Returns the members of one Announcement-Information."""
    members: Pairs = [("Announcement-Identifier", announcement.identifier)]
    members += [("Variable-Part", _spoken(part)) for part in announcement.variable_parts]
    optional = (
        ("Time-Indicator", announcement.seconds_before_end),
        ("Quota-Indicator", announcement.uses_quota),
        ("Announcement-Order", announcement.order),
        ("Play-Alternative", announcement.to_remote_party),
        ("Privacy-Indicator", announcement.is_private),
        ("Language", announcement.language),
    )
    return members + [pair for pair in optional if pair[1] is not None]


def _spoken(part: VariablePart) -> Pairs:
    order: Pairs = [] if part.order is None else [("Variable-Part-Order", part.order)]
    return [*order, ("Variable-Part-Type", part.type), ("Variable-Part-Value", part.value)]
