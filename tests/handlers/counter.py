"""A counter where requests are handed in to lanes over a twin that fails as it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from diameter_ocs.charging.case import Case, Change
from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.faults import BrokenBatch
from diameter_ocs.charging.requests import ChargingRequest
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.lanes import Lanes, LaneSettings
from diameter_ocs.handlers.ports import Work
from diameter_ocs.handlers.spooling import Spooling
from diameter_ocs.handlers.unclaimed import Unclaimed
from diameter_ocs.observability import create_metrics
from diameter_ocs.store.memory import MemoryStore, MemoryWork
from tests.store.memory_spool import MemorySpool
from tests.store.scenario import NOW, furnish, memory_faults, octets

Result = Decision | Fault
UNSTORABLE = "unstorable.example"
"""The Origin-Host of requests that the faulty store cannot store."""
UNFORESEEN = "unforeseen.example"
"""The Origin-Host of requests by which a fault of our own shows."""


@dataclass
class Faulty:
    """A store that fails as it is told, and else does what the twin does."""

    kept: MemoryStore
    at_lock: list[Exception | None] = field(default_factory=list)
    at_commit: list[Exception | None] = field(default_factory=list)
    after_commit: list[Exception] = field(default_factory=list)
    at_resolve: list[Exception] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def resolve(self, requests: Sequence[ChargingRequest]) -> Sequence[int | None]:
        if self.at_resolve:
            raise self.at_resolve.pop(0)
        if any(request.origin_realm == UNSTORABLE for request in requests):
            raise BrokenBatch
        return await self.kept.resolve(requests)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        async with self.kept.work() as work:
            yield _FaultyWork(self, work)
            fault = self.at_commit.pop(0) if self.at_commit else None
            if fault is not None:
                raise fault
        if self.after_commit:
            raise self.after_commit.pop(0)


class _FaultyWork:
    def __init__(self, store: Faulty, work: MemoryWork) -> None:
        self.store = store
        self.work = work

    async def lock(self, groups: Collection[int], *_: object) -> Collection[int]:
        fault = self.store.at_lock.pop(0) if self.store.at_lock else None
        if fault is not None:
            raise fault
        locked = await self.work.lock(groups)
        if self.store.hold is not None:
            await self.store.hold.wait()
        return locked

    async def load(
        self, requests: Sequence[tuple[int, ChargingRequest]], now: int
    ) -> tuple[Mapping[int, Case], Collection[ChargingRequest]]:
        self.store.batches.append(len(requests))
        return await self.work.load(requests, now)

    async def apply(self, changes: Sequence[Change]) -> None:
        if any(edr.origin_host == UNSTORABLE for change in changes for edr in change.edrs):
            raise BrokenBatch
        if any(edr.origin_host == UNFORESEEN for change in changes for edr in change.edrs):
            raise ZeroDivisionError
        await self.work.apply(changes)


class Counter:
    """Where requests are handed in and replies come out."""

    def __init__(self, store: MemoryStore, settings: LaneSettings) -> None:
        self.kept = store
        self.faulty = Faulty(store)
        self.metrics = create_metrics()
        self.unclaimed = Unclaimed()
        self.now = NOW
        self.spool = MemorySpool()
        self.spooling = Spooling(self.spool, self.clock, self.metrics)
        self.lanes = Lanes(
            self.faulty, settings, self.clock, self.metrics, self.unclaimed, self.spooling
        )
        self.replies: dict[int, list[Result]] = {}
        self.order: list[int] = []
        self.asked = 0

    def clock(self) -> int:
        return self.now

    def submit(self, *requests: ChargingRequest, budget_seconds: float | None = None) -> list[int]:
        """Hand in requests; return their numbers."""
        numbers = []
        for request in requests:
            number = self.asked
            self.asked += 1
            numbers.append(number)
            self.replies[number] = []
            self.lanes.submit(request, self._taker(number), budget_seconds)
        return numbers

    async def ask(self, *requests: ChargingRequest) -> list[Result]:
        """Hand in requests and wait for all replies."""
        numbers = self.submit(*requests)
        await self.lanes.drain()
        return [self.reply(number) for number in numbers]

    def reply(self, number: int) -> Result:
        (result,) = self.replies[number]
        return result

    def _taker(self, number: int) -> Callable[[Result], None]:
        def take(result: Result) -> None:
            self.replies[number].append(result)
            self.order.append(number)

        return take


@asynccontextmanager
async def opened(numbers: Collection[int] = (1, 2, 3), **settings: Any) -> AsyncIterator[Counter]:
    """Run lanes over a furnished twin; afterwards each request has one reply, and books agree."""
    store = MemoryStore(read_stored)
    await furnish(store, numbers)
    counter = Counter(store, LaneSettings(**settings))
    running = asyncio.create_task(counter.lanes.run())
    yield counter
    running.cancel()
    await asyncio.wait([running])
    await asyncio.sleep(0)
    assert [number for number, got in counter.replies.items() if len(got) != 1] == []
    assert counter.lanes.waiting == 0
    assert not store.locked
    assert memory_faults(store) == []


async def books_of(counter: Counter) -> tuple[int, int]:
    """Return what is used and reserved of the first account's allowance."""
    balance = await octets(counter.kept)
    return balance.used, balance.reserved


def outcomes(results: list[Result]) -> list[str]:
    return [r.name if isinstance(r, Fault) else r.outcome.name for r in results]
