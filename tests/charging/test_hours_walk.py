"""A random walk past changes of price, against a bill that is made second by second."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from diameter_ocs.charging.catalogue import Catalogue, Price, Rate, Service
from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.hours import working_hours
from diameter_ocs.charging.requests import ServiceUsage, SessionKey, Units
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.charging.supervision import supervise
from diameter_ocs.charging.units import UnitType, round_up
from tests.charging.scenario import DATA, MONEY, VOICE, Desk, balance, catalogue, rating_group

SECOND = 1_000_000
BERLIN = ZoneInfo("Europe/Berlin")
STARTS = [
    int(datetime(2026, 3, 29, 1, tzinfo=BERLIN).timestamp()),  # the clock is set forward at 2
    int(datetime(2026, 10, 25, 2, tzinfo=BERLIN).timestamp()),  # and back at 3
    int(datetime(2026, 6, 12, 23, 30, tzinfo=BERLIN).timestamp()),
]
PRICES = (Price(10, 1), Price(3, 7, 190_000, 700, 90), Price(25, 2, initial_micro_units=1000))
SPAN_MINUTES = 13
"""So long a price lasts by the clock on the wall, from midnight on; then it is the next one's."""
PLENTY = 10**12
SESSIONS = st.sampled_from([b"one", b"two"])
AMOUNTS = st.integers(0, 5000) | st.integers(0, 3)
WAITS = st.builds(
    lambda minutes, seconds, rest: (minutes * 60 + seconds) * SECOND + rest,
    st.integers(0, 50),
    st.integers(0, 59),
    st.sampled_from([0, 1, 700_000]),
)
SERVICES = st.dictionaries(
    st.sampled_from([VOICE, DATA]),
    st.tuples(
        st.sampled_from(["both", "both", "both", "report", "ask", "return"]),
        st.sampled_from(["below", "all", "above"]),
        st.integers(1, 5000),
        AMOUNTS,
        AMOUNTS,
    ),
)


def price_number(second: int) -> int:
    local = datetime.fromtimestamp(second, BERLIN)
    return (local.hour * 60 + local.minute) // SPAN_MINUTES % len(PRICES)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _hours(number: int) -> Restrictions:
    step = SPAN_MINUTES * len(PRICES)
    starts = range(number * SPAN_MINUTES, 1440, step)
    spans = [f"{_clock(start)}-{_clock(min(start + SPAN_MINUTES, 1440))}" for start in starts]
    return Restrictions(hours=working_hours([("mon-sun", ",".join(spans))]))


RATES = tuple(Rate(price, str(at), _hours(at)) for at, price in enumerate(PRICES))


def offered(rounding: int) -> Catalogue:
    groups = (
        rating_group(VOICE, UnitType.TIME, rounding, quota_validity_seconds=1500),
        rating_group(DATA, UnitType.VOLUME, rounding, quota_validity_seconds=1200),
    )
    service = Service("by hours", 1, frozenset({VOICE, DATA}), (MONEY,), RATES)
    return replace(catalogue(service, groups=groups), time_zone="Europe/Berlin")


@dataclass
class Run:
    """Usage at one price without another between."""

    number: int
    price: Price
    used: int = 0


@dataclass
class Quota:
    """What was granted when, and when the client divides it."""

    run: Run
    granted_at: int
    change_at: int | None = None


