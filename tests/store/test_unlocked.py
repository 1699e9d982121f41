"""What is read without locks is stored only if nothing has happened to it since."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import pytest

from diameter_ocs.charging.decisions import Decision, Novelty, Outcome
from diameter_ocs.charging.faults import StaleCase
from diameter_ocs.charging.requests import ChargingRequest
from diameter_ocs.handlers.credit_control import Fault, fold
from diameter_ocs.handlers.devices import add_identities, remove_identity
from diameter_ocs.handlers.ports import Store, Work
from tests.store.scenario import (
    NOW,
    ORDER,
    Kept,
    afresh,
    case_of,
    charged,
    event,
    furnish,
    imsi,
    initial,
    octets,
    steps,
    terminate,
    used,
)
from tests.store.test_races import MAKERS, ORDERS, Table, told

READ = ("balance", "session", "directory", "closed_session")
"""What is read of a group for its opening, in this order, after version and accounts."""


async def test_nothing_is_locked_though_nothing_is_remembered(postgres: Kept) -> None:
    groups = await furnish(postgres.accounts)
    asked = [(group, initial(number)) for number, group in enumerate(groups, 1)]
    async with postgres.store.work() as work, afresh(postgres).work() as other:
        assert set(await work.lock(groups, asked, NOW)) == set(groups)
        await work.load(asked, NOW)
        assert set(await other.lock(groups)) == set(groups)


@asynccontextmanager
async def closed_to_others(conninfo: str, table: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A transaction that keeps others from reading a table; it commits."""
    async with await psycopg.AsyncConnection.connect(conninfo) as connection:
        await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")  # type: ignore[arg-type]
        yield connection


async def somebody_waits(conninfo: str) -> None:
    """Return when a statement waits for a lock."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        while await (await connection.execute(waiting)).fetchone() == (0,):
            pass


@pytest.mark.parametrize("table", READ)
async def test_what_changes_between_the_reading_of_version_and_rest_is_noticed(
    postgres: Kept, emptied: str, table: str
) -> None:
    """Decisions must not be made of an old version and new balances."""
    (group, *_) = await furnish(postgres.accounts)
    request = initial()
    async with asyncio.timeout(20):
        async with closed_to_others(emptied, table) as other:
            charging = asyncio.create_task(charged(postgres.store, (group, request)))
            await somebody_waits(emptied)
            await other.execute("UPDATE balance SET priority = 7")
            await other.execute("UPDATE account SET version = version + 1")
        with pytest.raises(StaleCase):
            await charging
    assert (await case_of(postgres.store, group)).version == 2
    await charged(postgres.store, (group, request))
    case = await case_of(postgres.store, group)
    assert case.version == 3
    assert {balance.priority for balance in case.balances.values()} == {7}


async def overtaken(
    store: Store, asked: tuple[int, ChargingRequest], *others: Awaitable[object]
) -> None:
    """Decide a request on what was read, and have others commit before it is stored."""
    group, _ = asked
    async with store.work() as work:
        await work.lock([group], [asked], NOW)
        cases, _ = await work.load([asked], NOW)
        for other in others:
            await other
        folded = fold(steps(asked), cases)
        assert isinstance(folded.results[0], Decision)
        assert folded.results[0].outcome is Outcome.SUCCESS
        await work.apply(folded.changes)


async def test_a_name_that_moves_after_it_was_read_is_charged_to_nobody(postgres: Kept) -> None:
    group, target, _ = await furnish(postgres.accounts)
    asked = [(group, initial(1))]
    with pytest.raises(StaleCase):
        await overtaken(
            postgres.store,
            asked[0],
            remove_identity(postgres.accounts, None, imsi(1), ORDER),
            add_identities(postgres.accounts, None, ("account 2", [imsi(1)]), ORDER),
        )
    async with postgres.store.work() as work:
        await work.lock([group], asked, NOW)
        _, moved = await work.load(asked, NOW)
        assert list(moved) == [asked[0][1]]
    assert not (await case_of(postgres.store, target)).sessions


async def test_a_repeat_is_answered_only_if_nothing_has_happened_since(postgres: Kept) -> None:
    """Nothing is stored for it, and yet it must not be told what another one has undone."""
    (group, *_) = await furnish(postgres.accounts)
    request = event()
    await charged(postgres.store, (group, request))
    another = charged(postgres.store, (group, event(session=b"another")))
    with pytest.raises(StaleCase):
        await overtaken(afresh(postgres), (group, request), another)
    (again,) = await charged(afresh(postgres), (group, request))
    assert isinstance(again, Decision)
    assert again.novelty is Novelty.REPEATED


class Unlocked:
    """A batch of one request at a server that remembers nothing, a step at a time."""

    def __init__(self, store: Store, asked: tuple[int, ChargingRequest]) -> None:
        self._store = store
        self._asked = [asked]
        self._stack = AsyncExitStack()
        self._steps = iter((self._begin, self._read, self._decide, self._end))
        self._work: Work
        self.result: Decision | Fault | None = None

    async def step(self) -> None:
        await next(self._steps)()

    async def _begin(self) -> None:
        self._work = await self._stack.enter_async_context(self._store.work())

    async def _read(self) -> None:
        await self._work.lock([group for group, _ in self._asked], self._asked, NOW)

    async def _decide(self) -> None:
        cases, _ = await self._work.load(self._asked, NOW)
        folded = fold(steps(*self._asked), cases)
        await self._work.apply(folded.changes)
        (self.result,) = folded.results

    async def _end(self) -> None:
        try:
            await self._stack.aclose()
        except StaleCase:
            (self.result,) = await charged(self._store, *self._asked)


async def raced(
    kept: Kept, asked: tuple[int, ChargingRequest], order: Sequence[int]
) -> list[Decision]:
    """Take one request through two servers at once, and again where it came too late."""
    both = [Unlocked(afresh(kept), asked) for _ in range(2)]
    for who in order:
        await both[who].step()
    return [each.result for each in both if isinstance(each.result, Decision)]


@pytest.mark.parametrize("kind", MAKERS)
async def test_one_request_at_two_servers_that_lock_nothing_is_charged_once(
    postgres: Kept, kind: str
) -> None:
    groups = await furnish(postgres.accounts, range(1, len(ORDERS) + 1))
    for number, (group, order) in enumerate(zip(groups, ORDERS, strict=True), 1):
        name = b"%d" % number
        before = [] if kind in ("initial", "event") else [initial(number, name)]
        if kind == "late usage":
            before.append(terminate(number, name, request_number=0, usages=(used(0),)))
        await charged(postgres.store, *((group, request) for request in before))
        request = MAKERS[kind](Table(order, number, group, name))
        one, other = await raced(postgres, (group, request), order)
        assert told(one) == told(other)
        assert sum(each.novelty is Novelty.REPEATED for each in (one, other)) == 1
        assert (await case_of(postgres.store, group)).version == 2 + len(before)
    balances = [await octets(postgres.accounts, number) for number in (1, len(groups))]
    assert one.outcome is (Outcome.SESSION_UNKNOWN if kind == "late usage" else Outcome.SUCCESS)
    assert {balance.used for balance in balances} == {0 if kind == "initial" else 10}
