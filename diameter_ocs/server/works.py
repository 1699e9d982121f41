"""What works while the server runs: the lanes, their database, and all that goes on beside them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..config import Configuration, webhook_secrets
from ..handlers import catalogue
from ..handlers.lanes import Lanes, LaneSettings
from ..handlers.lifecycle import Lifecycle
from ..handlers.restarts import Restarts
from ..handlers.spending_limits import SpendingLimits
from ..handlers.spooling import Spooling, Sweep
from ..handlers.supervision import Supervision
from ..handlers.unclaimed import Unclaimed
from ..jobs.clocks import FOLLOW_SECONDS, Following, MovedClock, wall_clock
from ..jobs.delivery import Bell
from ..jobs.notice_files import NoticeFiles
from ..jobs.notices import Notices
from ..jobs.outbox_care import CARE_SECONDS, OutboxCare
from ..jobs.partitions import PartitionJob
from ..jobs.rounds import Rounds
from ..jobs.webhooks import Webhooks
from ..observability import Metrics
from ..store.accounts import PostgresAccounts
from ..store.catalogues import Catalogues
from ..store.clocks import PostgresClocks
from ..store.database import Database, Lease
from ..store.gateways import PostgresGateways
from ..store.lifecycle import PostgresLifecycle
from ..store.outbox import PostgresOutbox
from ..store.partitions import Partitions
from ..store.spool import Spool
from ..store.work import PostgresStore
from ..transport.tcp import shut
from .readiness import Readiness, watch

CONNECTIONS_BESIDES_LANES = 12
"""For the resolver, spending limits, the watch, supervision, the lifecycle, restarts, the sweep,
peers, the test clock, and two that deliver and one that looks after what is not delivered."""
NOTICES = "notices"
"""The folder of the files of notices, where nobody names one."""
SWEEP_SECONDS = 60.0
"""How often usage that waits is looked at though nobody asks."""


Clock = Callable[[], int]
"""Returns microseconds since 1970 UTC."""
Work = Callable[[], Coroutine[None, None, None]]
"""Goes on until it is cancelled."""


class GoingBy(NamedTuple):
    """Which clock this server goes by, and what it is called among those that do."""

    clock: Clock
    server_id: str


class Working(NamedTuple):
    """What requests are given to, and what others need that works."""

    lanes: Lanes
    limits: SpendingLimits
    restarts: Restarts
    supervision: Supervision
    outbox: PostgresOutbox
    bell: Bell
    notices: Notices
    accounts: PostgresAccounts
    database: Database


@asynccontextmanager
async def working(
    configuration: Configuration,
    conninfo: str,
    readiness: Readiness,
    metrics: Metrics,
    going_by: GoingBy,
) -> AsyncIterator[Working]:
    """Opens the database and works off requests while the context lasts."""
    clock = going_by.clock
    settings = LaneSettings(
        lanes=configuration.lanes,
        batch_size=configuration.batch_size,
        answer_budget_seconds=configuration.answer_budget_seconds,
    )
    budget = settings.answer_budget_seconds
    connections = settings.lanes + CONNECTIONS_BESIDES_LANES
    database = Database(conninfo, connections, budget / 2, Lease(budget, shut))
    catalogues = Catalogues(catalogue.read_stored)
    bell, outbox = Bell(), PostgresOutbox(database)
    store = PostgresStore(database, catalogues, bell.committed)
    accounts = PostgresAccounts(database, catalogues)
    unclaimed = Unclaimed()
    supervision = Supervision(store, unclaimed, clock, metrics)
    restarts = Restarts(PostgresGateways(database), supervision, clock)
    webhooks, secrets = Webhooks(), webhook_secrets(configuration.webhooks)
    notices = Notices(
        accounts, webhooks, NoticeFiles(configuration.notices or Path(NOTICES)), secrets
    )
    lifecycle = Lifecycle(PostgresLifecycle(database, store), clock)
    with _spooling(configuration.spool, clock, metrics) as spooling:
        lanes = Lanes(store, settings, clock, metrics, unclaimed, spooling)
        limits = SpendingLimits(store, lanes, settings, metrics)
        sweep = Sweep(store, spooling, clock)
        supervising = Rounds("supervision", supervision.works)
        waking = Rounds("lifecycle", [lifecycle.look])
        restarting = Rounds("restarts", restarts.works)
        sweeping = Rounds("sweep", [sweep.sweep], SWEEP_SECONDS)
        care = OutboxCare(outbox, clock, wall_clock, metrics)
        caring = Rounds("outbox", care.works, CARE_SECONDS)
        partitions = PartitionJob(
            Partitions(conninfo, configuration.edr_retention_days), clock, metrics
        )
        works: list[Work] = [
            lanes.run,
            limits.run,
            partial(watch, database, accounts, readiness, metrics, clock),
            supervising.run,
            waking.run,
            restarting.run,
            sweeping.run,
            caring.run,
        ]
        if isinstance(clock, MovedClock):
            keep = partial(asyncio.to_thread, partitions.work)
            due = (
                keep,
                supervising.once,
                waking.once,
                restarting.once,
                sweeping.once,
                caring.once,
            )
            kept = PostgresClocks(database)
            following = Following(kept, clock, going_by.server_id, unclaimed.advance, due)
            works.append(Rounds("test clock", [following.round], FOLLOW_SECONDS).run)
        try:
            async with _kept(partitions), _running(works):
                yield Working(
                    lanes, limits, restarts, supervision, outbox, bell, notices, accounts, database
                )
        finally:
            await spooling.drain()
            await webhooks.close()
            await database.close()


@asynccontextmanager
async def _running(works: Iterable[Work]) -> AsyncIterator[None]:
    """Does works beside each other while the context lasts; if one fails, that ends it."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(work()) for work in works]
        yield
        for task in running:
            task.cancel()


@contextmanager
def _spooling(directory: Path | None, clock: Clock, metrics: Metrics) -> Iterator[Spooling]:
    """Opens the spool, where there is a place for one."""
    if directory is None:
        yield Spooling(None, clock, metrics)
        return
    spool = Spool(directory)
    try:
        yield Spooling(spool, clock, metrics)
    finally:
        spool.close()


@asynccontextmanager
async def _kept(job: PartitionJob) -> AsyncIterator[None]:
    """Makes the partitions of the next days now, and keeps them while the context lasts."""
    await asyncio.to_thread(job.prepare)
    with job.running():
        yield
