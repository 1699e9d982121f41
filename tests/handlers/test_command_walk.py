"""An operator and a gateway at work on the same accounts, at random, against a slow obvious model.

Where there are two stores both take each step, and give the same answers.
"""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from diameter_ocs.charging.accounts import AccountSummary, NewAccount
from diameter_ocs.charging.case import AccountState
from diameter_ocs.charging.commands import SessionsAsked
from diameter_ocs.charging.decisions import Decision, Edr, Outcome
from diameter_ocs.charging.information import ServiceInformation
from diameter_ocs.charging.requests import ChargingRequest, RequestType, ServiceUsage
from diameter_ocs.handlers.accounts import (
    create_child,
    delete_account,
    resume_account,
    suspend_account,
)
from diameter_ocs.handlers.balances import Credit, Terms, credit_balance, new_balance, set_terms
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.commands import Accounts, Done, Order
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.devices import (
    add_identities,
    create_device,
    delete_device,
    remove_identity,
)
from diameter_ocs.handlers.lanes import Lanes, LaneSettings
from diameter_ocs.handlers.ports import Store
from diameter_ocs.handlers.provisioning import apply_catalogue, create_account
from diameter_ocs.handlers.refusals import Refusal
from diameter_ocs.handlers.sessions import close_session
from diameter_ocs.handlers.subscriptions import (
    NewSubscription,
    add_subscription,
    cancel_subscription,
)
from diameter_ocs.handlers.supervision import Supervision
from diameter_ocs.handlers.tenants import create_tenant, resume_tenant, suspend_tenant
from diameter_ocs.handlers.unclaimed import Unclaimed
from diameter_ocs.observability import create_metrics
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.books import check_books
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.journal import EdrsAsked, list_edrs
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.work import PostgresStore
from tests.handlers.family import (
    ALLOWANCES,
    BONUS,
    DEPTH_MAX,
    EVENT,
    INITIAL,
    MONEY,
    OCTETS,
    OFFERS,
    SECOND,
    TERMINATION,
    UPDATE,
    Answered,
    Bucket,
    Family,
    Offer,
    Person,
    Plan,
    Session,
)
from tests.handlers.family_sessions import Expected, decide
from tests.handlers.virtual_time import VirtualTimeLoop
from tests.store.scenario import (
    DATA,
    NOW,
    VOICE,
    ask,
    identifiers,
    imsi,
    memory_faults,
    used,
    want,
)

NAMES = ("a", "b", "c", "d", "e")
SERVERS = (0, 1)
SUBSCRIBERS = range(1, 5)
REMEMBERED = 47 * 3600 * SECOND
"""How long after its end a session is asked about again."""
Result = TypeVar("Result")
Command = Callable[[Accounts, Order], Awaitable[Done]]

names = st.sampled_from(NAMES)

subscribers = st.sampled_from(SUBSCRIBERS)
servers = st.sampled_from(SERVERS)
choices = st.integers(0, 20)
units = st.integers(0, 80)
wishes = st.integers(1, 80)
amounts = st.integers(1, 300)
dates = st.none() | st.sampled_from([-60, 60, 600, 3600, 7200])
plans = st.sampled_from([("plan",), ("plan", "extra"), ("extra",), ("plan", "plan")])
groups = st.sampled_from([(DATA,), (DATA, VOICE), (VOICE,)])
reports = st.tuples(st.none() | units, st.none() | wishes)
"""Units that are reported, and units that are asked for."""
edges = st.sampled_from([-1, 0, 1])
seldom = st.sampled_from([False, False, False, True])
openings = st.tuples(st.booleans(), st.sampled_from([7, None, 8]))
"""Of a session: has it a new name, and which bearer."""
INTERNET = ServiceInformation(apn="internet")
kinds = st.sampled_from([OCTETS, BONUS, MONEY])


class World(NamedTuple):
    """A store, and the servers that ask it."""

    accounts: Accounts
    stores: Sequence[Store]
    lanes: Sequence[Lanes]
    running: Sequence["asyncio.Task[None]"]


def amount_text(kind: str, amount: int) -> str:
    return f"0.{amount:06d}" if kind == MONEY else str(amount)


def told(decision: Decision) -> object:
    """Return what a client is told."""
    return decision.outcome, [
        (service.usage.rating_group, service[1:]) for service in decision.services
    ]


