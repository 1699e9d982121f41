"""The clock of this machine, compared with the database's at start and while it serves."""

import time
from collections.abc import Callable

import structlog

from ..observability import Metrics

log = structlog.get_logger()

SKEW_SECONDS_MAX = 2.0
"""EDRs are dated by the server and kept by day in the database: further apart is a fault."""


def wall_clock() -> int:
    """Returns microseconds since 1970 UTC."""
    return time.time_ns() // 1000


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
