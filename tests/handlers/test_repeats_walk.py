"""Gateways that lose answers, send again, reorder and fall silent, against a slow obvious model."""

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from diameter_ocs.charging.catalogue import SessionRules
from diameter_ocs.charging.decisions import Decision, Outcome
from diameter_ocs.charging.repeats import SAME_IDENTIFIER_MICROSECONDS
from diameter_ocs.charging.requests import ChargingRequest, RequestType, ServiceUsage, SessionKey
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.commands import Accounts
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.lanes import Lanes, LaneSettings
from diameter_ocs.handlers.ports import Store
from diameter_ocs.handlers.supervision import Supervision
from diameter_ocs.handlers.unclaimed import Unclaimed
from diameter_ocs.observability import create_metrics
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.books import check_books
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.work import PostgresStore
from tests.handlers.virtual_time import VirtualTimeLoop
from tests.store.scenario import (
    NOW,
    OCTETS,
    ask,
    case_of,
    furnish,
    identifiers,
    memory_faults,
    octets,
    used,
    want,
)

ACCOUNTS = (1, 2)
SESSIONS = (b"a", b"b")
GATEWAYS = ("gw1.example", "gw2.example")
SERVERS = (0, 1)
SECOND = 1_000_000
SECONDS = (1, 239, 242, 3600, 3 * 3600, 25 * 3600, 49 * 3600)
BEHIND = SECOND
"""The clock of the second server is late by so much."""
RULES = SessionRules()
INITIAL, UPDATE, TERMINATION, EVENT = RequestType
Result = TypeVar("Result")
Key = tuple[int, bytes]


class Answered(NamedTuple):
    """A request that was charged, and what it was told."""

    request: ChargingRequest
    at: int
    answer: object


@dataclass
class Incarnation:
    """One life of a session."""

    heard_at: int
    granted: int = 0
    expires_at: int = 0
    closed_at: int | None = None
    is_unknown: bool = False
    searched_from: int = 0
    """Events before it are forgotten, though others of their name are not."""
    answers: list[Answered] = field(default_factory=list)


class Expected(NamedTuple):
    """What the model says of a request."""

    answer: object = None
    """None: it is new, and the rest is known of the answer."""
    outcome: Outcome = Outcome.SUCCESS
    granted: int | None = None
    """None: nothing was asked for, or nothing could be."""


class Account:
    """What one account has; `edrs` counts what its journal says."""

    def __init__(self) -> None:
        self.used = 0
        self.edrs = 1
        self.last_at = NOW
        self.sessions: dict[bytes, Incarnation] = {}

    @property
    def available(self) -> int:
        return OCTETS - self.used - sum(session.granted for session in self.sessions.values())

    def find(self, name: bytes, now: int) -> Incarnation | None:
        """Return the latest life of a session, open or remembered."""
        session = self.sessions.get(name)
        if session is None or session.closed_at is None:
            return session
        forgotten_at = session.closed_at + (RULES.tombstone_seconds + 1) * SECOND
        return session if now < forgotten_at else None

    def pay(self, session: Incarnation, units: int) -> None:
        session.granted = 0
        self.used += min(units, self.available)

    def close(self, session: Incarnation, now: int) -> None:
        session.granted = 0
        session.closed_at = now


def is_repeat(first: Answered, again: ChargingRequest, now: int, by_content: bool) -> bool:
    was = first.request
    if (was.request_type, was.request_number) != (again.request_type, again.request_number):
        return False
    is_recent = now - first.at <= SAME_IDENTIFIER_MICROSECONDS
    sent_by = was.origin_host, was.end_to_end_id
    if is_recent and sent_by == (again.origin_host, again.end_to_end_id):
        return True
    return again.is_retransmission or (by_content and was.usages == again.usages)


