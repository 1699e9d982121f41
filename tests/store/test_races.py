"""Two servers at once on one account: whatever the order of their steps, each request counts once.

Every interleaving of two transactions is tried. Who finds the group locked tries again when the
other one has ended, as lanes do.
"""

import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import NamedTuple

import pytest

from diameter_ocs.charging.case import Case, Change
from diameter_ocs.charging.catalogue import SessionRules
from diameter_ocs.charging.charge import charge
from diameter_ocs.charging.decisions import Decision, Novelty, Outcome, Stored
from diameter_ocs.charging.faults import StaleCase
from diameter_ocs.charging.information import ServiceInformation
from diameter_ocs.charging.requests import ChargingRequest, SessionKey
from diameter_ocs.charging.reversals import reverse_unclaimed
from diameter_ocs.charging.session import CloseReason
from diameter_ocs.charging.supervision import close_unclaimed, supervise
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.ports import Store, Work
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.work import PostgresStore
from tests.store.scenario import (
    NOW,
    OCTETS,
    Kept,
    applied,
    case_of,
    charged,
    event,
    furnish,
    initial,
    octets,
    terminate,
    update,
    used,
    want,
)

SECOND = 1_000_000
IDLE = SessionRules().idle_seconds * SECOND
EACH = ("begin", "lock", "store", "commit")
"""The steps of a transaction."""
ORDERS = [
    tuple(0 if place in places else 1 for place in range(2 * len(EACH)))
    for places in itertools.combinations(range(2 * len(EACH)), len(EACH))
]
"""Whose step is next, in every possible order."""

Decide = Callable[[Case], Decision | None]


class Deed(NamedTuple):
    """What a transaction does to a group: it answers a request, or looks after a session."""

    group: int
    decide: Decide
    now: int
    request: ChargingRequest | None
    key: SessionKey


def asked(group: int, request: ChargingRequest, now: int = NOW) -> Deed:
    return Deed(group, lambda case: charge(request, case), now, request, request.session_key)


def looked_after(group: int, key: SessionKey, now: int) -> Deed:
    return Deed(group, lambda case: supervise(key, case), now, None, key)


def given_up(group: int, key: SessionKey, stored: Stored) -> Deed:
    return Deed(group, lambda case: close_unclaimed(key, stored, case), NOW, None, key)


