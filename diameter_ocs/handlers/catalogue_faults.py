"""Every fault of a catalogue document at once, each with its place and a plain reason.

A part that is wrong in itself is left out, so that what is wrong between the others is still found;
nothing is said about what refers to a list that is not wholly right.
"""

import re
from itertools import count, islice
from typing import Any

from pydantic import ValidationError

from .catalogue_document import Document, keys_at
from .catalogue_rules import findings
from .catalogue_text import FAULTS_MAX, CatalogueError, Fault, Node, Path
from .quantities import shortened
from .refusals import suggestion

ROUNDS_MAX = 8
"""A list without its wrong parts may be too short, which makes its own part wrong, and so on."""
KEYS_TOLD_MAX = 8
"""Where more could stand they are not all told."""
STANDING_IN: dict[str, Any] = {
    "tenant": "?",
    "currency": "XXX",
    "rating_groups": [{"id": "0", "name": "?"}],
    "balance_types": [{"name": "?", "unit_type": "money"}],
}
"""What is needed, and was wrong, while the rest is looked at."""
REASONS = {
    "missing": "this key is missing",
    "model_type": "here belongs a mapping",
    "dict_type": "here belongs a mapping",
    "tuple_type": "here belongs a list, as [A, B]",
    "string_type": "here belongs a word",
    "int_type": "here belongs a whole number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "too_short": "here belongs at least one",
    "too_long": "this list is too long",
    "string_too_short": "here belongs a word",
}
BOUNDS = {
    "ge": "less than",
    "le": "more than",
    "lt": "not below",
    "max_length": "longer than",
}


def check(root: Node) -> tuple[Document, list[Fault]]:
    """Returns the document, and everything that is wrong with it.

    Raises:
        CatalogueError: so much is wrong with it that only some of it is told.
    """
    content = root.plain()
    details = _wrong(content)
    faults = [_fault(root, detail) for detail in details[: FAULTS_MAX + 1]]
    if len(faults) > FAULTS_MAX:
        raise CatalogueError(faults)
    hurt = {path[0] for detail in details if (path := detail["loc"]) and not _is_unknown(detail)}
    dropped: set[Path] = set()
    rest = content
    for _ in range(ROUNDS_MAX):
        if not details:
            break
        dropped.update(_original(_to_drop(detail), dropped) for detail in details)
        rest = {**_stand_ins(content, dropped), **_without(content, (), dropped)}
        details = _wrong(rest)
    document = Document.model_validate(rest)
    known = (each for each in findings(document) if hurt.isdisjoint(each.needs))
    for path, reason, _ in islice(known, FAULTS_MAX + 1):
        faults.append(root.fault(_standing(content, _original(path, dropped)), reason))
    return document, faults


def _wrong(content: Any) -> list[Any]:
    try:
        Document.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        return [
            {**each, "loc": _standing(content, each["loc"])}
            for each in details
            if not _is_consequence(each)
        ]
    return []


def _standing(value: Any, path: Path) -> Path:
    """Returns where something is written: an item alone may stand for a list of one, and a word
    for a mapping with one key.
    """
    stood: Path = ()
    for number, step in enumerate(path):
        if isinstance(value, list):
            value = value[step] if isinstance(step, int) else None
        elif isinstance(value, dict) and isinstance(step, int) and str(step) not in value:
            continue
        elif isinstance(value, dict) and str(step) in value:
            value = value[str(step)]
        else:
            return stood if isinstance(value, str) else (*stood, *path[number:])
        stood = (*stood, step)
    return stood


def _is_consequence(detail: Any) -> bool:
    """Says whether a list is too short only because what is in it is wrong, which is told too."""
    return bool(detail["type"] == "too_short" and detail["input"])


def _is_unknown(detail: Any) -> bool:
    return bool(detail["type"] == "extra_forbidden")


def _fault(root: Node, detail: Any) -> Fault:
    path: Path = detail["loc"]
    kind, found = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return root.fault(path, f"unknown key{_instead(path)}", is_key=True)
    if path[-1] == "[key]":
        return root.fault(path[:-1], _reason(detail), is_key=True)
    if kind == "literal_error":
        words = detail["ctx"]["expected"].replace("'", "")
        near = suggestion(found, words.replace(" or ", ", ").split(", "))
        return root.fault(path, f"{shortened(found)} is not one of {words}{near}")
    return root.fault(path, _reason(detail))


def _instead(path: Path) -> str:
    """Says what may have been meant by an unknown key."""
    key, keys = str(path[-1]), keys_at(path[:-1])
    if not re.fullmatch(r"\w*", key):
        return "; a text with commas stands in quotes"
    near = suggestion(key, keys)
    if near or not 0 < len(keys) <= KEYS_TOLD_MAX:
        return near
    return f"; here may stand {', '.join(keys)}"


def _reason(detail: Any) -> str:
    known = REASONS.get(detail["type"])
    if known is not None and isinstance(detail["input"], dict) and detail["type"] == "string_type":
        return f'{known}; an expression in braces stands in quotes: "{{A,!B}}"'
    if isinstance(detail["input"], list) and detail["type"] == "string_type":
        return f'{known}, no list; in an expression any of several is written "(A,B)"'
    if known is not None:
        return known
    for bound, words in BOUNDS.items():
        if bound in detail.get("ctx", {}):
            return f"{shortened(detail['input'])} is {words} {detail['ctx'][bound]}"
    return str(detail["msg"]).removeprefix("Value error, ")


def _to_drop(detail: Any) -> Path:
    """Returns the smallest part that can be left out: a key that need not be, or a list's item."""
    path: Path = detail["loc"]
    if _is_unknown(detail):
        return path
    last = max((n for n, step in enumerate(path, 1) if isinstance(step, int)), default=1)
    return path[:last]


def _without(value: Any, path: Path, dropped: set[Path]) -> Any:
    """Returns a value without what was dropped."""
    if isinstance(value, list):
        pairs = (((*path, index), item) for index, item in enumerate(value))
        return [_without(item, place, dropped) for place, item in pairs if place not in dropped]
    if isinstance(value, dict):
        return {
            key: _without(item, (*path, key), dropped)
            for key, item in value.items()
            if (*path, key) not in dropped
        }
    return value


def _stand_ins(content: Any, dropped: set[Path]) -> dict[str, Any]:
    """Returns what stands for the needed keys that are missing or were dropped."""
    return {
        key: value for key, value in STANDING_IN.items() if key not in content or (key,) in dropped
    }


def _original(path: Path, dropped: set[Path]) -> Path:
    """Returns where something stands in the whole document, by its place in what is left."""
    whole: Path = ()
    for step in path:
        if isinstance(step, int):
            before = whole
            left = (index for index in count() if (*before, index) not in dropped)
            step = next(islice(left, step, None))
        whole = (*whole, step)
    return whole
