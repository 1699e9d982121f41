"""What a caller hears when a service is refused or ends (Announcement-Information, TS 32.299)."""

from enum import IntEnum, StrEnum
from typing import NamedTuple


class AnnouncementKey(StrEnum):
    """On what occasion something is announced."""

    QUOTA_LIMIT_REACHED = "quota_limit_reached"
    END_USER_SERVICE_DENIED = "end_user_service_denied"
    OTHER_ERROR = "other_error"


class VariablePartType(IntEnum):
    """How the text of a variable part is read out (TS 32.281)."""

    INTEGER = 0
    NUMBER = 1
    TIME = 2
    DATE = 3
    CURRENCY = 4


class VariablePart(NamedTuple):
    """A value that is spoken within an announcement."""

    type: int
    """A VariablePartType, or 128 to 255 by agreement."""
    value: str
    order: int | None = None


class Announcement(NamedTuple):
    """One announcement to play."""

    identifier: int
    """What the media server knows it by, above 0."""
    variable_parts: tuple[VariablePart, ...] = ()
    seconds_before_end: int | None = None
    """Time-Indicator: seconds before the quota is used up, 0 at its end; None: before anything."""
    uses_quota: bool | None = None
    """Quota-Indicator: playing it uses the quota up."""
    order: int | None = None
    """Among announcements of one time."""
    to_remote_party: bool | None = None
    """Play-Alternative."""
    is_private: bool | None = None
    """Privacy-Indicator."""
    language: str | None = None
    """A tag of RFC 5646, as "de"."""
