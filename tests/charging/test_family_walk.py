"""A family's sessions and events, all kinds at once, against a bill that is made the slowest way.

Accounts share balances, gateways travel, prices change by the hours, quotas end, expire, are used
for each other, are in money; sessions replace each other and are reported on after their end;
everything is asked once more at any time.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from diameter_ocs.charging.case import Account
from diameter_ocs.charging.catalogue import Insufficiency, Price, RatingGroup, SessionRules
from diameter_ocs.charging.charge import charge
from diameter_ocs.charging.decisions import Decision, Novelty, Outcome, ServiceDecision
from diameter_ocs.charging.final_units import (
    AddressType,
    FinalUnitAction,
    FinalUnitHandling,
    RedirectServer,
)
from diameter_ocs.charging.information import LocationReport, LocationSource, ServiceInformation
from diameter_ocs.charging.requests import (
    ChargingRequest,
    EventAction,
    RequestType,
    ServiceUsage,
    SessionKey,
    Units,
)
from diameter_ocs.charging.session import CloseReason
from diameter_ocs.charging.supervision import supervise
from diameter_ocs.charging.units import UnitType
from tests.charging.bill import (
    BERLIN,
    CENTS,
    IN_MONEY,
    SECOND,
    Bill,
    Identity,
    Quota,
    Run,
    is_in_money,
    services,
)
from tests.charging.scenario import (
    ALICE,
    BOB,
    DATA,
    MONEY,
    OCTETS,
    SECONDS,
    TEXT,
    TEXTS,
    VIDEO,
    VOICE,
    Desk,
    allowance,
    balance,
    catalogue,
    priced,
    rating_group,
)

FAMILY, ANNA, BEN = 1, 2, 3
MEMBERS = {ANNA: ALICE, BEN: BOB}
SHARED_MONEY, ANNAS_MONEY, ANNAS_TEXTS, SHARED_SECONDS, ANNAS_OCTETS = 1, 2, 3, 4, 5
PAYS = {
    VOICE: {SECONDS, MONEY},
    DATA: {OCTETS, MONEY},
    VIDEO: {MONEY},
    TEXT: {TEXTS, MONEY},
}
EUR = 978
PLENTY = 10**12
USUAL = 100
ANOTHER = 99
"""The Service-Identifier under which more is asked for to see whether there is any."""
STARTS = [
    int(datetime(2026, 3, 29, 1, tzinfo=BERLIN).timestamp()),  # the clock is set forward at 2
    int(datetime(2026, 10, 25, 2, tzinfo=BERLIN).timestamp()),  # and back at 3
    int(datetime(2026, 12, 31, 23, 30, tzinfo=BERLIN).timestamp()),
]
HANDLINGS = [
    FinalUnitHandling(),
    FinalUnitHandling(None),
    FinalUnitHandling(FinalUnitAction.REDIRECT, (RedirectServer(AddressType.URL, "https://pay"),)),
    FinalUnitHandling(FinalUnitAction.RESTRICT_ACCESS, (), (), ("pay",)),
]
WAITS = st.sampled_from([0, 1, 7, 59, 61, 300, 780, 781, 1500, 3600, 7300, 90_000, 200_000])
PLACES = st.sampled_from(["DE", "DE", "FR", "PL", "US"])
NAMES = st.tuples(st.sampled_from([ANNA, BEN]), st.sampled_from([b"one", b"two"]))
AMOUNTS = st.integers(0, 3) | st.integers(0, 1500)
WANTED = st.none() | st.integers(1, 10) | st.integers(1, 1500)
IDENTIFIERS = st.sampled_from([(), (), (1,)])
SERVICES = st.dictionaries(
    st.tuples(st.sampled_from([VOICE, DATA, VIDEO, TEXT]), IDENTIFIERS),
    st.tuples(
        st.sampled_from(["both", "both", "ask", "report", "return", "keep"]),
        st.sampled_from(["nothing", "below", "all", "above"]),
        st.sampled_from(["units", "units", "units", "money"]),
        WANTED,
        AMOUNTS,
        AMOUNTS,
    ),
    max_size=4,
)
TERMS = st.tuples(
    st.sampled_from(Insufficiency),
    st.tuples(st.sampled_from([1, 60]), st.sampled_from([1, 10]), st.just(7)),
    st.tuples(*[st.sampled_from(HANDLINGS)] * 4),
    st.sampled_from([None, 300]),
    st.sampled_from([100, 100, 30]),
)
"""What is done when less is left than is wanted, in which multiples usage is charged, what becomes
of services at the end, the time that an adaptive quota lasts, the share that one may take."""
Name = tuple[int, bytes]


def at(place: str | None) -> ServiceInformation:
    if place is None:
        return ServiceInformation(apn="internet")
    report = LocationReport(LocationSource.USER_LOCATION, None, countries=(place,))
    return ServiceInformation((report,), apn="internet")


def said(number: int | None, is_in_money: bool, fraction: int = 0) -> Units:
    if is_in_money:
        return Units(money=number, fraction=fraction)
    return Units(number, number, number)


@dataclass
class Event:
    """What an event cost, and how much of it was given back."""

    account: int
    identity: Identity
    run: Run
    charged: int
    name: bytes
    served: int
    left: int


class Told:
    """A request, and what it was answered."""

    def __init__(self, request: ChargingRequest, decision: Decision, life: int, at: int) -> None:
        self.request, self.decision, self.life, self.at = request, decision, life, at

    @property
    def answer(self) -> object:
        told = [(service.outcome, service.grant) for service in self.decision.services]
        return self.decision.outcome, told, self.decision.told


class FamilyWalk(RuleBasedStateMachine):
    """All that is used is charged once, at its price; what is left and what is held is the rest."""

    @initialize(
        is_rich=st.booleans(),
        start=st.sampled_from(STARTS),
        has_pool=st.booleans(),
        terms=TERMS,
        totals=st.lists(st.integers(0, 9_000) | st.integers(0, 300), min_size=5, max_size=5),
    )
    def begin(self, is_rich: bool, start: int, has_pool: bool, terms, totals) -> None:
        self.is_rich, self.has_pool = is_rich, has_pool
        self.option, roundings, handlings, adaptive, part = terms
        self.roundings = dict(zip((VOICE, DATA, VIDEO), roundings, strict=True)) | {TEXT: 1}
        self.is_cut = part < 100 or adaptive is not None
        offered = catalogue(
            *services(has_allowances=not is_rich),
            allowance(TEXTS, TEXT),
            priced(Price(CENTS, 1), TEXT, priority=3),
            groups=self.groups(handlings, adaptive, part),
        )
        offered = replace(
            offered,
            default_monetary_balance_type=MONEY,
            time_zone="Europe/Berlin",
            session_rules=SessionRules(insufficiency=self.option),
        )
        shared, annas, texts, seconds, octets = totals
        if is_rich:
            shared = annas = PLENTY
        self.desk = Desk(
            offered,
            balance(SHARED_MONEY, MONEY, shared, FAMILY),
            balance(ANNAS_MONEY, MONEY, annas, ANNA),
            balance(ANNAS_TEXTS, TEXTS, texts, ANNA),
            balance(SHARED_SECONDS, SECONDS, seconds, FAMILY),
            balance(ANNAS_OCTETS, OCTETS, octets, ANNA),
            accounts={
                ALICE: Account(ANNA, "anna", ("demo",), FAMILY),
                BOB: Account(BEN, "ben", ("demo",), FAMILY),
            },
        )
        accounts = {**self.desk.case.accounts, FAMILY: Account(FAMILY, "family", ())}
        self.desk.case = self.desk.case._replace(accounts=accounts)
        self.now = start * SECOND
        self.open: dict[Name, Bill] = {}
        self.closed: dict[Name, Bill] = {}
        self.life: Counter[bytes] = Counter()
        self.events: list[Event] = []
        self.told: list[Told] = []
        self.cost: Counter[int] = Counter()
        self.due = 0
        self.accounted: Counter[str] = Counter()

    def groups(self, handlings, adaptive: int | None, part: int) -> list[RatingGroup]:
        types = {
            VOICE: UnitType.TIME,
            DATA: UnitType.VOLUME,
            VIDEO: UnitType.VOLUME,
            TEXT: UnitType.SERVICE_SPECIFIC_UNITS,
        }
        return [
            replace(
                rating_group(number, unit_type, self.roundings[number]),
                max_reservation=10_000,  # else a measured rate grows until the rich are poor
                quota_validity_seconds=1500,
                quota_holding_seconds=600,
                threshold_percent=20 if number == VIDEO else 0,
                min_validity_seconds=adaptive if number == VIDEO else None,
                max_session_share_percent=part,
                final_unit=handling,
            )
            for (number, unit_type), handling in zip(types.items(), handlings, strict=True)
        ]

    @property
    def now(self) -> int:
        return self.desk.case.now

    @now.setter
    def now(self, now: int) -> None:
        self.desk.case = self.desk.case._replace(now=now)

    # What gateways ask.

    @rule(
        name=NAMES,
        place=PLACES,
        services=SERVICES,
        charging_id=st.sampled_from([None, None, 1, 2]),
        waited=WAITS,
    )
    def initial(self, name: Name, place: str, services, charging_id, waited: int) -> None:
        self.wait(waited)
        self.forget(self.open.pop(name, None))
        self.forget(self.closed.pop(name, None))
        for other, bill in list(self.open.items()):
            if charging_id and (other[0], bill.charging_id) == (name[0], charging_id):
                self.close(other)
        bill = Bill(
            name[0], place, self.now, self.roundings, not self.is_rich, charging_id=charging_id
        )
        self.open[name] = bill
        self.life[self.key(name)] += 1
        usages = [
            ServiceUsage(*identity, said(wanted, kind == "money"))
            for identity, (_, _, kind, wanted, _, _) in services.items()
        ]
        decision = self.ask(
            RequestType.INITIAL,
            usages,
            self.key(name),
            identities=(MEMBERS[name[0]],),
            information=at(place),
            charging_id=charging_id,
        )
        if bill.place == "US" and decision.outcome is not Outcome.SUCCESS:
            self.close(name)
        self.learn(bill, decision, {})

    @precondition(lambda self: self.open)
    @rule(
        name=NAMES,
        place=PLACES | st.none() | st.none(),
        services=SERVICES,
        waited=WAITS,
        lag=st.sampled_from([None, 0, 1, 40, -5]),
        ends=st.sampled_from([False, False, False, True]),
    )
    def go_on(self, name: Name, place, services, waited: int, lag: int | None, ends: bool) -> None:
        self.wait(waited)
        if name not in self.open:
            name = next(iter(self.open), name)
        if name not in self.open:
            return
        bill = self.open[name]
        usages = self.usages(bill, services)
        event_at = None if lag is None else self.now - lag * SECOND
        before = self.settle(bill, usages, event_at)
        bill.place = place or bill.place
        kind = RequestType.TERMINATION if ends else RequestType.UPDATE
        decision = self.ask(kind, usages, self.key(name), event_at=event_at, information=at(place))
        bill.last_request_at = self.now
        self.account(decision, bill) if ends else self.learn(bill, decision, before)
        if self.is_rich and name[0] == BEN:
            assert decision.told.cost == bill.cost - bill.refunded
        if ends:
            self.close(name)

    @rule(
        name=NAMES,
        identifiers=IDENTIFIERS,
        place=PLACES,
        amounts=st.tuples(WANTED, AMOUNTS, AMOUNTS),
        waited=WAITS,
    )
    def use_up(self, name: Name, identifiers, place: str, amounts, waited: int) -> None:
        """All that an application was granted is used, and more, and as much is asked for again."""
        if name not in self.open and len(self.open) > 1:
            name = next(iter(self.open))
        quotas = self.open[name].quotas if name in self.open else {}
        services = {}
        for identity in [(group, identifiers) for group in PAYS]:
            is_in_money = identity in quotas and quotas[identity].run.is_in_money
            act = "both" if identity in quotas else "ask"
            services[identity] = act, "above", "money" if is_in_money else "units", *amounts
        if name in self.open:
            self.go_on(name, None, services, waited, None, ends=False)
        else:
            self.initial(name, place, services, None, waited)

    @precondition(lambda self: self.closed)
    @rule(number=st.integers(0, 9), services=SERVICES, waited=WAITS, ends=st.booleans())
    def report_late(self, number: int, services, waited: int, ends: bool) -> None:
        """What is reported after the end is charged by the prices that it ended with."""
        self.wait(waited)
        names = list(self.closed)
        name = names[number % len(names)]
        bill = self.closed[name]
        is_known = self.now - bill.closed_at < (48 * 3600 + 1) * SECOND
        for (group, identifiers), _ in services.items():
            if bill.runs.get(group):
                quota = Quota(bill.runs[group][-1], bill.last_request_at)
                bill.quotas[group, identifiers] = quota
        reports = {identity: ("report", *said[1:]) for identity, said in services.items()}
        usages = self.usages(bill, reports)
        if not any(usage.used for usage in usages):
            bill.quotas.clear()
            return
        if is_known:
            self.settle(bill, usages, None)
        bill.quotas.clear()
        kind = RequestType.TERMINATION if ends else RequestType.UPDATE
        identities = (MEMBERS[name[0]],)
        before = self.desk.case.balances
        decision = self.ask(kind, usages, self.key(name), identities=identities)
        if not is_known:
            assert decision.outcome is Outcome.SESSION_UNKNOWN
            assert self.desk.case.balances == before
            self.forget(self.closed.pop(name))
            self.life[self.key(name)] += 1
            return
        assert (decision.outcome is Outcome.SUCCESS) is ends
        bill.last_request_at = bill.closed_at = self.now
        self.account(decision, bill)

    @rule(
        account=st.sampled_from([ANNA, BEN]),
        place=PLACES,
        identity=st.tuples(st.sampled_from([VOICE, DATA, VIDEO, TEXT]), st.just(())),
        wanted=st.integers(1, 300),
        kind=st.sampled_from(["units", "units", "money"]),
    )
    def debit(self, account: int, place: str, identity: Identity, wanted: int, kind: str) -> None:
        bill = Bill(account, place, self.now, self.roundings, not self.is_rich)
        run = bill.run(identity[0], self.now, kind == "money")
        usage = ServiceUsage(*identity, said(wanted, kind == "money"))
        decision = self.ask(
            RequestType.EVENT,
            [usage],
            self.event_name(),
            identities=(MEMBERS[account],),
            information=at(place),
        )
        self.account(decision)
        assert (decision.outcome is Outcome.SERVICE_DENIED) is (run is None)
        assert decision.outcome is Outcome.SUCCESS or not self.is_rich or run is None
        if decision.outcome is Outcome.SUCCESS:
            (service,) = decision.services
            assert 0 < service.grant.units <= wanted
            assert service.grant.units == wanted or not self.is_rich
            run.used += service.grant.units
            settlement = decision.edrs[-1].services[0].settlement
            self.due += settlement.charged + settlement.overrun + settlement.shortfall
            assert settlement.charged + settlement.shortfall == run.due
            self.cost[account] += run.cost
            name = str(decision.event).encode()
            amount = settlement.charged_amount
            self.events.append(
                Event(account, identity, run, amount, name, service.grant.units, settlement.charged)
            )

    @rule(
        account=st.sampled_from([ANNA, BEN]),
        place=PLACES,
        group=st.sampled_from([VOICE, DATA, VIDEO, TEXT]),
        wanted=st.integers(1, 300),
        in_money=st.booleans(),
    )
    def enquire(self, account: int, place: str, group: int, wanted: int, in_money: bool) -> None:
        """What is told of a price, and of whether there is enough, is what happens then."""
        usage = ServiceUsage(group, (), said(wanted, in_money))
        others = {"identities": (MEMBERS[account],), "information": at(place), "currency": EUR}
        case = self.desk.case
        rules = replace(case.catalogue.session_rules, serves_events_in_part=False)
        name = self.event_name()
        self.desk.numbers[SessionKey(name)] = 0
        request = self.desk.request(RequestType.EVENT, (usage,), name)._replace(**others)
        all_or_nothing = case._replace(catalogue=replace(case.catalogue, session_rules=rules))
        tried = charge(request, all_or_nothing)
        is_enough = tried.outcome is Outcome.SUCCESS
        told = {}
        for action in (EventAction.CHECK_BALANCE, EventAction.PRICE_ENQUIRY):
            decision = self.ask(
                RequestType.EVENT, [usage], self.event_name(), action=action, **others
            )
            assert not decision.edrs[-1].postings
            told[action] = decision
        check = told[EventAction.CHECK_BALANCE]
        if tried.outcome is not Outcome.SERVICE_DENIED:
            assert check.outcome is Outcome.SUCCESS
            assert check.told.has_enough is is_enough
        price = told[EventAction.PRICE_ENQUIRY]
        if is_enough:
            assert price.told.cost == tried.edrs[-1].services[0].settlement.charged_amount

    @precondition(lambda self: self.events)
    @rule(number=st.integers(0, 9), units=st.none() | st.integers(1, 300))
    def refund(self, number: int, units: int | None) -> None:
        """The last units of an event are given back, each once."""
        event = self.events[number % len(self.events)]
        is_in_money = event.run.is_in_money
        usage = ServiceUsage(*event.identity, None if units is None else said(units, is_in_money))
        decision = self.ask(
            RequestType.EVENT,
            [usage],
            self.event_name(),
            identities=(MEMBERS[event.account],),
            action=EventAction.REFUND,
            refunds=(event.name,),
        )
        usable = min(event.served, event.left)
        rounding = event.run.rounding
        kept = -(-(usable - min(units or usable, usable)) // rounding) * rounding
        back = max(event.left - kept, 0)
        assert (decision.outcome is Outcome.SUCCESS) is (back > 0)
        self.account(decision)
        if back:
            given = decision.edrs[-1].services[0].settlement
            assert given.charged_amount <= 0
            event.charged += given.charged_amount
            assert event.charged >= 0
            self.due += given.charged
            if self.is_rich:
                assert given.charged == -back
            event.left += given.charged
            assert event.left or not event.charged
            price = event.run.price
            run = Run(event.run.key, price, 1)
            run.used += event.left
            self.cost[event.account] -= event.run.cost - run.cost
            event.run = Run(event.run.key, price, rounding, run.used)

    @rule(name=NAMES)
    def refund_session(self, name: Name) -> None:
        """All that a session was charged is given back, as often as one asks: once."""
        bill = self.open.get(name) or self.closed.get(name)
        if bill is None or self.is_forgotten(bill):
            return
        decision = self.ask(
            RequestType.EVENT,
            [ServiceUsage()],
            self.key(name),
            identities=(MEMBERS[name[0]],),
            action=EventAction.REFUND,
        )
        bill.last_request_at = self.now
        bill.closed_at = bill.closed_at and self.now
        if decision.outcome is not Outcome.SUCCESS:
            assert bill.charged == bill.refunded
            return
        self.account(decision)
        settlements = [each.settlement for each in decision.edrs[-1].services]
        bill.refunded -= sum(each.charged_amount for each in settlements)
        self.due += sum(each.charged for each in settlements)
        assert bill.refunded == bill.charged
        for posting in decision.edrs[-1].postings:
            if posting.balance_id == ANNAS_TEXTS:
                self.cost[bill.account] += CENTS * posting.used

    # What else happens.

    @precondition(lambda self: self.told)
    @rule(number=st.integers(0, 200), waited=WAITS)
    def repeat(self, number: int, waited: int) -> None:
        """Any earlier request gets its answer again, and nothing moves."""
        self.wait(waited)
        first = self.told[number % len(self.told)]
        key = first.request.session_key
        if self.life[key.session_id] != first.life:
            return
        is_initial = first.request.request_type is RequestType.INITIAL
        if is_initial and key not in self.desk.case.sessions:
            return
        again = charge(first.request._replace(is_retransmission=True), self.desk.case)
        assert again.novelty is Novelty.REPEATED
        assert not any((again.edrs, again.balances, again.closed, again.session))
        assert Told(first.request, again, first.life, 0).answer == first.answer

    @precondition(lambda self: not self.is_rich)
    @rule(number=st.integers(1, 5), amount=st.integers(0, 3000))
    def credit(self, number: int, amount: int) -> None:
        self.desk.credit(number, amount)

    @rule(name=NAMES, waited=WAITS)
    def watch(self, name: Name, waited: int) -> None:
        """Take back what has expired; it is priced as it was when it is reported late."""
        self.wait(waited)
        was_open = name in self.open
        assert self.look(name) is was_open

    def wait(self, seconds: int) -> None:
        """Let time pass; nobody is idle for longer than a session may be."""
        self.now += seconds * SECOND
        for name, bill in list(self.open.items()):
            if self.now - bill.last_request_at >= 48 * 3600 * SECOND:
                assert self.look(name)
                assert name in self.closed

    def look(self, name: Name) -> bool:
        decision = supervise(SessionKey(self.key(name)), self.desk.case)
        if decision is None:
            return False
        now = self.now
        self.desk.case = self.desk.case.after(decision)
        self.now = now
        self.desk.decisions.append(decision)
        self.desk.audit()
        if decision.closed:
            assert decision.closed[0].reason is CloseReason.IDLE
            self.close(name)
        return True

    # What is written down.

    @staticmethod
    def key(name: Name) -> bytes:
        return b"%d;%s" % name

    def event_name(self) -> bytes:
        return b"event %d" % len(self.desk.decisions)

    def is_forgotten(self, bill: Bill) -> bool:
        closed_at = bill.closed_at
        return closed_at is not None and self.now - closed_at >= (48 * 3600 + 1) * SECOND

    def close(self, name: Name) -> None:
        bill = self.closed[name] = self.open.pop(name)
        bill.quotas.clear()
        bill.closed_at = self.now

    def forget(self, bill: Bill | None) -> None:
        if bill is not None:
            self.cost[bill.account] += bill.cost - bill.refunded
            self.due += sum(bill.settled.values())

    def ask(self, kind: RequestType, usages, session: bytes, **others: object) -> Decision:
        number = len(self.desk.decisions)
        others = {
            "currency": EUR,
            "end_to_end_id": number,
            "has_pool": self.has_pool,
            **others,
        }
        decision = self.desk.ask(kind, tuple(usages), session, **others)
        request = self.desk.request(kind, tuple(usages), session)._replace(**others)
        if decision.edrs:
            self.told.append(Told(request, decision, self.life[session], self.now))
        return decision

    def usages(self, bill: Bill, services) -> list[ServiceUsage]:
        """Make services that report in what they were granted in; whoever reports is sold to."""
        usages = []
        for identity, (act, measure, kind, wanted, some, more) in services.items():
            quota = bill.quotas.get(identity)
            granted = self.granted(bill, identity)
            units = {"nothing": 0, "below": min(some, granted), "all": granted}.get(
                measure, granted + some
            )
            asks_money = kind == "money"
            reports_money = asks_money if quota is None else quota.run.key == IN_MONEY
            requested = said(wanted, asks_money) if act in ("ask", "both") else None
            in_money = asks_money if requested and wanted else reports_money and units > 0
            is_sold = in_money or bill.key(identity[0], self.now) is not None
            has_report = act in ("both", "report", "return") and (quota or is_sold)
            fraction = more * 1000 if reports_money and units else 0
            after = min(more, units) if identity[0] == DATA and not reports_money else 0
            used = [said(units, reports_money, fraction)]
            if after:
                used = [said(units - after, False), said(after, False)]
            usages.append(
                ServiceUsage(
                    *identity,
                    requested,
                    tuple(used) if has_report else (),
                    act == "return",
                    used_after=tuple(used[1:]) if has_report else (),
                )
            )
        return usages

    def granted(self, bill: Bill, identity: Identity) -> int:
        for session in self.desk.case.sessions.values():
            for each in session.reservations:
                same = (each.rating_group, each.service_identifiers) == identity
                if same and self.open.get(self.name_of(session.key)) is bill:
                    return each.granted
        return 0

    @staticmethod
    def name_of(key: SessionKey) -> Name:
        number, name = key.session_id.split(b";")
        return int(number), name

    def settle(
        self, bill: Bill, usages: list[ServiceUsage], event_at: int | None
    ) -> dict[Identity, Quota | None]:
        end = min(event_at or self.now, self.now)
        return {(each[0], each[1]): bill.settle(each, end) for each in usages}

    def learn(self, bill: Bill, decision: Decision, before: dict[Identity, Quota | None]) -> None:
        """Write down what was granted, and at which price."""
        self.account(decision, bill)
        for service in decision.services:
            usage, grant = service.usage, service.grant
            group, identity = usage.rating_group, (usage.rating_group, usage.service_identifiers)
            in_money = is_in_money(usage)
            if usage.requested is not None and not usage.is_quota_returned:
                run = bill.run(group, self.now, in_money)
                assert (service.outcome is Outcome.SERVICE_DENIED) is (run is None)
            if service is decision.services[-1]:
                self.check_end(bill, service)
            if grant is None:
                continue
            if not grant.units and usage.requested is None and usage.used:
                quota = before[identity]  # it goes on with what it was told to do
                assert quota is not None
                bill.quotas[identity] = Quota(quota.run, self.now)
                continue
            run = bill.run(group, self.now, in_money)
            assert run is not None
            bill.quotas[identity] = Quota(run, self.now, grant.tariff_change_at)
            self.check_grant(bill, service, run)

    def check_end(self, bill: Bill, service: ServiceDecision) -> None:
        """Is nothing refused, and nothing called the last, while a unit more could be granted?"""
        grant = service.grant
        is_refused = service.outcome is Outcome.LIMIT_REACHED
        name = next((name for name, opened in self.open.items() if opened is bill), None)
        if name is None or not (is_refused or (grant is not None and grant.is_final)):
            return
        more = ServiceUsage(
            service.usage.rating_group, (ANOTHER,), said(1, is_in_money(service.usage))
        )
        key = SessionKey(self.key(name))
        self.desk.numbers[key] += 1
        request = self.desk.request(RequestType.UPDATE, (more,), key.session_id)
        self.desk.numbers[key] -= 1
        (found,) = charge(request._replace(currency=EUR), self.desk.case).services
        assert found.grant is None or not found.grant.units

    def check_grant(self, bill: Bill, service: ServiceDecision, run: Run) -> None:
        """Is as much granted as was asked for, where there is plenty?"""
        usage, grant = service.usage, service.grant
        wanted = None
        if usage.requested is not None and any(usage.requested):
            wanted = next(units for units in (*usage.requested[2::-1], usage.requested[3]) if units)
        if wanted is None:
            money = sum(units.money or 0 for units in usage.used)
            wanted = max(money, 1) if run.is_in_money else USUAL
        assert grant.units <= wanted or (self.is_cut and usage.rating_group == VIDEO)
        if self.is_rich:
            is_measured = self.is_cut and usage.rating_group == VIDEO and not run.is_in_money
            assert grant.units == wanted or is_measured

    def account(self, decision: Decision, bill: Bill | None = None) -> None:
        for edr in decision.edrs:
            for record in edr.services:
                for name, value in record.settlement._asdict().items():
                    self.accounted[name] += value
                if bill is not None:
                    bill.charged += record.settlement.charged_amount
                    bill.paid[record.rating_group] += record.settlement.charged_amount
                    _, _, charged, _, _, overrun, _, shortfall = record.settlement
                    bill.settled[record.rating_group] += charged + overrun + shortfall
                    if overrun + shortfall and self.option is Insufficiency.PROVIDE_REMAINING:
                        bill.cut_short.add(record.rating_group)

    # What holds whatever happens; the desk has audited the books after each request.

    @invariant()
    def nothing_is_lost_or_made(self) -> None:
        case = self.desk.case
        money = case.balances[SHARED_MONEY].used + case.balances[ANNAS_MONEY].used
        assert money == self.accounted["charged_amount"]
        for number, now in case.balances.items():
            assert min(now.used, now.reserved, now.available) >= 0
            credited = self.desk.opening[number].total
            assert credited == now.used + now.reserved + now.available

    @invariant()
    def all_that_is_used_is_charged_overrun_or_short(self) -> None:
        bills = [*self.open.values(), *self.closed.values()]
        for bill in bills:
            for group, runs in bill.runs.items():
                least = sum(run.due for run in runs)
                most = sum(bill.most_due(group, run) for run in runs)
                assert least <= bill.settled[group] <= most, (group, runs)
        due = self.due + sum(sum(bill.settled.values()) for bill in bills)
        accounted = self.accounted
        assert due == accounted["charged"] + accounted["overrun"] + accounted["shortfall"]

    @invariant()
    def nobody_pays_more_than_the_bill(self) -> None:
        for bill in [*self.open.values(), *self.closed.values()]:
            assert bill.charged <= bill.most

    @precondition(lambda self: self.is_rich)
    @invariant()
    def the_rich_pay_the_bill_to_the_micro_unit(self) -> None:
        due = Counter(self.cost)
        for bill in [*self.open.values(), *self.closed.values()]:
            due[bill.account] += bill.cost - bill.refunded
            for group, runs in bill.runs.items():
                cost = sum(run.cost for run in runs)
                assert group == TEXT or bill.paid[group] == cost, (group, runs)
        balances = self.desk.case.balances
        assert balances[SHARED_MONEY].used == due[BEN]
        by_allowance = CENTS * balances[ANNAS_TEXTS].used
        assert balances[ANNAS_MONEY].used == due[ANNA] - by_allowance
        assert self.accounted["shortfall"] == self.accounted["overrun"] == 0


def walk(examples: int, steps: int, is_alike: bool) -> None:
    run_state_machine_as_test(
        FamilyWalk,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=is_alike,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_family_pays_its_bill_and_nothing_else() -> None:
    walk(40, 25, is_alike=True)


@pytest.mark.ci
def test_a_family_pays_its_bill_for_years() -> None:
    walk(400, 40, is_alike=False)
