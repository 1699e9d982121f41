"""What a command has changed, in one line made from what the audit keeps."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..handlers.amounts import amount_text
from ..handlers.answers import unit_type_of
from .account_text import AMOUNTS

TEXT_MAX = 160
CONSTANT = {"account", "tenant", "id", "currency", "unit_type"}
"""What no command changes, and the line says elsewhere."""
NAMING = ("id", "device", "line", "rating_group", "counter")
"""What tells parts of one kind from each other."""

Leaves = Mapping[str, str]


def change_text(before: object, after: object) -> str | None:
    """Says what is other than before, or what was made or taken away."""
    if isinstance(before, dict) and isinstance(after, dict):
        text = ", ".join(_differences(before, after))
    elif isinstance(after, dict):
        text = _listed(_leaves(after, after))
    elif isinstance(before, dict):
        text = f"was: {_listed(_leaves(before, before))}"
    else:
        text = ""
    return (text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 3]}...") or None


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    yield from _changes(_leaves(before, before), _leaves(after, after))
    was, now = _parts(before), _parts(after)
    for name in {**was, **now}:
        if name not in now:
            yield f"{name} removed ({_listed(was[name])})"
        elif name not in was:
            yield f"{name} added ({_listed(now[name])})"
        else:
            for change in _changes(was[name], now[name]):
                yield f"{name} {change}"


def _changes(was: Leaves, now: Leaves) -> Iterator[str]:
    for name in {**was, **now}:
        if was.get(name) != now.get(name):
            yield f"{name} {was.get(name) or '-'} -> {now.get(name) or '-'}"


def _listed(leaves: Leaves) -> str:
    return ", ".join(f"{name} {text}" for name, text in leaves.items())


def _parts(answer: Mapping[str, Any]) -> dict[str, Leaves]:
    """Returns what belongs to an account or a session, each part by its kind and name."""
    return {
        f"{kind.removesuffix('s')} {_name(part)}": _leaves(part, answer)
        for kind, parts in answer.items()
        if isinstance(parts, list)
        for part in parts
        if isinstance(part, dict)
    }


def _name(part: Mapping[str, Any]) -> object:
    return next((part[name] for name in NAMING if name in part), "")


def _leaves(part: Mapping[str, Any], whole: Mapping[str, Any]) -> Leaves:
    """Returns the plain values that are there, as people write them."""
    texts = {name: _text(name, value, part, whole) for name, value in part.items()}
    return {name: text for name, text in texts.items() if text and name not in CONSTANT}


def _text(name: str, value: object, part: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    if value is None or isinstance(value, dict):
        return ""
    if name == "money_thresholds" and isinstance(value, list):
        return " ".join(amount_text(each, None, whole["currency"]) for each in value)
    if isinstance(value, list):
        return " ".join(str(each) for each in value if not isinstance(each, dict | list))
    if name in AMOUNTS and "unit_type" in part and isinstance(value, int):
        return amount_text(value, unit_type_of(part["unit_type"]), whole.get("currency", ""))
    return str(value)
