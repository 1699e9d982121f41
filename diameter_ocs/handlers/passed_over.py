"""What is due and could not be done: it does not hold up what is behind it."""

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)

PASSED_OVER_MAX = 1024
"""Due items that nothing could be done about, and that do not hold up those behind them."""


class PassedOver(Generic[Item]):
    """What is passed over until the last of what is due was reached; `most` are done at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: set[Item] = set()

    @property
    def limit(self) -> int:
        """How many due items to ask for."""
        return self._most + len(self._items)

    def left(self, due: Sequence[Item]) -> Sequence[Item]:
        """Returns what of due items is not passed over."""
        return [each for each in due if each not in self._items]

    def go_on(self, due: Sequence[Item], done: Sequence[Item]) -> bool:
        """Passes over what of due items was not done; returns whether to go on with others."""
        is_last = len(due) < self.limit
        self._items.update(due)
        self._items.difference_update(done)
        if is_last or len(self._items) >= PASSED_OVER_MAX:
            self._items.clear()
        return not is_last and bool(done)
