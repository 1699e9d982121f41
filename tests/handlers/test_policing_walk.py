"""Gateways, policy servers and operators at once on one family: in the end policy servers know how
every counter stands, whatever was lost on the way, and though nobody touched what time has changed.
"""

import asyncio
import itertools
from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from diameter_ocs.charging.case import AccountState, Case
from diameter_ocs.charging.delivery import Claimed, Fate, Lease, Result, Settled
from diameter_ocs.charging.outbox import OutboxKind
from diameter_ocs.charging.reporting import Report, due_report, foreseen, report_of
from diameter_ocs.charging.spending_limits import (
    ABORT_FEATURE,
    CounterStatus,
    SpendingLimitAnswer,
    SpendingLimitOutcome,
    SpendingLimitSession,
)
from diameter_ocs.handlers.balances import Credit, credit_balance
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.lanes import LaneSettings
from diameter_ocs.handlers.lifecycle import Dated, Lifecycle
from diameter_ocs.handlers.ports import Outbox
from diameter_ocs.handlers.provisioning import apply_catalogue
from diameter_ocs.handlers.spending_limits import Request, SpendingLimits
from diameter_ocs.handlers.spending_limits import Result as Replied
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.observability import create_metrics
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.lifecycle import PostgresLifecycle
from diameter_ocs.store.memory_lifecycle import MemoryLifecycle
from diameter_ocs.store.memory_outbox import MemoryOutbox
from diameter_ocs.store.outbox import PostgresOutbox
from diameter_ocs.store.work import PostgresStore
from tests.handlers.test_life_walk import (
    MEMBERS,
    PARENT,
    SECOND,
    SESSIONS,
    UNITS,
    LifeWalk,
    LifeWalkInPostgres,
    name,
)
from tests.store.policing import COUNTED, intermediate, slr, str_
from tests.store.scenario import ORDER, open_accounts

SETTLED_SECONDS = 10
"""A policy server that does not know a session so long after its answer never will."""
NAMES = st.sampled_from((b"sy;1", b"sy;1%", b"\xff/ ;", b"sy;2"))
COUNTERS = st.sampled_from(((), ("data left",), ("data left", "data used"), ("data used", "speed")))
HOSTS = st.sampled_from(("pcrf.example", "other.example"))
POLICED = COUNTED.replace(
    """states: [{name: low, threshold: "100"}, {name: gone, threshold: "1"}]""",
    """states: [{name: low, threshold: "500"}, {name: gone, threshold: "1"}]
      - name: data used
        of: used
        states: [{name: half, threshold: 50 %}, {name: most, threshold: 90 %}]""",
).replace(
    "plans:\n  - name: plan",
    """policy_counters:
  - name: speed
    states: [{name: slow, conditions: ["counter['data left'] != 'normal'"]}]
plans:
  - name: plan
    policy_counters: [speed]""",
)
LUCK = ("taken", "unanswered", "lost", "held", "refused")
"""What becomes of a report: its policy server takes it, with or without the server hearing so; it
does not come, or does not even leave; or it is answered that it comes at a bad time."""
SUCCESS, SESSION_UNKNOWN = SpendingLimitOutcome.SUCCESS, SpendingLimitOutcome.SESSION_UNKNOWN


@dataclass
class View:
    """What a policy server knows of a session of its own."""

    wanted: tuple[str, ...]
    statuses: dict[str, CounterStatus]
    is_aborted: bool = False
    reported: int = 0
    """The number of the latest row that it was told of and said so."""

    def take(self, report: Report) -> None:
        self.statuses |= {each.name: each for each in report.statuses}
        self.is_aborted = self.is_aborted or report.is_abort


