"""Subscriptions to counters as commands find them: the same in both stores."""

from diameter_ocs.charging.commands import OpenSpendingLimit, SessionsAsked
from diameter_ocs.charging.course import Course
from diameter_ocs.charging.delivery import Fate, Lease, Result, Settled, Way
from diameter_ocs.charging.outbox import OutboxKind
from diameter_ocs.charging.spending_limits import SpendingLimitSession
from diameter_ocs.charging.subscribing import subscribe
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.memory_outbox import MemoryOutbox
from diameter_ocs.store.outbox import PostgresOutbox
from tests.store.policing import LOW, SESSION, furnish_counted, slr
from tests.store.scenario import NOW, Kept, charged, initial, update, used

PCRF = Way(OutboxKind.SPENDING_LIMIT, "pcrf.example")


async def subscribed(kept: Kept, group: int, *requests, now: int = NOW) -> None:
    for request in requests:
        async with kept.store.work() as work:
            await work.lock([group])
            (case,) = (await work.load_sessions((), now, request.identities)).values()
            course = Course({group: case})
            done = subscribe(request, case)
            course.go_on(case, done.after, done.edrs)
            await work.apply(course.changes())


async def found(kept: Kept, limit: int = 10, **asked: object) -> list[OpenSpendingLimit]:
    return list(await kept.accounts.find_spending_limits(SessionsAsked(**asked), limit))


async def only(kept: Kept) -> OpenSpendingLimit:
    (each,) = await found(kept)
    return each


async def spent(kept: Kept, group: int, amount: int, session: bytes) -> None:
    await charged(kept.store, (group, initial(session=session, usages=())))
    await charged(kept.store, (group, update(session=session, usages=(used(amount),))))


async def test_subscriptions_are_found_by_all_that_they_have(kept: Kept) -> None:
    first, second, _ = await furnish_counted(kept.accounts)
    (third,) = await furnish_counted(kept.accounts, [9], "another")
    await subscribed(kept, first, slr(1), slr(1, b"2", "data left"))
    await subscribed(kept, second, slr(2, b"3"))
    await subscribed(kept, third, slr(9))
    names = [(each.group_id, each.session.session_id) for each in await found(kept)]
    assert names == [(first, SESSION), (first, b"2"), (second, b"3"), (third, SESSION)]
    assert [each.session.counters for each in await found(kept, account=(first, first))] == [
        None,
        ("data left",),
    ]
    (one,) = await found(kept, tenant="demo", session_id=SESSION)
    assert (one.account, one.tenant, one.stale_at, one.waiting) == ("account 1", "demo", None, 0)
    assert isinstance(one.session, SpendingLimitSession)
    assert await found(kept, place=(first, one.session.number)) == [one]
    assert await found(kept, place=(second, one.session.number)) != [one]
    assert len(await found(kept, limit=2)) == 2
    assert await found(kept, session_id=b"") == []


async def test_reports_that_wait_are_counted(kept: Kept) -> None:
    group, *_ = await furnish_counted(kept.accounts)
    await subscribed(kept, group, slr())
    await spent(kept, group, 950, b"a")
    await spent(kept, group, 50, b"b")
    assert (await only(kept)).waiting == 2


async def test_who_is_stale_is_so_until_it_asks_again(kept: Kept) -> None:
    group, *_ = await furnish_counted(kept.accounts)
    await subscribed(kept, group, slr())
    await spent(kept, group, 950, b"a")
    outbox = MemoryOutbox(kept.store) if isinstance(kept.store, MemoryStore) else None
    if kept.database is not None:
        outbox = PostgresOutbox(kept.database)
    assert outbox is not None
    lease = Lease("one", NOW, NOW + 10)
    (claimed,) = await outbox.claim({PCRF: 1}, NOW + 1000, lease, [1])
    await outbox.settle([Settled(claimed, Fate(Result.GIVEN_UP), NOW + 5, NOW + 5)], "one")
    assert ((await only(kept)).stale_at, (await only(kept)).waiting) == (NOW + 5, 0)
    await spent(kept, group, 50, b"b")
    assert ((await only(kept)).stale_at, (await only(kept)).waiting) == (NOW + 5, 1)
    await subscribed(kept, group, slr(), now=NOW + 10)
    assert (await only(kept)).stale_at is None


async def test_what_is_told_is_what_was_answered_and_is_to_be_reported(kept: Kept) -> None:
    group, *_ = await furnish_counted(kept.accounts)
    await subscribed(kept, group, slr())
    answered = (await only(kept)).session.answered_version
    await spent(kept, group, 950, b"a")
    session = (await only(kept)).session
    assert session.told == (LOW,)
    assert session.answered_version == answered
