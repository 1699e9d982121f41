"""Counters' states, subscriptions and what is to leave: stored with the change, or not at all."""

import pytest
from sqlalchemy import select

from diameter_ocs.charging.case import Case, Change
from diameter_ocs.charging.counters import BalanceCounter, CounterState
from diameter_ocs.charging.groups import Deed, edr_of
from diameter_ocs.charging.outbox import OutboxKind, Outgoing
from diameter_ocs.charging.spending_limits import (
    CounterStatus,
    PendingStatus,
    SpendingLimitSession,
)
from diameter_ocs.charging.standing import Standing
from diameter_ocs.handlers.ports import Store
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.tables import outbox
from tests.store.scenario import (
    NOW,
    Kept,
    afresh,
    applied,
    case_of,
    charged,
    furnish,
    initial,
    update,
)

STANDING = Standing(
    (("data", "low"),),
    ("octets",),
    (BalanceCounter("data", "octets", (CounterState("normal", None), CounterState("low", 50))),),
    (5_000_000, 1_000_000),
    ((7, 100), (9, 200)),
    (9,),
)
SUBSCRIPTION = SpendingLimitSession(
    7,
    0,
    b"pcrf;1;\xff/%",
    "pcrf.example",
    "example",
    NOW,
    NOW,
    ("data", "calls"),
    1,
    (CounterStatus("data", "low", (PendingStatus("normal", NOW + 1),)),),
    3,
)


async def stored(kept: Kept, group: int, after: Case, *outgoing: Outgoing) -> Case:
    """Stores a case in the place of what is there, and returns it as another process reads it."""
    async with kept.store.work() as work:
        await work.lock([group])
        before = (await work.load_sessions([], NOW))[group]
        await work.apply([changed(before, after, *outgoing)])
    return await case_of(another(kept), group, update())


def changed(before: Case, after: Case, *outgoing: Outgoing) -> Change:
    """What makes a case of another one, with the EDR that each change has."""
    edr = edr_of(Deed("set", before.group_id, "test"), before)
    return Change(before, after._replace(version=edr.number, now=before.now), (edr,), outgoing)


def another(kept: Kept) -> Store:
    """The store as a process sees it that remembers nothing."""
    return kept.store if kept.database is None else afresh(kept)


async def left(kept: Kept) -> list[tuple[object, ...]]:
    """Group, version, part, stream and content of all that is to leave."""
    if isinstance(kept.store, MemoryStore):
        rows = kept.store.outbox.items()
        return [(*key, each.stream, each.content) for key, each in sorted(rows)]
    assert kept.database is not None
    key = outbox.c.group_id, outbox.c.number, outbox.c.part
    async with kept.database.transaction() as connection:
        rows = await connection.execute(
            select(*key, outbox.c.stream, outbox.c.content).order_by(*key)
        )
        return [tuple(row) for row in rows]


async def standing_case(kept: Kept, group: int, standing: Standing) -> Case:
    case = await case_of(kept.store, group, update())
    (account,) = case.accounts.values()
    return case._replace(accounts={account.id: account._replace(standing=standing)})


async def test_how_counters_stand_is_kept_and_may_change(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    for standing in (STANDING, STANDING._replace(blocked=(), short=()), Standing()):
        found = await stored(kept, group, await standing_case(kept, group, standing))
        assert [account.standing for account in found.accounts.values()] == [standing]


async def test_a_subscription_is_kept_changed_and_ended(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    case = await case_of(kept.store, group, update())
    first = SUBSCRIPTION._replace(account_id=group)
    changed = first._replace(counters=None, told=(), updated_at=NOW + 5, features=0)
    for session in (first, changed):
        limits = {session.session_id: session}
        found = await stored(kept, group, case._replace(spending_limits=limits))
        assert found.spending_limits == limits
    found = await stored(kept, group, case._replace(spending_limits={}))
    assert not found.spending_limits


async def test_requests_leave_counters_and_subscriptions_as_they_are(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    standing = STANDING._replace(states=(), blocked=(), thresholds=())
    case = await standing_case(kept, group, standing)
    session = SUBSCRIPTION._replace(account_id=group)
    case = await stored(kept, group, case._replace(spending_limits={session.session_id: session}))
    await charged(kept.store, (group, initial()), (group, update()))
    for store in (kept.store, another(kept)):
        found = await case_of(store, group, update())
        assert found.spending_limits == case.spending_limits
        assert [a.standing for a in found.accounts.values()] == [standing]


async def test_nothing_is_stored_of_a_change_that_fails(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    case = await standing_case(kept, group, STANDING)
    notice = Outgoing(OutboxKind.NOTICE, group, {}, "sink")
    change = changed(await case_of(kept.store, group, update()), case, notice)
    with pytest.raises(RuntimeError, match="in between"):
        await applied(kept.store, change, fault=RuntimeError("in between"))
    found = await case_of(another(kept), group, update())
    assert [account.standing for account in found.accounts.values()] == [Standing()]
    assert await left(kept) == []


async def test_what_is_to_leave_stands_in_the_order_of_the_changes(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    case = await case_of(kept.store, group, update())
    notices = [Outgoing(OutboxKind.NOTICE, group, {"a": number}, "sink") for number in range(3)]
    report = Outgoing(
        OutboxKind.SPENDING_LIMIT, group, {"b": []}, "pcrf.example", "example", 7, b"a;\xff"
    )
    await stored(kept, group, case, *notices)
    await stored(kept, group, case, report)
    sink, peer = f"notice {group} sink", "spending_limit 7 pcrf.example"
    first = [(group, case.version + 1, n, sink, {"a": n}) for n in range(3)]
    assert await left(kept) == [*first, (group, case.version + 2, 0, peer, {"b": []})]
