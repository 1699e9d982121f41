"""Which rates of a service can never be the price, since earlier ones take all that they take.

Only what is sure is found: an earlier rate asks for nothing that the later one does not ask for, or
earlier rates differ from the later one in one expression alone, of which they together take all.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from ..charging.expressions import Countries
from ..charging.hours import WorkingHours
from ..charging.restrictions import Restrictions

FIELDS = tuple(field.name for field in fields(Restrictions))
UNITED = ("from_countries", "from_networks", "to_countries", "numbers", "hours")
"""What several rates may take together: each has bounds."""

Items = tuple[tuple[str, Any], ...]
"""What must hold, by field."""


class Unreached(NamedTuple):
    """A rate that never counts."""

    rate: int
    """Its place."""
    taker: int | None
    """The rate before it that takes everything; None: several do together."""


def unreached(rates: Iterable[Restrictions | None]) -> Iterator[Unreached]:
    """Finds rates that are never reached, in the order in which they are asked."""
    before = _Before()
    for index, restrictions in enumerate(rates):
        items = _items(restrictions)
        taker = before.taker_of(items)
        if taker is not None:
            yield Unreached(index, taker)
        elif before.take_together(items):
            yield Unreached(index, None)
        before.add(index, items)


def _items(restrictions: Restrictions | None) -> Items:
    if restrictions is None:
        return ()
    pairs = ((name, getattr(restrictions, name)) for name in FIELDS)
    return tuple((name, value) for name, value in pairs if value is not None)


class _Before:
    """What the rates before one take."""

    def __init__(self) -> None:
        self._takers: dict[frozenset[str], dict[Items, int]] = {}
        self._together: dict[tuple[str, frozenset[str]], dict[Items, _Taken]] = {}

    def taker_of(self, items: Items) -> int | None:
        """Returns the first rate that asks for nothing but some of these."""
        names = {name for name, _ in items}
        found = (
            taken.get(tuple(item for item in items if item[0] in shape))
            for shape, taken in self._takers.items()
            if shape <= names
        )
        return min((taker for taker in found if taker is not None), default=None)

    def take_together(self, items: Items) -> bool:
        """Says whether rates that differ in one thing take all of one."""
        held = dict(items)
        for (name, shape), taken in self._together.items():
            if name in held and shape <= held.keys():
                rest = tuple(item for item in items if item[0] in shape)
                if rest in taken and taken[rest].covers(held[name]):
                    return True
        return False

    def add(self, index: int, items: Items) -> None:
        """Notes what a rate takes."""
        shape = frozenset(name for name, _ in items)
        self._takers.setdefault(shape, {}).setdefault(items, index)
        for name, value in items:
            if name in UNITED:
                rest = tuple(item for item in items if item[0] != name)
                taken = self._together.setdefault((name, shape - {name}), {})
                taken.setdefault(rest, _Taken()).add(value)


class _Taken:
    """The union of what expressions take, as spans that do not meet."""

    def __init__(self) -> None:
        self._starts: list[Any] = []
        self._ends: list[Any] = []

    def covers(self, value: Any) -> bool:
        """Says whether a value takes nothing that is not in the union."""
        most = value.widest if isinstance(value, WorkingHours) else value.bounds
        for start, end in _spans(most):
            index = bisect_right(self._starts, start) - 1
            if index < 0 or self._ends[index] < end:
                return False
        return True

    def add(self, value: Any) -> None:
        """Adds what a value takes.

        But not all countries but some: a network of several may be in none of two such sets, and in
        what they make together.
        """
        if isinstance(value, Countries) and value.bounds[0] == "" and len(value.bounds) > 2:
            return
        for start, end in _spans(value.bounds):
            first, last = bisect_left(self._ends, start), bisect_right(self._starts, end)
            if first < last:
                start = min(start, self._starts[first])
                end = max(end, self._ends[last - 1])
            self._starts[first:last] = [start]
            self._ends[first:last] = [end]


def _spans(bounds: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(bounds[::2], bounds[1::2], strict=True))