class Transaction:
    """A deed on its way, a step at a time."""

    def __init__(self, store: Store, deed: Deed) -> None:
        self.deed = deed
        self.decision: Decision | None = None
        self.has_lock = False
        self._store = store
        self._steps = iter(EACH)
        self._stack = AsyncExitStack()
        self._work: Work

    async def step(self) -> None:
        await getattr(self, next(self._steps))()

    async def whole(self) -> None:
        for _ in EACH:
            await self.step()

    async def begin(self) -> None:
        self._work = await self._stack.enter_async_context(self._store.work())
        await self._work.lock([])  # a statement: what is read later is not as old as this

    async def lock(self) -> None:
        self.has_lock = self.deed.group in await self._work.lock([self.deed.group])

    async def store(self) -> None:
        if not self.has_lock:
            return
        group, decide, now, request, key = self.deed
        if request is None:
            cases = await self._work.load_sessions([(group, key)], now)
        else:
            cases, _ = await self._work.load([(group, request)], now)
        case = cases[group]
        self.decision = decide(case)
        if self.decision is not None:
            after = case.after(self.decision)
            changes = [Change(case, after, self.decision.edrs)] if after != case else []
            await self._work.apply(changes)

    async def commit(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def servers(postgres: Kept, emptied: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two servers on one database."""
    other = Database(emptied)
    yield postgres.store, PostgresStore(other, Catalogues(read_stored))
    await other.close()


async def raced(
    servers: tuple[Store, Store], deeds: tuple[Deed, Deed], order: Sequence[int]
) -> tuple[Decision | None, Decision | None, int]:
    """Take the steps in an order; return what came of both deeds, and who was first."""
    transactions = [Transaction(*pair) for pair in zip(servers, deeds, strict=True)]
    for who in order:
        await transactions[who].step()
    locked = [who for who in (0, 1) if transactions[who].has_lock]
    assert locked, "one of them always goes on"
    first = locked[0] if len(locked) == 1 else order[::-1].index(0) < order[::-1].index(1)
    for who in {0, 1} - set(locked):
        transactions[who] = Transaction(servers[who], deeds[who])
        await transactions[who].whole()
    one, other = transactions
    return one.decision, other.decision, int(first)


def told(decision: Decision | None) -> object:
    assert decision is not None
    return decision.outcome, [(service.outcome, service.grant) for service in decision.services]


class Table(NamedTuple):
    """An account of its own for each order."""

    order: tuple[int, ...]
    number: int
    group: int
    name: bytes

    @property
    def key(self) -> SessionKey:
        return SessionKey(self.name)


async def tables(kept: Kept) -> list[Table]:
    groups = await furnish(kept.accounts, range(1, len(ORDERS) + 1))
    return [
        Table(order, number, group, b"%d" % number)
        for number, (order, group) in enumerate(zip(ORDERS, groups, strict=True), 1)
    ]


async def edrs(kept: Kept, table: Table) -> int:
    """Return how many EDRs an account has beyond its first."""
    return (await case_of(kept.store, table.group)).version - 1


def test_every_order_of_two_transactions_is_tried() -> None:
    assert len(set(ORDERS)) == 70
    assert {tuple(sorted(order)) for order in ORDERS} == {(0,) * 4 + (1,) * 4}


MAKERS: dict[str, Callable[[Table], ChargingRequest]] = {
    "initial": lambda table: initial(table.number, table.name),
    "update": lambda table: update(table.number, table.name),
    "termination": lambda table: terminate(table.number, table.name),
    "late usage": lambda table: update(table.number, table.name),
    "event": lambda table: event(table.number, table.name),
    "event in a session": lambda table: event(table.number, table.name),
}


@pytest.mark.parametrize("kind", MAKERS)
async def test_one_request_at_two_servers_is_charged_once(
    postgres: Kept, servers: tuple[Store, Store], kind: str
) -> None:
    for table in await tables(postgres):
        before: list[ChargingRequest] = []
        if kind not in ("initial", "event"):
            before.append(initial(table.number, table.name))
        if kind == "late usage":
            before.append(terminate(table.number, table.name, request_number=0))
        await charged(postgres.store, *((table.group, request) for request in before))
        deed = asked(table.group, MAKERS[kind](table))
        one, other, _ = await raced(servers, (deed, deed), table.order)
        assert told(one) == told(other)
        assert one is not None
        assert other is not None
        novelties = sorted([one.novelty, other.novelty])
        expected = Novelty.LATE if kind == "late usage" else Novelty.NEW
        assert novelties == sorted([expected, Novelty.REPEATED])
        assert await edrs(postgres, table) == len(before) + 1


async def test_a_repeat_is_answered_alike_before_and_after_its_session_is_given_up(
    postgres: Kept, servers: tuple[Store, Store]
) -> None:
    for table in await tables(postgres):
        request = update(table.number, table.name)
        opening = initial(table.number, table.name)
        first = (await charged(postgres.store, (table.group, opening), (table.group, request)))[1]
        assert isinstance(first, Decision)
        again = request._replace(is_retransmission=True)
        deeds = (
            asked(table.group, again, NOW + IDLE),
            looked_after(table.group, table.key, NOW + IDLE),
        )
        repeated, closed, _ = await raced(servers, deeds, table.order)
        assert told(repeated) == told(first)
        assert closed is not None
        assert [edr.reason for edr in closed.edrs] == [CloseReason.IDLE]
        assert await edrs(postgres, table) == 3
        assert (await octets(postgres.accounts, table.number))[5:7] == (10, 0)


async def test_usage_is_charged_once_before_or_after_its_session_is_given_up(
    postgres: Kept, servers: tuple[Store, Store]
) -> None:
    winners = set()
    for table in await tables(postgres):
        await charged(postgres.store, (table.group, initial(table.number, table.name)))
        deeds = (
            asked(table.group, update(table.number, table.name), NOW + IDLE),
            looked_after(table.group, table.key, NOW + IDLE),
        )
        charge, closed, first = await raced(servers, deeds, table.order)
        assert charge is not None
        assert closed is not None
        case = await case_of(postgres.store, table.group, deeds[0].request)
        balance = await octets(postgres.accounts, table.number)
        if first == 0:
            assert (charge.novelty, closed.edrs) == (Novelty.NEW, ())
            assert balance[5:7] == (10, 100)
            assert case.sessions
        else:
            assert charge.novelty is Novelty.LATE
            assert balance[5:7] == (10, 0)
            assert not case.sessions
        winners.add(first)
    assert winners == {0, 1}


async def test_a_termination_ends_a_session_once_whoever_is_first(
    postgres: Kept, servers: tuple[Store, Store]
) -> None:
    for table in await tables(postgres):
        await charged(postgres.store, (table.group, initial(table.number, table.name)))
        deeds = (
            asked(table.group, terminate(table.number, table.name), NOW + IDLE),
            looked_after(table.group, table.key, NOW + IDLE),
        )
        ended, closed, first = await raced(servers, deeds, table.order)
        assert ended is not None
        assert ended.outcome is Outcome.SUCCESS
        assert (closed is None) == (first == 0), "a session that has ended is not looked at"
        assert await edrs(postgres, table) == (2 if first == 0 else 3)
        assert (await octets(postgres.accounts, table.number))[5:7] == (10, 0)


async def test_of_two_openings_under_one_name_the_later_one_stands(
    postgres: Kept, servers: tuple[Store, Store]
) -> None:
    for table in await tables(postgres):
        wishes = 30, 40
        deeds = [
            asked(table.group, initial(table.number, table.name, usages=(want(units),)))
            for units in wishes
        ]
        *_, first = await raced(servers, (deeds[0], deeds[1]), table.order)
        case = await case_of(postgres.store, table.group, update(table.number, table.name))
        assert [session.number for session in case.sessions.values()] == [4]
        assert await edrs(postgres, table) == 3
        balance = await octets(postgres.accounts, table.number)
        assert balance.reserved == wishes[1 - first]


async def test_a_repeated_opening_gets_a_session_though_it_is_being_closed_as_unclaimed(
    postgres: Kept, servers: tuple[Store, Store]
) -> None:
    for table in await tables(postgres):
        request = initial(table.number, table.name)
        (opened,) = await charged(postgres.store, (table.group, request))
        assert isinstance(opened, Decision)
        assert opened.session is not None
        deeds = (
            asked(table.group, request),
            given_up(table.group, table.key, opened.edrs[0].stored),
        )
        again, closed, first = await raced(servers, deeds, table.order)
        assert again is not None
        assert closed is not None
        expected = Novelty.REPEATED if first == 0 else Novelty.NEW
        assert again.novelty is expected
        held = (await octets(postgres.accounts, table.number)).reserved
        assert held == (0 if first == 0 else 100)


async def test_a_repeated_event_is_paid_for_or_not_served_though_it_is_being_reversed(
    postgres: Kept, servers: tuple[Store, Store]
) -> None:
    for table in await tables(postgres):
        request = event(table.number, table.name)
        (paid,) = await charged(postgres.store, (table.group, request))
        assert isinstance(paid, Decision)
        reverse = partial(reverse_unclaimed, request, paid.edrs[0].stored)
        deeds = asked(table.group, request), Deed(table.group, reverse, NOW, request, table.key)
        again, reversal, first = await raced(servers, deeds, table.order)
        assert again is not None
        assert reversal is not None, "that it was claimed is known to its own process alone"
        assert again.novelty is (Novelty.REPEATED if first == 0 else Novelty.NEW)
        assert (await octets(postgres.accounts, table.number)).used == (0 if first == 0 else 10)
        assert await edrs(postgres, table) == (2 if first == 0 else 3)


STALE: dict[str, Callable[[SessionKey, Case], Decision | None]] = {
    "update": lambda key, case: charge(update(session_key=key), case),
    "termination": lambda key, case: charge(terminate(session_key=key), case),
    "supervision": supervise,
}


@pytest.mark.parametrize("deed", STALE)
@pytest.mark.parametrize("after", ["update", "termination", "another session"])
async def test_what_was_decided_on_an_old_case_is_not_stored(
    kept: Kept, deed: str, after: str
) -> None:
    """It is decided again on what the other one left: who writes without a lock harms nobody."""
    (group, *_) = await furnish(kept.accounts)
    key = SessionKey(b"session")
    await charged(kept.store, (group, initial()))
    before = await case_of(kept.store, group, update(), now=NOW + IDLE)
    decision = STALE[deed](key, before)
    assert decision is not None
    others = {
        "update": update(request_number=7, usages=(used(1, 5),)),
        "termination": terminate(request_number=7, usages=(used(1),)),
        "another session": initial(session=b"other", usages=(want(3),)),
    }
    await charged(kept.store, (group, others[after]), now=NOW + IDLE)
    stored = await case_of(kept.store, group, update(), now=NOW + IDLE)
    with pytest.raises(StaleCase):
        await applied(kept.store, Change(before, before.after(decision), decision.edrs))
    assert await case_of(kept.store, group, update(), now=NOW + IDLE) == stored


async def test_of_two_openings_for_one_bearer_the_later_one_stands(
    postgres: Kept, servers: tuple[Store, Store]
) -> None:
    said = {"information": ServiceInformation(apn="internet"), "charging_id": 7}
    for table in await tables(postgres):
        names = table.name, table.name + b"/"
        deeds = [asked(table.group, initial(table.number, name, **said)) for name in names]
        *_, first = await raced(servers, (deeds[0], deeds[1]), table.order)
        case = await case_of(
            postgres.store, table.group, *(update(table.number, name) for name in names)
        )
        assert [key.session_id for key in case.sessions] == [names[1 - first]]
        assert [closed.reason for closed in case.closed.values()] == [CloseReason.REPLACED]
        assert (await octets(postgres.accounts, table.number))[5:7] == (0, 100)


async def test_two_sessions_of_one_balance_are_never_promised_more_than_it_has(
    postgres: Kept, servers: tuple[Store, Store]
) -> None:
    for table in await tables(postgres):
        names = table.name, table.name + b"/"
        opening = [
            asked(table.group, initial(table.number, name, usages=(want(600),))) for name in names
        ]
        one, other, first = await raced(servers, (opening[0], opening[1]), table.order)
        grants = [_grant(decision) for decision in (one, other)]
        assert sorted(grants) == [(400, False), (600, False)], "what the other holds may come back"
        ending = [
            asked(
                table.group,
                terminate(table.number, names[first], usages=(used(600),), request_number=1),
            ),
            asked(
                table.group,
                update(table.number, names[1 - first], usages=(used(400, 100),), request_number=1),
            ),
        ]
        _, updated, _ = await raced(servers, (ending[0], ending[1]), table.order)
        assert updated is not None
        assert [service.outcome for service in updated.services] == [Outcome.LIMIT_REACHED]
        assert (await octets(postgres.accounts, table.number))[5:7] == (OCTETS, 0)


def _grant(decision: Decision | None) -> tuple[int, bool]:
    assert decision is not None
    (service,) = decision.services
    assert service.grant is not None
    return service.grant.units, service.grant.is_final
