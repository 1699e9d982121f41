"""What comes due is done once, by whoever holds the account; nothing harms its neighbours."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

from diameter_ocs.charging.case import Change
from diameter_ocs.charging.decisions import Decision, Novelty, Stored
from diameter_ocs.charging.faults import BrokenBatch, CasesUnavailable
from diameter_ocs.charging.requests import ChargingRequest, EventAction, SessionKey
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.supervision import DUE_MAX, Supervision
from diameter_ocs.handlers.unclaimed import CLAIM_SECONDS, Unclaimed
from diameter_ocs.observability import create_metrics
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.books import check_books
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.memory import MemoryStore, MemoryWork
from diameter_ocs.store.work import PostgresStore
from tests.handlers.virtual_time import play
from tests.store.scenario import (
    NOW,
    charged,
    event,
    furnish,
    initial,
    memory_faults,
    octets,
    update,
    want,
)

FIRST = 1
"""The group of the first account."""
HOUR = 3600 * 1_000_000
KEY = SessionKey(b"session")


class Frail(MemoryStore):
    """A twin with groups that it does not store, and with something to do before each lock."""

    unstorable: ClassVar[set[int]] = set()
    before_lock: ClassVar[list[Exception | None]] = []

    @asynccontextmanager
    async def work(self) -> AsyncIterator[MemoryWork]:
        async with super().work() as work:
            yield _FrailWork(self, work)


class _FrailWork(MemoryWork):
    def __init__(self, store: Frail, work: MemoryWork) -> None:
        self.frail = store
        self.within = work
        super().__init__(store)
        self.commit = work.commit

    async def lock(self, groups: Collection[int], *_: object) -> Collection[int]:
        fault = self.frail.before_lock.pop(0) if self.frail.before_lock else None
        if fault is not None:
            raise fault
        self.groups = await self.within.lock(groups)
        return self.groups

    async def apply(self, changes: Sequence[Change]) -> None:
        if any(change.before.group_id in self.frail.unstorable for change in changes):
            raise BrokenBatch("unstorable")
        await self.within.apply(changes)


class Post:
    """A supervisor over a twin, with a clock to turn."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.now = NOW
        self.unclaimed = Unclaimed()
        self.metrics = create_metrics()
        self.supervision = Supervision(store, self.unclaimed, lambda: self.now, self.metrics)

    async def ask(self, *pairs: tuple[int, ChargingRequest]) -> list[Decision]:
        return await charged(self.store, *pairs, now=self.now)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)

    def audit(self) -> None:
        assert memory_faults(self.store) == []
        assert not self.store.locked


async def post(accounts: int = 1, store: MemoryStore | None = None) -> Post:
    """Return a supervisor over accounts with a session each."""
    kept = store or MemoryStore(read_stored)
    groups = await furnish(kept, range(1, accounts + 1))
    supervisor = Post(kept)
    pairs = [(group, initial(number)) for number, group in enumerate(groups, 1)]
    await supervisor.ask(*pairs)
    return supervisor


def test_quotas_expire_and_are_counted() -> None:
    async def story() -> None:
        keeper = await post()
        assert await keeper.supervision.look() is False
        assert (await octets(keeper.store)).reserved == 100
        keeper.now += 3 * HOUR
        assert await keeper.supervision.look() is False
        assert (await octets(keeper.store)).reserved == 0
        assert keeper.store.groups[FIRST].sessions
        assert keeper.value("ocs_reservations_expired_total") == 1
        keeper.audit()

    play(story())


def test_forgotten_sessions_are_closed_and_raise_the_alarm() -> None:
    async def story() -> None:
        keeper = await post(3)
        keeper.now += 49 * HOUR
        await keeper.supervision.look()
        assert [group.sessions for group in keeper.store.groups.values()] == [{}] * 3
        assert keeper.value("ocs_sessions_abandoned_total", reason="idle") == 3
        assert (await octets(keeper.store)).reserved == 0
        keeper.audit()

    play(story())