@dataclass
class Told:
    """What a session has done, kept the slowest way; times in microseconds."""

    last_request_at: int
    runs: dict[int, list[Run]] = field(default_factory=lambda: {VOICE: [], DATA: []})
    begun: set[int] = field(default_factory=set)
    quotas: dict[int, Quota] = field(default_factory=dict)

    def run(self, group: int, at: int) -> Run:
        """Return the run of the price that there is at a time."""
        number, runs = price_number(at // SECOND), self.runs[group]
        if not runs or runs[-1].number != number:
            runs.append(Run(number, self.due(group, PRICES[number])))
        return runs[-1]

    def due(self, group: int, price: Price) -> Price:
        if group not in self.begun:
            return price
        return replace(price, initial_micro_units=0, minimum_units=0)

    def use(self, group: int, run: Run, units: int) -> None:
        """Count usage; what it begins, no other run of the group does."""
        run.used += units
        if units and group not in self.begun:
            self.begun.add(group)
            for other in self.runs[group]:
                if other is not run:
                    other.price = self.due(group, other.price)

    def talk(self, quota: Quota, seconds: int, end: int) -> None:
        """Count each second at the price of the moment in which it began."""
        run, before = quota.run, price_number(quota.granted_at // SECOND)
        for second in range(seconds):
            at = min(quota.granted_at + second * SECOND, max(end, quota.granted_at))
            number = price_number(at // SECOND)
            if number != before:
                run, before = self.run(VOICE, at), number
            self.use(VOICE, run, 1)

    def load(self, quota: Quota, before: int, after: int, end: int) -> None:
        """Count what came before at the price of the quota, the rest after the latest change."""
        self.use(DATA, quota.run, before)
        last = quota.change_at or max(end, quota.granted_at)
        minutes = range(quota.granted_at // SECOND // 60, last // SECOND // 60 + 1)
        numbers = [price_number(minute * 60) for minute in minutes]
        has_changed = any(number != numbers[0] for number in numbers)
        self.use(DATA, self.run(DATA, last) if after and has_changed else quota.run, after)

    def cost(self, rounding: int) -> int:
        return sum(
            run.price.charge_of(round_up(run.used, rounding))
            for runs in self.runs.values()
            for run in runs
        )


class Walk(RuleBasedStateMachine):
    """Sessions of one account that last beyond changes of price."""

    @initialize(
        start=st.sampled_from(STARTS),
        rounding=st.sampled_from([1, 60]),
        is_rich=st.booleans(),
        money=st.integers(0, 60_000),
    )
    def begin(self, start: int, rounding: int, is_rich: bool, money: int) -> None:
        self.rounding, self.is_rich = rounding, is_rich
        self.desk = Desk(offered(rounding), balance(1, MONEY, PLENTY if is_rich else money))
        self.now = start * SECOND
        self.open: dict[bytes, Told] = {}
        self.cost = 0
        self.accounted: Counter[str] = Counter()

    @property
    def now(self) -> int:
        return self.desk.case.now

    @now.setter
    def now(self, now: int) -> None:
        self.desk.case = self.desk.case._replace(now=now)

    @rule(waited=WAITS, session=SESSIONS)
    def watch(self, waited: int, session: bytes) -> None:
        """Take back what has expired; it is priced as it was when it is reported late."""
        self.now += waited
        decision = supervise(SessionKey(session), self.desk.case)
        if decision is not None:
            now = self.now
            self.desk.case = self.desk.case.after(decision)
            self.now = now
            self.desk.decisions.append(decision)
            self.desk.audit()

    @rule(session=SESSIONS, services=SERVICES)
    def initial(self, session: bytes, services) -> None:
        self.forget(session)
        self.open[session] = Told(self.now)
        usages = [
            ServiceUsage(group, (), Units(wanted, wanted))
            for group, (_, _, wanted, _, _) in services.items()
        ]
        self.learn(session, self.desk.initial(*usages, session=session))

    @precondition(lambda self: self.open)
    @rule(
        waited=WAITS,
        session=SESSIONS,
        services=SERVICES,
        lag=st.none() | st.integers(-5, 100),
        ends=st.booleans(),
    )
    def go_on(self, waited: int, session: bytes, services, lag: int | None, ends: bool) -> None:
        self.now += waited
        if session not in self.open:
            (session,) = self.open
        event_at = None if lag is None else self.now - lag * SECOND
        usages = self.usages(session, services)
        self.settle(session, usages, min(event_at or self.now, self.now))
        covered = self.covered(session, usages)
        ask = self.desk.terminate if ends else self.desk.update
        decision = ask(*usages, session=session, event_at=event_at)
        self.learn(session, decision)
        for record in decision.edrs[-1].services:
            if self.rounding == 1 and record.rating_group in covered:
                assert record.settlement.shortfall == record.settlement.overrun == 0
        if ends:
            self.forget(session)

    def forget(self, session: bytes) -> None:
        told = self.open.pop(session, None)
        if told is not None:
            self.cost += told.cost(self.rounding)

    def covered(self, session: bytes, usages: list[ServiceUsage]) -> set[int]:
        """Return what is reported within quotas that last beyond a change of price."""
        used = {each.rating_group: sum(part.octets for part in each.used) for each in usages}
        return {
            each.rating_group
            for each in self.desk.case.sessions[SessionKey(session)].reservations
            if each.cover is not None and used.get(each.rating_group, 0) <= each.granted
        }

    def usages(self, session: bytes, services) -> list[ServiceUsage]:
        granted = {
            each.rating_group: each.granted
            for each in self.desk.case.sessions[SessionKey(session)].reservations
        }
        usages = []
        for group, (act, measure, wanted, some, more) in services.items():
            quota = granted.get(group, 0)
            units = {"below": min(some, quota), "all": quota, "above": quota + some}[measure]
            after = min(more, units) if group == DATA else 0
            used = ((units - after, False), (after, True)) if group == DATA else ((units, False),)
            parts = [(Units(part, part), late) for part, late in used]
            reports = act != "ask"
            usages.append(
                ServiceUsage(
                    group,
                    (),
                    Units(wanted, wanted) if act in ("ask", "both") else None,
                    tuple(part for part, _ in parts) if reports else (),
                    act == "return",
                    used_after=tuple(part for part, late in parts if late and reports),
                )
            )
        return usages

    def settle(self, session: bytes, usages: list[ServiceUsage], end: int) -> None:
        told = self.open[session]
        for usage in usages:
            group = usage.rating_group
            quota = told.quotas.pop(group, None)
            if not usage.used:
                continue
            if quota is None:
                start = min(told.last_request_at, end)
                quota = Quota(told.run(group, start), start)
            if group == VOICE:
                told.talk(quota, usage.used[0].seconds, end)
            else:
                before, after = (part.octets for part in usage.used)
                told.load(quota, before, after, end)

    def learn(self, session: bytes, decision: Decision) -> None:
        told = self.open[session]
        told.last_request_at = self.now
        for edr in decision.edrs:
            for record in edr.services:
                self.accounted.update(record.settlement._asdict())
                paid = [amount for each in record.paid for _, amount in each.amounts]
                assert not paid or sum(paid) == record.settlement.charged_amount
        for service in decision.services:
            usage, grant = service.usage, service.grant
            if usage.requested is not None and not usage.is_quota_returned:
                told.run(usage.rating_group, self.now)
            if grant is None:
                continue
            run = told.run(usage.rating_group, self.now)
            told.quotas[usage.rating_group] = Quota(run, self.now, grant.tariff_change_at)
            end = self.now + grant.validity_seconds * SECOND
            if grant.tariff_change_at is not None:
                assert self.now < grant.tariff_change_at <= end
            elif usage.rating_group == DATA:
                minutes = range(self.now // SECOND // 60, end // SECOND // 60 + 1)
                assert len({price_number(minute * 60) for minute in minutes}) == 1

    @invariant()
    def all_that_was_charged_is_paid(self) -> None:
        assert self.desk.balance(1)[0] == self.accounted["charged_amount"]

    @invariant()
    def nothing_stays_reserved(self) -> None:
        assert self.open or not self.desk.balance(1)[1]

    @precondition(lambda self: self.is_rich)
    @invariant()
    def the_rich_pay_each_second_and_each_octet_at_its_price(self) -> None:
        expected = self.cost + sum(told.cost(self.rounding) for told in self.open.values())
        assert self.desk.balance(1)[0] == expected
        assert self.accounted["shortfall"] == self.accounted["overrun"] == 0


Walk.TestCase.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
TestWalk = Walk.TestCase
