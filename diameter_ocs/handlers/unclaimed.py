"""What was stored too late to be answered: when nobody asks for it, it is undone."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from ..charging.decisions import Stored
from ..charging.repeats import SAME_IDENTIFIER_MICROSECONDS
from ..charging.requests import ChargingRequest, RequestType, SessionKey

CLAIM_SECONDS = SAME_IDENTIFIER_MICROSECONDS / 1_000_000
"""How long a client may take to repeat a request that was refused."""
UNCLAIMED_MAX = 100_000
"""What a process remembers of this; the oldest openings are left to the supervision of idle
sessions, the oldest events stand."""

_Name = tuple[int, SessionKey, Stored | None]
"""Group, session, and of an event its EDR: there may be several of one name."""


class Unanswered(NamedTuple):
    """A session that may have been opened, or an event charged, and the request for it."""

    group: int
    request: ChargingRequest
    """What names it, without who asked and what for."""
    stored: Stored


class Unclaimed:
    """What nobody has heard of; `now` is in seconds of a clock that never jumps."""

    def __init__(self) -> None:
        self._unanswered: OrderedDict[_Name, tuple[Unanswered, float]] = OrderedDict()
        self._answered: dict[_Name, Unanswered] = {}

    def __len__(self) -> int:
        return len(self._unanswered)

    def add(self, group: int, request: ChargingRequest, stored: Stored, now: float) -> None:
        """Takes what was stored, as far as is known, for a request that has been refused."""
        name = _name(group, request, stored)
        self._unanswered[name] = Unanswered(group, _slim(request), stored), now + CLAIM_SECONDS
        self._unanswered.move_to_end(name)
        if len(self._unanswered) > UNCLAIMED_MAX:
            self._unanswered.popitem(last=False)

    def advance(self, seconds: float) -> None:
        """Has everything come due so much earlier: a test clock was moved."""
        for name, (unanswered, due_at) in self._unanswered.items():
            self._unanswered[name] = unanswered, due_at - seconds

    def claim(self, group: int, request: ChargingRequest, repeated: Stored | None) -> Stored | None:
        """Gives a repeat what its original stored; None: nothing."""
        found = self._unanswered.pop(_name(group, request, repeated), None)
        return None if found is None else found[0].stored

    def due(self, now: float, limit: int) -> Sequence[Unanswered]:
        """Returns what was not claimed in time; it stays until it is removed."""
        due: list[Unanswered] = []
        for unanswered, at in self._unanswered.values():
            if at > now or len(due) == limit:
                break
            due.append(unanswered)
        return due

    def __contains__(self, unanswered: Unanswered) -> bool:
        found = self._unanswered.get(_name(*unanswered))
        return found is not None and found[0] == unanswered

    def remove(self, unanswered: Unanswered) -> None:
        """Forgets something, if it is not claimed and no other of its name has come."""
        if unanswered in self:
            del self._unanswered[_name(*unanswered)]

    def answer(self, group: int, request: ChargingRequest, repeated: Stored) -> None:
        """Takes what was answered to a repeat.

        Another server may have refused its original, and be about to undo it.
        """
        if len(self._answered) < UNCLAIMED_MAX:
            answered = Unanswered(group, _slim(request), repeated)
            self._answered[_name(*answered)] = answered

    def answered(self, limit: int) -> Sequence[Unanswered]:
        """Returns what was answered; it stays until it is marked."""
        return list(islice(self._answered.values(), limit))

    def marked(self, answered: Unanswered) -> None:
        """Forgets something of which every server can see by now that it was answered."""
        self._answered.pop(_name(*answered), None)


def _name(group: int, request: ChargingRequest, stored: Stored | None) -> _Name:
    is_event = request.request_type is RequestType.EVENT
    return group, request.session_key, stored if is_event else None


def _slim(request: ChargingRequest) -> ChargingRequest:
    return request._replace(identities=(), usages=())
