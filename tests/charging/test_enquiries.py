"""What is only asked moves nothing, and what is said is what the journal says to a repeat."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.case import Account, AccountState
from diameter_ocs.charging.catalogue import Price, SessionRules
from diameter_ocs.charging.decisions import Decision, EdrKind, Novelty, Outcome, Told
from diameter_ocs.charging.requests import (
    EventAction,
    Identity,
    IdentityKind,
    ServiceUsage,
    SessionKey,
    Units,
)
from tests.charging.scenario import (
    ALICE,
    BONUS,
    DATA,
    DATA_BY_KIBIBYTES,
    MONEY,
    OCTETS,
    TEXT,
    TEXT_EACH,
    TEXTS,
    VOICE,
    VOICE_BY_MINUTES,
    Desk,
    allowance,
    balance,
    catalogue,
    outcomes,
    priced,
    used,
    want,
)

EIGHT_CENTS = Price(80_000, 1)
GROUPS = (TEXT_EACH, VOICE_BY_MINUTES, DATA_BY_KIBIBYTES)
CHECK, PRICE = EventAction.CHECK_BALANCE, EventAction.PRICE_ENQUIRY


def texts(count: int, money: int = 0, *, in_part: bool = True) -> Desk:
    """A subscriber with some texts, and money for more."""
    services = allowance(TEXTS, TEXT), priced(EIGHT_CENTS, TEXT)
    offered = replace(
        catalogue(*services, groups=GROUPS),
        session_rules=SessionRules(serves_events_in_part=in_part),
    )
    return Desk(offered, balance(1, TEXTS, count), balance(2, MONEY, money))


def ask(desk: Desk, action: EventAction, *usages: ServiceUsage, **others: object) -> Decision:
    """Ask, and see that nothing has moved and nothing is promised."""
    before = desk.case.balances
    decision = desk.event(*usages, action=action, **others)
    assert desk.case.balances == before
    assert not decision.balances
    assert all(not edr.postings for edr in decision.edrs)
    assert all(each.grant is None for each in decision.services)
    assert decision.session is None
    assert not any(each.settlement.used for edr in decision.edrs for each in edr.services)
    return decision


def enough(desk: Desk, *usages: ServiceUsage, **others: object) -> bool | None:
    decision = ask(desk, CHECK, *usages, **others)
    assert decision.outcome is Outcome.SUCCESS
    assert set(outcomes(decision)) == {"SUCCESS"}
    assert decision.told is not None
    return decision.told.has_enough


def cost(desk: Desk, *usages: ServiceUsage, **others: object) -> int | None:
    decision = ask(desk, PRICE, *usages, **others)
    assert decision.outcome is Outcome.SUCCESS
    assert decision.told is not None
    return decision.told.cost


@pytest.mark.parametrize("in_part", [True, False])
@pytest.mark.parametrize(
    ("left", "money", "asked", "expected"),
    [
        (5, 0, 5, True),
        (4, 0, 5, False),
        (4, 80_000, 5, True),
        (4, 79_999, 5, False),  # what begins a unit does not pay for it
        (0, 0, 1, False),
        (0, 240_000, 3, True),
        (3, 0, 2**63 - 1, False),
    ],
)
def test_there_is_enough_when_all_of_it_can_be_paid(left, money, asked, expected, in_part):
    assert enough(texts(left, money, in_part=in_part), want(TEXT, asked)) is expected


@pytest.mark.parametrize(
    ("asked", "expected"), [((2, 3), True), ((3, 3), False), ((5, 0), True), ((1, 1, 4), False)]
)
def test_several_services_need_enough_for_all_together(asked, expected):
    desk = texts(5)
    wanted = [want(TEXT, each or None, at) for at, each in enumerate(asked)]
    assert enough(desk, *wanted) is (expected if 0 not in asked else False)
    assert desk.case.balances[1].available == 5


@pytest.mark.parametrize(
    ("usage", "left", "money", "expected"),
    [
        (ServiceUsage(TEXT), 1, 0, True),
        (ServiceUsage(TEXT), 0, 1, True),
        (ServiceUsage(TEXT), 0, 0, False),
        (want(TEXT, 0), 0, 1, True),
        (want(TEXT), 0, 1, True),
        (ServiceUsage(TEXT, messages=3), 2, 0, False),
        (ServiceUsage(), 0, 1, True),
        (ServiceUsage(), 0, 0, False),
        (ServiceUsage(VOICE), 0, 1, True),  # no plan has it, and something is left
        (ServiceUsage(VOICE), 0, 0, False),
    ],
)
def test_without_units_it_is_enough_that_something_is_left(usage, left, money, expected):
    assert enough(texts(left, money), usage, service_context="32274") is expected


@pytest.mark.parametrize(("wanted", "expected"), [(want(TEXT, 1), False), (ServiceUsage(), True)])
def test_without_a_plan_the_answer_is_no_refusal(wanted, expected):
    accounts = {ALICE: Account(1, "alice", ())}
    offered = catalogue(priced(EIGHT_CENTS, TEXT), groups=GROUPS)
    desk = Desk(offered, balance(2, MONEY, 500_000), accounts=accounts)
    assert enough(desk, wanted, service_context="32274") is expected


def test_a_balance_that_cannot_pay_for_it_is_not_enough():
    desk = Desk(catalogue(allowance(TEXTS, TEXT), groups=GROUPS), balance(2, MONEY, 500_000))
    assert enough(desk, ServiceUsage(TEXT)) is False


def test_what_is_free_is_always_enough():
    desk = Desk(catalogue(priced(Price(0, 1), TEXT), groups=GROUPS))
    assert enough(desk, ServiceUsage(TEXT)) is True
    assert enough(desk, want(TEXT, 5), request_number=1) is True


def test_what_sessions_hold_is_not_there():
    desk = texts(5)
    desk.initial(want(TEXT, 4))
    assert enough(desk, want(TEXT, 2)) is False
    assert enough(desk, want(TEXT, 1), request_number=1) is True


@pytest.mark.parametrize(
    ("left", "money", "asked", "expected"),
    [
        (5, 0, 3, 0),
        (5, 900_000, 7, 160_000),
        (0, 0, 2, 160_000),
        (0, 100_000, 2, 160_000),
        (1, 0, 3, 160_000),
    ],
)
def test_a_price_is_what_it_would_cost_whatever_is_left(left, money, asked, expected):
    assert cost(texts(left, money), want(TEXT, asked)) == expected


def test_a_price_has_its_beginning_once_and_its_tax():
    price = Price(100_000, 60, 190_000, 50_000)
    services = priced(price, VOICE), priced(EIGHT_CENTS, TEXT)
    desk = Desk(catalogue(*services, groups=GROUPS), balance(2, MONEY, 0))
    asked = want(VOICE, 61, 1), want(VOICE, 60, 2), want(TEXT, 1)
    assert cost(desk, *asked) == 59_500 + 238_000 + 119_000 + 80_000
    desk.credit(2, 10**9)
    assert cost(desk, *asked, request_number=1) == 59_500 + 238_000 + 119_000 + 80_000


def test_what_only_allowances_pay_for_costs_nothing():
    desk = Desk(catalogue(allowance(OCTETS, DATA), groups=GROUPS), balance(1, OCTETS, 0))
    assert cost(desk, want(DATA, 5_000)) == 0


def test_the_price_is_that_at_which_it_would_be_paid():
    services = (
        priced(Price(50_000, 1), TEXT, priority=0, balance_types=(BONUS,)),
        priced(EIGHT_CENTS, TEXT, priority=1),
    )
    desk = Desk(catalogue(*services, groups=GROUPS), balance(1, BONUS, 0), balance(2, MONEY, 10**6))
    assert cost(desk, want(TEXT, 2)) == 160_000
    desk.credit(1, 10**6)
    assert cost(desk, want(TEXT, 2), request_number=1) == 100_000


def test_a_price_that_nobody_could_pay_can_still_be_written():
    offered = catalogue(priced(Price(2**62, 1), TEXT), groups=GROUPS)
    assert cost(Desk(offered, balance(2, MONEY, 0)), want(TEXT, 2**40)) == 2**63 - 1


@pytest.mark.parametrize("action", [CHECK, PRICE])
@pytest.mark.parametrize(
    ("usages", "others", "expected"),
    [
        ((want(TEXT, 1), want(999, 1)), {}, Outcome.RATING_FAILED),
        ((ServiceUsage(999),), {}, Outcome.RATING_FAILED),
        ((ServiceUsage(None, (9,)),), {"service_context": "32274"}, Outcome.RATING_FAILED),
        ((ServiceUsage(TEXT, (), Units(seconds=60)),), {}, Outcome.RATING_FAILED),
        ((want(TEXT, 1),), {"service_context": None}, Outcome.RATING_FAILED),
        (
            (want(TEXT, 1),),
            {"identities": (Identity(IdentityKind.IMSI, "999"),)},
            Outcome.USER_UNKNOWN,
        ),
    ],
)
def test_a_question_that_cannot_be_understood_is_refused(action, usages, others, expected):
    decision = ask(texts(5), action, *usages, **others)
    assert decision.outcome is expected
    assert decision.told is None


def test_a_question_may_be_about_more_than_a_quota_may_be():
    few = (replace(TEXT_EACH, max_reservation=4),)
    desk = Desk(catalogue(allowance(TEXTS, TEXT), groups=few), balance(1, TEXTS, 50))
    assert enough(desk, want(TEXT, 9)) is True
    assert enough(desk, want(TEXT, 51)) is False
    assert enough(desk, want(TEXT, 2**63 - 1)) is False
    desk = Desk(catalogue(priced(EIGHT_CENTS, TEXT), groups=few), balance(2, MONEY, 0))
    assert cost(desk, want(TEXT, 9)) == 9 * 80_000


def test_a_session_stays_as_old_as_it_is_whatever_events_have_its_name():
    desk = texts(50)
    desk.initial(want(TEXT, 2))
    for _ in range(30):
        desk.case = desk.case._replace(now=desk.case.now + 2 * 3600 * 1_000_000)
        desk.update(used(TEXT, 1, wanted=2))
    opened = desk.case.sessions[SessionKey(b"one")]
    asked = desk.event(want(TEXT, 1), session=b"one", action=CHECK)
    assert asked.session is not None
    assert asked.session.opened_at == opened.opened_at, (
        "its first requests are found in the journal"
    )


@pytest.mark.parametrize("action", [CHECK, PRICE])
def test_a_suspended_account_is_told_nothing(action):
    desk = texts(5)
    alice = Account(1, "alice", ("demo",), state=AccountState.SUSPENDED)
    desk.case = desk.case._replace(accounts={1: alice})
    decision = ask(desk, action, want(TEXT, 1))
    assert (decision.outcome, decision.told) == (Outcome.SERVICE_DENIED, None)


def test_without_a_plan_there_is_no_price():
    assert ask(texts(5), PRICE, want(VOICE, 60)).outcome is Outcome.SERVICE_DENIED


@pytest.mark.parametrize(
    ("action", "told", "name"),
    [
        (CHECK, Told(has_enough=True), "check balance"),
        (PRICE, Told(cost=0, currency="EUR"), "price enquiry"),
    ],
)
def test_a_repeat_is_told_what_was_told(action, told, name):
    desk = texts(3)
    (edr,) = ask(desk, action, want(TEXT, 2)).edrs
    assert (edr.kind, edr.action, edr.told) == (EdrKind.BILLING, name, told)
    desk.event(want(TEXT, 3), session=b"other")
    again = desk.event(want(TEXT, 2), action=action, request_number=0)
    assert (again.novelty, again.told) == (Novelty.REPEATED, told)
    assert not again.edrs


@pytest.mark.parametrize(
    "sign", [{}, {"is_retransmission": True, "end_to_end_id": 7}, {"end_to_end_id": 7}]
)
def test_what_is_debited_after_a_question_of_its_name_is_no_repeat_of_it(sign):
    desk = texts(3)
    for action in (CHECK, PRICE):
        ask(desk, action, want(TEXT, 2), request_number=0)
    debited = desk.event(want(TEXT, 2), request_number=0, **sign)
    assert debited.novelty is not Novelty.REPEATED
    assert desk.balance(1) == (2, 0)
    assert enough(desk, want(TEXT, 2), request_number=1) is False


def test_a_question_within_a_session_leaves_it_as_it_is():
    desk = texts(5)
    desk.initial(want(TEXT, 2))
    before = desk.case.sessions[SessionKey(b"one")]
    asked = desk.event(want(TEXT, 3), session=b"one", action=CHECK, request_number=1)
    assert asked.told == Told(has_enough=True)
    after = desk.case.sessions[SessionKey(b"one")]
    assert (after.lines, after.reservations) == (before.lines, before.reservations)
