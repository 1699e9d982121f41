"""What works while the server runs: the lanes, their database, and all that goes on beside them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

from ..config import Configuration
from ..handlers import catalogue
from ..handlers.lanes import Lanes, LaneSettings
from ..handlers.spooling import Spooling, Sweep
from ..handlers.supervision import Supervision
from ..handlers.unclaimed import Unclaimed
from ..jobs.clocks import wall_clock
from ..jobs.partitions import PartitionJob
from ..jobs.rounds import Rounds
from ..observability import Metrics
from ..store.accounts import PostgresAccounts
from ..store.catalogues import Catalogues
from ..store.database import Database, Lease
from ..store.partitions import Partitions
from ..store.spool import Spool
from ..store.work import PostgresStore
from ..transport.tcp import shut
from .readiness import Readiness, watch

CONNECTIONS_BESIDES_LANES = 5
"""For the resolver, the watch, the supervision, the sweep and the peers."""
SWEEP_SECONDS = 60.0
"""How often usage that waits is looked at though nobody asks."""


@asynccontextmanager
async def working(
    configuration: Configuration, conninfo: str, readiness: Readiness, metrics: Metrics
) -> AsyncIterator[tuple[Lanes, Database]]:
    """Opens the database and works off requests while the context lasts."""
    settings = LaneSettings(
        lanes=configuration.lanes,
        batch_size=configuration.batch_size,
        answer_budget_seconds=configuration.answer_budget_seconds,
    )
    budget = settings.answer_budget_seconds
    connections = settings.lanes + CONNECTIONS_BESIDES_LANES
    database = Database(conninfo, connections, budget / 2, Lease(budget, shut))
    catalogues = Catalogues(catalogue.read_stored)
    store = PostgresStore(database, catalogues)
    accounts = PostgresAccounts(database, catalogues)
    unclaimed = Unclaimed()
    supervision = Supervision(store, unclaimed, wall_clock, metrics)
    with _spooling(configuration.spool, metrics) as spooling:
        lanes = Lanes(store, settings, wall_clock, metrics, unclaimed, spooling)
        sweep = Sweep(store, spooling, wall_clock)
        works = (
            lanes.run,
            partial(watch, database, accounts, readiness, metrics),
            Rounds("supervision", supervision.works).run,
            Rounds("sweep", [sweep.sweep], SWEEP_SECONDS).run,
        )
        try:
            async with _kept_partitions(configuration, conninfo, metrics), _running(works):
                yield lanes, database
        finally:
            await spooling.drain()
            await database.close()


@asynccontextmanager
async def _running(
    works: Iterable[Callable[[], Coroutine[None, None, None]]],
) -> AsyncIterator[None]:
    """Does works beside each other while the context lasts; if one fails, that ends it."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(work()) for work in works]
        yield
        for task in running:
            task.cancel()


@contextmanager
def _spooling(directory: Path | None, metrics: Metrics) -> Iterator[Spooling]:
    """Opens the spool, where there is a place for one."""
    if directory is None:
        yield Spooling(None, wall_clock, metrics)
        return
    spool = Spool(directory)
    try:
        yield Spooling(spool, wall_clock, metrics)
    finally:
        spool.close()


@asynccontextmanager
async def _kept_partitions(
    configuration: Configuration, conninfo: str, metrics: Metrics
) -> AsyncIterator[None]:
    """Makes the partitions of the next days now, and keeps them while the context lasts."""
    partitions = Partitions(conninfo, configuration.edr_retention_days)
    job = PartitionJob(partitions, wall_clock, metrics)
    await asyncio.to_thread(job.prepare)
    with job.running():
        yield
