"""A random walk of sessions of one account, against totals that are kept the slowest way."""

from collections import Counter
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from diameter_ocs.charging.catalogue import Catalogue, Price
from diameter_ocs.charging.decisions import Decision, Outcome
from diameter_ocs.charging.requests import ServiceUsage, SessionKey, Units
from diameter_ocs.charging.session import Session
from tests.charging.scenario import (
    BONUS,
    MONEY,
    SECONDS,
    TEXT,
    TEXT_EACH,
    VOICE,
    VOICE_BY_MINUTES,
    Desk,
    allowance,
    balance,
    catalogue,
    priced,
)

SESSIONS = st.sampled_from([b"one", b"two", b"three"])
AMOUNTS = st.integers(0, 200) | st.integers(0, 5)
SERVICES = st.tuples(
    st.sampled_from([VOICE, TEXT]),
    st.sampled_from([(), (1,), (2,)]),
    st.sampled_from(["report", "ask", "both", "return", "keep"]),
    st.sampled_from(["below", "all", "above"]),
    AMOUNTS,
    AMOUNTS,
)
ROUNDING = {VOICE: 60, TEXT: 1}
PLENTY = 10**12
Identity = tuple[bytes, int, tuple[int, ...]]


def price_of(version: int, group: int) -> Price:
    """Prices that never come back, most of them no whole micro-units a unit."""
    return Price(700 + version, 9) if group == VOICE else Price(80 + version, 1, 190_000)


def offered(version: int) -> Catalogue:
    return catalogue(
        allowance(SECONDS, VOICE),
        priced(price_of(version, VOICE), VOICE, priority=1, balance_types=(BONUS, MONEY)),
        priced(price_of(version, TEXT), TEXT, priority=2),
        groups=(VOICE_BY_MINUTES, TEXT_EACH),
        version=version,
    )


def granted_on(session: Session, line: int) -> int:
    return sum(each.granted for each in session.reservations if each.line == line)


