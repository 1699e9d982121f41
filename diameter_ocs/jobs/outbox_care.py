"""Looks after what is not delivered: gives it up in the end, and tells how much there is."""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from ..charging.delivery import DAY_SECONDS, EXPIRY_SECONDS
from ..handlers.ports import Outbox
from ..observability import Metrics

log = structlog.get_logger()

CARE_SECONDS = 15.0
"""How often it does so."""
FORGOTTEN_SECONDS = 30 * DAY_SECONDS
"""For how long what was given up is kept for operators to see, or to try again."""


class OutboxCare:
    """The care of one server; several may take it side by side.

    `clock` gives microseconds since 1970, `machine` likewise the time by which leases are.
    """

    def __init__(
        self,
        outbox: Outbox,
        clock: Callable[[], int],
        machine: Callable[[], int],
        metrics: Metrics,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._machine = machine
        self._metrics = metrics

    @property
    def works(self) -> Sequence[Callable[[], Awaitable[bool]]]:
        """Everything that it does, in its order."""
        return self.expire, self.measure

    async def expire(self) -> bool:
        """Gives up what waited in vain, and forgets what was given up long ago."""
        now, at = self._clock(), self._machine()
        has_given_up = False
        for kind, seconds in EXPIRY_SECONDS.items():
            given_up = await self._outbox.expire(kind, now - seconds * 1_000_000, now, at)
            if given_up:
                has_given_up = True
                log.warning("deliveries given up", kind=kind.name.lower(), deliveries=given_up)
        await self._outbox.forget(now - FORGOTTEN_SECONDS * 1_000_000)
        return has_given_up

    async def measure(self) -> bool:
        """Tells how much waits, and for how long."""
        now = self._clock()
        for kind in EXPIRY_SECONDS:
            waiting, since, given_up = await self._outbox.measure(kind)
            seconds = 0.0 if since is None else max(now - since, 0) / 1e6
            name = kind.name.lower()
            self._metrics.outbox_waiting.labels(name).set(waiting)
            self._metrics.outbox_oldest_seconds.labels(name).set(seconds)
            self._metrics.outbox_given_up.labels(name).set(given_up)
        return False
