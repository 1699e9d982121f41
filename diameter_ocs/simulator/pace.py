"""When each request of an open loop is due: at a fixed rate, whether or not answers have come.

What cannot leave when it is due leaves later, and its waiting time counts from when it was due, so
that a stall is met by as many requests as would have met it.
"""


class Pace:
    """The times of planned requests, `rate` of them a second from `began` up to `until`.

    All times are in seconds of one clock that only moves forward; `until` None is no end.
    """

    __slots__ = ("_began", "_held_up", "_rate", "_until", "late", "taken")

    def __init__(self, rate: float, began: float, until: float | None) -> None:
        self._rate = rate
        self._began = began
        self._until = until
        self._held_up = 0
        self.taken = 0
        self.late = 0
        """Requests that were due while too many were under way."""

    def due(self, now: float) -> float | None:
        """Returns when the next request was due; None: it is not due yet."""
        return self._time_of(self.taken) if self.taken < self._planned(now) else None

    def take(self) -> None:
        """Counts the next request as sent."""
        self.taken += 1

    def hold_up(self, now: float) -> None:
        """Counts what is due now as late, each request once."""
        planned = self._planned(now)
        self.late += planned - max(self.taken, self._held_up)
        self._held_up = planned

    def overdue(self, now: float) -> int:
        """Returns how many requests were due by now and have not been taken."""
        return self._planned(now) - self.taken

    def seconds_to_next(self, now: float) -> float:
        """Returns how long nothing more becomes due."""
        return max(0.0, self._time_of(self._planned(now)) - now)

    def _planned(self, now: float) -> int:
        """Returns how many requests have become due; the first is due at once."""
        latest = now if self._until is None else min(now, self._until)
        planned = int((latest - self._began) * self._rate) + 1
        # Rounding may put the last one a moment after now.
        return planned if self._time_of(planned - 1) <= latest else planned - 1

    def _time_of(self, index: int) -> float:
        return self._began + index / self._rate
