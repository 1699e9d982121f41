"""Sessions that nobody asks about are found when they are due, and what is done to them is kept."""

from collections.abc import Sequence

import pytest

from diameter_ocs.charging.case import Case, Change
from diameter_ocs.charging.catalogue import SessionRules
from diameter_ocs.charging.decisions import Decision, Edr, Stored
from diameter_ocs.charging.faults import StaleCase
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.session import CloseReason
from diameter_ocs.charging.supervision import close_unclaimed, supervise
from diameter_ocs.handlers.ports import Store
from tests.store.scenario import (
    NOW,
    Kept,
    applied,
    case_of,
    charged,
    charged_anew,
    furnish,
    initial,
    octets,
    terminate,
    update,
    used,
)

SECOND = 1_000_000
HOUR = 3600 * SECOND
KEY = SessionKey(b"session")
IDLE = SessionRules().idle_seconds * SECOND
FOREVER = NOW + 1000 * HOUR


async def supervised(
    store: Store, keys: Sequence[tuple[int, SessionKey]], now: int
) -> list[Decision | None]:
    """Look after sessions in one transaction, as far as nobody else has their groups."""
    decisions = []
    changes = []
    async with store.work() as work:
        locked = await work.lock({group for group, _ in keys})
        keys = [(group, key) for group, key in keys if group in locked]
        cases = await work.load_sessions(keys, now)
        for group, before in cases.items():
            after, new = before, list[Edr]()
            for key in [key for owner, key in keys if owner == group]:
                decision = supervise(key, after)
                decisions.append(decision)
                if decision is not None:
                    after = after.after(decision)
                    new += decision.edrs
            if after is not before:
                changes.append(Change(before, after, tuple(new)))
        await work.apply(changes)
    return decisions


async def due(kept: Kept, now: int = FOREVER, limit: int = 100) -> list[tuple[int, SessionKey]]:
    return list(await kept.store.due_sessions(now, limit))


async def session_due_at(kept: Kept, group: int, key: SessionKey = KEY) -> int:
    case = await case_of(kept.store, group, update(session_key=key))
    return case.sessions[key].supervise_at


async def quota_expires_at(kept: Kept, group: int, key: SessionKey = KEY) -> int:
    case = await case_of(kept.store, group, update(session_key=key))
    return max(each.expires_at for each in case.sessions[key].reservations)


async def test_sessions_are_due_in_order_and_no_more_than_asked_for(kept: Kept) -> None:
    groups = await furnish(kept.accounts, range(1, 6))
    keys = [SessionKey(b"one", n) for n in range(5)]
    moments = [NOW + hours * HOUR for hours in (4, 0, 3, 1, 2)]
    for number, (group, key, now) in enumerate(zip(groups, keys, moments, strict=True), 1):
        await charged(kept.store, (group, initial(number, session_key=key)), now=now)
    pairs = list(zip(groups, keys, strict=True))
    expected = [pairs[n] for n in (1, 3, 4, 2, 0)]
    assert await due(kept) == expected
    assert await due(kept, limit=2) == expected[:2]
    assert await due(kept, NOW) == []
    first = await session_due_at(kept, *expected[0])
    assert await due(kept, first - 1) == []
    assert await due(kept, first) == expected[:1]


async def test_a_session_that_has_ended_is_never_due(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()))
    assert await due(kept) == [(group, KEY)]
    await charged(kept.store, (group, terminate()))
    assert await due(kept) == []


async def test_of_several_sessions_of_one_account_each_is_due(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    names = [b"%d" % n for n in range(3)]
    await charged(kept.store, *((group, initial(session=name)) for name in names))
    assert {key.session_id for _, key in await due(kept)} == set(names)
    at = max([await quota_expires_at(kept, group, SessionKey(name)) for name in names])
    decisions = await supervised(kept.store, await due(kept), at)
    assert [len(decision.edrs) for decision in decisions if decision] == [1, 1, 1]
    assert (await octets(kept.accounts)).reserved == 0


async def test_only_the_time_to_look_again_may_change(kept: Kept) -> None:
    """Nothing is in the journal, the version stays, and the case is not stale for that.

    That the time moves tells other servers that something is not as they remember it.
    """
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()))
    first = await session_due_at(kept, group)
    await charged(kept.store, (group, update()), now=NOW + HOUR)
    assert await session_due_at(kept, group) == first
    before = await case_of(kept.store, group, update(request_number=9), now=first)
    (decision,) = await supervised(kept.store, [(group, KEY)], first)
    assert decision is not None
    assert decision.edrs == ()
    after = await case_of(kept.store, group, update(request_number=9), now=first)
    (session,) = before.sessions.values()
    later = session._replace(supervise_at=after.sessions[KEY].supervise_at)
    assert later.supervise_at > first
    assert after == before._replace(now=first + 1, sessions={KEY: later})
    assert await due(kept, first) == []
    await charged(kept.store, (group, update(request_number=2)), now=first)


