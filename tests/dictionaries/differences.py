"""Differences between our dictionaries and those of another stack, and what explains them."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from diameter_ocs.base.dictionary import Dictionary, load

FOLDER = Path(__file__).parents[2] / "dictionaries"
FALLBACK = "fallback.xml"

# (what differs, about what): names of AVPs, with what the other says behind a colon or slash.
Difference = tuple[str, str]


class Explanation(NamedTuple):
    """Why some differences of one kind are right; the subjects stand with blanks between."""

    kind: str
    words: str
    subjects: str


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def own_dictionary() -> Dictionary:
    """Everything that we define ourselves: all dictionaries but the fallback."""
    names = sorted(path.name for path in FOLDER.glob("*.xml"))
    return load(*(text(name) for name in names if name != FALLBACK))


def check_explained(found: set[Difference], explanations: Iterable[Explanation]) -> None:
    """Fails on a difference that nothing explains and on an explanation of what does not differ."""
    explained: set[Difference] = set()
    for kind, words, subjects in explanations:
        rows = {(kind, subject) for subject in subjects.split()}
        assert len(words.split()) > 3, f"these are no words: {words}"
        assert not rows & explained, f"explained twice: {sorted(rows & explained)}"
        explained |= rows
    assert not found - explained, f"not explained: {sorted(found - explained)}"
    assert not explained - found, f"no longer different: {sorted(explained - found)}"
