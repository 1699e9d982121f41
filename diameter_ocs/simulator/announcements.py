"""What an answer says that callers shall hear (Announcement-Information, TS 32.299 7.2)."""

from dataclasses import asdict, dataclass
from typing import Any

from diameter.message import constants as c  # type: ignore[import-untyped]

from .avps import each, first

VARIABLE_PART_TYPES = ("integer", "number", "time", "date", "currency")
QUOTA_INDICATORS = ("without using the quota", "using the quota")
PLAY_ALTERNATIVES = ("to the served party", "to the remote party")
PRIVACY_INDICATORS = ("not private", "private")


@dataclass(frozen=True, slots=True)
class VariablePart:
    """A value that is spoken within an announcement, of a type of TS 32.281."""

    type: int | None
    value: str | None
    order: int | None

    def text(self) -> str:
        """Says what is spoken, and as what."""
        return f"{self.value} as {_named(VARIABLE_PART_TYPES, self.type)}"


@dataclass(frozen=True, slots=True)
class Announcement:
    """One announcement to play; None is what the answer does not hold."""

    identifier: int | None
    order: int | None
    time_indicator: int | None
    quota_indicator: int | None
    play_alternative: int | None
    privacy_indicator: int | None
    language: str | None
    variable_parts: tuple[VariablePart, ...]

    def text(self) -> str:
        """Says in a few words what is played, when and to whom."""
        parts = [f"announcement {self.identifier} {self._time()}"]
        if self.order is not None:
            parts.append(f"order {self.order}")
        for names, value in (
            (QUOTA_INDICATORS, self.quota_indicator),
            (PLAY_ALTERNATIVES, self.play_alternative),
            (PRIVACY_INDICATORS, self.privacy_indicator),
        ):
            if value is not None:
                parts.append(_named(names, value))
        if self.language is not None:
            parts.append(f"language {self.language}")
        parts += [part.text() for part in self.variable_parts]
        return " ".join([parts[0], *([f"({', '.join(parts[1:])})"] if parts[1:] else [])])

    def as_dict(self) -> dict[str, Any]:
        """Returns the announcement for JSON; what is absent is None."""
        return asdict(self)

    def _time(self) -> str:
        if self.time_indicator is None:
            return "at once"
        if self.time_indicator == 0:
            return "at the end"
        return f"{self.time_indicator} s before the end"


def read_announcement(group: list[Any]) -> Announcement:
    """Reads the members of Announcement-Information."""
    return Announcement(
        identifier=_first(group, c.AVP_TGPP_ANNOUNCEMENT_IDENTIFIER),
        order=_first(group, c.AVP_TGPP_ANNOUNCEMENT_ORDER),
        time_indicator=_first(group, c.AVP_TGPP_TIME_INDICATOR),
        quota_indicator=_first(group, c.AVP_TGPP_QUOTA_INDICATOR),
        play_alternative=_first(group, c.AVP_TGPP_PLAY_ALTERNATIVE),
        privacy_indicator=_first(group, c.AVP_TGPP_PRIVACY_INDICATOR),
        language=_first(group, c.AVP_TGPP_LANGUAGE),
        variable_parts=tuple(
            VariablePart(
                type=_first(part.value, c.AVP_TGPP_VARIABLE_PART_TYPE),
                value=_first(part.value, c.AVP_TGPP_VARIABLE_PART_VALUE),
                order=_first(part.value, c.AVP_TGPP_VARIABLE_PART_ORDER),
            )
            for part in each(group, c.AVP_TGPP_VARIABLE_PART, c.VENDOR_TGPP)
        ),
    )


def _first(group: list[Any], code: int) -> Any:
    return first(group, code, c.VENDOR_TGPP)


def _named(names: tuple[str, ...], value: int | None) -> str:
    known = value is not None and 0 <= value < len(names)
    return names[value or 0] if known else f"unknown ({value})"
