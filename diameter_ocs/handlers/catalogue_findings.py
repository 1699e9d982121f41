"""What the rules of a catalogue document find, and what they share."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from ..charging.catalogue import RatingGroup
from ..charging.units import UnitType
from .catalogue_build import Coverage
from .catalogue_text import Path
from .refusals import suggestion

USED_MAX_TEXT = {
    UnitType.VOLUME: "10 TiB",
    UnitType.TIME: "31 d",
    UnitType.SERVICE_SPECIFIC_UNITS: "1_000_000",
}

P = TypeVar("P")
Groups = Mapping[int, RatingGroup]


class Known(NamedTuple):
    """What the services of a document may refer to."""

    groups: Groups
    coverage: Coverage
    types: Mapping[str, str]
    """The unit types of the balance types."""
    money: str | None
    """The default one."""
    has_home: bool
    """Home networks are named."""


class Finding(NamedTuple):
    """A rule that does not hold, at a path."""

    path: Path
    reason: str
    needs: tuple[str, ...] = ()
    """Top-level keys that must be right themselves for this to be known."""


def listed(key: str, parts: Sequence[P]) -> list[tuple[Path, P]]:
    """Returns the parts of a list with their paths."""
    return [((key, index), part) for index, part in enumerate(parts)]


def repeated(word: str, values: Iterable[tuple[Path, object]]) -> Iterator[Finding]:
    """Finds what stands more than once, where it should once at most."""
    seen = set()
    for path, value in values:
        if value in seen:
            yield Finding(path, f"the {word} {value!r} is used more than once")
        seen.add(value)


def unknown_group(path: Path, number: int, groups: Groups) -> Iterator[Finding]:
    """Finds whether a rating group that is named is missing."""
    if number not in groups:
        reason = f"there is no rating group {number}{suggestion(number, groups)}"
        yield Finding(path, reason, ("rating_groups",))
