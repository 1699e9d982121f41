"""A random walk to the end of a balance and back, beside the slowest model of who is told what."""

from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.final_units import (
    TERMINATE,
    AddressType,
    FinalUnit,
    FinalUnitAction,
    FinalUnitHandling,
    RedirectServer,
)
from diameter_ocs.charging.requests import ServiceUsage, SessionKey, Units
from diameter_ocs.charging.supervision import supervise
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import OCTETS, Desk, allowance, balance, catalogue, rating_group

URL = RedirectServer(AddressType.URL, "https://pay")
HANDLINGS = {
    1: (FinalUnitHandling(), TERMINATE),
    2: (FinalUnitHandling(None), None),
    3: (
        FinalUnitHandling(FinalUnitAction.REDIRECT, (URL,)),
        FinalUnit(FinalUnitAction.REDIRECT, AddressType.URL, "https://pay"),
    ),
    4: (
        FinalUnitHandling(FinalUnitAction.RESTRICT_ACCESS, (), (), ("pay",)),
        FinalUnit(FinalUnitAction.RESTRICT_ACCESS, None, "", (), ("pay",)),
    ),
}
GOES_ON = (3, 4)
USUAL = 100
GROUPS = tuple(
    replace(rating_group(number, UnitType.VOLUME), final_unit=handling)
    for number, (handling, _) in HANDLINGS.items()
)
OFFER = catalogue(allowance(OCTETS, *HANDLINGS), groups=GROUPS)
NAMES = (b"one", b"two", b"three")
HOURS = 3 * 3600 * 1_000_000


@dataclass
class Quota:
    """What a service of a session has, and whether it was told what to do at its end."""

    units: int = 0
    is_told: bool = False


class Walk(RuleBasedStateMachine):
    """Who asks gets what is left, and who is told what to do then is not left alone with it."""

    @initialize(total=st.integers(0, 300))
    def begin(self, total: int) -> None:
        self.desk = Desk(OFFER, balance(1, OCTETS, total))
        self.quotas: dict[bytes, dict[int, Quota]] = {}

    @rule(
        name=st.sampled_from(NAMES),
        group=st.sampled_from(list(HANDLINGS)),
        wanted=st.none() | st.integers(1, 200),
        used=st.none() | st.integers(0, 120) | st.just(0),
        is_returned=st.booleans(),
    )
    def ask(
        self, name: bytes, group: int, wanted: int | None, used: int | None, is_returned: bool
    ) -> None:
        if name not in self.quotas:
            self.desk.initial(session=name)
            self.quotas[name] = {}
        before = self.quotas[name].get(group, Quota())
        returned = is_returned and used is not None
        usage = ServiceUsage(
            group,
            (),
            None if wanted is None else Units(wanted),
            () if used is None else (Units(used),),
            returned,
        )
        number = self.desk.case.sessions[SessionKey(name)].number
        is_called = number in self.desk.case.accounts[1].standing.called
        decision = self.desk.update(usage, session=name)
        is_silent = wanted is None and used is None
        goes_on = before.is_told and group in GOES_ON
        if returned or (used is not None and wanted is None and not goes_on):
            self.quotas[name].pop(group, None)
            assert decision.services[0].grant is None
        elif wanted is not None or (is_silent and (goes_on or is_called) and not before.units):
            self.quotas[name].pop(group, None)
            self.check_answer(name, group, wanted or USUAL, decision)
        elif is_silent:
            assert decision.services[0].grant is None
        else:
            self.quotas[name][group] = Quota(0, True)
            self.check_told(decision, 0, False, None)

    @rule(amount=st.integers(1, 200))
    def credit(self, amount: int) -> None:
        self.desk.credit(1, amount)

    @rule(name=st.sampled_from(NAMES))
    def end(self, name: bytes) -> None:
        if self.quotas.pop(name, None) is not None:
            self.desk.terminate(session=name)

    @rule()
    def expire(self) -> None:
        self.desk.case = self.desk.case._replace(now=self.desk.case.now + HOURS)
        for name, quotas in list(self.quotas.items()):
            decision = supervise(SessionKey(name), self.desk.case)
            assert decision is not None
            self.desk.decisions.append(decision)
            self.desk.case = self.desk.case.after(decision)
            for quota in quotas.values():
                quota.units = 0
            if decision.closed:  # nothing was heard of it for too long
                del self.quotas[name]
        assert self.desk.case.balances[1].reserved == 0

    def check_answer(self, name: bytes, group: int, wanted: int, decision: Decision) -> None:
        """Whoever asks gets what nobody else holds; where that is nothing, the group's action."""
        held = sum(quota.units for others in self.quotas.values() for quota in others.values())
        here = self.desk.case.balances[1]
        left = here.total - here.used - held
        final_unit = HANDLINGS[group][1]
        if left > 0:
            units = min(wanted, left)
            is_final = units == left and not held
            told = final_unit if is_final else None
            self.check_told(decision, units, is_final, told)
            self.quotas[name][group] = Quota(units, told is not None)
        elif group in GOES_ON:
            self.check_told(decision, 0, True, final_unit)
            self.quotas[name][group] = Quota(0, True)
        else:
            (service,) = decision.services
            assert (service.outcome.name, service.grant) == ("LIMIT_REACHED", None)

    def check_told(
        self, decision: Decision, units: int, is_final: bool, final_unit: FinalUnit | None
    ) -> None:
        (service,) = decision.services
        grant = service.grant
        assert grant is not None
        assert service.outcome.name == "SUCCESS"
        assert (grant.units, grant.is_final, grant.final_unit) == (units, is_final, final_unit)
        assert grant.validity_seconds is not None


Walk.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestWalk = Walk.TestCase