def test_full_batches_are_followed_at_once() -> None:
    async def story() -> None:
        keeper = await post(DUE_MAX + 1)
        keeper.now += 49 * HOUR
        assert await keeper.supervision.look() is True
        assert await keeper.supervision.look() is False
        assert not any(group.sessions for group in keeper.store.groups.values())

    play(story())


def test_what_others_have_locked_waits_for_the_next_round() -> None:
    async def story() -> None:
        keeper = await post(2)
        keeper.now += 49 * HOUR
        keeper.store.locked.add(FIRST)
        await keeper.supervision.look()
        assert [bool(group.sessions) for group in keeper.store.groups.values()] == [True, False]
        keeper.store.locked.remove(FIRST)
        await keeper.supervision.look()
        assert not keeper.store.groups[FIRST].sessions

    play(story())


def test_a_full_batch_of_locked_sessions_is_not_looked_at_again_at_once() -> None:
    async def story() -> None:
        keeper = await post(DUE_MAX)
        keeper.now += 49 * HOUR
        keeper.store.locked.update(keeper.store.groups)
        assert await keeper.supervision.look() is False
        keeper.store.locked.clear()

    play(story())


def test_many_sessions_that_nothing_can_be_done_about_hold_up_nobody() -> None:
    async def story() -> None:
        keeper = await post(DUE_MAX + 30)
        *others, last = keeper.store.groups
        for number in others:
            group = keeper.store.groups[number]
            group.sessions[KEY] = group.sessions[KEY]._replace(supervise_at=1)
        keeper.now += 49 * HOUR
        keeper.store.locked.update(others)
        for _ in range(2):
            assert await keeper.supervision.look() is False
        assert not keeper.store.groups[last].sessions
        keeper.store.locked.clear()
        while await keeper.supervision.look():
            pass
        assert not any(group.sessions for group in keeper.store.groups.values())
        keeper.audit()

    play(story())


def test_a_session_that_cannot_be_decided_harms_no_other() -> None:
    async def story() -> None:
        keeper = await post(3)
        _, group, _ = keeper.store.groups.values()
        sound = group.sessions[KEY]
        group.sessions[KEY] = sound._replace(account_id=99)
        keeper.now += 49 * HOUR
        await keeper.supervision.look()
        assert [bool(g.sessions) for g in keeper.store.groups.values()] == [False, True, False]
        group.sessions[KEY] = sound
        await keeper.supervision.look()
        assert not group.sessions
        keeper.audit()

    play(story())


def test_a_session_that_cannot_be_stored_harms_no_other() -> None:
    async def story() -> None:
        store = Frail(read_stored)
        keeper = await post(5, store)
        broken = list(store.groups)[2]
        store.unstorable = {broken}
        keeper.now += 49 * HOUR
        await keeper.supervision.look()
        left = [number for number, group in store.groups.items() if group.sessions]
        assert left == [broken]
        assert keeper.value("ocs_sessions_abandoned_total", reason="idle") == 4
        keeper.audit()

    play(story())


def test_what_an_absent_database_prevents_is_found_again() -> None:
    async def story() -> None:
        store = Frail(read_stored)
        keeper = await post(1, store)
        keeper.now += 49 * HOUR
        store.before_lock = [CasesUnavailable()]
        try:
            await keeper.supervision.look()
        except CasesUnavailable:
            await keeper.supervision.look()
        assert not store.groups[FIRST].sessions
        assert keeper.value("ocs_sessions_abandoned_total", reason="idle") == 1

    play(story())


def stored(keeper: Post) -> Stored:
    """Return what the open session of the first account was opened as."""
    session = keeper.store.groups[FIRST].sessions[KEY]
    return Stored(session.number, session.opened_at)


def test_an_opening_that_nobody_claims_is_closed_after_four_minutes() -> None:
    async def story() -> None:
        keeper = await post(2)
        number = stored(keeper)
        keeper.unclaimed.add(FIRST, initial(), number, asyncio.get_running_loop().time())
        await asyncio.sleep(CLAIM_SECONDS - 1)
        await keeper.supervision.undo_unclaimed()
        assert keeper.store.groups[FIRST].sessions
        await asyncio.sleep(1)
        assert await keeper.supervision.undo_unclaimed() is False
        assert not keeper.store.groups[FIRST].sessions
        assert sum(bool(group.sessions) for group in keeper.store.groups.values()) == 1
        assert keeper.value("ocs_sessions_abandoned_total", reason="unclaimed") == 1
        assert len(keeper.unclaimed) == 0
        (again,) = await keeper.ask((FIRST, initial(is_retransmission=True)))
        assert again.novelty is Novelty.NEW
        keeper.audit()

    play(story())


