"""A gateway that wants to hear what is free is told so, and nothing is reserved for it."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.catalogue import Plan, Price, Rate, Service
from diameter_ocs.charging.decisions import Decision, Novelty, Outcome
from diameter_ocs.charging.information import Direction
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    DATA,
    MONEY,
    OCTETS,
    VIDEO,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    outcomes,
    priced,
    rating_group,
    used,
    want,
)

FREE = Price(0, 1)
CHARGED = Price(1, 1)
OUTGOING = Restrictions(direction=Direction.ORIGINATING)


def desk(*services: Service) -> Desk:
    groups = (rating_group(DATA, UnitType.VOLUME), rating_group(VIDEO, UnitType.VOLUME))
    offered = catalogue(*services, groups=groups)
    return Desk(offered, balance(1, OCTETS, 1000), balance(2, MONEY, 1_000_000))


def initial(opened: Desk, *usages: object, **others: object) -> Decision:
    return opened.initial(*usages, **{"tells_free": True, **others})


def test_what_is_free_is_told_and_holds_nothing() -> None:
    opened = desk(priced(FREE, DATA))
    decision = initial(opened, want(DATA, 100))
    assert decision.outcome is Outcome.SUCCESS
    assert outcomes(decision) == ["NOT_APPLICABLE"]
    assert granted(decision) == [(0, False)]
    (session,) = opened.case.sessions.values()
    assert (session.reservations, session.lines) == ((), ())


def test_gateway_that_does_not_want_to_hear_it_gets_a_quota() -> None:
    decision = initial(desk(priced(FREE, DATA)), want(DATA, 100), tells_free=False)
    assert outcomes(decision) == ["SUCCESS"]
    assert granted(decision) == [(100, False)]


def test_other_services_of_the_request_are_charged() -> None:
    opened = desk(priced(FREE, DATA), priced(CHARGED, VIDEO, priority=2))
    decision = initial(opened, want(DATA, 100), want(VIDEO, 50))
    assert outcomes(decision) == ["NOT_APPLICABLE", "SUCCESS"]
    assert opened.balance(2) == (0, 50)


def test_usage_that_is_reported_all_the_same_costs_nothing() -> None:
    opened = desk(priced(FREE, DATA))
    initial(opened, want(DATA, 100))
    decision = opened.update(used(DATA, 5000, wanted=100), tells_free=True)
    assert outcomes(decision) == ["NOT_APPLICABLE"]
    assert [each.overrun for each in opened.settlements] == [0]
    opened.terminate(used(DATA, 70), tells_free=True)
    assert opened.balance(1) == opened.balance(2) == (0, 0)
    assert not opened.case.sessions


def test_quota_of_before_is_settled_and_given_back() -> None:
    opened = desk(priced(CHARGED, DATA))
    initial(opened, want(DATA, 100))
    free = desk(priced(FREE, DATA)).case.catalogue
    opened.offer(free)
    decision = opened.update(used(DATA, 60, wanted=100), tells_free=True)
    assert outcomes(decision) == ["NOT_APPLICABLE"]
    assert opened.balance(2) == (60, 0)


MAY_COST: list[tuple[str, tuple[Service, ...]]] = [
    ("an allowance is used up before", (allowance(OCTETS, DATA), priced(FREE, DATA))),
    ("another price counts before", (priced(CHARGED, DATA, priority=0), priced(FREE, DATA))),
    ("the first unit costs", (priced(Price(0, 1, 0, 500), DATA),)),
    (
        "the rate depends on something",
        (Service("free", 0, frozenset({DATA}), (MONEY,), (Rate(FREE, "", OUTGOING),)),),
    ),
    (
        "the service depends on something",
        (replace(priced(FREE, DATA), restrictions=OUTGOING), priced(CHARGED, DATA, priority=9)),
    ),
]


@pytest.mark.parametrize(("reason", "services"), MAY_COST, ids=[each[0] for each in MAY_COST])
def test_what_may_come_to_cost_something_is_granted(
    reason: str, services: tuple[Service, ...]
) -> None:
    decision = initial(desk(*services), want(DATA, 100))
    assert "NOT_APPLICABLE" not in outcomes(decision), reason


def test_what_is_free_only_until_a_plan_ends_is_granted() -> None:
    opened = desk(priced(FREE, DATA))
    account = opened.case.accounts[1]._replace(plans_change_at=opened.case.now + 10**12)
    opened.case = opened.case._replace(accounts={1: account})
    assert granted(initial(opened, want(DATA, 100))) == [(100, False)]


def test_suspended_subscriber_is_denied_what_is_free() -> None:
    opened = desk(priced(FREE, DATA))
    opened.case = opened.case._replace(is_tenant_suspended=True)
    assert initial(opened, want(DATA, 100)).outcome is Outcome.SERVICE_DENIED


def test_event_is_served_with_its_units() -> None:
    decision = desk(priced(FREE, DATA)).event(want(DATA, 3), tells_free=True)
    assert outcomes(decision) == ["SUCCESS"]
    assert granted(decision) == [(3, False)]


def test_usage_alone_is_settled_without_a_word() -> None:
    opened = desk(priced(FREE, DATA))
    initial(opened)
    assert outcomes(opened.update(used(DATA, 60), tells_free=True)) == ["SUCCESS"]


def test_repeat_is_told_the_same() -> None:
    opened = desk(priced(FREE, DATA))
    first = initial(opened, want(DATA, 100), end_to_end_id=7)
    number = first.edrs[0].session_number
    assert number is not None
    opened.case = opened.case._replace(answered={number: first.edrs})
    again = initial(opened, want(DATA, 100), end_to_end_id=7, request_number=0)
    assert again.novelty is Novelty.REPEATED
    assert outcomes(again) == ["NOT_APPLICABLE"]


def test_session_of_nothing_but_free_services_ends_as_any_other() -> None:
    opened = desk(priced(FREE, DATA))
    initial(opened, want(DATA, 100))
    decision = opened.terminate(tells_free=True)
    assert decision.outcome is Outcome.SUCCESS
    assert not opened.case.sessions


def test_plan_is_one_of_the_account() -> None:
    opened = desk(priced(FREE, DATA))
    other = Plan("other", 0, opened.case.catalogue.plans["demo"].services, ())
    opened.offer(replace(opened.case.catalogue, plans={"other": other}))
    assert outcomes(initial(opened, want(DATA, 100))) == ["SERVICE_DENIED"]
