"""What an operator writes of announcements, and what becomes of it (Announcement-Information)."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ..charging.announcements import Announcement, AnnouncementKey, VariablePart, VariablePartType
from ..charging.catalogue import RatingGroup
from ..charging.units import UnitType
from .catalogue_scalars import WHOLE, Part, Quantity, schema
from .catalogue_text import Path
from .quantities import quantity_text, shortened

ANNOUNCEMENTS_MAX = 8
VARIABLE_PARTS_MAX = 8
"""An answer has room for so much."""
VALUE_CHARACTERS_MAX = 100
TYPES = {kind.name.lower(): kind.value for kind in VariablePartType}
OWN_TYPES = range(128, 256)
"""Types of variable parts by agreement with whoever plays them."""
LANGUAGE = "(?:[A-Za-z]{2,3}|[xX](?=-))(?:-[A-Za-z0-9]{1,8}){0,6}"
NUMBER = r"-?[0-9]{1,10}"

VALUES = {
    "integer": ("[0-9]{1,10}", "write up to 10 digits, that are read as one number"),
    "number": ("[0-9]{1,24}", "write up to 24 digits, that are read one by one"),
    "time": ("([01][0-9]|2[0-3])[0-5][0-9]", "write hours and minutes, as 0905 or 2130"),
    "date": ("[0-9]{8}", "write year, month and day, as 20261224"),
    "currency": (
        "[0-9]{8}",
        "write six digits before the point and two after it: 00001250 is 12.50",
    ),
}
"""How the value of a variable part is written, by its type."""


def _check_language(text: str) -> str:
    if not re.fullmatch(LANGUAGE, text):
        raise ValueError("write a language as RFC 5646 does, like de or pt-BR")
    return text


def _check_type(text: str) -> str:
    is_own = text.isascii() and text.isdigit() and str(int(text)) == text
    if text not in TYPES and not (is_own and int(text) in OWN_TYPES):
        raise ValueError(f"{shortened(text)} is not one of {', '.join(TYPES)} or 128 to 255")
    return text


def _listed(value: object) -> object:
    """One announcement, or its number alone, stands for a list of one.

    0 is silence, an empty list. What is below 0 says nothing, so that a parent does.
    """
    if isinstance(value, str | int) and re.fullmatch(NUMBER, str(value)) and int(value) <= 0:
        return None if int(value) < 0 else ()
    if isinstance(value, list | tuple):
        return [_alone(item) for item in value]
    return None if value is None else [_alone(value)]


def _alone(value: object) -> object:
    return {"identifier": value} if isinstance(value, str | int) else value


Identifier = Annotated[int, Field(ge=1, lt=2**32), WHOLE]
Order = Annotated[int, Field(ge=0, lt=2**32), WHOLE]
Language = Annotated[
    str, AfterValidator(_check_language), schema("string", pattern=f"^{LANGUAGE}$")
]


class VariablePartPart(Part):
    """A value that is spoken within an announcement."""

    type: Annotated[str, AfterValidator(_check_type), schema("string", "integer")]
    """How it is read out: integer, number, time, date or currency; 128 to 255 by agreement."""
    value: Annotated[str, Field(min_length=1, max_length=VALUE_CHARACTERS_MAX)]
    """In digits: an integer has up to 10, a number up to 24, a time is HHMM, a date YYYYMMDD, a
    currency AAAAAABB, where 00001250 is 12.50."""
    order: Order | None = None
    """Its place among the parts of the announcement."""


class AnnouncementPart(Part):
    """One announcement to play; its identifier may stand alone, instead of the mapping."""

    identifier: Identifier
    """What the media server knows it by."""
    time_indicator: Annotated[Quantity, Field(lt=2**32)] | None = None
    """So long before the quota is used up it is played, 0 at its end; not written: at once."""
    quota_indicator: Literal["used", "not_used"] | None = None
    """Whether playing it uses the quota."""
    order: Order | None = None
    """Its place among announcements that are played at the same time."""
    play_alternative: Literal["served_party", "remote_party"] | None = None
    """Who hears it."""
    privacy_indicator: Literal["private", "not_private"] | None = None
    """Whether the other party may hear it, too."""
    language: Language | None = None
    """As RFC 5646 writes it: de."""
    variable_parts: Annotated[
        tuple[VariablePartPart, ...], Field(max_length=VARIABLE_PARTS_MAX)
    ] = ()
    """What is spoken within it."""


Announcements = Annotated[
    Annotated[tuple[AnnouncementPart, ...], Field(max_length=ANNOUNCEMENTS_MAX)] | None,
    BeforeValidator(
        _listed, json_schema_input_type=int | AnnouncementPart | tuple[int | AnnouncementPart, ...]
    ),
]


class AnnouncementsPart(Part):
    """What callers hear: a number, a mapping or a list of these; 0 is silence.

    What is not written, or below 0, is inherited from the rating group above.
    """

    quota_limit_reached: Announcements = None
    """When nothing is left (4012), and with the last quota."""
    end_user_service_denied: Announcements = None
    """When no plan can pay (4010)."""
    other_error: Announcements = None
    """When a service is refused for another reason."""


def announcements(
    part: AnnouncementsPart | None,
) -> dict[AnnouncementKey, tuple[Announcement, ...]]:
    """Returns what a rating group says itself; an empty tuple is silence."""
    written = {key: None if part is None else getattr(part, key) for key in AnnouncementKey}
    return {
        key: tuple(map(_announcement, listed))
        for key, listed in written.items()
        if listed is not None
    }


def _announcement(part: AnnouncementPart) -> Announcement:
    return Announcement(
        identifier=part.identifier,
        variable_parts=tuple(
            VariablePart(
                TYPES[each.type] if each.type in TYPES else int(each.type), each.value, each.order
            )
            for each in part.variable_parts
        ),
        seconds_before_end=part.time_indicator,
        uses_quota=_is(part.quota_indicator, "used"),
        order=part.order,
        to_remote_party=_is(part.play_alternative, "remote_party"),
        is_private=_is(part.privacy_indicator, "private"),
        language=part.language,
    )


def _is(written: str | None, word: str) -> bool | None:
    return None if written is None else written == word


def faults(part: AnnouncementsPart | None, group: RatingGroup) -> Iterator[tuple[Path, str]]:
    """Finds what could not be played as it is written, with paths from the announcements on."""
    for key in AnnouncementKey:
        for index, each in enumerate(getattr(part, key, None) or ()):
            for number, spoken in enumerate(each.variable_parts):
                pattern, reason = VALUES.get(spoken.type, (".*", "what is spoken is printable"))
                if not _is_spoken(spoken, pattern):
                    yield (key.value, index, "variable_parts", number, "value"), reason
            never = _never_played(key, each, group)
            if never is not None:
                yield (key.value, index, "time_indicator"), never


def _is_spoken(part: VariablePartPart, pattern: str) -> bool:
    if not re.fullmatch(pattern, part.value) or not part.value.isprintable():
        return False
    return part.type != "date" or _is_day(part.value)


def _is_day(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


def _never_played(key: AnnouncementKey, part: AnnouncementPart, group: RatingGroup) -> str | None:
    """Says why the time never comes at which an announcement is to be played; None: it may."""
    if part.time_indicator is None:
        return None
    if key is not AnnouncementKey.QUOTA_LIMIT_REACHED:
        return "where nothing is granted no quota comes to its end: leave it out"
    if group.unit_type is UnitType.TIME and part.time_indicator >= group.max_reservation:
        most = quantity_text(group.max_reservation, UnitType.TIME)
        return f"no quota lasts longer than max_reservation, {most}: it would never be played"
    return None
