"""Commands and requests of one family of accounts at random, one by one and at once.

After each step the books are balanced, and what was taken was taken from what may pay.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from diameter_ocs.charging.accounts import AccountSummary, NewAccount
from diameter_ocs.charging.case import AccountState
from diameter_ocs.charging.decisions import Decision, Edr, EdrKind, Outcome
from diameter_ocs.charging.ledger import Balance, is_valid
from diameter_ocs.charging.requests import ChargingRequest
from diameter_ocs.handlers.accounts import (
    create_child,
    delete_account,
    resume_account,
    suspend_account,
)
from diameter_ocs.handlers.balances import Credit, Terms, credit_balance, new_balance, set_terms
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.commands import Accounts, Done, Order
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.devices import create_device, delete_device
from diameter_ocs.handlers.lanes import Lanes, LaneSettings
from diameter_ocs.handlers.ports import Store
from diameter_ocs.handlers.refusals import Refusal
from diameter_ocs.handlers.subscriptions import (
    NewSubscription,
    add_subscription,
    cancel_subscription,
)
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.books import check_books
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.journal import EdrsAsked, list_edrs
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.work import PostgresStore
from tests.handlers.virtual_time import VirtualTimeLoop
from tests.store.scenario import (
    NOW,
    OCTETS,
    furnish,
    imsi,
    initial,
    memory_faults,
    terminate,
    update,
    used,
    want,
)

PARENT, CHILD = 1, 2
SECOND = 1_000_000
MEMBERS = st.sampled_from((PARENT, CHILD))
SESSIONS = st.sampled_from((b"a", b"b"))
UNITS = st.integers(1, OCTETS + 100)
SECONDS = st.integers(1, 90)
Command = Callable[[], Awaitable[Done]]
Result = TypeVar("Result")


def name(member: int) -> str:
    return f"account {member}"


class LifeWalk(RuleBasedStateMachine):
    """A parent and its child, charged and changed by command."""

    def __init__(self) -> None:
        super().__init__()
        self.tenant = "demo"
        self.runner = self.new_runner()
        self.now = NOW
        self.number = itertools.count(1)
        self.seen = 0
        self.known: dict[int, Balance] = {}
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

    async def journal(self) -> list[Edr]:
        return self.memory.groups[self.group].edrs

    async def furnished(self) -> list[int]:
        return await furnish(self.accounts, [PARENT], self.tenant)

    async def open(self) -> None:
        self.store, self.accounts = await self.new_store()
        (self.group,) = await self.furnished()
        self.start()
        await self.child()()

    def start(self) -> None:
        """Work on what is stored as a server that remembers nothing."""
        self.lanes = Lanes(self.store, LaneSettings(answer_budget_seconds=60), lambda: self.now)
        self.running = [asyncio.create_task(self.lanes.run())]

    async def stop(self) -> None:
        for task in self.running:
            task.cancel()
        await asyncio.wait(self.running)

    async def close(self) -> None:
        await self.stop()

    def teardown(self) -> None:
        self.play(self.close())
        self.runner.close()

    async def ask(self, *requests: ChargingRequest) -> list[Decision]:
        results: list[Decision | Fault] = []
        for request in requests:
            self.lanes.submit(request._replace(tenant=self.tenant), results.append)
        await self.lanes.drain()
        decisions = [result for result in results if isinstance(result, Decision)]
        assert len(decisions) == len(requests)
        return decisions

    async def do(self, command: Command) -> Done | None:
        """Give a command; None: it was refused, and not for want of trying."""
        try:
            return await command()
        except Refusal as refusal:
            refused = refusal.code
        assert refused not in ("busy", "tenant_unknown")
        return None

    def order(self) -> Order:
        return Order("walk", None, self.now)

    def child(self) -> Command:
        new = NewAccount(name(CHILD), ("plan",), (imsi(CHILD),))
        asked = new, name(PARENT)
        return lambda: create_child(self.accounts, self.tenant, asked, self.order())

    async def members(self) -> Sequence[AccountSummary]:
        return await self.accounts.find_accounts(self.tenant, None, 9)

    async def found(self, member: int) -> AccountSummary | None:
        found = await self.accounts.find_accounts(self.tenant, name(member), 1)
        return found[0] if found else None

    def requests(self, member: int, session: bytes, units: int, wanted: int) -> ChargingRequest:
        number = next(self.number)
        usages = (used(units, wanted),)
        named = b"%s of %d" % (session, member)
        return update(member, named, request_number=number, usages=usages)

    @rule(member=MEMBERS, session=SESSIONS, wanted=UNITS)
    def begin(self, member: int, session: bytes, wanted: int) -> None:
        named = b"%s of %d" % (session, member)
        number = next(self.number)
        account = self.play(self.found(member))
        request = initial(member, named, request_number=number, usages=(want(wanted),))
        if account is None or imsi(member) not in account.identities:
            return
        (decision,) = self.play(self.ask(request))
        is_denied = account.state is not AccountState.ACTIVE
        assert (decision.outcome is Outcome.SERVICE_DENIED) == is_denied
        assert not (is_denied and any(service.grant for service in decision.services))

    @rule(member=MEMBERS, session=SESSIONS, reported=UNITS, wanted=UNITS)
    def go_on(self, member: int, session: bytes, reported: int, wanted: int) -> None:
        account = self.play(self.found(member))
        (decision,) = self.play(self.ask(self.requests(member, session, reported, wanted)))
        if account is None or account.state is not AccountState.ACTIVE:
            assert not any(service.grant for service in decision.services)

    @rule(member=MEMBERS, session=SESSIONS, reported=UNITS)
    def end(self, member: int, session: bytes, reported: int) -> None:
        number, named = next(self.number), b"%s of %d" % (session, member)
        usages = (used(reported),)
        self.play(self.ask(terminate(member, named, request_number=number, usages=usages)))

    @rule(seconds=SECONDS)
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(member=MEMBERS, session=SESSIONS, units=UNITS, amount=UNITS, is_debit=st.booleans())
    def credit_at_once(
        self, member: int, session: bytes, units: int, amount: int, is_debit: bool
    ) -> None:
        asked = Credit(name(member), str(amount), is_debit, "octets")

        async def both() -> None:
            request = self.requests(member, session, units, units)
            command = self.do(
                lambda: credit_balance(self.accounts, self.tenant, asked, self.order())
            )
            await asyncio.gather(self.ask(request), command)

        self.play(both())

    @rule(member=MEMBERS, session=SESSIONS, units=UNITS, is_resumed=st.booleans())
    def suspend_or_resume_at_once(
        self, member: int, session: bytes, units: int, is_resumed: bool
    ) -> None:
        deed = resume_account if is_resumed else suspend_account

        async def both() -> None:
            request = self.requests(member, session, units, units)
            command = self.do(lambda: deed(self.accounts, self.tenant, name(member), self.order()))
            await asyncio.gather(self.ask(request), command)

        self.play(both())

    @rule(member=MEMBERS, begins=st.none() | SECONDS, lasts=st.none() | SECONDS)
    def subscribe(self, member: int, begins: int | None, lasts: int | None) -> None:
        starts = None if begins is None else self.now + begins * SECOND
        ends = None if lasts is None else (starts or self.now) + lasts * SECOND
        asked = NewSubscription(name(member), "plan", starts, ends)
        self.play(
            self.do(lambda: add_subscription(self.accounts, self.tenant, asked, self.order()))
        )

    @rule(member=MEMBERS, index=st.integers(0, 5), session=SESSIONS, units=UNITS)
    def cancel_at_once(self, member: int, index: int, session: bytes, units: int) -> None:
        account = self.play(self.found(member))
        if account is None or not account.subscriptions:
            return
        chosen = account.subscriptions[index % len(account.subscriptions)]
        asked = name(member), chosen.id

        async def both() -> None:
            request = self.requests(member, session, units, units)
            command = self.do(
                lambda: cancel_subscription(self.accounts, self.tenant, asked, self.order())
            )
            await asyncio.gather(self.ask(request), command)

        self.play(both())

    @rule(member=MEMBERS, amount=UNITS, lasts=st.none() | SECONDS, priority=st.integers(-2, 2))
    def create_balance(self, member: int, amount: int, lasts: int | None, priority: int) -> None:
        ends = None if lasts is None else self.now + lasts * SECOND
        asked = name(member), Terms(str(amount), priority, None, ends, "octets")
        self.play(self.do(lambda: new_balance(self.accounts, self.tenant, asked, self.order())))

    @rule(member=MEMBERS, index=st.integers(0, 5), value=UNITS, lasts=st.none() | SECONDS)
    def set_balance(self, member: int, index: int, value: int, lasts: int | None) -> None:
        account = self.play(self.found(member))
        if account is None:
            return
        chosen = account.balances[index % len(account.balances)]
        ends = None if lasts is None else self.now + lasts * SECOND
        terms = Terms(str(value), None, None, ends, None, chosen.id)
        asked = name(member), terms
        self.play(self.do(lambda: set_terms(self.accounts, self.tenant, asked, self.order())))

    @rule(session=SESSIONS, units=UNITS)
    def delete_the_child_at_once(self, session: bytes, units: int) -> None:
        async def delete() -> None:
            await self.do(
                lambda: delete_device(self.accounts, self.tenant, name(CHILD), self.order())
            )
            await self.do(
                lambda: delete_account(self.accounts, self.tenant, name(CHILD), self.order())
            )

        async def both() -> None:
            await asyncio.gather(self.ask(self.requests(CHILD, session, units, units)), delete())

        self.play(both())
        assert self.play(self.found(CHILD)) is None

    @rule()
    def open_the_child_again(self) -> None:
        self.play(self.do(self.child()))
        assert self.play(self.found(CHILD)) is not None

    @rule(member=MEMBERS)
    def remove_or_add_the_device(self, member: int) -> None:
        asked = name(member), name(member), [imsi(member)]
        if self.play(
            self.do(lambda: delete_device(self.accounts, self.tenant, name(member), self.order()))
        ):
            return
        self.play(self.do(lambda: create_device(self.accounts, self.tenant, asked, self.order())))

    @invariant()
    def the_books_are_balanced(self) -> None:
        assert self.play(self.faults()) == []

    @invariant()
    def what_was_taken_was_taken_from_what_may_pay(self) -> None:
        members = self.play(self.members())
        for account in members:
            for balance in account.balances:
                assert min(balance.available, balance.used, balance.reserved) >= 0
        journal = self.play(self.journal())
        new, self.seen = journal[self.seen :], len(journal)
        kinds = (EdrKind.CHARGING, EdrKind.BILLING)
        charged = [edr for edr in new if edr.kind in kinds]
        by_command = len(new) > len(charged)
        for edr in charged:
            for posting in edr.postings:
                assert posting.total == 0
                balance = self.known.get(posting.balance_id)
                if by_command or balance is None or posting.used + posting.reserved <= 0:
                    continue
                assert is_valid(balance.valid_from, balance.valid_until, edr.at)
                assert balance.account_id in (edr.account_id, self.group)
        self.known = {b.id: b for account in members for b in account.balances}


class LifeWalkInPostgres(LifeWalk):
    """The same walk, with transactions that last."""

    conninfo: ClassVar[str]
    tenants: ClassVar[Iterator[int]]

    def new_runner(self) -> asyncio.Runner:
        return asyncio.Runner()

    async def new_store(self) -> tuple[Store, Accounts]:
        self.pool = Database(self.conninfo)
        self.catalogues = Catalogues(read_stored)
        store = PostgresStore(self.pool, self.catalogues)
        self.tenant = f"walk {next(self.tenants)}"
        return store, PostgresAccounts(self.pool, self.catalogues)

    async def faults(self) -> object:
        return list((await check_books(self.pool)).faults)

    async def journal(self) -> list[Edr]:
        asked = EdrsAsked(0, self.now + 3600 * SECOND, self.group)
        listed = await list_edrs(self.pool, asked, 10_000)
        return sorted((each.edr for each in listed), key=lambda edr: edr.number)

    async def close(self) -> None:
        await super().close()
        await self.pool.close()


def test_a_life_in_memory_keeps_the_books() -> None:
    run_state_machine_as_test(
        LifeWalk, settings=settings(max_examples=40, stateful_step_count=30, deadline=None)
    )


@pytest.mark.ci
def test_a_life_in_postgres_keeps_the_books(database: str) -> None:
    LifeWalkInPostgres.conninfo = database
    LifeWalkInPostgres.tenants = itertools.count()
    run_state_machine_as_test(
        LifeWalkInPostgres,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