def whole(decision: Decision) -> Decision:
    """Return all of a decision that a store keeps: nobody looks after a session that has ended."""
    closed = [
        each._replace(session=each.session._replace(supervise_at=0)) for each in decision.closed
    ]
    return decision._replace(closed=tuple(closed))


class CommandWalk(RuleBasedStateMachine):
    """Each balance is what the model says after each step, to the unit and the micro-unit."""

    def __init__(self) -> None:
        super().__init__()
        self.tenant = "demo"
        self.runner = self.new_runner()
        self.now = NOW
        self.family = Family()
        self.orders = itertools.count(1)
        self.done: list[tuple[Command, Order, object]] = []
        self.credits: list[tuple[Credit, Order]] = []
        self.sent: list[ChargingRequest] = []
        self.numbers: Counter[bytes] = Counter()
        self.lives: Counter[int] = Counter()
        self.play(self.open())
        self.open_account("a", None, ("plan", "extra"), 1, 500)
        self.open_account("b", 0, ("plan",), 2, 0)
        self.open_account("c", 1, ("extra",), 3, 40)

    def new_runner(self) -> asyncio.Runner:
        return asyncio.Runner(loop_factory=VirtualTimeLoop)

    def play(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(coroutine)

    async def new_worlds(self) -> list[World]:
        self.memory = MemoryStore(read_stored)
        return [self.world(self.memory, [self.memory] * len(SERVERS))]

    def world(self, accounts: Accounts, stores: Sequence[Store]) -> World:
        settings = LaneSettings(answer_budget_seconds=60)
        lanes = [Lanes(store, settings, lambda: self.now) for store in stores]
        return World(accounts, stores, lanes, [asyncio.create_task(each.run()) for each in lanes])

    async def open(self) -> None:
        self.worlds = await self.new_worlds()
        for world in self.worlds:
            await create_tenant(world.accounts, self.tenant, self.order())
        await self.apply(OFFERS[0])

    async def apply(self, offer: Offer) -> None:
        document = read_document(offer.document.replace("TENANT", self.tenant))
        for world in self.worlds:
            await apply_catalogue(world.accounts, document, self.order())

    async def close(self) -> None:
        for world in self.worlds:
            for task in world.running:
                task.cancel()
            await asyncio.wait(world.running)

    def teardown(self) -> None:
        try:
            self.play(self.close())
        finally:
            self.runner.close()

    def order(self) -> Order:
        return Order("walk", None, self.now)

    # Commands: what is refused and what is done, and done once.

    def give(self, command: Command, refused: str | None) -> Mapping[str, Any]:
        """Give a command to every store; return what it answers, nothing if it is refused."""
        self.family.now = self.now
        order = Order("walk", f"{next(self.orders)}", self.now)
        answers = [self.play(self.answer(command, world, order)) for world in self.worlds]
        assert answers == answers[:1] * len(answers)
        code, answer = answers[0]
        assert code == refused, answer
        if refused is not None:
            return {}
        self.done.append((command, order, answer))
        return answer

    async def answer(self, command: Command, world: World, order: Order) -> tuple[Any, Any]:
        try:
            done = await command(world.accounts, order)
        except Refusal as refusal:
            return refusal.code, str(refusal)
        assert not done.is_repeated
        return None, json.loads(json.dumps(done.answer))

    @rule(which=choices)
    def give_again(self, which: int) -> None:
        """What was done under a transaction id is done under it no more, whatever has become."""
        if not self.done:
            return
        command, order, answer = self.done[-1 - which % len(self.done)]
        for world in self.worlds:
            done = self.play(self.repeated(command, world, order._replace(at=self.now)))
            assert done.is_repeated
            assert done.answer == answer

    async def repeated(self, command: Command, world: World, order: Order) -> Done:
        return await command(world.accounts, order)

    @rule(which=choices, amount=amounts)
    def give_something_else_under_the_same_id(self, which: int, amount: int) -> None:
        if not self.credits:
            return
        asked, order = self.credits[-1 - which % len(self.credits)]
        other = asked._replace(amount=f"{asked.amount}{amount}")
        for world in self.worlds:
            with pytest.raises(Refusal) as caught:
                self.play(self.credited(world, other, order))
            assert caught.value.code == "transaction_id_reused"

    async def credited(self, world: World, asked: Credit, order: Order) -> Done:
        return await credit_balance(world.accounts, self.tenant, asked, order)

    def person(self, which: int) -> Person | None:
        """Return one of the accounts, seldom none."""
        people = list(self.family.people.values())
        return people[which % len(people)] if people else None

    def busy(self, which: int) -> Person | None:
        """Return one of the accounts, often one that has a session open."""
        found = self.session(which // 2, False) if which % 2 else None
        return self.person(which) if found is None else found[0].person

    @rule(name=names, parent=st.none() | choices, plans=plans, who=subscribers, money=amounts)
    def open_account(
        self, name: str, parent: int | None, plans: tuple[str, ...], who: int, money: int
    ) -> None:
        family = self.family
        above = None if parent is None else self.person(parent)
        new = NewAccount(name, plans, (imsi(who),), money)
        is_taken = name in family.people or family.owner(imsi(who)) or family.owner_of_device(name)
        refused = "exists" if is_taken else None
        if above is None:
            answer = self.give(lambda a, o: create_account(a, self.tenant, new, o), refused)
        else:
            asked = new, above.name
            refused = "too_deep" if above.depth >= DEPTH_MAX else refused
            answer = self.give(lambda a, o: create_child(a, self.tenant, asked, o), refused)
        if not answer:
            return
        person = Person(name, above, devices={name: {imsi(who)}})
        family.people[name] = person
        ids = sorted(each["id"] for each in answer["subscriptions"])
        numbers = iter(sorted(each["id"] for each in answer["balances"]))
        for plan, number in zip(plans, ids, strict=True):
            person.plans[number] = Plan(plan, None, None)
            self.bring(person, Bucket(next(numbers), *ALLOWANCES[plan], subscription=number))
        self.bring(person, Bucket(next(numbers), MONEY, money))

    def bring(self, person: Person, bucket: Bucket) -> None:
        person.buckets[bucket.id] = bucket
        self.family.given[bucket.kind] += bucket.total

    @rule(which=choices, is_in_vain=seldom)
    def suspend_or_resume(self, which: int, is_in_vain: bool) -> None:
        person = self.busy(which)
        if person is None:
            return
        name, is_suspended = person.name, person.is_suspended
        if is_suspended is is_in_vain:
            refused = "account_suspended" if is_in_vain else None
            if self.give(lambda a, o: suspend_account(a, self.tenant, name, o), refused):
                person.is_suspended = True
                self.close_sessions(person, "suspended")
            self.try_out(person)
            return
        refused = "account_active" if is_in_vain else None
        self.give(lambda a, o: resume_account(a, self.tenant, name, o), refused)
        person.is_suspended = False

    def close_sessions(self, person: Person, reason: str) -> None:
        for session in self.family.sessions.values():
            if session.person is person and session.closed_at is None:
                session.close(self.now, reason)

    @rule(which=choices, without_devices=st.booleans())
    def delete(self, which: int, without_devices: bool) -> None:
        person = self.busy(which)
        if person is None:
            return
        if without_devices:
            for device in list(person.devices):
                self.remove_device(device)
        family, name = self.family, person.name
        has_children = any(each.parent is person for each in family.people.values())
        refused = "account_in_use" if has_children or person.devices else None
        answer = self.give(lambda a, o: delete_account(a, self.tenant, name, o), refused)
        if not answer:
            return
        self.close_sessions(person, "deleted")
        for bucket in person.buckets.values():
            assert not bucket.reserved
            family.taken[bucket.kind] += bucket.free
        assert sorted(each["id"] for each in answer["written_off"]) == sorted(person.buckets)
        person.is_deleted = True
        person.buckets.clear()
        person.plans.clear()
        del family.people[name]

    @rule(which=choices, name=names, who=subscribers)
    def add_device(self, which: int, name: str, who: int) -> None:
        person, device = self.person(which), f"device {name}"
        if person is None:
            return
        is_taken = self.family.owner_of_device(device) or self.family.owner(imsi(who))
        asked = person.name, device, [imsi(who)]
        refused = "exists" if is_taken else None
        if self.give(lambda a, o: create_device(a, self.tenant, asked, o), refused):
            person.devices[device] = {imsi(who)}

    @rule(which=choices)
    def take_device(self, which: int) -> None:
        devices = [name for person in self.family.people.values() for name in person.devices]
        self.remove_device(devices[which % len(devices)] if devices and which < 20 else "none")

    def remove_device(self, device: str) -> None:
        person = self.family.owner_of_device(device)
        refused = "device_unknown" if person is None else None
        self.give(lambda a, o: delete_device(a, self.tenant, device, o), refused)
        if person is not None:
            del person.devices[device]

    @rule(which=choices, who=subscribers)
    def move_identity(self, which: int, who: int) -> None:
        """Have the device of an account called by an identity that another one had."""
        person, owner, identity = self.person(which), self.family.owner(imsi(who)), imsi(who)
        refused = "identity_unknown" if owner is None else None
        self.give(lambda a, o: remove_identity(a, self.tenant, identity, o), refused)
        if owner is not None:
            for identities in owner.devices.values():
                identities.discard(identity)
        if person is None or not person.devices:
            return
        device = next(iter(person.devices))
        self.give(lambda a, o: add_identities(a, self.tenant, (device, [identity]), o), None)
        person.devices[device].add(identity)

    def moments(
        self, begins: int | None, ends: int | None
    ) -> tuple[tuple[int | None, int | None], tuple[int | None, int | None] | None]:
        """Return dates as they are asked for, and as they are kept; None: they are refused."""
        since = None if begins is None else self.now + begins * SECOND
        until = None if ends is None else self.now + ends * SECOND
        return (since, until), self.kept(since, until)

    def kept(self, since: int | None, until: int | None) -> tuple[int | None, int | None] | None:
        since = None if since is None or since <= self.now else since
        return None if until is not None and until <= (since or self.now) else (since, until)

    @rule(which=choices, plan=st.sampled_from(list(ALLOWANCES)), begins=dates, ends=dates)
    def subscribe(self, which: int, plan: str, begins: int | None, ends: int | None) -> None:
        person = self.person(which)
        if person is None:
            return
        asked, kept = self.moments(begins, ends)
        new = NewSubscription(person.name, plan, *asked)
        refused = "invalid_time" if kept is None else None
        answer = self.give(lambda a, o: add_subscription(a, self.tenant, new, o), refused)
        if kept is None:
            return
        number = answer["id"]
        person.plans[number] = Plan(plan, *kept)
        kind, total = ALLOWANCES[plan]
        (bucket,) = answer["balances"]
        self.bring(person, Bucket(bucket["id"], kind, total, 0, *kept, number))
        self.try_out(person)

    @rule(which=choices, index=choices)
    def cancel(self, which: int, index: int) -> None:
        person = self.busy(which)
        if person is None or not person.plans:
            return
        number = list(person.plans)[index % len(person.plans)]
        plan, now = person.plans[number], self.now
        has_ended = plan.ends is not None and plan.ends <= now
        asked, refused = (person.name, number), "subscription_ended" if has_ended else None
        self.give(lambda a, o: cancel_subscription(a, self.tenant, asked, o), refused)
        if has_ended:
            return
        brought = [each for each in person.buckets.values() if each.subscription == number]
        is_to_come = plan.begins is not None and now < plan.begins
        if is_to_come and not any(each.used or each.reserved for each in brought):
            del person.plans[number]
            for bucket in brought:
                self.family.taken[bucket.kind] += bucket.total
                del person.buckets[bucket.id]
            return
        if plan.begins is not None and now <= plan.begins:
            plan.begins = None  # it lasted for no time
        plan.ends = now
        for bucket in brought:
            bucket.ends = now if bucket.ends is None else min(bucket.ends, now)
        self.try_out(person)

    @rule(
        which=choices,
        kind=kinds,
        amount=amounts,
        priority=st.integers(-1, 1),
        begins=dates,
        ends=dates,
    )
    def create_balance(
        self,
        which: int,
        kind: str,
        amount: int,
        priority: int,
        begins: int | None,
        ends: int | None,
    ) -> None:
        person = self.person(which)
        if person is None:
            return
        asked, kept = self.moments(begins, ends)
        terms = Terms(amount_text(kind, amount), priority, *asked, kind)
        refused = "invalid_time" if kept is None else None
        answer = self.give(
            lambda a, o: new_balance(a, self.tenant, (person.name, terms), o), refused
        )
        if kept is not None:
            self.bring(person, Bucket(answer["balance"], kind, amount, priority, *kept))
            self.try_out(person)

    def bucket(self, which: int) -> tuple[Person, Bucket] | None:
        buckets = self.family.buckets()
        return buckets[which % len(buckets)] if buckets else None

    @rule(which=choices, amount=amounts, is_debit=st.booleans(), beyond=st.none() | edges)
    def credit(self, which: int, amount: int, is_debit: bool, beyond: int | None) -> None:
        """Credit or debit a balance, perhaps by about what is free."""
        found = self.bucket(which)
        if found is None:
            return
        person, bucket = found
        amount = amount if beyond is None else max(bucket.free + beyond, 1)
        text = amount_text(bucket.kind, amount)
        asked = Credit(person.name, text, is_debit, None, bucket.id)
        refused = None
        if is_debit and bucket.free < amount:
            refused = "insufficient_balance"
        if not is_debit and bucket.ends is not None and bucket.ends <= self.now:
            refused = "balance_ended"
        if self.give(lambda a, o: credit_balance(a, self.tenant, asked, o), refused):
            self.move(bucket, -amount if is_debit else amount)
            self.credits.append((asked, self.done[-1][1]))

    def move(self, bucket: Bucket, amount: int) -> None:
        bucket.total += amount
        (self.family.given if amount > 0 else self.family.taken)[bucket.kind] += abs(amount)

    @rule(
        which=choices,
        value=st.none() | amounts,
        priority=st.none() | st.integers(-1, 1),
        begins=dates,
        ends=dates,
        beyond=st.none() | edges,
    )
    def set_balance(
        self,
        which: int,
        value: int | None,
        priority: int | None,
        begins: int | None,
        ends: int | None,
        beyond: int | None,
    ) -> None:
        """Fix what a balance has, perhaps at about what is reserved."""
        found = self.bucket(which)
        if found is None:
            return
        person, bucket = found
        if beyond is not None:
            value = max(bucket.reserved + beyond, 0)
        asked, _ = self.moments(begins, ends)
        text = None if value is None else amount_text(bucket.kind, value)
        terms = Terms(text, priority, *asked, None, bucket.id)
        kept: tuple[int | None, int | None] | None = (bucket.begins, bucket.ends)
        if asked != (None, None):
            kept = self.kept(
                bucket.begins if asked[0] is None else asked[0],
                bucket.ends if asked[1] is None else asked[1],
            )
        wanted = bucket.priority if priority is None else priority
        refused = None
        if kept is None:
            refused = "invalid_time"
        elif (wanted, *kept) == (bucket.priority, bucket.begins, bucket.ends) and value in (
            None,
            bucket.total - bucket.used,
        ):
            refused = "nothing_to_do"
        elif value is not None and value < bucket.reserved and value < bucket.total - bucket.used:
            refused = "insufficient_balance"
        if self.give(lambda a, o: set_terms(a, self.tenant, (person.name, terms), o), refused):
            assert kept is not None
            bucket.priority, bucket.begins, bucket.ends = wanted, *kept
            if value is not None:
                self.move(bucket, value - (bucket.total - bucket.used))
            self.try_out(person)

    @rule(which=choices, is_late=seldom)
    def close_by_command(self, which: int, is_late: bool) -> None:
        found = self.session(which, is_late)
        if found is None:
            return
        session, _ = found
        refused = None if session.closed_at is None else "session_unknown"
        name = session.name.decode()
        if self.give(lambda a, o: close_session(a, self.tenant, name, o), refused):
            session.close(self.now, "closed")

    @rule(is_in_vain=seldom, reported=units)
    def suspend_everybody_for_a_while(self, is_in_vain: bool, reported: int) -> None:
        """What is open settles meanwhile; nothing is granted."""
        self.give(lambda a, o: suspend_tenant(a, self.tenant, o), None)
        self.family.is_suspended = True
        if is_in_vain:
            self.give(lambda a, o: suspend_tenant(a, self.tenant, o), "tenant_state")
        self.go_on(0, False, 0, (DATA,), (reported, 5))
        self.begin(0, 1, 5, (DATA,), (True, None))
        self.give(lambda a, o: resume_tenant(a, self.tenant, o), None)
        self.family.is_suspended = False
        if is_in_vain:
            self.give(lambda a, o: resume_tenant(a, self.tenant, o), "tenant_state")

    @rule(offer=st.sampled_from(OFFERS))
    def sell_something_else(self, offer: Offer) -> None:
        self.play(self.apply(offer))
        self.family.offer = offer

    # Requests: what is granted, and what is charged.

    def send(self, server: int, request: ChargingRequest) -> None:
        """Have every store decide a request, and compare with the model."""
        self.family.now = self.now
        request = request._replace(tenant=self.tenant)
        decisions = [self.play(self.decided(world, server, request)) for world in self.worlds]
        wholes = [whole(decision) for decision in decisions]
        assert wholes == wholes[:1] * len(wholes)
        expected = decide(self.family, request)
        self.compare(request, decisions[0], expected)
        if expected.session is not None:
            answer = Answered(request, self.now, told(decisions[0]))
            expected.session.answers.append(answer)
            self.sent.append(request)

    async def decided(self, world: World, server: int, request: ChargingRequest) -> Decision:
        results: list[Decision | Fault] = []
        world.lanes[server].submit(request, results.append)
        await world.lanes[server].drain()
        (decision,) = results
        assert isinstance(decision, Decision)
        return decision

    def compare(self, request: ChargingRequest, decision: Decision, expected: Expected) -> None:
        assert len(decision.edrs) == expected.edrs
        if expected.again is not None:
            assert told(decision) == expected.again
            return
        assert decision.outcome is expected.outcome
        if not expected.edrs:
            return
        for record, service in zip(decision.edrs[-1].services, expected.services, strict=True):
            settlement = record.settlement
            paid = settlement.charged, settlement.charged_amount, settlement.overrun
            assert record.outcome is service.outcome
            assert paid == service.paid
            assert settlement.shortfall == 0
        if decision.outcome is Outcome.SESSION_UNKNOWN:
            assert decision.services == ()
            return
        for answered, service in zip(decision.services, expected.services, strict=True):
            granted = (0, False)
            if answered.grant is not None:
                granted = answered.grant.units, answered.grant.is_final
            assert (answered.outcome, *granted) == service[:3]
        if request.request_type is not EVENT:
            self.take_times(decision, expected.session)

    def take_times(self, decision: Decision, session: Session | None) -> None:
        """Note when quotas expire; none is valid beyond a change of the account's plans."""
        assert session is not None
        changes = [
            at - self.now
            for plan in session.person.plans.values()
            for at in (plan.begins, plan.ends)
            if at is not None and at > self.now
        ]
        for service in decision.services:
            if service.grant is None:
                continue
            seconds = service.grant.validity_seconds
            assert seconds is not None
            assert seconds * SECOND <= max([60 * SECOND, min(changes, default=10**12)])
            quota = session.quotas[service.usage.rating_group or 0]
            lasts = 2 * seconds + (service.grant.holding_seconds or 0)
            quota.expires_at = self.now + max(lasts, 300) * SECOND

    def request(
        self, request_type: RequestType, who: int, name: bytes, *usages: ServiceUsage
    ) -> ChargingRequest:
        number = self.numbers[name]
        self.numbers[name] += 1
        return ask(request_type, who, name, usages, request_number=number)

    def subscriber(self, which: int) -> int:
        """Return somebody whose identity is known, seldom anybody."""
        known = [who for who in SUBSCRIBERS if self.family.owner(imsi(who)) is not None]
        return known[which % len(known)] if known and which < 20 else 1 + len(self.sent) % 4

    @rule(which=choices, server=servers, wanted=wishes, groups=groups, opening=openings)
    def begin(
        self,
        which: int,
        server: int,
        wanted: int,
        groups: tuple[int, ...],
        opening: tuple[bool, int | None],
    ) -> None:
        """Open a session, or another one under the name of the subscriber's last."""
        is_new, bearer = opening
        who = self.subscriber(which)
        old = self.family.sessions.get(b"session %d %d" % (who, self.lives[who]))
        owner = self.family.owner(imsi(who))
        if is_new or old is None or owner is None or old.person.root is not owner.root:
            self.lives[who] += 1
        name = b"session %d %d" % (who, self.lives[who])
        request = self.request(INITIAL, who, name, *[want(wanted, g) for g in groups])
        self.send(server, request._replace(charging_id=bearer, information=INTERNET))

    @rule(which=choices, groups=groups, wanted=wishes, reports=st.lists(reports, max_size=3))
    def talk(
        self,
        which: int,
        groups: tuple[int, ...],
        wanted: int,
        reports: list[tuple[int | None, int | None]],
    ) -> None:
        """Open a session and go on with it, from one server to the other."""
        self.begin(which, 0, wanted, groups, (True, 7 if which % 3 else None))
        for server, report in zip(itertools.cycle([0, 1]), reports, strict=False):
            self.go_on(0, False, server, groups, report)

    def session(self, which: int, is_late: bool) -> tuple[Session, int] | None:
        """Return a session and its subscriber, the latest first; one that has ended if wanted."""
        sessions = [
            each
            for each in self.family.sessions.values()
            if each.reason != "event"
            if (each.closed_at is None) is not is_late
            if each.closed_at is None or self.now - each.closed_at < REMEMBERED
        ]
        if not sessions:
            return None
        session = sessions[-1 - which % len(sessions)]
        return session, int(session.name.split()[1])

    @rule(which=choices, is_late=seldom, server=servers, groups=groups, report=reports)
    def go_on(
        self,
        which: int,
        is_late: bool,
        server: int,
        groups: tuple[int, ...],
        report: tuple[int | None, int | None],
    ) -> None:
        found = self.session(which, is_late)
        if found is None:
            return
        (session, who), (units, wanted) = found, report
        usages = [
            used(units, wanted, group)._replace(used=() if units is None else used(units).used)
            for group in groups
        ]
        self.send(server, self.request(UPDATE, who, session.name, *usages))

    @rule(
        which=choices,
        is_late=seldom,
        server=servers,
        groups=groups,
        reported=st.none() | units,
    )
    def end(
        self,
        which: int,
        is_late: bool,
        server: int,
        groups: tuple[int, ...],
        reported: int | None,
    ) -> None:
        found = self.session(which, is_late)
        if found is None:
            return
        session, who = found
        usages = [] if reported is None else [used(reported, None, group) for group in groups]
        self.send(server, self.request(TERMINATION, who, session.name, *usages))

    @rule(which=choices, server=servers, wanted=wishes, group=st.sampled_from([DATA, VOICE]))
    def pay_at_once(self, which: int, server: int, wanted: int, group: int) -> None:
        who = self.subscriber(which)
        name = b"event %d %d" % (who, next(identifiers))
        self.send(server, self.request(EVENT, who, name, want(wanted, group)))

    def try_out(self, person: Person) -> None:
        """Have somebody pay whom a change of an account concerns."""
        for who in SUBSCRIBERS:
            owner = self.family.owner(imsi(who))
            if owner is not None and person in owner.ancestors():
                name = b"event %d %d" % (who, next(identifiers))
                self.send(0, self.request(EVENT, who, name, want(3)))
                return

    @rule(which=choices, server=servers, way=st.sampled_from(["same", "flagged", "anew"]))
    def send_again(self, which: int, server: int, way: str) -> None:
        """Send what was sent before; who is asked about belongs to the same family still."""
        if not self.sent:
            return
        request = self.sent[-1 - which % len(self.sent)]
        session = self.family.sessions[request.session_key.session_id]
        if self.now - (session.closed_at or self.now) >= REMEMBERED:
            return
        if request.request_type in (INITIAL, EVENT):
            owner = self.family.owner(request.identities[0])
            if owner is None or owner.root is not session.person.root:
                return
        if way != "same":
            request = request._replace(end_to_end_id=next(identifiers))
        self.send(server, request._replace(is_retransmission=way == "flagged"))

    @rule(early=st.integers(0, 1))
    def wait_for_a_date(self, early: int) -> None:
        """Let it become the next time at which something begins or ends, or almost."""
        spans = [
            (each.begins, each.ends)
            for person in self.family.people.values()
            for each in (*person.plans.values(), *person.buckets.values())
        ]
        to_come = [at for span in spans for at in span if at is not None and at > self.now]
        if not to_come:
            return
        self.now = max(self.now, min(to_come) - early)
        self.family.now = self.now
        for person in list(self.family.people.values()):
            self.try_out(person)

    @rule(seconds=st.sampled_from([1, 60, 301, 3600, 7300, 25 * 3600]), server=st.none() | servers)
    def wait(self, seconds: int, server: int | None) -> None:
        """Let time pass; a server may look after sessions then."""
        self.now += seconds * SECOND
        self.family.now = self.now
        if server is None:
            return
        for world in self.worlds:
            self.play(self.looked_after(world.stores[server]))
        self.family.look()
        self.now += SECOND  # what is looked after without an EDR takes a moment of its group's time

    async def looked_after(self, store: Store) -> None:
        supervision = Supervision(store, Unclaimed(), lambda: self.now, create_metrics())
        while await supervision.look():
            pass

    # What holds after each step.

    async def members(self, world: World) -> list[AccountSummary]:
        found = await world.accounts.find_accounts(self.tenant, None, 100)
        return [
            each._replace(
                subscriptions=tuple(sorted(each.subscriptions)),
                devices=tuple(
                    sorted(d._replace(identities=tuple(sorted(d.identities))) for d in each.devices)
                ),
                balances=tuple(sorted(each.balances)),
            )
            for each in sorted(found)
        ]

    async def open_sessions(self, world: World) -> list[Any]:
        return list(await world.accounts.find_sessions(SessionsAsked(self.tenant), 1000))

    @invariant()
    def the_stores_say_what_the_model_says(self) -> None:
        members = [self.play(self.members(world)) for world in self.worlds]
        assert members == members[:1] * len(members)
        sessions = [self.play(self.open_sessions(world)) for world in self.worlds]
        assert sessions == sessions[:1] * len(sessions)
        opened = {each.session.key.session_id: each.account for each in sessions[0]}
        assert opened == {
            name: session.person.name
            for name, session in self.family.sessions.items()
            if session.closed_at is None
        }
        assert {each.name: described(each) for each in members[0]} == {
            person.name: expected(person) for person in self.family.people.values()
        }

    @invariant()
    def what_was_given_is_charged_or_left_or_taken(self) -> None:
        family, left = self.family, Counter[str]()
        for account in self.play(self.members(self.worlds[0])):
            for balance in account.balances:
                assert min(balance.available, balance.used, balance.reserved) >= 0
                left[balance.balance_type] += balance.available + balance.reserved
        assert family.given == family.charged + left + family.taken

    @invariant()
    def the_books_are_balanced(self) -> None:
        assert memory_faults(self.memory) == []


def described(account: AccountSummary) -> object:
    return (
        account.parent,
        account.state is AccountState.SUSPENDED,
        {s.id: (s.plan, s.valid_from, s.valid_until) for s in account.subscriptions},
        {b.id: tuple(b[2:]) for b in account.balances},
        {device.name: set(device.identities) for device in account.devices},
    )


def expected(person: Person) -> object:
    return (
        None if person.parent is None else person.parent.name,
        person.is_suspended,
        {number: (p.name, p.begins, p.ends) for number, p in person.plans.items()},
        {
            b.id: (
                *(b.kind, b.priority, b.total, b.used, b.reserved),
                *(b.begins, b.ends, b.subscription),
            )
            for b in person.buckets.values()
        },
        person.devices,
    )


class CommandWalkInBothStores(CommandWalk):
    """The same walk in PostgreSQL too, with two servers that share nothing else."""

    conninfo: ClassVar[str]
    tenants: ClassVar[Iterator[int]]

    def new_runner(self) -> asyncio.Runner:
        return asyncio.Runner()

    async def new_worlds(self) -> list[World]:
        worlds = await super().new_worlds()
        self.tenant = f"walk {next(self.tenants)}"
        self.pools = [Database(self.conninfo, pool_size=2) for _ in range(1 + len(SERVERS))]
        accounts = PostgresAccounts(self.pools[0], Catalogues(read_stored))
        async with accounts.commanding() as work:
            (number,) = await work.numbers(1)
        self.memory.next_numbers(number)  # both give out the same numbers
        stores = [PostgresStore(pool, Catalogues(read_stored)) for pool in self.pools[1:]]
        return [*worlds, self.world(accounts, stores)]

    @invariant()
    def the_books_are_balanced(self) -> None:
        super().the_books_are_balanced()
        assert self.play(check_books(self.pools[0])).faults == ()

    async def journal(self, group: int) -> list[Edr]:
        asked = EdrsAsked(0, self.now + SECOND, group)
        listed = await list_edrs(self.pools[0], asked, 10_000)
        return sorted(each.edr for each in listed)

    async def close(self) -> None:
        try:
            for number, group in self.memory.groups.items():
                assert await self.journal(number) == group.edrs
        finally:
            await super().close()
            for pool in self.pools:
                await pool.close()


def walked(machine: type[CommandWalk], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_commands_and_requests_in_memory_do_what_the_model_does() -> None:
    walked(CommandWalk, 60, 50)


def in_both_stores(conninfo: str, examples: int, steps: int) -> None:
    CommandWalkInBothStores.conninfo = conninfo
    CommandWalkInBothStores.tenants = itertools.count()
    walked(CommandWalkInBothStores, examples, steps)


def test_commands_and_requests_are_answered_alike_by_both_stores(database: str) -> None:
    in_both_stores(database, 3, 25)


@pytest.mark.ci
def test_a_long_walk_in_memory_does_what_the_model_does() -> None:
    walked(CommandWalk, 600, 80)


@pytest.mark.ci
def test_a_long_walk_is_answered_alike_by_both_stores(database: str) -> None:
    in_both_stores(database, 20, 50)
