"""Sessions that were opened too late to be answered: when nobody asks for them, they are closed."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from ..charging.repeats import SAME_IDENTIFIER_MICROSECONDS
from ..charging.requests import SessionKey

CLAIM_SECONDS = SAME_IDENTIFIER_MICROSECONDS / 1_000_000
"""How long a client may take to repeat a request that was refused."""
OPENINGS_MAX = 100_000
"""Openings that a process remembers; the oldest are left to the supervision of idle sessions."""


class Opening(NamedTuple):
    """A session that may have been opened by a request that was answered with a refusal."""

    group: int
    key: SessionKey
    number: int
    """Of the EDR that opened it."""


class Unclaimed:
    """The openings that nobody has heard of; `now` is in seconds of a clock that never jumps."""

    def __init__(self) -> None:
        self._openings: OrderedDict[tuple[int, SessionKey], tuple[Opening, float]] = OrderedDict()
        self._answered: dict[tuple[int, SessionKey], None] = {}

    def __len__(self) -> int:
        return len(self._openings)

    def add(self, opening: Opening, now: float) -> None:
        """Takes an opening whose request has been refused."""
        name = opening.group, opening.key
        self._openings[name] = opening, now + CLAIM_SECONDS
        self._openings.move_to_end(name)
        if len(self._openings) > OPENINGS_MAX:
            self._openings.popitem(last=False)

    def claim(self, group: int, key: SessionKey) -> int:
        """Gives a session to the request that repeats its opening; returns its number, 0: none."""
        found = self._openings.pop((group, key), None)
        return 0 if found is None else found[0].number

    def due(self, now: float, limit: int) -> Sequence[Opening]:
        """Returns openings that were not claimed in time; they stay until they are removed."""
        due: list[Opening] = []
        for opening, at in self._openings.values():
            if at > now or len(due) == limit:
                break
            due.append(opening)
        return due

    def __contains__(self, opening: Opening) -> bool:
        found = self._openings.get((opening.group, opening.key))
        return found is not None and found[0] == opening

    def remove(self, opening: Opening) -> None:
        """Forgets an opening, if it is not claimed and no other of its name has come."""
        if opening in self:
            del self._openings[opening.group, opening.key]

    def answer(self, group: int, key: SessionKey) -> None:
        """Takes a session whose opening was answered to a repeat.

        Another server may have refused its original, and be about to close it.
        """
        if len(self._answered) < OPENINGS_MAX:
            self._answered[group, key] = None

    def answered(self, limit: int) -> Sequence[tuple[int, SessionKey]]:
        """Returns sessions whose opening was answered; they stay until they are marked."""
        return list(islice(self._answered, limit))

    def marked(self, group: int, key: SessionKey) -> None:
        """Forgets a session of which every server can see by now that it was answered."""
        self._answered.pop((group, key), None)