def decide(account: Account, request: ChargingRequest, name: bytes, now: int) -> Expected:
    """Do in the model what a request does; say what it is to be told."""
    session = account.find(name, now)
    if request.is_retransmission and request.request_type is not INITIAL:
        session = account.sessions.get(name)  # it is looked for in the journal
    if session is not None:
        by_content = session.closed_at is None or request.request_type is not INITIAL
        for first in reversed(session.answers):
            if first.at >= session.searched_from and is_repeat(first, request, now, by_content):
                return Expected(first.answer)
    session = account.find(name, now)
    if request.request_type is EVENT:
        if session is None:
            account.sessions[name] = session = Incarnation(now)
        return _paid(account, session, request, now)
    if request.request_type is INITIAL:
        if session is not None and session.closed_at is None:
            account.close(session, now)
            account.edrs += 1
        account.sessions[name] = session = Incarnation(now)
        return _charged(account, session, request, now, Outcome.SUCCESS)
    if session is not None and session.closed_at is None:
        return _charged(account, session, request, now, Outcome.SUCCESS)
    is_late = session is not None and not session.is_unknown
    is_success = is_late and request.request_type is TERMINATION
    outcome = Outcome.SUCCESS if is_success else Outcome.SESSION_UNKNOWN
    if not any(usage.used for usage in request.usages):
        return Expected(None, outcome)
    if session is None:
        account.sessions[name] = session = Incarnation(now, is_unknown=True)
    session.closed_at = now
    return _charged(account, session, request, now, outcome)


def _paid(account: Account, event: Incarnation, request: ChargingRequest, now: int) -> Expected:
    account.edrs += 1
    account.last_at = event.heard_at = event.closed_at = now
    event.searched_from = max(event.searched_from, now - RULES.tombstone_seconds * SECOND)
    (usage,) = request.usages
    assert usage.requested is not None
    granted = min(usage.requested.octets or 1, account.available)
    account.used += granted
    return Expected(None, Outcome.SUCCESS if granted else Outcome.LIMIT_REACHED, granted)


def _charged(
    account: Account, session: Incarnation, request: ChargingRequest, now: int, outcome: Outcome
) -> Expected:
    account.edrs += 1
    account.last_at = session.heard_at = now
    granted = None
    is_ending = session.closed_at is not None or request.request_type is TERMINATION
    for usage in request.usages:
        units = sum(each.octets or 0 for each in usage.used)
        account.pay(session, 0 if session.is_unknown else units)
        if usage.requested is not None and not is_ending:
            granted = session.granted = min(usage.requested.octets or 0, account.available)
    if request.request_type is TERMINATION:
        account.close(session, now)
    return Expected(None, outcome, granted)


def look(account: Account, now: int) -> None:
    """Do in the model what supervision does."""
    for session in account.sessions.values():
        if session.closed_at is not None:
            continue
        if session.heard_at + RULES.idle_seconds * SECOND <= now:
            account.close(session, now)
            account.edrs += 1
        elif session.granted and session.expires_at <= now:
            session.granted = 0
            account.edrs += 1


def told(decision: Decision) -> object:
    """Return what a client is told."""
    return decision.outcome, tuple(
        (service.usage.rating_group, service.usage.service_identifiers, service[1:])
        for service in decision.services
    )


class Client(NamedTuple):
    """A gateway, the session that it has, and the server that it asks."""

    account: int
    name: bytes
    host: str
    server: int


