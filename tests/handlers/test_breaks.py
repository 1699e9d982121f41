"""Lanes over PostgreSQL while it ends connections, or meets what nobody can store or read."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.types.json import Json

from diameter_ocs.charging.case import Change
from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.faults import CasesUnavailable
from diameter_ocs.charging.requests import ChargingRequest
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.lanes import Lanes, LaneSettings
from diameter_ocs.handlers.ports import Loaded
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.books import check_books
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database, Lease
from diameter_ocs.store.work import PostgresStore, PostgresWork
from diameter_ocs.transport.tcp import shut
from tests.store.scenario import NOW, event, furnish, initial, update
from tests.store.test_database import terminate_backends

ACCOUNTS = range(1, 9)
MOMENTS = ("begun", "locked", "loaded", "applied", "committed")


class Breaking(PostgresStore):
    """Ends all connections of the pool when a transaction reaches a moment that is due."""

    due: list[str]
    conninfo: str

    async def reach(self, moment: str) -> None:
        if self.due and self.due[0] == moment:
            self.due.pop(0)
            await terminate_backends(self.conninfo)
            if moment == "committed":
                raise CasesUnavailable("nobody heard of the commit")

    @asynccontextmanager
    async def work(self) -> AsyncIterator["_BreakingWork"]:
        async with super().work() as work:
            await self.reach("begun")
            yield _BreakingWork(self, work)
        await self.reach("committed")


class _BreakingWork:
    def __init__(self, store: Breaking, work: PostgresWork) -> None:
        self.store = store
        self.within = work
        self.load_sessions = work.load_sessions

    async def lock(
        self,
        groups: Collection[int],
        requests: Sequence[tuple[int, ChargingRequest]] = (),
        now: int = 0,
    ) -> Collection[int]:
        locked = await self.within.lock(groups, requests, now)
        await self.store.reach("locked")
        return locked

    async def load(self, requests: Sequence[tuple[int, ChargingRequest]], now: int) -> Loaded:
        loaded = await self.within.load(requests, now)
        await self.store.reach("loaded")
        return loaded

    async def apply(self, changes: Sequence[Change]) -> None:
        await self.within.apply(changes)
        await self.store.reach("applied")


class Front:
    """Lanes over a database, and what they reply."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self.pool = Database(conninfo, lease=Lease(5, shut))
        catalogues = Catalogues(read_stored)
        self.store = Breaking(self.pool, catalogues)
        self.store.conninfo = conninfo
        self.store.due = []
        self.accounts = PostgresAccounts(self.pool, catalogues)
        self.lanes = Lanes(self.store, LaneSettings(answer_budget_seconds=20), lambda: NOW)

    async def ask(self, *requests: ChargingRequest) -> list[str]:
        results: list[list[Decision | Fault]] = [[] for _ in requests]
        for request, taken in zip(requests, results, strict=True):
            self.lanes.submit(request, taken.append)
        await self.lanes.drain()
        return [
            result.name if isinstance(result, Fault) else result.outcome.name
            for (result,) in results
        ]

    def journalled(self) -> Counter[tuple[bytes, str]]:
        with psycopg.connect(self.conninfo) as connection:
            return Counter(
                connection.execute(
                    "SELECT session_id, action FROM edr WHERE session_id IS NOT NULL"
                ).fetchall()
            )


@pytest.fixture
async def front(database: str) -> AsyncIterator[Front]:
    front = Front(database)
    await furnish(front.accounts, ACCOUNTS)
    running = asyncio.create_task(front.lanes.run())
    yield front
    running.cancel()
    await asyncio.wait([running])
    assert (await check_books(front.pool)).are_balanced
    await front.pool.close()


def all_of(ask: Callable[..., ChargingRequest], **others: object) -> list[ChargingRequest]:
    return [ask(number, b"%d" % number, **others) for number in ACCOUNTS]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_connections_that_end_cost_nobody_anything(front: Front, moment: str) -> None:
    for request in (initial, update, event):
        front.store.due = [moment, moment]
        assert set(await front.ask(*all_of(request))) == {"SUCCESS"}
        assert front.store.due == []
    assert set(front.journalled().values()) == {1}
    assert len(front.journalled()) == 3 * len(ACCOUNTS)


async def test_what_the_database_refuses_hurts_only_itself(front: Front) -> None:
    asked = all_of(initial)
    asked[3] = asked[3]._replace(origin_host="nul\0.example")
    front.store.due = ["applied"]
    results = await front.ask(*asked)
    assert results.pop(3) == "UNABLE_TO_COMPLY"
    assert set(results) == {"SUCCESS"}
    assert set(front.journalled().values()) == {1}
    assert set(await front.ask(*all_of(initial, request_number=5))) == {"SUCCESS"}


async def test_a_stored_session_that_cannot_be_read_hurts_only_its_account(front: Front) -> None:
    assert set(await front.ask(*all_of(initial))) == {"SUCCESS"}
    change = "UPDATE session SET lines = %s WHERE session_id = '4'"
    with psycopg.connect(front.conninfo, autocommit=True) as connection:
        cursor = connection.execute("SELECT lines FROM session WHERE session_id = '4'")
        ((sound,),) = cursor.fetchall()
        connection.execute(change, [Json([1])])
        front.pool.generation += 1  # as a new connection does: nothing is remembered
        results = await front.ask(*all_of(update))
        connection.execute(change, [Json(sound)])
    assert results.pop(3) == "UNABLE_TO_COMPLY"
    assert set(results) == {"SUCCESS"}
    assert await front.ask(update(4, b"4", request_number=2)) == ["SUCCESS"]
