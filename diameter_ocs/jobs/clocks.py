"""The clock of this machine, compared with the database's, or moved with its test clock."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from ..observability import Metrics

log = structlog.get_logger()

SKEW_SECONDS_MAX = 2.0
"""EDRs are dated by the server and kept by day in the database: further apart is a fault."""
FOLLOW_SECONDS = 0.2
"""How soon a server follows a test clock that was moved."""


def wall_clock() -> int:
    """Returns microseconds since 1970 UTC."""
    return time.time_ns() // 1000


class MovedClock:
    """The clock of this machine, so many microseconds ahead as a test clock is."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead

    def __call__(self) -> int:
        return wall_clock() + self.ahead


def seconds_ahead(asked_at: int, answered_at: int, answer: int) -> float:
    """Returns how far our clock is ahead of one that was asked; all in microseconds since 1970."""
    return ((asked_at + answered_at) / 2 - answer) / 1e6


def fault(skew: float) -> str | None:
    """Returns what is wrong with clocks that are so many seconds apart, and what to do."""
    if abs(skew) <= SKEW_SECONDS_MAX:
        return None
    direction = "ahead of" if skew > 0 else "behind"
    return (
        f"the clock of this machine is {abs(skew):.1f} s {direction} the database's,"
        " and both date what is charged: set both by NTP, then start again"
    )


class ClockWatch:
    """Raises an alarm when the clocks part, and says when they have met again.

    `clock` gives microseconds since 1970 UTC.
    """

    def __init__(self, clock: Callable[[], int], metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._is_apart = False

    def compare(self, asked_at: int, answer: int) -> None:
        """Takes what the database's clock answered, asked at a time of ours."""
        skew = seconds_ahead(asked_at, self._clock(), answer)
        self._metrics.clock_skew_seconds.set(skew)
        is_apart = fault(skew) is not None
        if is_apart and not self._is_apart:
            log.error("clocks apart", seconds_ahead_of_database=round(skew, 3))
        if self._is_apart and not is_apart:
            log.warning("clocks together again")
        self._is_apart = is_apart


class MovedDatabase(Protocol):
    """What is needed of a database with a test clock."""

    async def ahead(self) -> int | None:
        """Returns how many microseconds the test clock is ahead; None: there is none."""

    async def follow(self, server_id: str, ahead: int, now: int) -> bool:
        """Notes how far a server has followed; False: it has told nothing of itself yet."""


class Following:
    """Has a server follow the test clock of its database.

    When that was moved, everything that has come due by it is done: `moved` is told by how many
    seconds, then `works` are done one after the other, and then the database is told.
    """

    def __init__(
        self,
        database: MovedDatabase,
        clock: MovedClock,
        server_id: str,
        moved: Callable[[float], None],
        works: Sequence[Callable[[], Awaitable[object]]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._server_id = server_id
        self._moved = moved
        self._works = works
        self._told: int | None = None

    async def round(self) -> bool:
        """Follows a move, if there was one; nothing is left to do then."""
        ahead = await self._database.ahead()
        if ahead is not None and ahead > self._clock.ahead:
            seconds = (ahead - self._clock.ahead) / 1e6
            self._clock.ahead = ahead
            log.warning("test clock moved", seconds=seconds)
            self._moved(seconds)
            for work in self._works:
                await work()
        if self._told != self._clock.ahead and await self._database.follow(
            self._server_id, self._clock.ahead, self._clock()
        ):
            self._told = self._clock.ahead
        return False
