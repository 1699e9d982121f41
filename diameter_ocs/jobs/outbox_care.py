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
        for kind, seconds in EXPIRY_SECONDS.items():
            given_up = await self._outbox.expire(kind, now - seconds * 1_000_000, now, at)
            if given_up:
                log.warning("deliveries given up", kind=kind.name.lower(), deliveries=given_up)
        await self._outbox.forget(now - FORGOTTEN_SECONDS * 1_000_000)
        return False

    async def measure(self) -> bool:
        """Tells how much waits, and for how long."""
        now = self._clock()
        measured = {each.kind: each for each in await self._outbox.measure()}
        for kind in EXPIRY_SECONDS:
            found, name = measured.get(kind), kind.name.lower()
            since = now if found is None or found.since is None else found.since
            self._metrics.outbox_waiting.labels(name).set(found.waiting if found else 0)
            self._metrics.outbox_oldest_seconds.labels(name).set(max(now - since, 0) / 1e6)
            self._metrics.outbox_given_up.labels(name).set(found.given_up if found else 0)
        return False
