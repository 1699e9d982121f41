"""Dictionaries of what was found once, which are kept from growing."""

from typing import TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def keep(known: dict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    """Keeps what was found under a key that is new, and of too much forgets the oldest."""
    if len(known) >= most:
        known.pop(next(iter(known)))
    known[key] = value
