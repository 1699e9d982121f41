"""Sessions of several accounts walked at random through lanes, against a small obvious model."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Coroutine, Iterator
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from diameter_ocs.charging.decisions import Decision, Outcome
from diameter_ocs.charging.requests import ChargingRequest
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.commands import Accounts
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.lanes import Lanes, LaneSettings
from diameter_ocs.handlers.ports import Store
from diameter_ocs.handlers.refusals import Refusal
from diameter_ocs.handlers.sessions import close_session
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
    ORDER,
    credited,
    event,
    furnish,
    initial,
    memory_faults,
    octets,
    terminate,
    update,
    used,
    want,
)

ACCOUNTS = (1, 2, 3)
SESSIONS = (b"a", b"b", b"c")
Key = tuple[int, bytes]
Result = TypeVar("Result")


class Walk(RuleBasedStateMachine):
    """What an account has is what it began with and was credited; what is used was reported."""

    def __init__(self) -> None:
        super().__init__()
        self.tenant = "demo"
        self.runner = self.new_runner()
        self.total = dict.fromkeys(ACCOUNTS, OCTETS)
        self.used = dict.fromkeys(ACCOUNTS, 0)
        self.granted: dict[Key, int] = {}
        self.ended: set[Key] = set()
        self.number: defaultdict[Key, int] = defaultdict(int)
        self.play(self.open())

    def new_runner(self) -> asyncio.Runner:
        return asyncio.Runner(loop_factory=VirtualTimeLoop)

    def play(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(coroutine)

    async def new_store(self) -> tuple[Store, Accounts]:
        self.memory = MemoryStore(read_stored)
        return self.memory, self.memory

    async def faults(self) -> object:
        return memory_faults(self.memory)

    async def open(self) -> None:
        store, self.accounts = await self.new_store()
        await furnish(self.accounts, ACCOUNTS, self.tenant)
        self.lanes = Lanes(store, LaneSettings(answer_budget_seconds=60), lambda: NOW)
        self.running = asyncio.create_task(self.lanes.run())

    async def close(self) -> None:
        self.running.cancel()
        await asyncio.wait([self.running])

    def teardown(self) -> None:
        self.play(self.close())
        self.runner.close()

    async def ask(self, *requests: ChargingRequest) -> list[Decision]:
        results: dict[int, list[Decision | Fault]] = {n: [] for n in range(len(requests))}
        for number, request in enumerate(requests):
            self.lanes.submit(request._replace(tenant=self.tenant), results[number].append)
        await self.lanes.drain()
        decisions = [result for replies in results.values() for result in replies]
        assert len(decisions) == len(requests)
        assert all(isinstance(decision, Decision) for decision in decisions)
        return [decision for decision in decisions if isinstance(decision, Decision)]

    def available(self, account: int) -> int:
        held = sum(units for (owner, _), units in self.granted.items() if owner == account)
        return self.total[account] - self.used[account] - held

    def next_number(self, key: Key) -> int:
        self.number[key] += 1
        return self.number[key]

    def take(self, key: Key, decision: Decision, wanted: int) -> None:
        """Note what is granted: all that was asked for, or what is left."""
        expected = min(wanted, self.available(key[0]))
        (service,) = decision.services
        assert (service.grant.units if service.grant else 0) == expected
        assert service.outcome is (Outcome.SUCCESS if expected else Outcome.LIMIT_REACHED)
        self.granted[key] = expected

    def report(self, key: Key, units: int) -> None:
        """Note usage: the balance pays what it has; the rest is an overrun."""
        if key in self.granted:
            self.granted[key] = 0
        self.used[key[0]] += min(units, self.available(key[0]))

    @rule(
        account=st.sampled_from(ACCOUNTS),
        session=st.sampled_from(SESSIONS),
        wanted=st.integers(1, OCTETS + 100),
    )
    def begin(self, account: int, session: bytes, wanted: int) -> None:
        key = account, session
        request = initial(
            account,
            self.name(key),
            request_number=self.next_number(key),
            usages=(want(wanted),),
        )
        (decision,) = self.play(self.ask(request))
        self.granted.pop(key, None)
        self.ended.discard(key)
        self.take(key, decision, wanted)

    @rule(
        account=st.sampled_from(ACCOUNTS),
        session=st.sampled_from(SESSIONS),
        reported=st.integers(0, OCTETS + 100),
        wanted=st.integers(1, OCTETS + 100),
    )
    def go_on(self, account: int, session: bytes, reported: int, wanted: int) -> None:
        key = account, session
        request = update(
            account,
            self.name(key),
            request_number=self.next_number(key),
            usages=(used(reported, wanted),),
        )
        (decision,) = self.play(self.ask(request))
        if key in self.granted or key in self.ended:
            self.report(key, reported)
        if key in self.granted:
            self.take(key, decision, wanted)
        else:
            assert decision.outcome is Outcome.SESSION_UNKNOWN

    @rule(
        account=st.sampled_from(ACCOUNTS),
        session=st.sampled_from(SESSIONS),
        reported=st.integers(0, OCTETS + 100),
    )
    def end(self, account: int, session: bytes, reported: int) -> None:
        key = account, session
        request = terminate(
            account,
            self.name(key),
            request_number=self.next_number(key),
            usages=(used(reported),),
        )
        (decision,) = self.play(self.ask(request))
        if key not in self.granted and key not in self.ended:
            assert decision.outcome is Outcome.SESSION_UNKNOWN
            return
        assert decision.outcome is Outcome.SUCCESS
        self.report(key, reported)
        self.granted.pop(key, None)
        self.ended.add(key)

    @rule(account=st.sampled_from(ACCOUNTS), session=st.sampled_from(SESSIONS))
    def close_by_command(self, account: int, session: bytes) -> None:
        key = account, session
        command = close_session(self.accounts, self.tenant, self.name(key).decode(), ORDER)
        try:
            self.play(command)
        except Refusal:
            assert key not in self.granted
            return
        self.granted.pop(key)
        self.ended.add(key)

    @rule(account=st.sampled_from(ACCOUNTS), wanted=st.integers(0, OCTETS + 100))
    def pay_at_once(self, account: int, wanted: int) -> None:
        key = account, b"event"
        number = self.next_number(key)
        request = event(account, self.name(key), request_number=number, usages=(want(wanted),))
        (decision,) = self.play(self.ask(request))
        expected = min(wanted or 1, self.available(account))
        (service,) = decision.services
        assert (service.grant.units if service.grant else 0) == expected
        assert decision.outcome is (Outcome.SUCCESS if expected else Outcome.LIMIT_REACHED)
        self.used[account] += expected

    @rule(wanted=st.lists(st.integers(1, 300), min_size=1, max_size=9))
    def everybody_at_once(self, wanted: list[int]) -> None:
        """One batch of updates without usage for all sessions that are open."""
        keys = sorted(self.granted)[: len(wanted)]
        requests = []
        for key, units in zip(keys, wanted, strict=False):
            number = self.next_number(key)
            usages = (used(0, units),)
            requests.append(update(key[0], self.name(key), request_number=number, usages=usages))
        if not requests:
            return
        decisions = self.play(self.ask(*requests))
        for key, decision, units in zip(keys, decisions, wanted, strict=False):
            self.granted[key] = 0
            self.take(key, decision, units)

    @rule(account=st.sampled_from(ACCOUNTS), amount=st.integers(-2 * OCTETS, OCTETS))
    def credit(self, account: int, amount: int) -> None:
        is_possible = amount != 0 and self.available(account) + min(amount, 0) >= 0
        try:
            self.play(credited(self.accounts, account, amount, self.tenant))
        except Refusal:
            assert not is_possible
            return
        assert is_possible
        self.total[account] += amount

    @invariant()
    def the_store_says_what_the_model_says(self) -> None:
        for account in ACCOUNTS:
            balance = self.play(octets(self.accounts, account, self.tenant))
            assert balance.total == self.total[account]
            assert balance.used == self.used[account]
            assert balance.available == self.available(account)
        assert self.play(self.faults()) == []

    @staticmethod
    def name(key: Key) -> bytes:
        return b"%d;%s" % key


class WalkInPostgres(Walk):
    """The same walk, with transactions that last."""

    conninfo: ClassVar[str]
    tenants: ClassVar[Iterator[int]]

    def new_runner(self) -> asyncio.Runner:
        return asyncio.Runner()

    async def new_store(self) -> tuple[Store, Accounts]:
        self.pool = Database(self.conninfo)
        catalogues = Catalogues(read_stored)
        store = PostgresStore(self.pool, catalogues)
        self.tenant = f"walk {next(self.tenants)}"
        return store, PostgresAccounts(self.pool, catalogues)

    async def faults(self) -> object:
        return list((await check_books(self.pool)).faults)

    async def close(self) -> None:
        await super().close()
        await self.pool.close()


def test_a_walk_in_memory_keeps_the_books() -> None:
    run_state_machine_as_test(
        Walk, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
    )


def test_a_walk_in_postgres_keeps_the_books(database: str) -> None:
    WalkInPostgres.conninfo = database
    WalkInPostgres.tenants = itertools.count()
    run_state_machine_as_test(
        WalkInPostgres,
        settings=settings(
            max_examples=8,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("amount", [0, -OCTETS - 1])
def test_the_model_knows_what_is_refused(amount: int) -> None:
    walk = Walk()
    walk.credit(1, amount)
    walk.the_store_says_what_the_model_says()
    walk.teardown()
