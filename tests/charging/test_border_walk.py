"""A random walk of travellers: each zone has its price, and what begins is charged once."""

from collections import Counter
from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from diameter_ocs.charging.catalogue import Catalogue, Price, Rate, Service
from diameter_ocs.charging.decisions import Decision, Outcome
from diameter_ocs.charging.expressions import parse_countries
from diameter_ocs.charging.information import LocationReport, LocationSource, ServiceInformation
from diameter_ocs.charging.requests import ServiceUsage, SessionKey, Units
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.charging.units import round_up
from tests.charging.scenario import (
    BONUS,
    MONEY,
    TEXT,
    TEXT_EACH,
    VOICE,
    VOICE_BY_MINUTES,
    Desk,
    balance,
    catalogue,
)

ROUNDING = {VOICE: 60, TEXT: 1}
PRICES = {
    (VOICE, "DE"): Price(7, 9, initial_micro_units=1000),
    (VOICE, "FR"): Price(20, 3, 190_000, 700, 90),
    (VOICE, "PL"): Price(7, 9, initial_micro_units=1000),  # as at home, and yet another zone
    (TEXT, "DE"): Price(80, 1),
    (TEXT, "FR"): Price(90, 1, 70_000, 11, 3),
}
"""Texts are not sold in Poland, and nothing in America."""
PLENTY = 10**12
SESSIONS = st.sampled_from([b"one", b"two"])
PLACES = st.sampled_from(["DE", "FR", "PL", "US"])
AMOUNTS = st.integers(0, 200) | st.integers(0, 3)
SERVICES = st.lists(
    st.tuples(
        st.sampled_from([VOICE, TEXT]),
        st.sampled_from([(), (1,), (2,)]),
        st.sampled_from(["report", "ask", "both", "return", "keep"]),
        st.sampled_from(["nothing", "below", "all", "above"]),
        AMOUNTS,
        AMOUNTS,
    ),
    max_size=4,
)


def offered() -> Catalogue:
    def rates(group: int) -> tuple[Rate, ...]:
        return tuple(
            Rate(price, country, Restrictions(from_countries=parse_countries(country)))
            for (sold, country), price in PRICES.items()
            if sold == group
        )

    services = [
        Service(f"group {group}", 1, frozenset({group}), (BONUS, MONEY), rates(group))
        for group in (VOICE, TEXT)
    ]
    return catalogue(*services, groups=(VOICE_BY_MINUTES, TEXT_EACH))


def at(country: str | None) -> ServiceInformation:
    if country is None:
        return ServiceInformation()
    report = LocationReport(LocationSource.USER_LOCATION, None, countries=(country,))
    return ServiceInformation((report,))


@dataclass
class Run:
    """Usage at one price without a border between."""

    country: str
    price: Price
    used: int = 0


@dataclass
class Told:
    """What a session has done, kept the slowest way."""

    place: str
    runs: dict[int, list[Run]] = field(default_factory=lambda: {VOICE: [], TEXT: []})
    begun: set[int] = field(default_factory=set)
    quotas: dict[tuple[int, tuple[int, ...]], Run] = field(default_factory=dict)

    def run(self, group: int, country: str) -> Run | None:
        """Return the run of a group at a place; None: it is not sold there."""
        price = PRICES.get((group, country))
        if price is None:
            return None
        runs = self.runs[group]
        if not runs or runs[-1].country != country:
            runs.append(Run(country, self.due(group, price)))
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

    @property
    def cost(self) -> int:
        return sum(
            run.price.charge_of(round_up(run.used, ROUNDING[group]))
            for group, runs in self.runs.items()
            for run in runs
        )


