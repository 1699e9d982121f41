"""An emergency is served for nothing, whoever asks and whatever is left."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.accounts import suspend
from diameter_ocs.charging.case import Account, AccountState
from diameter_ocs.charging.catalogue import Catalogue, Service
from diameter_ocs.charging.charge import charge
from diameter_ocs.charging.decisions import Outcome, Settlement
from diameter_ocs.charging.emergency import unknown_group
from diameter_ocs.charging.groups import Group
from diameter_ocs.charging.information import Direction, ServiceInformation
from diameter_ocs.charging.requests import (
    Identity,
    IdentityKind,
    RequestType,
    ServiceUsage,
    SessionKey,
    Units,
)
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    ALICE,
    MONEY,
    VOICE,
    VOICE_BY_MINUTES,
    Desk,
    Price,
    balance,
    catalogue,
    granted,
    only,
    outcomes,
    priced,
    used,
    want,
)

HELP = ServiceInformation(called="112", direction=Direction.ORIGINATING)
FRIEND = ServiceInformation(called="4930", direction=Direction.ORIGINATING)
UNKNOWN_GROUP = 999


def offered(*services: Service) -> Catalogue:
    return replace(catalogue(*services), emergency_numbers=frozenset({"112"}))


SOLD = offered(priced(Price(10, 1), VOICE))


@pytest.fixture(params=["rich", "poor", "without a plan", "suspended", "tenant suspended"])
def desk(request):
    account = Account(1, "alice", ("demo",))
    if request.param == "without a plan":
        account = account._replace(plans=())
    if request.param == "suspended":
        account = account._replace(state=AccountState.SUSPENDED)
    money = balance(1, MONEY, 10**6 if request.param == "rich" else 0)
    desk = Desk(SOLD, money, accounts={ALICE: account})
    desk.case = desk.case._replace(is_tenant_suspended=request.param == "tenant suspended")
    return desk


@pytest.mark.parametrize("group", [VOICE, UNKNOWN_GROUP, None])
def test_a_call_for_help_is_granted_to_the_end_and_costs_nothing(desk, group):
    usage = want(group, 60)
    opened = desk.initial(usage, information=HELP, service_context="32260")
    assert opened.outcome is Outcome.SUCCESS
    assert granted(opened) == [(60, False)]
    assert only(opened).usage == usage
    going_on = desk.update(used(group, 60, wanted=600), service_context="32260")
    assert granted(going_on) == [(600, False)]
    assert desk.terminate(used(group, 700)).outcome is Outcome.SUCCESS
    assert [edr.considered for each in desk.decisions for edr in each.edrs] == [
        f"{group or 0}:e",
        f"{group or 0}:e",
        None,
    ]
    assert desk.settlements[0].charged_amount == desk.settlements[0].overrun == 0
    assert not any(edr.postings for each in desk.decisions for edr in each.edrs)


@pytest.mark.parametrize("context", ["32274", None])
@pytest.mark.parametrize("usage", [want(VOICE, 1), want(UNKNOWN_GROUP), ServiceUsage(None)])
def test_a_message_for_help_is_sent_and_costs_nothing(desk, usage, context):
    decision = desk.event(usage, information=HELP, service_context=context)
    assert decision.outcome is Outcome.SUCCESS
    assert only(decision).grant.units >= 1
    (edr,) = decision.edrs
    assert edr.postings == ()
    assert edr.services[0].settlement._replace(reported=0, used=0, charged=0) == Settlement()
    assert edr.considered.endswith(":e")


def test_a_context_that_nobody_knows_is_no_hindrance(desk):
    decision = desk.initial(want(VOICE, 60), information=HELP, service_context=None)
    assert outcomes(decision) == ["SUCCESS"]
    assert SessionKey(b"one") in desk.case.sessions


def test_what_the_gateway_calls_an_emergency_is_one(desk):
    decision = desk.initial(want(VOICE, 60), information=FRIEND._replace(is_emergency=True))
    assert granted(decision) == [(60, False)]
    assert not decision.edrs[0].postings


def test_who_is_called_back_by_them_pays_as_ever():
    desk = Desk(SOLD, balance(1, MONEY, 0))
    information = ServiceInformation(calling="112", called="112", direction=Direction.TERMINATING)
    assert outcomes(desk.initial(want(VOICE, 60), information=information)) == ["LIMIT_REACHED"]


def test_who_calls_a_friend_is_refused_as_ever():
    desk = Desk(SOLD, balance(1, MONEY, 0))
    assert outcomes(desk.initial(want(VOICE, 60), information=FRIEND)) == ["LIMIT_REACHED"]


def test_a_call_that_becomes_one_for_help_settles_what_was_sold():
    desk = Desk(SOLD, balance(1, MONEY, 1000))
    desk.initial(want(VOICE, 60), information=FRIEND)
    desk.update(used(VOICE, 60, wanted=60), information=HELP)
    assert desk.balance(1) == (600, 0)
    desk.terminate(used(VOICE, 60))
    assert desk.balance(1) == (600, 0)


def test_who_is_not_known_is_not_served():
    desk = Desk(SOLD, balance(1, MONEY, 1000))
    nobody = (Identity(IdentityKind.IMSI, "999"),)
    decision = desk.initial(want(VOICE, 60), information=HELP, identities=nobody)
    assert decision.outcome is Outcome.USER_UNKNOWN


@pytest.mark.parametrize(
    ("usage", "context", "unit_type"),
    [
        (ServiceUsage(7, requested=Units(seconds=5)), "32251", UnitType.TIME),
        (ServiceUsage(7, used=(Units(octets=5),)), "32260", UnitType.VOLUME),
        (ServiceUsage(7), "32251", UnitType.VOLUME),
        (ServiceUsage(7), "32260", UnitType.TIME),
        (ServiceUsage(7), "32274", UnitType.SERVICE_SPECIFIC_UNITS),
        (ServiceUsage(7), None, UnitType.TIME),
    ],
)
def test_a_group_that_nobody_knows_counts_what_is_asked_for_else_what_is_usual(
    usage, context, unit_type
):
    group = unknown_group(usage, context)
    assert (group.id, group.unit_type) == (7, unit_type)
    assert group.default_quota >= 1


def test_minutes_of_a_known_group_stay_minutes():
    desk = Desk(offered(), balance(1, MONEY, 0))
    desk.initial(want(VOICE, 30), information=HELP)
    (line,) = desk.case.sessions[SessionKey(b"one")].lines
    assert (line.rounding, line.zone) == (VOICE_BY_MINUTES.rounding, "emergency")


def test_a_call_for_help_goes_on_though_its_account_be_suspended():
    desk = Desk(SOLD, balance(1, MONEY, 1000))
    desk.initial(want(VOICE, 60), information=HELP)
    desk.initial(want(VOICE, 60), information=FRIEND, session=b"two")
    after = suspend(Group(desk.case, {}, {}), 1, "a test").after.case
    assert list(after.sessions) == [SessionKey(b"one")]
    update = desk.request(RequestType.UPDATE, (used(VOICE, 60, wanted=60),), b"one")
    decision = charge(update._replace(request_number=1), after)
    assert granted(decision) == [(60, False)]