clients = st.builds(
    Client,
    st.sampled_from(ACCOUNTS),
    st.sampled_from(SESSIONS),
    st.sampled_from(GATEWAYS),
    st.sampled_from(SERVERS),
)
servers = st.sampled_from(SERVERS)
units = st.integers(0, OCTETS // 2)
wishes = st.integers(1, OCTETS // 2)
copies = st.integers(1, 3)
orders = st.just([0]) | st.permutations(range(3))
pauses = st.sampled_from([0, 0, 0, *SECONDS])
ways = st.sampled_from(["same", "same", "flagged", "rebuilt", "moved", "altered", "changed"])


class RepeatsWalk(RuleBasedStateMachine):
    """Each distinct request is charged once, and each repeat of it answered as before."""

    def __init__(self) -> None:
        super().__init__()
        self.tenant = "demo"
        self.runner = self.new_runner()
        self.now = NOW
        self.clocks = [lambda: self.now, lambda: self.now - BEHIND]
        self.accounts = {number: Account() for number in ACCOUNTS}
        self.sent: list[ChargingRequest] = []
        self.play(self.open())

    def new_runner(self) -> asyncio.Runner:
        return asyncio.Runner(loop_factory=VirtualTimeLoop)

    def play(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(coroutine)

    async def new_stores(self) -> list[Store]:
        return [self.kept] * len(SERVERS)

    async def new_provisioning(self) -> Accounts:
        self.kept = MemoryStore(read_stored)
        return self.kept

    async def faults(self) -> object:
        return memory_faults(self.kept)

    async def open(self) -> None:
        self.provisioning = await self.new_provisioning()
        groups = await furnish(self.provisioning, ACCOUNTS, self.tenant)
        self.groups = dict(zip(ACCOUNTS, groups, strict=True))
        await self.start()

    async def start(self) -> None:
        self.stores = await self.new_stores()
        settings = LaneSettings(answer_budget_seconds=60)
        self.lanes = [
            Lanes(store, settings, clock)
            for store, clock in zip(self.stores, self.clocks, strict=True)
        ]
        self.running = [asyncio.create_task(lanes.run()) for lanes in self.lanes]

    async def stop(self) -> None:
        for task in self.running:
            task.cancel()
        await asyncio.wait(self.running)

    def teardown(self) -> None:
        self.play(self.stop())
        self.runner.close()

    async def ask(self, server: int, requests: list[ChargingRequest]) -> list[Decision]:
        results: list[list[Decision | Fault]] = [[] for _ in requests]
        for request, replies in zip(requests, results, strict=True):
            self.lanes[server].submit(request, replies.append)
        await self.lanes[server].drain()
        decisions = [result for (result,) in results]
        assert all(isinstance(decision, Decision) for decision in decisions)
        return [decision for decision in decisions if isinstance(decision, Decision)]

    def send(self, server: int, *requests: ChargingRequest) -> None:
        """Let a server decide requests of one session, and compare with the model."""
        for request, decision in zip(
            requests, self.play(self.ask(server, list(requests))), strict=True
        ):
            self.compare(server, request, decision)
            self.sent.append(request)

    def time(self, server: int, account: Account) -> int:
        """Return what a server takes for the time: never earlier than it was for an account."""
        return max(self.clocks[server](), account.last_at)

    def compare(self, server: int, request: ChargingRequest, decision: Decision) -> None:
        account = self.accounts[int(request.identities[0].value[5:])]
        now = self.time(server, account)
        name = request.session_key.session_id
        edrs = account.edrs
        expected = decide(account, request, name, now)
        answer = told(decision)
        if expected.answer is not None:
            assert answer == expected.answer
            assert not decision.edrs
            return
        grants = [service.grant for service in decision.services if service.grant is not None]
        assert decision.outcome is expected.outcome
        assert sum(grant.units for grant in grants) == (expected.granted or 0)
        assert len(decision.edrs) == account.edrs - edrs
        if not decision.edrs:
            return
        session = account.sessions[name]
        session.answers.append(Answered(request, now, answer))
        for grant in grants if request.request_type is not EVENT else ():
            lasts = 2 * grant.validity_seconds + (grant.holding_seconds or 0)
            session.expires_at = now + max(lasts, 300) * SECOND

    def request(
        self, client: Client, request_type: RequestType, number: int, *usages: ServiceUsage
    ) -> ChargingRequest:
        return ask(
            request_type,
            client.account,
            b"%d;%s" % (client.account, client.name),
            usages,
            request_number=number,
            origin_host=client.host,
            tenant=self.tenant,
        )

    def next_number(self, client: Client) -> int:
        key = self.request(client, INITIAL, 0).session_key
        numbers = [each.request_number for each in self.sent if each.session_key == key]
        return max(numbers, default=-1) + 1

    @rule(client=clients, number=st.none() | st.integers(0, 3), wanted=wishes, copies=copies)
    def begin(self, client: Client, number: int | None, wanted: int, copies: int) -> None:
        number = self.next_number(client) if number is None else number
        self.send(client.server, *[self.request(client, INITIAL, number, want(wanted))] * copies)

    @rule(client=clients, order=orders, reported=st.none() | units, wanted=wishes, copies=copies)
    def go_on(
        self, client: Client, order: list[int], reported: int | None, wanted: int, copies: int
    ) -> None:
        """Send one update several times; or three in any order, as a network may."""
        first = self.next_number(client)
        usage = want(wanted) if reported is None else used(reported, wanted)
        requests = [self.request(client, UPDATE, first + n, usage) for n in order]
        self.send(client.server, *requests * copies)

    @rule(client=clients, reported=st.none() | units, copies=copies)
    def end(self, client: Client, reported: int | None, copies: int) -> None:
        usages = [] if reported is None else [used(reported)]
        request = self.request(client, TERMINATION, self.next_number(client), *usages)
        self.send(client.server, *[request] * copies)

    @rule(client=clients, number=st.none() | st.integers(0, 3), wanted=wishes, copies=copies)
    def pay_at_once(self, client: Client, number: int | None, wanted: int, copies: int) -> None:
        client = client._replace(name=client.name + b";event")
        number = self.next_number(client) if number is None else number
        self.send(client.server, *[self.request(client, EVENT, number, want(wanted))] * copies)

    @rule(which=st.integers(0, 4) | st.integers(0, 100), way=ways, server=servers, pause=pauses)
    def send_again(self, which: int, way: str, server: int, pause: int) -> None:
        """Send what was sent before, be it ages ago: as it was, or as a client makes it anew."""
        if not self.sent:
            return
        request = self.sent[-1 - which % len(self.sent)]
        if way == "moved":
            other = GATEWAYS[request.origin_host == GATEWAYS[0]]
            request = request._replace(origin_host=other)
        if way in ("altered", "changed"):
            request = request._replace(usages=(want(1 + which),))
        if way not in ("same", "altered"):
            request = request._replace(end_to_end_id=next(identifiers))
        request = request._replace(is_retransmission=way == "flagged")
        self.now += pause * SECOND
        self.send(server, request)

    @rule(seconds=st.sampled_from(SECONDS), server=st.none() | servers)
    def wait(self, seconds: int, server: int | None) -> None:
        """Let time pass; a server may look after sessions then."""
        self.now += seconds * SECOND
        if server is not None:
            self.look_after_sessions(server)

    def look_after_sessions(self, server: int) -> None:
        """Quotas that have expired are given back, sessions of which nothing is heard end."""
        for group, _ in self.play(self.looked_after(server)):
            (number,) = [number for number, own in self.groups.items() if own == group]
            account = self.accounts[number]
            account.last_at = self.time(server, account)
        for account in self.accounts.values():
            look(account, self.time(server, account))

    async def looked_after(self, server: int) -> list[tuple[int, SessionKey]]:
        """Return the sessions of this walk that were due; others may have left theirs behind."""
        due = await self.stores[server].due_sessions(self.clocks[server](), 1000)
        supervision = Supervision(
            self.stores[server], Unclaimed(), self.clocks[server], create_metrics()
        )
        while await supervision.look():
            pass
        return [(group, key) for group, key in due if group in self.groups.values()]

    @rule()
    def restart(self) -> None:
        self.play(self.restarted())

    async def restarted(self) -> None:
        await self.stop()
        await self.start()

    @invariant()
    def the_store_says_what_the_model_says(self) -> None:
        for number, account in self.accounts.items():
            balance = self.play(octets(self.provisioning, number, self.tenant))
            assert balance.used == account.used
            assert balance.available == account.available
            case = self.play(case_of(self.stores[0], self.groups[number], now=self.now))
            assert case.version == account.edrs
        assert self.play(self.faults()) == []


class RepeatsWalkInPostgres(RepeatsWalk):
    """The same walk, with transactions that last, and servers that share nothing else."""

    conninfo: ClassVar[str]
    tenants: ClassVar[Iterator[int]]

    def new_runner(self) -> asyncio.Runner:
        return asyncio.Runner()

    async def new_provisioning(self) -> Accounts:
        self.tenant = f"walk {next(self.tenants)}"
        self.pools: list[Database] = []
        self.own = Database(self.conninfo)
        catalogues = Catalogues(read_stored)
        return PostgresAccounts(self.own, catalogues)

    async def new_stores(self) -> list[Store]:
        self.pools = [Database(self.conninfo, pool_size=2) for _ in SERVERS]
        return [PostgresStore(pool, Catalogues(read_stored)) for pool in self.pools]

    async def faults(self) -> object:
        return list((await check_books(self.own)).faults)

    async def stop(self) -> None:
        await super().stop()
        for pool in self.pools:
            await pool.close()

    def teardown(self) -> None:
        self.play(self.stop())
        self.play(self.own.close())
        self.runner.close()


async def test_what_two_servers_are_asked_at_once_is_charged_once(database: str) -> None:
    """They get in each other's way: groups are locked, requests are parked and tried again."""
    numbers = range(1, 41)
    pools = [Database(database) for _ in SERVERS]
    catalogues = Catalogues(read_stored)
    stores = [PostgresStore(pool, catalogues) for pool in pools]
    provisioning = PostgresAccounts(pools[0], catalogues)
    await furnish(provisioning, numbers)
    lanes = [Lanes(store, LaneSettings(batch_size=16), lambda: NOW) for store in stores]
    running = [asyncio.create_task(each.run()) for each in lanes]
    for request_type, usages in (
        (EVENT, (want(20),)),
        (INITIAL, (want(100),)),
        (UPDATE, (used(70, 50),)),
        (TERMINATION, (used(30),)),
    ):
        answers: dict[int, list[Decision | Fault]] = {number: [] for number in numbers}
        for number in numbers:
            request = ask(request_type, number, b"%d" % number, usages)
            for server in lanes[:: 1 if number % 2 else -1]:
                server.submit(request, answers[number].append)
        for server in lanes:
            await server.drain()
        for one, other in answers.values():
            assert isinstance(one, Decision)
            assert isinstance(other, Decision)
            assert told(one) == told(other)
            assert sorted([one.novelty.name, other.novelty.name]) == ["NEW", "REPEATED"]
    for number in numbers:
        assert (await octets(provisioning, number))[5:7] == (120, 0)
    assert (await check_books(pools[0])).are_balanced
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    for pool in pools:
        await pool.close()


def test_servers_that_take_turns_with_an_account_decide_on_what_it_is_now(database: str) -> None:
    """What the second one remembers of it is older than the session that it finds there."""
    RepeatsWalkInPostgres.conninfo = database
    RepeatsWalkInPostgres.tenants = itertools.count()
    walk = RepeatsWalkInPostgres()
    walk.begin(client=Client(1, b"b", GATEWAYS[0], 1), number=0, wanted=87, copies=1)
    walk.begin(client=Client(1, b"a", GATEWAYS[0], 0), number=2, wanted=437, copies=1)
    walk.begin(client=Client(1, b"a", GATEWAYS[0], 1), number=3, wanted=419, copies=1)
    walk.the_store_says_what_the_model_says()
    walk.teardown()


def test_repeats_in_memory_are_answered_and_not_charged() -> None:
    run_state_machine_as_test(
        RepeatsWalk, settings=settings(max_examples=80, stateful_step_count=40, deadline=None)
    )


def test_repeats_in_postgres_are_answered_and_not_charged(database: str) -> None:
    RepeatsWalkInPostgres.conninfo = database
    RepeatsWalkInPostgres.tenants = itertools.count()
    run_state_machine_as_test(
        RepeatsWalkInPostgres,
        settings=settings(
            max_examples=6,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
