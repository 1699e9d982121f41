"""Whether requests can be taken, and the pages that tell."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import structlog

from ..charging.faults import BrokenBatch, CasesUnavailable
from ..config import Endpoint
from ..jobs.catalogues import CatalogueWatch
from ..jobs.clocks import ClockWatch, MovedClock
from ..jobs.partitions import PartitionWatch
from ..observability import Metrics, monitored
from ..store.accounts import PostgresAccounts
from ..store.database import Database
from ..store.partitions import measure

log = structlog.get_logger()

WATCH_SECONDS = 1.0
"""How often the database is asked whether it is there."""


class AddressUnavailable(Exception):
    """The server cannot listen where it was told to."""


class Readiness:
    """Whether requests can be taken now; the reason is shown to whoever asks why not."""

    def __init__(self) -> None:
        self.reason: str | None = "starting"
        self._is_stopping = False

    def found(self, reason: str | None) -> None:
        """Takes what a look at the database found; who looks into the log sees when it changed."""
        if self._is_stopping:
            return
        if reason is None and self.reason is not None:
            log.info("server became ready")
        elif reason is not None and self.reason is None:
            log.warning("server became unready", reason=reason)
        self.reason = reason

    def stop(self) -> None:
        """Takes the server out for good."""
        self._is_stopping = True
        self.reason = "stopping"

    def unready(self) -> str | None:
        """Returns why not, or None."""
        return self.reason


async def watch(
    database: Database,
    accounts: PostgresAccounts,
    readiness: Readiness,
    metrics: Metrics,
    clock: Callable[[], int],
) -> None:
    """Keeps the readiness true to what the database says; a test clock may be apart from it."""
    partitions = PartitionWatch(partial(measure, database), clock, metrics)
    clocks = ClockWatch(clock, metrics)
    catalogues = CatalogueWatch(accounts, metrics)
    while True:
        asked_at = clock()
        try:
            answer = await database.ping()
            if isinstance(clock, MovedClock):
                metrics.test_clock_ahead_seconds.set(clock.ahead / 1e6)
            else:
                clocks.compare(asked_at, answer)
            reason = await catalogues.unready() or await partitions.unready()
        except (CasesUnavailable, BrokenBatch) as error:
            reason = f"the database does not answer: {error}"
        readiness.found(reason)
        await asyncio.sleep(WATCH_SECONDS)


@contextmanager
def pages(
    endpoint: Endpoint | None, metrics: Metrics, readiness: Readiness
) -> Iterator[Endpoint | None]:
    """Serves the monitoring pages where the configuration wants them."""
    if endpoint is None:
        yield None
        return
    with ExitStack() as stack:
        pages = monitored(endpoint.host, endpoint.port, metrics, readiness.unready)
        try:
            port = stack.enter_context(pages)
        except OSError as error:
            raise AddressUnavailable(f"cannot listen on {endpoint}: {error}") from error
        yield Endpoint(endpoint.host, port)
