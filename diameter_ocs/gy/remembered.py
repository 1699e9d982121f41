"""A bounded memory of what was made of octets, or of whatever else comes again and again."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """The values of at most `entries_max` keys; `get` returns that of a key, None without one.

    When it is full, everything is forgotten: it fills again with what comes now.
    """

    __slots__ = ("_entries_max", "_values", "get")

    def __init__(self, entries_max: int) -> None:
        self._entries_max = entries_max
        self._values: dict[Key, Value] = {}
        self.get = self._values.get

    def __len__(self) -> int:
        return len(self._values)

    def forget(self) -> None:
        """Forgets everything: what was made of the keys is not true any more."""
        self._values.clear()

    def keep(self, key: Key, value: Value) -> None:
        """Remembers a value."""
        if len(self._values) >= self._entries_max:
            self._values.clear()
        self._values[key] = value