class Walk(RuleBasedStateMachine):
    """Sessions of one account that cross borders between their requests."""

    @initialize(is_rich=st.booleans(), bonus=st.integers(0, 9_000), money=st.integers(0, 20_000))
    def begin(self, is_rich: bool, bonus: int, money: int) -> None:
        self.is_rich = is_rich
        start = (0, PLENTY) if is_rich else (bonus, money)
        self.desk = Desk(offered(), balance(1, BONUS, start[0]), balance(2, MONEY, start[1]))
        self.open: dict[bytes, Told] = {}
        self.cost = 0
        self.accounted: Counter[str] = Counter()
        self.events = 0

    @rule(session=SESSIONS, place=PLACES, services=SERVICES)
    def initial(self, session: bytes, place: str, services) -> None:
        self.forget(session)
        told = self.open[session] = Told(place)
        usages = tuple(
            ServiceUsage(group, names, Units(None, wanted, wanted))
            for group, names, _, _, wanted, _ in services
        )
        self.learn(told, self.desk.initial(*usages, session=session, information=at(place)))

    @rule(session=SESSIONS, place=PLACES | st.none(), services=SERVICES)
    def update(self, session: bytes, place: str | None, services) -> None:
        if session in self.open:
            told = self.open[session]
            usages = self.usages(session, services)
            self.settle(told, usages)
            told.place = place or told.place
            decision = self.desk.update(*usages, session=session, information=at(place))
            self.learn(told, decision)

    @rule(session=SESSIONS, place=PLACES | st.none(), services=SERVICES)
    def terminate(self, session: bytes, place: str | None, services) -> None:
        if session in self.open:
            told = self.open[session]
            usages = self.usages(session, services)
            self.settle(told, usages)
            decision = self.desk.terminate(*usages, session=session, information=at(place))
            self.account(decision)
            self.forget(session)

    @rule(place=PLACES, group=st.sampled_from([VOICE, TEXT]), wanted=st.integers(1, 200))
    def event(self, place: str, group: int, wanted: int) -> None:
        self.events += 1
        usage = ServiceUsage(group, (), Units(None, wanted, wanted))
        name = b"event %d" % self.events
        decision = self.desk.event(usage, session=name, information=at(place))
        self.account(decision)
        price = PRICES.get((group, place))
        assert (decision.outcome is Outcome.SERVICE_DENIED) is (price is None)
        if price is not None and decision.outcome is Outcome.SUCCESS:
            (service,) = decision.services
            self.cost += price.charge_of(round_up(service.grant.units, ROUNDING[group]))

    @precondition(lambda self: not self.is_rich)
    @rule(number=st.integers(1, 2), amount=st.integers(0, 3000))
    def credit(self, number: int, amount: int) -> None:
        self.desk.credit(number, amount)

    def forget(self, session: bytes) -> None:
        told = self.open.pop(session, None)
        if told is not None:
            self.cost += told.cost

    def usages(self, session: bytes, services) -> tuple[ServiceUsage, ...]:
        reservations = {
            (reservation.rating_group, reservation.service_identifiers): reservation.granted
            for reservation in self.desk.case.sessions[SessionKey(session)].reservations
        }
        usages = {}
        for group, names, act, measure, wanted, some in services:
            granted = reservations.get((group, names), 0)
            measures = {"nothing": 0, "below": min(some, granted), "all": granted}
            units = measures.get(measure, granted + some)
            is_sold = (group, self.open[session].place) in PRICES
            has_report = act in ("report", "both", "return") and (granted or is_sold)
            usages[group, names] = ServiceUsage(
                group,
                names,
                Units(None, wanted, wanted) if act in ("ask", "both") else None,
                (Units(None, units, units),) if has_report else (),
                act == "return",
            )
        return tuple(usages.values())

    def settle(self, told: Told, usages: tuple[ServiceUsage, ...]) -> None:
        """Usage is what it was where it was granted, else where the session was before."""
        for usage in usages:
            if not usage.used and not usage.requested and not usage.is_quota_returned:
                continue
            group = usage.rating_group
            run = told.quotas.pop((group, usage.service_identifiers), None)
            units = sum(units.seconds for units in usage.used)
            if run is None and usage.used:
                run = told.run(group, told.place)
            if run is not None:
                told.use(group, run, units)

    def learn(self, told: Told, decision: Decision) -> None:
        self.account(decision)
        for service in decision.services:
            group = service.usage.rating_group
            if service.usage.requested is None or service.usage.is_quota_returned:
                continue
            is_sold = (group, told.place) in PRICES
            assert (service.outcome is Outcome.SERVICE_DENIED) is not is_sold
            if is_sold:
                told.run(group, told.place)
            if service.grant is not None:
                names = service.usage.service_identifiers
                told.quotas[group, names] = told.run(group, told.place)
                assert service.grant.depends_on_location

    def account(self, decision: Decision) -> None:
        for edr in decision.edrs:
            for record in edr.services:
                for name, value in record.settlement._asdict().items():
                    self.accounted[name] += value

    @invariant()
    def all_that_was_charged_is_paid(self) -> None:
        balances = self.desk.case.balances.values()
        assert sum(balance.used for balance in balances) == self.accounted["charged_amount"]

    @precondition(lambda self: self.is_rich)
    @invariant()
    def the_rich_pay_the_price_of_each_zone_and_what_begins_once(self) -> None:
        expected = self.cost + sum(told.cost for told in self.open.values())
        assert self.desk.case.balances[2].used == expected
        assert not self.accounted["shortfall"]


Walk.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestWalk = Walk.TestCase