async def test_a_quota_that_has_expired_is_given_back(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()))
    at = await quota_expires_at(kept, group)
    (decision,) = await supervised(kept.store, await due(kept, at), at)
    assert decision is not None
    assert [edr.reason for edr in decision.edrs] == ["reservation_expired"]
    assert (await octets(kept.accounts)).reserved == 0
    case = await case_of(kept.store, group, update(), now=at)
    assert case.sessions[KEY] == decision.session
    assert await due(kept, at) == []
    await charged(kept.store, (group, update(usages=(used(100, 50),))), now=at)
    assert (await octets(kept.accounts))[5:7] == (100, 50)


async def test_a_session_given_up_is_remembered(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()), (group, request := update()))
    (decision,) = await supervised(kept.store, [(group, KEY)], NOW + IDLE)
    assert decision is not None
    assert [edr.action for edr in decision.edrs] == ["abandoned"]
    case = await case_of(kept.store, group, request, now=NOW + IDLE)
    assert case.sessions == {}
    assert case.closed[KEY].reason is CloseReason.IDLE
    assert case.closed[KEY].closed_at == NOW + IDLE
    late = terminate(request_number=2, usages=(used(7),))
    decisions = await charged(kept.store, (group, request), (group, late), now=NOW + IDLE)
    assert [d.novelty.name for d in decisions if isinstance(d, Decision)] == ["REPEATED", "LATE"]
    assert (await octets(kept.accounts))[5:7] == (17, 0)


async def test_several_groups_are_looked_after_in_one_transaction(kept: Kept) -> None:
    groups = await furnish(kept.accounts)
    await charged(kept.store, (groups[0], initial(1, b"1")))
    await charged(kept.store, (groups[1], initial(2, b"2")), now=NOW + IDLE - HOUR)
    await charged(kept.store, (groups[2], initial(3, b"3")))
    await charged(kept.store, (groups[2], update(3, b"3")), now=NOW + IDLE - HOUR)
    keys = [(group, SessionKey(b"%d" % n)) for n, group in enumerate(groups, 1)]
    decisions = await supervised(kept.store, keys, NOW + IDLE)
    assert sorted(len(d.closed) + len(d.edrs) for d in decisions if d) == [0, 0, 2]
    assert set(await due(kept)) == set(keys[1:])
    assert await due(kept, NOW + IDLE) == []


async def test_what_is_not_open_is_not_found(kept: Kept) -> None:
    first, second, _ = await furnish(kept.accounts)
    await charged(kept.store, (first, initial()))
    keys = [(first, SessionKey(b"nowhere")), (second, KEY)]
    assert await supervised(kept.store, keys, NOW + IDLE) == [None, None]
    assert (await octets(kept.accounts)).reserved == 100


async def test_a_locked_group_is_left_to_whoever_has_it(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()))
    async with kept.store.work() as work:
        await work.lock([group])
        assert await supervised(kept.store, [(group, KEY)], NOW + IDLE) == []


async def test_an_unclaimed_opening_is_opened_anew_for_whoever_asks_again(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    request = initial()
    await charged(kept.store, (group, request))
    before = await case_of(kept.store, group, request)
    decision = close_unclaimed(KEY, Stored(before.sessions[KEY].number, NOW), before)
    assert decision is not None
    await applied(kept.store, Change(before, before.after(decision), decision.edrs))
    assert (await octets(kept.accounts)).reserved == 0
    (again,) = await charged_anew(kept.store, (group, request))
    assert isinstance(again, Decision)
    assert again.session is not None
    assert (await octets(kept.accounts)).reserved == 100


@pytest.mark.parametrize("with_edr", [True, False])
async def test_a_change_after_a_request_was_charged_is_stale(kept: Kept, with_edr: bool) -> None:
    """Whoever read before the request may not write, be it only the time to look again."""
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()))
    at = await quota_expires_at(kept, group)
    if not with_edr:
        await charged(kept.store, (group, update()), now=NOW + HOUR)
    before = await case_of(kept.store, group, update(request_number=9), now=at)
    decision = supervise(KEY, before)
    assert decision is not None
    assert bool(decision.edrs) == with_edr
    await charged(kept.store, (group, update(request_number=2)), now=at)
    with pytest.raises(StaleCase):
        await applied(kept.store, Change(before, before.after(decision), decision.edrs))
    case = await case_of(kept.store, group, update(request_number=3), now=at)
    assert case.sessions[KEY].request_number == 2


async def test_cases_for_supervision_are_those_of_requests(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()), (group, initial(session=b"other")))
    expected: Case = await case_of(kept.store, group, update(request_number=9))
    async with kept.store.work() as work:
        await work.lock([group])
        cases = await work.load_sessions([(group, KEY)], NOW)
        open_sessions = {KEY: cases[group].sessions[KEY]}
        assert list(cases) == [group]
        assert cases[group]._replace(sessions=open_sessions) == expected
