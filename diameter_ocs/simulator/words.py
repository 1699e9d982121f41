"""The words of scripts: how they stand in a text, and what amounts and codes are written like."""

import re
from collections.abc import Iterable

from .errors import StepError

SECOND_SUFFIXES = {"s": 1, "min": 60, "h": 3600}
DURATION_SECONDS_MAX = 24 * 3600
DURATION = re.compile(r"([0-9]{1,9}(\.[0-9]{1,3})?)(s|min|h)?")


def numbered(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Returns each word of a script after what errors call it."""
    words = [word for text in texts for word in text.split()]
    return [(f"step {number} ({word})", word) for number, word in enumerate(words, start=1)]


def one_of(words: Iterable[str]) -> str:
    """Lists what may be written."""
    *front, last = words
    return f"{', '.join(front)} or {last}" if front else last


def parse_code(where: str, text: str) -> int:
    """Reads a result code; StepError says what one is."""
    if not (text.isascii() and text.isdigit() and len(text) == 4):
        raise StepError(f"{where}: {text!r} is no result code; write four digits such as 2001")
    return int(text)


def parse_amount(where: str, value: str, suffixes: dict[str, int], maximum: int) -> int:
    """Reads a whole number that may end in a suffix; StepError says how to write it."""
    digits = value.rstrip("".join(suffixes)) if suffixes else value
    suffix = value[len(digits) :]
    if not (digits.isascii() and digits.isdigit()) or (suffix and suffix not in suffixes):
        endings = f", which may end in {one_of(suffixes)}" if suffixes else ""
        raise StepError(f"{where}: {value!r} is no amount; write a whole number{endings}")
    amount = int(digits) * suffixes.get(suffix, 1)
    if amount > maximum:
        raise StepError(f"{where}: {amount} does not fit; write at most {maximum}")
    return amount


def parse_duration(where: str, value: str) -> float:
    """Reads for how long something lasts, in seconds; StepError says how to write it."""
    found = DURATION.fullmatch(value)
    if found is None:
        raise StepError(f"{where}: {value!r} is no duration; write a number such as 5s or 0.2s")
    seconds = float(found[1]) * SECOND_SUFFIXES[found[3] or "s"]
    if seconds > DURATION_SECONDS_MAX:
        raise StepError(f"{where}: {value} is too long; write at most 24h")
    return seconds
