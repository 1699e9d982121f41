"""What is to leave is claimed by one server at a time, in its order: the same in both stores."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Protocol

import pytest

from diameter_ocs.charging.case import Change
from diameter_ocs.charging.delivery import (
    PARTS_OF_PART,
    Claimed,
    Fate,
    HeldPeer,
    Lease,
    OutboxAsked,
    OutboxRow,
    Result,
    Settled,
    Way,
)
from diameter_ocs.charging.groups import Deed, edr_of
from diameter_ocs.charging.outbox import OutboxKind, Outgoing
from diameter_ocs.charging.spending_limits import SpendingLimitSession
from diameter_ocs.store.database import Database
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.memory_outbox import MemoryOutbox
from diameter_ocs.store.outbox import PostgresOutbox
from tests.store.scenario import NOW, Kept, applied, case_of, charged, furnish, initial, update

SECOND = 1_000_000
FAR = 100 * NOW // 50
"""When leases begin that do not end while a test lasts."""
SINK = Way(OutboxKind.NOTICE, "sink")
PCRF = Way(OutboxKind.SPENDING_LIMIT, "PCRF.example")
PGW = Way(OutboxKind.REAUTHORIZATION, "pgw.example")
Outbox = PostgresOutbox | MemoryOutbox

identifiers = itertools.count(1)


@pytest.fixture
def outbox(kept: Kept) -> Outbox:
    if kept.database is not None:
        return PostgresOutbox(kept.database)
    assert isinstance(kept.store, MemoryStore)
    return MemoryOutbox(kept.store)


def lease(server: str = "one", at: int = NOW, seconds: int = 10) -> Lease:
    return Lease(server, at, at + seconds * SECOND)


def notice(account: int, content: object = 0, target: str = "sink") -> Outgoing:
    return Outgoing(OutboxKind.NOTICE, account, {"a": content}, target)


def report(group: int, content: object = 0, number: int = 7) -> Outgoing:
    about = "PCRF.example", "example", number, b"pcrf;\xff"
    return Outgoing(OutboxKind.SPENDING_LIMIT, group, {"a": content}, *about)


async def leave(kept: Kept, group: int, *outgoing: Outgoing, now: int = NOW) -> None:
    """Stores a change that has these leave."""
    before = await case_of(kept.store, group, update(), now=now)
    edr = edr_of(Deed("set", group, "test"), before)
    after = before._replace(version=edr.number, now=now)
    await applied(kept.store, Change(before, after, (edr,), outgoing))


async def claim(
    outbox: Outbox,
    *ways: Way,
    server: str = "one",
    most: int = 10,
    now: int = NOW,
    at: int = NOW,
) -> Sequence[Claimed]:
    wanted = dict.fromkeys(ways or (SINK, PCRF, PGW), most)
    ids = list(itertools.islice(identifiers, most * len(wanted)))
    found = await outbox.claim(wanted, now, lease(server, at), ids)
    return sorted(found, key=lambda each: each.head.key)


def contents(claimed: Sequence[Claimed]) -> list[list[object]]:
    return [[row.content["a"] for row in each.rows] for each in claimed]


def fate(claimed: Claimed, result: Result, now: int = NOW, **others: object) -> Settled:
    return Settled(claimed, Fate(result)._replace(**others), now, now + SECOND)


async def delivered(outbox: Outbox, *claimed: Claimed, server: str = "one") -> None:
    await outbox.settle([fate(each, Result.DELIVERED) for each in claimed], server)


async def test_what_leaves_comes_with_all_that_is_known_of_it(kept: Kept, outbox: Outbox) -> None:
    (group, *_) = await furnish(kept.accounts)
    await leave(kept, group, report(group, [1, "ä"]))
    (claimed,) = await claim(outbox)
    version = (await case_of(kept.store, group, update())).version
    (row,) = claimed.rows
    assert row == OutboxRow(
        group, version, 0, group, OutboxKind.SPENDING_LIMIT, "spending_limit 7 PCRF.example",
        "PCRF.example", "example", 7, b"pcrf;\xff", {"a": [1, "ä"]}, NOW, NOW,
        leased_by="one", leased_until=NOW + 10 * SECOND, end_to_end_id=claimed.end_to_end_id,
    )  # fmt: skip
    assert not claimed.was_sent
    assert isinstance(row.kind, OutboxKind)


async def test_a_stream_leaves_in_the_order_of_its_changes(kept: Kept, outbox: Outbox) -> None:
    (group, other, *_) = await furnish(kept.accounts)
    await leave(kept, group, notice(group, 1), notice(group, 2))
    await leave(kept, other, notice(other, "other"))
    await leave(kept, group, notice(group, 3), notice(group, "elsewhere", "another sink"))
    assert contents(await claim(outbox)) == [[1, 2, 3], ["other"]]
    assert contents(await claim(outbox, Way(OutboxKind.NOTICE, "another sink"))) == [["elsewhere"]]


async def test_what_one_server_has_no_other_gets(kept: Kept, outbox: Outbox) -> None:
    (group, *_) = await furnish(kept.accounts)
    await leave(kept, group, notice(group, 1))
    (mine,) = await claim(outbox)
    await leave(kept, group, notice(group, 2))
    for server in ("one", "two"):
        assert await claim(outbox, server=server, now=NOW + SECOND) == []
    await delivered(outbox, mine)
    assert contents(await claim(outbox, server="two")) == [[2]]


async def test_a_server_that_dies_loses_what_it_has_after_a_while(
    kept: Kept, outbox: Outbox
) -> None:
    (group, *_) = await furnish(kept.accounts)
    await leave(kept, group, report(group))
    (lost,) = await claim(outbox)
    assert await claim(outbox, server="two", at=NOW + 10 * SECOND - 1) == []
    (taken,) = await claim(outbox, server="two", at=NOW + 10 * SECOND)
    assert (taken.was_sent, taken.end_to_end_id) == (True, lost.end_to_end_id)
    await delivered(outbox, lost)
    assert await outbox.waiting(NOW) != [], "it is the other's by now"
    await delivered(outbox, taken, server="two")
    assert await outbox.waiting(NOW) == []


async def test_with_something_new_it_is_another_request(kept: Kept, outbox: Outbox) -> None:
    (group, *_) = await furnish(kept.accounts)
    await leave(kept, group, report(group, 1))
    (first,) = await claim(outbox)
    await leave(kept, group, report(group, 2))
    (both,) = await claim(outbox, server="two", at=NOW + 10 * SECOND)
    assert contents([both]) == [[1, 2]]
    assert (both.was_sent, both.may_have_left) == (False, True)
    assert both.end_to_end_id != first.end_to_end_id
    (again,) = await claim(outbox, at=NOW + 20 * SECOND)
    assert (again.was_sent, again.end_to_end_id) == (True, both.end_to_end_id)


@pytest.mark.parametrize("is_answered", [True, False])
async def test_what_is_put_off_comes_again_as_a_whole(
    kept: Kept, outbox: Outbox, is_answered: bool
) -> None:
    (group, *_) = await furnish(kept.accounts)
    await leave(kept, group, report(group, 1), report(group, 2))
    (first,) = await claim(outbox)
    said = {"fault": "3004", "is_answered": is_answered}
    await outbox.settle([fate(first, Result.PUT_OFF, **said)], "one")
    assert await claim(outbox, now=NOW + SECOND - 1) == []
    (again,) = await claim(outbox, now=NOW + SECOND)
    assert contents([again]) == [[1, 2]]
    assert [(row.attempts, row.fault) for row in again.rows] == [(1, "3004")] * 2
    assert again.was_sent is again.may_have_left is not is_answered
    assert (again.end_to_end_id == first.end_to_end_id) is not is_answered


async def test_what_did_not_leave_is_another_request_unless_some_of_it_did_before(
    kept: Kept, outbox: Outbox
) -> None:
    (group, *_) = await furnish(kept.accounts)
    await leave(kept, group, report(group, 1))
    for has_left, may_have_left in ((False, False), (True, False), (False, True), (False, True)):
        (claimed,) = await claim(outbox, now=NOW + SECOND)
        assert claimed.may_have_left is claimed.was_sent is may_have_left
        await outbox.settle([fate(claimed, Result.PUT_OFF, has_left=has_left)], "one")


async def test_a_stream_that_waits_holds_up_no_other(kept: Kept, outbox: Outbox) -> None:
    (group, other, *_) = await furnish(kept.accounts)
    await leave(kept, group, notice(group, 1))
    await leave(kept, other, notice(other, 2))
    (first, second) = await claim(outbox)
    await outbox.settle([fate(first, Result.PUT_OFF), fate(second, Result.DELIVERED)], "one")
    await leave(kept, group, notice(group, 3))
    await leave(kept, other, notice(other, 4))
    assert contents(await claim(outbox)) == [[4]]
    assert contents(await claim(outbox, now=NOW + SECOND)) == [[1, 3]]


async def test_the_first_ones_may_be_delivered_without_the_others(
    kept: Kept, outbox: Outbox
) -> None:
    (group, *_) = await furnish(kept.accounts)
    await leave(kept, group, *(notice(group, number) for number in range(3)))
    (claimed,) = await claim(outbox)
    await outbox.settle([fate(claimed, Result.PUT_OFF, delivered=2, is_target_away=True)], "one")
    (rest,) = await claim(outbox, now=NOW + SECOND)
    assert [(row.content["a"], row.attempts) for row in rest.rows] == [(2, 0)]


async def test_what_is_given_up_is_kept_and_holds_up_nobody(kept: Kept, outbox: Outbox) -> None:
    (group, *_) = await furnish(kept.accounts)
    await leave(kept, group, notice(group, 1))
    (claimed,) = await claim(outbox)
    await outbox.settle([fate(claimed, Result.GIVEN_UP, fault="410")], "one")
    await leave(kept, group, notice(group, 2))
    assert contents(await claim(outbox)) == [[2]]
    assert await outbox.measure(OutboxKind.NOTICE) == (1, NOW, 1)
    assert await outbox.measure(OutboxKind.ABORT) == (0, None, 0)
    await outbox.forget(NOW)
    assert (await outbox.measure(OutboxKind.NOTICE)).given_up == 1
    await outbox.forget(NOW + 1)
    assert (await outbox.measure(OutboxKind.NOTICE)).given_up == 0


async def test_what_nobody_can_deliver_is_given_up_in_the_end(kept: Kept, outbox: Outbox) -> None:
    (group, *_) = await furnish(kept.accounts)
    await leave(kept, group, report(group), notice(group))
    await leave(kept, group, report(group), now=NOW + SECOND)
    (mine,) = await claim(outbox, SINK)
    kinds = OutboxKind.NOTICE, OutboxKind.SPENDING_LIMIT
    late = [await outbox.expire(kind, NOW + 1, NOW + SECOND, NOW) for kind in kinds]
    assert late == [0, 1], "what somebody is delivering is not given up"
    found = [await outbox.measure(kind) for kind in kinds]
    assert [(each.waiting, each.given_up) for each in found] == [(1, 0), (1, 1)]
    (left,) = await claim(outbox, PCRF, now=NOW + SECOND)
    assert len(left.rows) == 1
    assert left.head.fault is None
    assert mine.head.kind is OutboxKind.NOTICE


async def test_who_is_not_told_in_time_is_stale(kept: Kept, outbox: Outbox) -> None:
    groups = await furnish(kept.accounts)
    for group in groups[:2]:
        await subscribe(kept, group)
        await leave(kept, group, report(group))
    (claimed, _) = await claim(outbox)
    await outbox.settle([fate(claimed, Result.GIVEN_UP)], "one")
    assert await stale(kept, outbox) == {(groups[0], 7): NOW}
    await subscribe(kept, groups[2])
    version = (await case_of(kept.store, groups[2], update())).version
    await leave(kept, groups[2], report(groups[2]))
    await subscribe(kept, groups[2], answered_version=version + 1)
    await outbox.expire(OutboxKind.SPENDING_LIMIT, NOW + 1, NOW + SECOND, NOW + 60 * SECOND)
    assert await stale(kept, outbox) == {(groups[0], 7): NOW, (groups[1], 7): NOW + SECOND}


async def test_a_subscription_comes_with_its_reports(kept: Kept, outbox: Outbox) -> None:
    (group, other, *_) = await furnish(kept.accounts)
    session = await subscribe(kept, group)
    await leave(kept, group, report(group), report(group, number=8))
    await leave(kept, other, report(other))
    found = await claim(outbox)
    assert [each.session for each in found] == [session, None, None]


async def test_a_session_comes_as_it_is_now(kept: Kept, outbox: Outbox) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()))
    await charged(kept.store, (group, update(origin_host="standby.example")), now=NOW + SECOND)
    case = await case_of(kept.store, group, update())
    (session,) = case.sessions.values()
    about = "pgw.example", "example", session.number, b"session"
    await leave(kept, group, Outgoing(OutboxKind.REAUTHORIZATION, group, {"a": 1}, *about))
    gone = "pgw.example", "example", 99, b"gone"
    await leave(kept, group, Outgoing(OutboxKind.REAUTHORIZATION, group, {"a": 1}, *gone))
    called, unknown = await claim(outbox, now=NOW + SECOND)
    assert unknown.session is None
    now = (session.number, session.key, "standby.example", "example", NOW + SECOND)
    assert called.session == now
    assert await outbox.open_sessions(group, group) == [now]
    assert await outbox.open_sessions(group, group + 1) == []


async def test_something_else_may_leave_in_the_place_of_a_row(kept: Kept, outbox: Outbox) -> None:
    (group, *_) = await furnish(kept.accounts)
    everybody = Way(OutboxKind.REAUTHORIZATION, "")
    await leave(kept, group, notice(group), Outgoing(everybody.kind, group, {"a": 0}))
    (claimed,) = await claim(outbox, everybody)
    calls = tuple(
        Outgoing(everybody.kind, group, {"a": n}, "pgw.example", "example", n, b"s%d" % n)
        for n in (1, 2)
    )
    await outbox.settle([fate(claimed, Result.DROPPED, instead=calls)], "one")
    assert await claim(outbox, everybody) == []
    found = await claim(outbox, PGW)
    _, number, _ = claimed.head.key
    keys = [(group, number, 2 * PARTS_OF_PART + n) for n in range(2)]
    assert [each.head.key for each in found] == keys
    assert [each.head.session_number for each in found] == [1, 2]


async def test_so_many_streams_of_a_way_are_claimed_the_oldest_first(
    kept: Kept, outbox: Outbox
) -> None:
    groups = await furnish(kept.accounts)
    for late, group in enumerate(reversed(groups)):
        await leave(kept, group, notice(group, late), report(group, late), now=NOW + late)
    wanted = {SINK: 2, PCRF: 1}
    found = await outbox.claim(wanted, NOW + SECOND, lease(), [1, 2, 3])
    kinds = {kind: [] for kind in (OutboxKind.NOTICE, OutboxKind.SPENDING_LIMIT)}
    for each in found:
        kinds[each.head.kind].append(each.head.content["a"])
    assert [sorted(taken) for taken in kinds.values()] == [[0, 1], [0]]
    assert {each.end_to_end_id for each in found} == {1, 2, 3}


async def test_ways_are_told_with_those_who_hold_their_targets(kept: Kept, outbox: Outbox) -> None:
    (group, other, *_) = await furnish(kept.accounts)
    assert await outbox.waiting(NOW) == []
    await leave(kept, group, notice(group), report(group), now=NOW + 5)
    await leave(kept, other, notice(other), now=NOW + 3)
    pcrf = HeldPeer("pcrf.example", "example", False, frozenset({4, 16777302}))
    await outbox.hold([pcrf, HeldPeer("agent.example", "x", True, frozenset())], lease())
    await outbox.hold([pcrf], lease("two", seconds=5))
    sink, reports = await outbox.waiting(NOW)
    assert sink == (SINK, None, NOW + 3, ())
    assert reports[:3] == (PCRF, "example", NOW + 5)
    assert set(reports.holders) == {"one", "two"}
    assert (await outbox.waiting(NOW + 5 * SECOND))[1].holders == ("one",)
    await outbox.hold([], lease())
    assert (await outbox.waiting(NOW + 5 * SECOND))[1].holders == ()


async def test_operators_see_what_is_asked_for(kept: Kept, outbox: Outbox) -> None:
    (group, other, *_) = await furnish(kept.accounts)
    await leave(kept, group, notice(group), report(group), now=NOW + 1)
    await leave(kept, other, notice(other))
    (given_up, *_) = await claim(outbox, SINK, now=NOW + 1, most=1)
    await outbox.settle([fate(given_up, Result.GIVEN_UP)], "one")
    listed = [await listed_rows(kept, asked) for asked in (
        OutboxAsked(),
        OutboxAsked("demo", kind=OutboxKind.NOTICE),
        OutboxAsked(account=(group, group)),
        OutboxAsked(is_given_up=True),
        OutboxAsked(key=given_up.head.key),
        OutboxAsked("another"),
    )]  # fmt: skip
    notices, reports = OutboxKind.NOTICE, OutboxKind.SPENDING_LIMIT
    assert listed == [
        [("account 2", notices), ("account 1", notices), ("account 1", reports)],
        [("account 2", notices), ("account 1", notices)],
        [("account 1", notices), ("account 1", reports)],
        [("account 2", notices)],
        [("account 2", notices)],
        [],
    ]


async def test_what_was_given_up_is_tried_again_as_if_it_were_new(
    kept: Kept, outbox: Outbox
) -> None:
    (group, other, *_) = await furnish(kept.accounts)
    await leave(kept, group, notice(group, 1))
    (claimed,) = await claim(outbox)
    await outbox.settle([fate(claimed, Result.GIVEN_UP, fault="410")], "one")
    await leave(kept, group, notice(group, 2))
    await leave(kept, other, report(other))
    (_, busy) = await claim(outbox, at=FAR)
    assert await retried(kept, OutboxAsked(), NOW + SECOND) == [claimed.head.key]
    assert await retried(kept, OutboxAsked(key=busy.head.key), NOW + SECOND) == []
    (again,) = await claim(outbox, SINK, now=NOW + SECOND, at=FAR + 10 * SECOND)
    assert contents([again]) == [[1, 2]]
    head = again.head
    assert (head.attempts, head.fault, head.created_at) == (0, None, NOW + SECOND)


async def listed_rows(kept: Kept, asked: OutboxAsked) -> list[tuple[str | None, OutboxKind]]:
    found = await kept.accounts.find_outbox(asked, 10)
    return [(each.account, each.row.kind) for each in found]


async def retried(kept: Kept, asked: OutboxAsked, now: int) -> Sequence[tuple[int, int, int]]:
    async with kept.accounts.commanding() as work:
        return await work.retry_outbox(asked, now)


async def test_servers_that_claim_at_once_share_without_overlap(
    postgres: Kept, emptied: str
) -> None:
    groups = await furnish(postgres.accounts, range(1, 31))
    for group in groups:
        await leave(postgres, group, notice(group, 1), notice(group, 2))
    databases = [Database(emptied) for _ in range(4)]
    taken: list[tuple[int, int, int]] = []
    try:
        for _ in range(4):
            found = await asyncio.gather(
                *(
                    claim(PostgresOutbox(database), SINK, server=str(number), most=5)
                    for number, database in enumerate(databases)
                )
            )
            for claimed in itertools.chain(*found):
                assert contents([claimed]) == [[1, 2]]
                taken += [row.key for row in claimed.rows]
    finally:
        for database in databases:
            await database.close()
    assert len(taken) == len(set(taken)) == 60


async def test_a_hint_is_heard_by_others(postgres: Kept, emptied: str) -> None:
    assert postgres.database is not None
    outbox = PostgresOutbox(postgres.database)
    hints = outbox.hints()
    heard = asyncio.create_task(anext(hints))
    other = PostgresOutbox(postgres.database)
    while not heard.done():
        await other.hint()
        await asyncio.wait([heard], timeout=0.01)
    assert heard.exception() is None
    await hints.aclose()


class _Staled(Protocol):
    stale: Mapping[tuple[int, int], int]


async def stale(kept: Kept, outbox: Outbox) -> Mapping[tuple[int, int], int]:
    """Returns which subscriptions are stale, and since when."""
    if isinstance(outbox, MemoryOutbox):
        return outbox.stale
    assert kept.database is not None
    async with kept.database.connection() as connection:
        cursor = await connection.execute(
            "SELECT group_id, number, (extract(epoch FROM stale_at) * 1000000)::bigint"
            " FROM spending_limit WHERE stale_at IS NOT NULL"
        )
        return {(group, number): at for group, number, at in await cursor.fetchall()}


async def subscribe(kept: Kept, group: int, answered_version: int = 1) -> SpendingLimitSession:
    session = SpendingLimitSession(
        7,
        group,
        b"pcrf;\xff",
        "PCRF.example",
        "example",
        NOW,
        NOW,
        answered_version=answered_version,
    )
    before = await case_of(kept.store, group, update())
    edr = edr_of(Deed("subscribe", group, "test"), before)
    limits = {session.session_id: session}
    after = before._replace(version=edr.number, spending_limits=limits)
    await applied(kept.store, Change(before, after, (edr,), ()))
    return session
