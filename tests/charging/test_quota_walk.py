"""A random walk of grants under every option, against an oracle that asks for one unit more."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from diameter_ocs.charging.catalogue import Insufficiency, Price, SessionRules
from diameter_ocs.charging.charge import charge
from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.requests import RequestType, ServiceUsage, SessionKey, Units
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    BONUS,
    MONEY,
    SECONDS,
    TEXT,
    VOICE,
    Desk,
    allowance,
    balance,
    catalogue,
    only,
    priced,
    rating_group,
    want,
)

SESSIONS = st.sampled_from([b"one", b"two"])
GROUPS = st.sampled_from([VOICE, TEXT])
NAMES = st.sampled_from([(), (1,), (2,)])
WANTED = st.none() | st.integers(1, 10) | st.integers(1, 300)
SHARE = st.sampled_from(["none", "part", "all", "more"])
ANOTHER = 99
"""The Service-Identifier under which the oracle asks."""


class QuotaWalk(RuleBasedStateMachine):
    """Each answer grants what can be granted, and is final exactly when that was all."""

    @initialize(
        option=st.sampled_from(Insufficiency),
        roundings=st.tuples(st.integers(1, 60), st.integers(1, 7)),
        totals=st.tuples(st.integers(0, 400), st.integers(0, 9_000), st.integers(0, 20_000)),
        beginning=st.sampled_from([0, 500]),
        part=st.sampled_from([100, 100, 30]),
    )
    def begin(self, option, roundings, totals, beginning, part) -> None:
        (voice, text), (seconds, bonus, money) = roundings, totals
        bonus_price = Price(101, 1, initial_micro_units=beginning)
        offered = catalogue(
            allowance(SECONDS, VOICE),
            priced(bonus_price, VOICE, priority=1, balance_types=(BONUS,)),
            priced(Price(250, 3, 190_000), VOICE, priority=2),
            priced(Price(80, 1), TEXT, priority=3),
            groups=(
                rating_group(VOICE, UnitType.TIME, voice, max_session_share_percent=part),
                rating_group(
                    TEXT, UnitType.SERVICE_SPECIFIC_UNITS, text, max_session_share_percent=part
                ),
            ),
        )
        self.may_be_cut = {VOICE: True, TEXT: part < 100}
        self.desk = Desk(
            replace(offered, session_rules=SessionRules(insufficiency=option)),
            balance(1, SECONDS, seconds),
            balance(2, BONUS, bonus),
            balance(3, MONEY, money),
        )

    @rule(session=SESSIONS, group=GROUPS, names=NAMES, wanted=WANTED, share=SHARE)
    def ask(self, session: bytes, group: int, names: tuple[int, ...], wanted, share: str) -> None:
        """Report a part of what is held, and ask for more."""
        usage = want(group, wanted, *names)
        if SessionKey(session) not in self.desk.case.sessions:
            self.check(self.desk.initial(usage, session=session), session)
            return
        held = {
            (each.rating_group, each.service_identifiers): each.granted
            for each in self.desk.case.sessions[SessionKey(session)].reservations
        }.get((group, names), 0)
        units = {"none": None, "part": held // 2, "all": held, "more": held + 3}[share]
        if units is not None:
            usage = usage._replace(used=(Units(units, units, units),))
        self.check(self.desk.update(usage, session=session), session)

    @rule(session=SESSIONS)
    def terminate(self, session: bytes) -> None:
        if SessionKey(session) in self.desk.case.sessions:
            self.desk.terminate(session=session)

    @rule(number=st.integers(1, 3), amount=st.integers(0, 500))
    def credit(self, number: int, amount: int) -> None:
        self.desk.credit(number, amount)

    def check(self, decision: Decision, session: bytes) -> None:
        service = only(decision)
        usage, grant = service.usage, service.grant
        more = self.more(session, usage.rating_group)
        if grant is None:
            assert not more, "nothing is refused that could be granted"
            return
        wanted = usage.requested.seconds or 100
        assert 0 < grant.units <= wanted
        may_be_cut = self.may_be_cut[usage.rating_group]
        assert grant.units == wanted or not more or may_be_cut, "it is not granted in parts"
        if self.others_hold(session, usage):
            assert not grant.is_final
            assert more or grant.validity_seconds == 60
        else:
            assert grant.is_final is not more

    def more(self, session: bytes, group: int) -> bool:
        """Whether one unit more would be granted now."""
        case = self.desk.case
        key = SessionKey(session)
        self.desk.numbers[key] += 1
        request = self.desk.request(RequestType.UPDATE, (want(group, 1, ANOTHER),), session)
        self.desk.numbers[key] -= 1
        return only(charge(request, case)).grant is not None

    def others_hold(self, session: bytes, usage: ServiceUsage) -> bool:
        """Whether another reservation stands on a balance that could pay, or on the same line."""
        case = self.desk.case
        opened = case.sessions[SessionKey(session)]
        (own,) = [
            each
            for each in opened.reservations
            if (each.rating_group, each.service_identifiers)
            == (usage.rating_group, usage.service_identifiers)
        ]
        lines = {line.number: line for line in opened.lines}
        numbers = (1, 2, 3) if usage.rating_group == VOICE else (3,)
        held = sum(case.balances[number].reserved for number in numbers)
        held -= sum(part.amount for part in lines[own.line].holds)
        beside = [each for each in opened.reservations if each.line == own.line and each != own]
        return held > 0 or any(each.granted for each in beside)


QuotaWalk.TestCase.settings = settings(max_examples=150, stateful_step_count=15, deadline=None)
TestQuotaWalk = QuotaWalk.TestCase