def test_an_opening_that_was_not_stored_or_went_on_is_left_alone() -> None:
    async def story() -> None:
        keeper = await post(2)
        keeper.now += 1
        await keeper.ask((FIRST, update()))
        keeper.unclaimed.add(FIRST, initial(), stored(keeper), 0.0)
        _, second = keeper.store.groups
        keeper.unclaimed.add(second, initial(session=b"never stored"), stored(keeper), 0.0)
        await asyncio.sleep(CLAIM_SECONDS)
        await keeper.supervision.undo_unclaimed()
        assert all(group.sessions for group in keeper.store.groups.values())
        assert len(keeper.unclaimed) == 0

    play(story())


def test_an_opening_that_is_claimed_before_the_lock_is_left_alone() -> None:
    class Claiming(Frail):
        """A twin in which a repeat comes first."""

        unclaimed: Unclaimed

        @asynccontextmanager
        async def work(self) -> AsyncIterator[MemoryWork]:
            self.unclaimed.claim(FIRST, initial(), None)
            async with super().work() as work:
                yield work

    async def story() -> None:
        store = MemoryStore(read_stored)
        keeper = await post(1, store)
        store.__class__ = Claiming
        store.unclaimed = keeper.unclaimed
        keeper.unclaimed.add(FIRST, initial(), stored(keeper), 0.0)
        await asyncio.sleep(CLAIM_SECONDS)
        await keeper.supervision.undo_unclaimed()
        assert store.groups[FIRST].sessions

    play(story())


async def test_two_processes_supervise_side_by_side(database: str) -> None:
    pools = [Database(database), Database(database)]
    stores = [PostgresStore(pool, Catalogues(read_stored)) for pool in pools]
    accounts = PostgresAccounts(pools[0], Catalogues(read_stored))
    groups = await furnish(accounts, range(1, 41))
    pairs = [(group, initial(number)) for number, group in enumerate(groups, 1)]
    await charged(stores[0], *pairs)
    metrics = create_metrics()
    late = NOW + 49 * HOUR
    both = [Supervision(store, Unclaimed(), lambda: late, metrics) for store in stores]
    await asyncio.gather(*(each.look() for each in both))
    assert await stores[0].due_sessions(late, 99) == []
    value = metrics.registry.get_sample_value
    assert value("ocs_sessions_abandoned_total", {"reason": "idle"}) == 40
    assert (await check_books(pools[0])).are_balanced
    for pool in pools:
        await pool.close()


def test_an_opening_that_another_server_answered_is_not_closed() -> None:
    async def story() -> None:
        keeper = await post()
        number = stored(keeper)
        keeper.unclaimed.add(FIRST, initial(), number, asyncio.get_running_loop().time())
        other = Post(keeper.store)
        (again,) = await other.ask((FIRST, initial(is_retransmission=True)))
        assert again.novelty is Novelty.REPEATED
        other.unclaimed.answer(FIRST, initial(), number)
        assert await other.supervision.mark_answered() is False
        assert other.unclaimed.answered(9) == []
        version = keeper.store.groups[FIRST].version
        await asyncio.sleep(CLAIM_SECONDS)
        await keeper.supervision.undo_unclaimed()
        assert keeper.store.groups[FIRST].sessions
        assert keeper.store.groups[FIRST].version == version
        (again,) = await keeper.ask((FIRST, initial(is_retransmission=True)))
        assert again.novelty is Novelty.REPEATED, "it is found as before"
        keeper.audit()

    play(story())