class PolicingWalk(LifeWalk):
    """The life of a family of which policy servers want to know."""

    def __init__(self) -> None:
        self.views: dict[bytes, View] = {}
        self.identifiers = itertools.count(1)
        super().__init__()

    async def furnished(self) -> list[int]:
        await create_tenant(self.accounts, self.tenant, ORDER)
        document = POLICED.replace("tenant: demo", f"tenant: {self.tenant}")
        await apply_catalogue(self.accounts, read_document(document), ORDER)
        return await open_accounts(self.accounts, [PARENT], self.tenant)

    def start(self) -> None:
        super().start()
        settings = LaneSettings(answer_budget_seconds=60)
        self.limits = SpendingLimits(self.store, self.lanes, settings, create_metrics())
        self.running.append(asyncio.create_task(self.limits.run()))
        self.outbox, dated = self.sides()
        self.lifecycle = Lifecycle(dated, lambda: self.now)

    @initialize(counters=COUNTERS)
    def begin_with_a_subscription(self, counters: tuple) -> None:
        self.play(self.subscribed(b"sy;1", slr(PARENT, b"sy;1", *counters), False))

    def sides(self) -> tuple[Outbox, Dated]:
        """Other sides of the store."""
        return MemoryOutbox(self.memory), MemoryLifecycle(self.memory)

    async def police(self, request: Request) -> SpendingLimitAnswer:
        answers: list[Replied] = []
        self.limits.submit(request._replace(tenant=self.tenant), answers.append)
        await self.limits.drain()
        (answer,) = answers
        assert isinstance(answer, SpendingLimitAnswer)
        return answer

    async def case(self) -> Case:
        while True:
            async with self.store.work() as work:
                await work.lock([self.group])
                cases = await work.load_sessions((), self.now)
            if cases:
                return cases[self.group]

    async def subscribed(self, name: bytes, request: Request, is_lost: bool) -> None:
        """Ask, and take note of the answer unless it is lost."""
        answer = await self.police(request)
        if answer.outcome is SUCCESS:
            self.views.pop(name, None)
            if not is_lost:
                statuses = {each.name: each for each in answer.statuses}
                self.views[name] = View(request.counters, statuses)
        elif answer.outcome is SESSION_UNKNOWN:
            assert self.views.pop(name, None) is None, "a session does not end by itself"

    @rule(
        member=MEMBERS,
        name=NAMES,
        counters=COUNTERS,
        host=HOSTS,
        is_lost=st.booleans(),
        features=st.sampled_from((None, ABORT_FEATURE)),
    )
    def open_a_subscription(
        self, member: int, name: bytes, counters: tuple, host: str, is_lost: bool, features: int
    ) -> None:
        request = slr(member, name, *counters, origin_host=host, features=features)
        self.play(self.subscribed(name, request, is_lost))

    @rule(name=NAMES, counters=COUNTERS, host=HOSTS, is_lost=st.booleans())
    def change_a_subscription(self, name: bytes, counters: tuple, host: str, is_lost: bool) -> None:
        request = intermediate(name, *counters, origin_host=host)
        self.play(self.subscribed(name, request, is_lost))

    @rule(member=MEMBERS, name=NAMES, session=SESSIONS, units=UNITS)
    def subscribe_at_once(self, member: int, name: bytes, session: bytes, units: int) -> None:
        async def both() -> None:
            request = self.requests(member, session, units, units)
            policed = self.subscribed(name, slr(member, name), False)
            await asyncio.gather(self.ask(request), policed)

        self.play(both())

    @rule(name=NAMES)
    def end_a_subscription(self, name: bytes) -> None:
        answer = self.play(self.police(str_(name)))
        known = self.views.pop(name, None)
        assert known is None or answer.outcome is SUCCESS

    @rule()
    def restart(self) -> None:
        async def restarted() -> None:
            await self.stop()
            self.restore()
            self.start()

        self.play(restarted())

    def restore(self) -> None:
        """Forget what only a process remembers."""

    @rule(
        member=MEMBERS,
        amounts=st.lists(st.sampled_from((-900, -400, 400, 900)), min_size=1, max_size=4),
        luck=st.lists(st.sampled_from(LUCK), min_size=1, max_size=4),
    )
    def turn_back_and_forth(self, member: int, amounts: list[int], luck: list[str]) -> None:
        """Take and give much, and deliver in between."""

        async def turned() -> None:
            lucks = itertools.cycle(luck)
            for amount in amounts:
                account = await self.found(member)
                if account is None:
                    return
                for balance in account.balances:
                    asked = Credit(name(member), str(abs(amount)), amount < 0, None, balance.id)
                    if balance.balance_type == "octets" and await self.do(
                        partial(credit_balance, self.accounts, self.tenant, asked, self.order())
                    ):
                        break
                await self.delivered(lucks)

        self.play(turned())

    @rule(luck=st.lists(st.sampled_from(LUCK), min_size=1, max_size=4))
    def deliver(self, luck: list[str]) -> None:
        self.play(self.delivered(itertools.cycle(luck)))

    async def delivered(self, luck) -> int:
        """Deliver what is due; return how much there was."""
        lease = Lease("walk", self.now, self.now)
        wanted = {
            each.way: 100
            for each in await self.outbox.waiting(self.now)
            if each.way.kind is OutboxKind.SPENDING_LIMIT
        }
        if not wanted:
            return 0
        numbers = list(itertools.islice(self.identifiers, 200))
        claimed = await self.outbox.claim(wanted, self.now, lease, numbers)
        settled = [
            Settled(each, await self.fate(each, next(luck)), self.now, self.now) for each in claimed
        ]
        await self.outbox.settle(settled, "walk")
        return len(claimed)

    async def fate(self, claimed: Claimed, luck: str) -> Fate:
        """Deliver a report, as its fate will."""
        session = claimed.session
        if not isinstance(session, SpendingLimitSession):
            return Fate(Result.DROPPED)
        waiting = [(row.number, report_of(row.content)) for row in claimed.rows]
        report = due_report(session, waiting, self.now, claimed.may_be_known)
        if report is None:
            return Fate(Result.DROPPED)
        view = self.views.get(session.session_id)
        if luck in ("lost", "held"):
            return Fate(Result.PUT_OFF, luck, has_left=luck == "lost")
        if view is None and self.now - session.updated_at > SETTLED_SECONDS * SECOND:
            await self.police(str_(session.session_id, updated_at=session.updated_at))
            return Fate(Result.DROPPED)
        if view is None or luck == "refused":
            return Fate(Result.PUT_OFF, "not now", is_answered=True)
        assert claimed.head.number > view.reported, "what was taken is not said again"
        assert claimed.head.target == session.origin_host or not report.statuses
        view.take(report)
        if luck == "unanswered":
            return Fate(Result.PUT_OFF, "unanswered")
        view.reported = claimed.rows[-1].number
        return Fate(Result.DELIVERED)

    @rule()
    def settle_down(self) -> None:
        """Deliver everything: then each policy server knows how its counters stand.

        That plans begin and end is not foretold: their counters are told of when it is noticed.
        """
        self.check(self.play(self.delivered_all()), {"speed"})

        async def noticed() -> Case:
            while await self.lifecycle.look():
                pass
            return await self.delivered_all()

        self.check(self.play(noticed()), set())

    async def delivered_all(self) -> Case:
        while await self.delivered(itertools.repeat("taken")):
            self.now += SETTLED_SECONDS * SECOND + 1
        return await self.case()

    def check(self, case: Case, unnoticed: set[str]) -> None:
        """Policy servers know how counters stand, but for those."""
        assert self.views.keys() <= case.spending_limits.keys()
        for session_id, view in self.views.items():
            session = case.spending_limits[session_id]
            if case.accounts[session.account_id].state is AccountState.DELETED:
                assert view.is_aborted is bool(session.features & ABORT_FEATURE)
                continue
            assert not view.is_aborted
            told = {each.name: each.at(self.now) for each in view.statuses.values()}
            for each in foreseen(case, session.account_id):
                if each.name in (view.wanted or {each.name}) and each.name not in unnoticed:
                    assert told[each.name] == each

    def teardown(self) -> None:
        self.settle_down()
        super().teardown()


class PolicingWalkInPostgres(PolicingWalk, LifeWalkInPostgres):
    """The same walk, with transactions that last."""

    def sides(self) -> tuple[Outbox, Dated]:
        return PostgresOutbox(self.pool), PostgresLifecycle(self.pool, self.store)

    def restore(self) -> None:
        self.store = PostgresStore(self.pool, Catalogues(read_stored))


def test_policy_servers_know_in_the_end_how_counters_stand() -> None:
    run_state_machine_as_test(
        PolicingWalk, settings=settings(max_examples=30, stateful_step_count=30, deadline=None)
    )


@pytest.mark.ci
def test_policy_servers_know_it_from_postgres(database: str) -> None:
    PolicingWalkInPostgres.conninfo = database
    PolicingWalkInPostgres.tenants = itertools.count()
    run_state_machine_as_test(
        PolicingWalkInPostgres,
        settings=settings(
            max_examples=10,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
