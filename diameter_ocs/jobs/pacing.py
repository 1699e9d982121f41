"""How much is sent to whom: so many at once, so many a second, nothing while a target is away."""

from collections.abc import Callable
from typing import NamedTuple

from ..charging.delivery import Way
from ..charging.outbox import OutboxKind

AT_ONCE_MAX = 64
"""Streams of one way that are delivered at the same time."""
CALLS_A_SECOND = 200
"""Calls to ask again, and to end sessions, that one gateway gets."""
CALLS_IN_A_ROW = 20
"""Those that it may get at once after a while without."""
AWAY_SECONDS = (1.0, 2.0, 5.0, 15.0, 30.0)
"""How long nothing is sent the way of a target that is away, by the attempts in vain."""
CALLS = frozenset({OutboxKind.REAUTHORIZATION, OutboxKind.ABORT})


class _Allowance(NamedTuple):
    """What a gateway may still get at a time."""

    calls: float
    at: float


class _Absence(NamedTuple):
    attempts: int
    until: float


class Pacing:
    """The pace of one server; `clock` gives seconds and only moves forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._under_way: dict[Way, int] = {}
        self._allowances: dict[str, _Allowance] = {}
        self._away: dict[Way, _Absence] = {}

    def streams_now(self, way: Way) -> int:
        """Returns how many streams may go a way now."""
        free = AT_ONCE_MAX - self._under_way.get(way, 0)
        absence = self._away.get(way)
        if absence is not None:
            free = 0 if self._clock() < absence.until else min(free, 1)
        if _is_call(way):
            free = min(free, int(self._allowance(way.target).calls))
        return max(free, 0)

    def begin(self, way: Way) -> None:
        """Takes note that a stream is under way."""
        self._under_way[way] = self._under_way.get(way, 0) + 1
        if _is_call(way):
            allowance = self._allowance(way.target)
            self._allowances[way.target] = allowance._replace(calls=allowance.calls - 1)

    def end(self, way: Way, is_away: bool) -> None:
        """Takes note that it is so no more, and whether its target could not be reached."""
        self._under_way[way] -= 1
        if not self._under_way[way]:
            del self._under_way[way]
        if not is_away:
            self._away.pop(way, None)
            return
        now, absence = self._clock(), self._away.get(way)
        if absence is None or now >= absence.until:
            attempts = 0 if absence is None else absence.attempts
            seconds = AWAY_SECONDS[min(attempts, len(AWAY_SECONDS) - 1)]
            self._away[way] = _Absence(attempts + 1, now + seconds)

    def _allowance(self, target: str) -> _Allowance:
        now = self._clock()
        before = self._allowances.get(target, _Allowance(CALLS_IN_A_ROW, now))
        calls = min(before.calls + (now - before.at) * CALLS_A_SECOND, CALLS_IN_A_ROW)
        self._allowances[target] = _Allowance(calls, now)
        return self._allowances[target]


def _is_call(way: Way) -> bool:
    """Does a way lead to a gateway? What is for nobody yet has no target."""
    return way.kind in CALLS and bool(way.target)