class Walk(RuleBasedStateMachine):
    """What is due is rounded once for each session, group and price; somebody pays it or nobody."""

    @initialize(
        is_rich=st.booleans(),
        seconds=st.integers(0, 400),
        bonus=st.integers(0, 9_000),
        money=st.integers(0, 20_000),
    )
    def begin(self, is_rich: bool, seconds: int, bonus: int, money: int) -> None:
        self.is_rich = is_rich
        start = (0, 0, PLENTY) if is_rich else (seconds, bonus, money)
        kinds = (SECONDS, BONUS, MONEY)
        self.desk = Desk(
            offered(1), *(balance(n + 1, kinds[n], start[n]) for n in range(len(kinds)))
        )
        self.used: Counter[tuple[int, int, int]] = Counter()
        self.versions: dict[Identity, int] = {}
        self.accounted: Counter[str] = Counter()
        self.number = 0

    @rule(session=SESSIONS, services=st.lists(SERVICES, max_size=4))
    def initial(self, session: bytes, services) -> None:
        self.versions = {key: at for key, at in self.versions.items() if key[0] != session}
        self.number += 1
        usages = tuple(
            ServiceUsage(group, names, Units(None, wanted, wanted))
            for group, names, _, _, wanted, _ in services
        )
        self.learn(session, self.desk.initial(*usages, session=session))

    @rule(session=SESSIONS, services=st.lists(SERVICES, max_size=4))
    def update(self, session: bytes, services) -> None:
        if self.is_open(session):
            usages = self.usages(session, services)
            self.learn(session, self.desk.update(*usages, session=session))

    @rule(session=SESSIONS, services=st.lists(SERVICES, max_size=4))
    def terminate(self, session: bytes, services) -> None:
        if self.is_open(session):
            usages = self.usages(session, services)
            self.learn(session, self.desk.terminate(*usages, session=session))
            self.versions = {key: at for key, at in self.versions.items() if key[0] != session}

    @rule(services=st.lists(SERVICES, min_size=1, max_size=3))
    def event(self, services) -> None:
        """All or nothing, never for nothing, and never while something could still begin a unit."""
        self.number += 1
        asked = {(group, names): wanted or 1 for group, names, _, _, wanted, _ in services}
        usages = [
            ServiceUsage(group, names, Units(None, wanted, wanted))
            for (group, names), wanted in asked.items()
        ]
        decision = self.desk.event(*usages, session=b"event %d" % self.number)
        (edr,) = decision.edrs
        is_served = decision.outcome is Outcome.SUCCESS
        assert is_served or not (edr.postings or self.is_rich)
        assert len(decision.services) == len(asked) or not is_served
        for told in decision.services:
            group, names = told.usage.rating_group, told.usage.service_identifiers
            assert (told.grant is not None) is is_served
            if told.grant is not None:
                assert 0 < told.grant.units <= asked[group, names]
                assert told.grant.is_final is (told.grant.units < asked[group, names])
                assert not (told.grant.is_final and self.has_money(group))
        version = self.desk.case.catalogue.version
        for at, record in enumerate(edr.services):
            line = -100 * self.number - at
            self.used[line, record.rating_group, version] += record.settlement.used
            for name, value in record.settlement._asdict().items():
                self.accounted[name] += value

    @precondition(lambda self: not self.is_rich)
    @rule(number=st.integers(1, 3), amount=st.integers(0, 500))
    def credit(self, number: int, amount: int) -> None:
        self.desk.credit(number, amount)

    @rule()
    def change_prices(self) -> None:
        self.desk.offer(offered(self.desk.case.catalogue.version + 1))

    def is_open(self, session: bytes) -> bool:
        return SessionKey(session) in self.desk.case.sessions

    def usages(self, session: bytes, services) -> tuple[ServiceUsage, ...]:
        """Make services of a request, and write down what they report and under which price."""
        number = self.desk.case.sessions[SessionKey(session)].number
        reservations = {
            (reservation.rating_group, reservation.service_identifiers): reservation.granted
            for reservation in self.desk.case.sessions[SessionKey(session)].reservations
        }
        usages = {}
        for group, names, act, measure, wanted, some in services:
            has_report = act in ("report", "both", "return")
            granted = reservations.get((group, names), 0)
            units = {"below": min(some, granted), "all": granted, "above": granted + some}[measure]
            usages[group, names] = ServiceUsage(
                group,
                names,
                Units(None, wanted, wanted) if act in ("ask", "both") else None,
                (Units(None, units, units),) if has_report else (),
                act == "return",
            )
        now = self.desk.case.catalogue.version
        for (group, names), usage in usages.items():
            if usage.used or usage.requested:
                version = self.versions.pop((session, group, names), now)
                units = sum(units.seconds or 0 for units in usage.used)
                self.used[number, group, version] += units
        return tuple(usages.values())

    def learn(self, session: bytes, decision: Decision) -> None:
        """Check each answer, and write down what became of the usage."""
        for service in decision.services:
            group, names = service.usage.rating_group, service.usage.service_identifiers
            if service.grant is not None:
                self.versions[session, group, names] = self.desk.case.catalogue.version
                wanted = service.usage.requested.seconds or 100
                assert 0 < service.grant.units <= wanted
                assert service.grant.units == wanted or not self.is_rich
                if service.grant.is_final:
                    assert not self.has_money(group)
            elif service.outcome.name == "LIMIT_REACHED":
                assert self.is_begun(session, group) or not self.has_money(group)
        for record in decision.edrs[-1].services:
            for name, value in record.settlement._asdict().items():
                self.accounted[name] += value
            assert record.settlement.overrun_amount >= 0
            assert -1 <= record.settlement.tax_amount <= record.settlement.charged_amount

    def is_begun(self, session: bytes, group: int) -> bool:
        """Tell whether a unit is granted that is not held whole: what is left would go into it."""
        found = self.desk.case.sessions[SessionKey(session)]
        return any(
            line.rating_group == group
            and line.settled + line.held_units < line.used + granted_on(found, line.number)
            for line in found.lines
        )

    def has_money(self, group: int) -> bool:
        numbers = (1, 2, 3) if group == VOICE else (3,)
        return any(self.desk.case.balances[number].available > 0 for number in numbers)

    @invariant()
    def what_is_used_is_charged_overrun_or_short(self) -> None:
        due = sum(
            -(-units // ROUNDING[group]) * ROUNDING[group]
            for (_, group, _), units in self.used.items()
        )
        accounted = self.accounted
        assert due == accounted["charged"] + accounted["overrun"] + accounted["shortfall"]
        balances = self.desk.case.balances
        assert balances[2].used + balances[3].used == accounted["charged_amount"]

    @invariant()
    def the_rich_pay_the_price_of_each_line_rounded_once(self) -> None:
        if not self.is_rich:
            return
        expected = 0
        for (_, group, version), units in self.used.items():
            price = price_of(version, group)
            charged = -(-units // ROUNDING[group]) * ROUNDING[group]
            cost = Fraction(charged * price.micro_units, price.per_units)
            cost *= 1 + Fraction(price.tax_millionths, 10**6)
            expected += int(cost + Fraction(1, 2))
        assert self.desk.case.balances[3].used == expected


Walk.TestCase.settings = settings(max_examples=250, stateful_step_count=30, deadline=None)
TestWalk = Walk.TestCase