def test_a_session_that_went_on_or_ended_needs_no_mark() -> None:
    async def story() -> None:
        keeper = await post()
        keeper.now += 1000
        await keeper.ask((FIRST, update()))
        before = keeper.store.groups[FIRST].sessions[KEY]
        keeper.unclaimed.answer(FIRST, initial(), stored(keeper))
        keeper.unclaimed.answer(FIRST, initial(session=b"ended"), stored(keeper))
        await keeper.supervision.mark_answered()
        assert keeper.store.groups[FIRST].sessions[KEY] == before
        assert keeper.unclaimed.answered(9) == []

    play(story())


def test_an_event_that_nobody_claims_is_reversed_and_charged_anew() -> None:
    async def story() -> None:
        keeper = await post()
        asked = event()
        (first,) = await keeper.ask((FIRST, asked))
        keeper.unclaimed.add(FIRST, asked, first.edrs[0].stored, asyncio.get_running_loop().time())
        await asyncio.sleep(CLAIM_SECONDS - 1)
        await keeper.supervision.undo_unclaimed()
        assert (await octets(keeper.store)).used == 10
        await asyncio.sleep(1)
        assert await keeper.supervision.undo_unclaimed() is False
        assert (await octets(keeper.store)).used == 0
        assert keeper.store.groups[FIRST].edrs[-1].action == "reversal"
        assert keeper.value("ocs_events_reversed_total") == 1
        assert len(keeper.unclaimed) == 0
        (again,) = await keeper.ask((FIRST, asked._replace(is_retransmission=True)))
        assert again.novelty is Novelty.NEW
        (repeat,) = await keeper.ask((FIRST, asked))
        assert repeat.novelty is Novelty.REPEATED
        assert (await octets(keeper.store)).used == 10
        keeper.audit()

    play(story())


def test_an_event_that_was_refunded_stands_but_for_what_came_back() -> None:
    async def story() -> None:
        keeper = await post()
        asked = event()
        (first,) = await keeper.ask((FIRST, asked))
        keeper.unclaimed.add(FIRST, asked, first.edrs[0].stored, 0.0)
        refund = event(request_number=1, action=EventAction.REFUND, usages=(want(4),))
        await keeper.ask((FIRST, refund))
        await asyncio.sleep(CLAIM_SECONDS)
        await keeper.supervision.undo_unclaimed()
        assert (await octets(keeper.store)).used == 6
        assert len(keeper.unclaimed) == 0
        keeper.audit()

    play(story())


def test_an_event_that_another_server_answered_stands() -> None:
    async def story() -> None:
        keeper = await post()
        asked = event()
        (first,) = await keeper.ask((FIRST, asked))
        keeper.unclaimed.add(FIRST, asked, first.edrs[0].stored, 0.0)
        other = Post(keeper.store)
        (again,) = await other.ask((FIRST, asked))
        assert again.novelty is Novelty.REPEATED
        assert again.repeated == first.edrs[0].stored
        other.unclaimed.answer(FIRST, asked, again.repeated)
        assert await other.supervision.mark_answered() is False
        assert other.unclaimed.answered(9) == []
        await asyncio.sleep(CLAIM_SECONDS)
        await keeper.supervision.undo_unclaimed()
        assert (await octets(keeper.store)).used == 10
        (again,) = await keeper.ask((FIRST, asked))
        assert again.novelty is Novelty.REPEATED, "it is found as before"
        keeper.audit()

    play(story())


def test_of_several_events_of_one_name_each_that_nobody_claims_is_reversed() -> None:
    async def story() -> None:
        keeper = await post()
        for at in range(3):
            asked = event(usages=(want(at + 1),))
            (done,) = await keeper.ask((FIRST, asked))
            keeper.unclaimed.add(FIRST, asked, done.edrs[0].stored, 0.0)
            keeper.now += 1
            if at == 1:
                (again,) = await keeper.ask((FIRST, asked))
                assert keeper.unclaimed.claim(FIRST, asked, again.repeated)
        await asyncio.sleep(CLAIM_SECONDS)
        await keeper.supervision.undo_unclaimed()
        assert (await octets(keeper.store)).used == 2, "the second was claimed"
        assert keeper.value("ocs_events_reversed_total") == 2
        keeper.audit()

    play(story())
