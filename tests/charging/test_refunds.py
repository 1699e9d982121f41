"""What was charged is given back once, the last units first, where it came from."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.charging.case import Account, AccountState
from diameter_ocs.charging.catalogue import Catalogue, Price, Rate, Service, SessionRules
from diameter_ocs.charging.decisions import (
    Decision,
    EdrKind,
    EdrName,
    Grant,
    Novelty,
    Outcome,
    Told,
)
from diameter_ocs.charging.expressions import parse_countries
from diameter_ocs.charging.information import LocationReport, LocationSource, ServiceInformation
from diameter_ocs.charging.requests import EventAction, RequestType, ServiceUsage, Units
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.charging.reversals import reverse_unclaimed
from diameter_ocs.charging.units import UnitType, round_up
from tests.charging.scenario import (
    ALICE,
    BOB,
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
    only,
    outcomes,
    priced,
    rating_group,
    used,
    want,
)

EIGHT_CENTS = Price(80_000, 1)
GROUPS = (TEXT_EACH, VOICE_BY_MINUTES, DATA_BY_KIBIBYTES)
SECOND = 1_000_000
ALL = ServiceUsage()


def offered(*services, groups=GROUPS) -> Catalogue:
    return replace(catalogue(*services, groups=groups), default_monetary_balance_type=MONEY)


def texts(count: int, money: int = 0) -> Desk:
    """A subscriber with some texts, and money for more."""
    services = allowance(TEXTS, TEXT), priced(EIGHT_CENTS, TEXT)
    return Desk(offered(*services), balance(1, TEXTS, count), balance(2, MONEY, money))


def refund(desk: Desk, *usages: ServiceUsage, of: Decision | None = None, **others) -> Decision:
    """Ask for a refund, of what is named by its Refund-Information where it is given."""
    if of is not None:
        others["refunds"] = (str(of.event).encode(),) * len(usages or (ALL,))
    others = {"end_to_end_id": 100 + len(desk.decisions), **others}
    return desk.event(*(usages or (ALL,)), action=EventAction.REFUND, **others)


def units(decision: Decision) -> list[int]:
    return [0 if each.grant is None else each.grant.units for each in decision.services]


def later(desk: Desk, seconds: int) -> None:
    desk.case = desk.case._replace(now=desk.case.now + seconds * SECOND)


def test_all_of_an_event_is_given_back_and_said_to_be():
    desk = texts(2, 500_000)
    event = desk.event(want(TEXT, 5))
    decision = refund(desk, of=event, session=b"another")
    service = only(decision)
    assert (decision.outcome, service.outcome) == (Outcome.SUCCESS, Outcome.SUCCESS)
    assert service.grant == Grant(UnitType.SERVICE_SPECIFIC_UNITS, 5, None, False)
    assert (desk.balance(1), desk.balance(2)) == ((0, 0), (0, 0))
    (edr,) = decision.edrs
    assert (edr.kind, edr.action, edr.outcome) == (EdrKind.BILLING, "refund", Outcome.SUCCESS)
    assert edr.services[0].settlement[:5] == (0, 0, -5, -240_000, 0)


@pytest.mark.parametrize(
    ("asked", "left", "money"),
    [(1, 2, 160_000), (3, 2, 0), (4, 1, 0), (5, 0, 0), (6, 0, 0), (2**63 - 1, 0, 0)],
)
def test_the_last_units_come_back_first_each_for_what_it_cost(asked, left, money):
    desk = texts(2, 500_000)
    decision = refund(desk, want(TEXT, asked), of=desk.event(want(TEXT, 5)))
    assert units(decision) == [min(asked, 5)]
    assert (desk.balance(1), desk.balance(2)) == ((left, 0), (money, 0))


def test_nothing_is_given_back_twice():
    desk = texts(2, 500_000)
    event = desk.event(want(TEXT, 5))
    assert units(refund(desk, want(TEXT, 2), of=event, session=b"a")) == [2]
    assert units(refund(desk, want(TEXT, 4), of=event, session=b"b")) == [3]
    assert (desk.balance(1), desk.balance(2)) == ((0, 0), (0, 0))
    nothing = refund(desk, want(TEXT, 1), of=event, session=b"c")
    assert (nothing.outcome, outcomes(nothing)) == (Outcome.SERVICE_DENIED, ["SERVICE_DENIED"])
    assert nothing.edrs[0].postings == ()


def test_a_first_unit_that_cost_more_comes_back_last():
    price = Price(100_000, 1, initial_micro_units=300_000, minimum_units=2)
    desk = Desk(offered(priced(price, TEXT)), balance(2, MONEY, 10**6))
    event = desk.event(want(TEXT, 4))
    assert desk.balance(2) == (700_000, 0)
    refund(desk, want(TEXT, 2), of=event, session=b"a")
    assert desk.balance(2) == (500_000, 0)
    refund(desk, want(TEXT, 1), of=event, session=b"b")
    assert desk.balance(2) == (500_000, 0), "one or two cost the same"
    refund(desk, of=event, session=b"c")
    assert desk.balance(2) == (0, 0)


def test_a_unit_that_was_begun_with_what_was_left_gives_back_what_it_took():
    desk = texts(0, 100_000)
    event = desk.event(want(TEXT, 5))
    assert units(event) == [2]
    refund(desk, want(TEXT, 1), of=event, session=b"a")
    assert desk.balance(2) == (80_000, 0)


def test_what_bonus_paid_before_allowances_comes_back_after_them():
    services = (
        priced(Price(50_000, 1), TEXT, priority=0, balance_types=(BONUS,)),
        allowance(TEXTS, TEXT, priority=1),
        priced(EIGHT_CENTS, TEXT, priority=2),
    )
    balances = balance(1, BONUS, 100_000), balance(2, TEXTS, 2), balance(3, MONEY, 10**6)
    desk = Desk(offered(*services), *balances)
    event = desk.event(want(TEXT, 5))
    spent = [
        (100_000, 2, 80_000),
        (100_000, 2, 0),
        (100_000, 1, 0),
        (100_000, 0, 0),
        (50_000, 0, 0),
    ]
    for at, expected in enumerate(spent):
        assert tuple(desk.balance(number)[0] for number in (1, 2, 3)) == expected
        assert units(refund(desk, want(TEXT, 1), of=event, session=b"%d" % at)) == [1]
    assert [desk.balance(number)[0] for number in (1, 2, 3)] == [0, 0, 0]


def test_taxes_come_back_with_what_they_were_on():
    price = Price(10_000, 3, 190_000)
    desk = Desk(offered(priced(price, TEXT)), balance(2, MONEY, 10**6))
    event = desk.event(want(TEXT, 5))
    for at in range(5):
        refund(desk, want(TEXT, 1), of=event, session=b"%d" % at)
    records = [decision.edrs[0].services[0].settlement for decision in desk.decisions]
    assert [sum(amounts) for amounts in zip(*records, strict=True)][2:5] == [0, 0, 0]


def test_a_rounded_event_comes_back_when_it_costs_less():
    desk = Desk(offered(priced(Price(60_000, 60), VOICE)), balance(2, MONEY, 10**6))
    event = desk.event(want(VOICE, 61))
    assert desk.balance(2) == (120_000, 0)
    assert units(refund(desk, want(VOICE, 1), of=event, session=b"a")) == [1]
    assert desk.balance(2) == (60_000, 0)
    nothing = refund(desk, want(VOICE, 30), of=event, session=b"b")
    assert nothing.outcome is Outcome.SERVICE_DENIED, "what is left costs a minute all the same"
    assert units(refund(desk, of=event, session=b"c")) == [60]
    assert desk.balance(2) == (0, 0)


def test_what_was_free_is_given_back_for_nothing():
    desk = Desk(offered(priced(Price(0, 1), TEXT)), balance(2, MONEY, 5))
    event = desk.event(want(TEXT, 2))
    assert units(refund(desk, of=event, session=b"a")) == [2]
    assert refund(desk, of=event, session=b"b").outcome is Outcome.SERVICE_DENIED


@pytest.mark.parametrize(
    "marked", [b"1-2-3", b"2-1700000000000000-1", b"", b"no name", b"\xff\xfe", b"1-" + b"9" * 400]
)
def test_what_nobody_knows_cannot_be_given_back(marked):
    desk = texts(5)
    desk.event(want(TEXT, 2))
    decision = refund(desk, session=b"other", refunds=(marked,))
    assert (decision.outcome, outcomes(decision)) == (Outcome.RATING_FAILED, ["RATING_FAILED"])
    assert desk.balance(1) == (2, 0)
    assert len(decision.edrs) == 1


def test_what_another_account_was_charged_is_not_given_back():
    accounts = {
        ALICE: Account(1, "alice", ("demo",)),
        BOB: Account(2, "bob", ("demo",), parent_id=1),
    }
    desk = Desk(offered(allowance(TEXTS, TEXT)), balance(1, TEXTS, 5), accounts=accounts)
    event = desk.event(want(TEXT, 2), identities=(BOB,), correlation_id=b"c")
    for others in ({"session": b"x"}, {"correlation_id": b"c"}, {"session": b"event"}):
        of = event if "session" in others and others["session"] == b"x" else None
        assert refund(desk, of=of, **others).outcome is Outcome.RATING_FAILED
    assert desk.balance(1) == (2, 0)
    assert units(refund(desk, of=event, identities=(BOB,), session=b"y")) == [2]


def test_a_refund_is_never_refunded():
    desk = texts(5)
    event = desk.event(want(TEXT, 2))
    first = refund(desk, of=event, session=b"a")
    assert refund(desk, of=first, session=b"b").outcome is Outcome.RATING_FAILED
    assert refund(desk, session=b"a", request_number=5).outcome is Outcome.RATING_FAILED
    asked = desk.event(want(TEXT, 1), session=b"c", action=EventAction.CHECK_BALANCE)
    assert refund(desk, of=asked, session=b"d").outcome is Outcome.RATING_FAILED


@pytest.mark.parametrize("sign", [{}, {"is_retransmission": True}, {"end_to_end_id": 9}])
def test_a_repeat_gives_back_nothing_more(sign):
    desk = texts(5)
    event = desk.event(want(TEXT, 4))
    asked = {"of": event, "session": b"a", "request_number": 0}
    first = refund(desk, want(TEXT, 1), **asked, end_to_end_id=9)
    again = refund(desk, want(TEXT, 1), **asked, **sign)
    assert again.novelty is Novelty.REPEATED
    assert [each[1:] for each in again.services] == [each[1:] for each in first.services]
    assert desk.balance(1) == (3, 0)


def test_another_refund_under_the_same_name_is_no_repeat():
    desk = texts(5)
    one, other = desk.event(want(TEXT, 2)), desk.event(want(TEXT, 2))
    for event in (one, other):
        asked = refund(desk, of=event, session=b"a", request_number=0)
        assert asked.novelty is not Novelty.REPEATED
    assert desk.balance(1) == (0, 0)


def test_the_session_id_names_an_event():
    desk = texts(5)
    desk.event(want(TEXT, 3))
    assert units(refund(desk, want(TEXT, 1), request_number=1)) == [1]
    assert units(refund(desk, request_number=2)) == [2]
    assert refund(desk, request_number=3).outcome is Outcome.SERVICE_DENIED
    assert desk.balance(1) == (0, 0)


def test_of_events_of_one_name_the_newest_is_meant_of_which_something_is_left():
    desk = texts(9)
    for number in range(3):
        desk.event(want(TEXT, number + 1), request_number=number, end_to_end_id=number)
    given_back = [units(refund(desk, request_number=10 + number)) for number in range(3)]
    assert given_back == [[3], [2], [1]]
    assert refund(desk, request_number=20).outcome is Outcome.SERVICE_DENIED


def test_a_correlation_id_names_all_events_that_have_it():
    desk = texts(9)
    desk.event(want(TEXT, 1), session=b"a", correlation_id=b"x")
    desk.event(want(TEXT, 2), session=b"b", correlation_id=b"x")
    desk.event(want(TEXT, 4), session=b"c", correlation_id=b"y")
    assert units(refund(desk, session=b"d", correlation_id=b"x")) == [3]
    assert desk.balance(1) == (4, 0)
    nothing = refund(desk, session=b"e", correlation_id=b"x")
    assert nothing.outcome is Outcome.SERVICE_DENIED
    unknown = refund(desk, session=b"f", correlation_id=b"z")
    assert unknown.outcome is Outcome.RATING_FAILED


def test_a_session_is_refunded_as_an_event_is():
    services = allowance(OCTETS, DATA), priced(Price(10_000, 1024), DATA)
    desk = Desk(offered(*services), balance(1, OCTETS, 3 * 1024), balance(2, MONEY, 10**6))
    desk.initial(want(DATA, 4096))
    desk.update(used(DATA, 2048, wanted=4096))
    desk.terminate(used(DATA, 4096))
    assert (desk.balance(1), desk.balance(2)) == ((3072, 0), (30_000, 0))
    assert units(refund(desk, want(DATA, 1024), session=b"one", request_number=7)) == [1024]
    assert (desk.balance(1), desk.balance(2)) == ((3072, 0), (20_000, 0))
    assert units(refund(desk, want(DATA, 3072), session=b"one", request_number=8)) == [3072]
    assert (desk.balance(1), desk.balance(2)) == ((2048, 0), (0, 0))
    assert units(refund(desk, session=b"one", request_number=9)) == [2048]
    assert (desk.balance(1), desk.balance(2)) == ((0, 0), (0, 0))
    assert refund(desk, session=b"one", request_number=10).outcome is Outcome.SERVICE_DENIED


def test_what_a_session_costs_is_less_what_came_back():
    desk = texts(0, 10**6)
    desk.initial(want(TEXT, 4))
    told = {"tells_money": True}
    assert desk.update(used(TEXT, 3, wanted=4), **told).told.cost == 240_000
    desk.event(want(TEXT, 1), session=b"one", request_number=2)
    refund(desk, want(TEXT, 1), session=b"one", request_number=3)
    assert desk.update(used(TEXT, 0, wanted=4), request_number=4, **told).told.cost == 240_000
    refund(
        desk,
        want(TEXT, 1),
        session=b"one",
        request_number=5,
        of=desk.decisions[1]._replace(event=EdrName(1, desk.case.now, 2)),
    )
    assert desk.update(used(TEXT, 0, wanted=4), request_number=6, **told).told.cost == 160_000
    assert desk.terminate(used(TEXT, 1), request_number=7, **told).told.cost == 240_000


def test_what_an_open_session_holds_stays_held():
    desk = texts(9)
    desk.initial(want(TEXT, 4))
    desk.update(used(TEXT, 3, wanted=4))
    assert units(refund(desk, want(TEXT, 2), session=b"one", request_number=2)) == [2]
    assert desk.balance(1) == (1, 4)
    desk.terminate(used(TEXT, 1), request_number=3)
    assert desk.balance(1) == (2, 0)


def test_services_are_given_back_all_or_none():
    services = allowance(TEXTS, TEXT), allowance(OCTETS, DATA)
    desk = Desk(offered(*services), balance(1, TEXTS, 5), balance(2, OCTETS, 10_240))
    event = desk.event(want(TEXT, 2), want(DATA, 2048))
    refused = refund(desk, want(TEXT, 1), want(VOICE, 60), of=event, session=b"a")
    assert refused.outcome is Outcome.RATING_FAILED
    assert [each.usage.rating_group for each in refused.services] == [VOICE]
    assert (desk.balance(1), desk.balance(2)) == ((2, 0), (2048, 0))
    assert units(refund(desk, want(TEXT, 1), want(DATA), of=event, session=b"b")) == [1, 2048]
    assert (desk.balance(1), desk.balance(2)) == ((1, 0), (0, 0))


def test_who_names_no_service_gets_all_of_them_and_cannot_say_how_much():
    services = allowance(TEXTS, TEXT), allowance(OCTETS, DATA)
    desk = Desk(offered(*services), balance(1, TEXTS, 5), balance(2, OCTETS, 10_240))
    event = desk.event(want(TEXT, 2, 7), want(TEXT, 1), want(DATA, 2048))
    ambiguous = refund(desk, ServiceUsage(requested=Units(service_specific=1)), of=event)
    assert ambiguous.outcome is Outcome.RATING_FAILED
    decision = refund(desk, of=event, session=b"a")
    names = [
        (each.usage.rating_group, each.usage.service_identifiers) for each in decision.services
    ]
    assert names == [(TEXT, (7,)), (TEXT, ()), (DATA, ())]
    assert units(decision) == [2, 1, 2048]


def test_units_of_another_type_cannot_be_given_back():
    desk = texts(5)
    event = desk.event(want(TEXT, 2))
    decision = refund(desk, ServiceUsage(TEXT, (), Units(seconds=5)), of=event, session=b"a")
    assert decision.outcome is Outcome.RATING_FAILED


def ended(desk: Desk, number: int) -> None:
    balances = {**desk.case.balances}
    balances[number] = balances[number]._replace(valid_until=desk.case.now)
    desk.case = desk.case._replace(balances=balances)


def test_units_of_an_allowance_that_has_ended_are_gone():
    desk = texts(2, 500_000)
    event = desk.event(want(TEXT, 3))
    ended(desk, 1)
    assert units(refund(desk, of=event, session=b"a")) == [1]
    assert (desk.balance(1), desk.balance(2)) == ((2, 0), (0, 0))
    nothing = refund(desk, of=event, session=b"b")
    assert nothing.outcome is Outcome.SERVICE_DENIED
    assert len(nothing.edrs) == 1


def test_money_of_a_balance_that_has_ended_goes_to_the_default_one():
    bonus = priced(Price(50_000, 1), TEXT, balance_types=(BONUS,))
    desk = Desk(offered(bonus), balance(1, BONUS, 100_000), balance(2, MONEY, 7))
    event = desk.event(want(TEXT, 2))
    ended(desk, 1)
    assert units(refund(desk, want(TEXT, 1), of=event, session=b"a")) == [1]
    assert desk.case.balances[2].total == 50_007
    assert desk.balance(1) == (100_000, 0)


def test_money_that_nobody_can_have_any_more_is_not_given_back():
    bonus = priced(Price(50_000, 1), TEXT, balance_types=(BONUS,))
    desk = Desk(offered(bonus), balance(1, BONUS, 100_000))
    event = desk.event(want(TEXT, 2))
    ended(desk, 1)
    assert refund(desk, of=event, session=b"a").outcome is Outcome.SERVICE_DENIED


def test_what_was_used_in_an_earlier_cycle_raises_the_total():
    desk = texts(0, 500_000)
    event = desk.event(want(TEXT, 3))
    renewed = desk.case.balances[2]._replace(total=260_000, used=80_000)
    desk.case = desk.case._replace(balances={**desk.case.balances, 2: renewed})
    desk.audit = lambda: None
    refund(desk, of=event, session=b"a")
    after = desk.case.balances[2]
    assert (after.total, after.used, after.available) == (420_000, 0, 420_000)


def test_a_suspended_account_is_denied():
    desk = texts(5)
    event = desk.event(want(TEXT, 2))
    alice = Account(1, "alice", ("demo",), state=AccountState.SUSPENDED)
    desk.case = desk.case._replace(accounts={1: alice})
    assert refund(desk, of=event, session=b"a").outcome is Outcome.SERVICE_DENIED
    assert desk.balance(1) == (2, 0)


def test_the_plan_may_be_gone_that_sold_it():
    desk = texts(5, 500_000)
    event = desk.event(want(TEXT, 6))
    desk.case = desk.case._replace(accounts={1: Account(1, "alice", ())})
    desk.offer(offered(groups=(VOICE_BY_MINUTES,)))
    assert units(refund(desk, of=event, session=b"a", service_context=None)) == [6]
    assert (desk.balance(1), desk.balance(2)) == ((0, 0), (0, 0))


def test_who_is_told_of_money_is_told_how_much_came_back():
    desk = texts(1, 500_000)
    event = desk.event(want(TEXT, 3))
    decision = refund(desk, of=event, session=b"a", tells_money=True)
    told = Told(160_000, 500_000, currency="EUR")
    assert decision.told == decision.edrs[0].told == told


def test_money_is_given_back_in_money_and_its_currency_told():
    desk = texts(0, 500_000)
    event = desk.event(ServiceUsage(TEXT, (), Units(money=300)), currency=978)
    assert desk.balance(2) == (300, 0)
    asked = ServiceUsage(TEXT, (), Units(money=100, fraction=1))
    told = refund(desk, asked, of=event, session=b"a", currency=978)
    assert only(told).grant[:2] == (UnitType.MONEY, 99)
    assert told.told == Told(99, 499_799, currency="EUR")
    rest = refund(desk, of=event, session=b"b")
    assert only(rest).grant[:2] == (UnitType.MONEY, 201)
    assert rest.told == Told(currency="EUR")
    assert desk.balance(2) == (0, 0)


def test_a_session_that_was_paid_in_money_is_refunded_in_money():
    desk = texts(0, 500_000)
    desk.initial(ServiceUsage(TEXT, (), Units(money=300)), currency=978)
    desk.terminate(ServiceUsage(TEXT, (), None, (Units(money=200),)), currency=978)
    decision = refund(desk, ServiceUsage(TEXT), session=b"one", request_number=2)
    assert only(decision).grant[:2] == (UnitType.MONEY, 200)
    assert desk.balance(2) == (0, 0)


def test_a_session_is_refunded_though_a_service_of_it_was_charged_nothing():
    desk = texts(9)
    desk.initial(want(TEXT, 4, 7), want(TEXT, 2))
    desk.terminate(used(TEXT, 3, 7), used(TEXT, 0))
    decision = refund(desk, session=b"one", request_number=2)
    assert only(decision).usage.service_identifiers == (7,)
    assert units(decision) == [3]
    assert desk.balance(1) == (0, 0)
    again = refund(desk, session=b"one", request_number=3)
    assert again.outcome is Outcome.SERVICE_DENIED


@pytest.mark.parametrize("usage", [ALL, ServiceUsage(TEXT)])
def test_units_and_money_of_a_service_are_told_apart_when_they_are_given_back(usage):
    desk = texts(9, 500_000)
    desk.initial(want(TEXT, 4))
    desk.update(ServiceUsage(TEXT, (), Units(money=300), want(TEXT, 3)[2:3]), currency=978)
    desk.terminate(ServiceUsage(TEXT, (), None, (Units(money=200),)), currency=978)
    assert (desk.balance(1), desk.balance(2)) == ((3, 0), (200, 0))
    decision = refund(desk, usage, session=b"one", request_number=3)
    assert [each.grant[:2] for each in decision.services] == [
        (UnitType.SERVICE_SPECIFIC_UNITS, 3),
        (UnitType.MONEY, 200),
    ]
    assert (desk.balance(1), desk.balance(2)) == ((0, 0), (0, 0))


def test_usage_that_is_reported_after_a_refund_is_priced_where_its_session_was():
    there = Restrictions(from_countries=parse_countries("DE"))
    rates = (Rate(EIGHT_CENTS, "", there),)
    sold = Service("by place", 1, frozenset({TEXT, VOICE}), (MONEY,), rates)
    desk = Desk(offered(sold), balance(1, MONEY, 10_000_000))
    report = LocationReport(LocationSource.USER_LOCATION, countries=("DE",))
    desk.initial(want(TEXT, 1), information=ServiceInformation((report,)))
    desk.terminate(used(TEXT, 1))
    refund(desk, session=b"one", request_number=2)
    assert desk.balance(1) == (0, 0)
    desk.terminate(used(VOICE, 60), request_number=3)
    assert desk.balance(1) == (60 * 80_000, 0)


def test_an_event_that_was_taken_back_is_not_refunded_and_one_refunded_stands():
    desk = texts(5)
    first, second = desk.event(want(TEXT, 1), session=b"a"), desk.event(want(TEXT, 2), session=b"b")
    asked = desk.request(RequestType.EVENT, (), b"a")._replace(request_number=0)
    reversal = reverse_unclaimed(asked, first.edrs[0].stored, desk.case)
    assert reversal is not None
    desk.case = desk.case.after(reversal)
    desk.decisions.append(reversal)
    assert refund(desk, of=first, session=b"c").outcome is Outcome.RATING_FAILED
    assert units(refund(desk, want(TEXT, 1), of=second, session=b"d")) == [1]
    asked = desk.request(RequestType.EVENT, (), b"b")._replace(request_number=0)
    assert reverse_unclaimed(asked, second.edrs[0].stored, desk.case) is None
    assert desk.balance(1) == (1, 0)


def test_a_refund_is_not_taken_back():
    desk = texts(5)
    event = desk.event(want(TEXT, 2), session=b"a")
    decision = refund(desk, of=event, session=b"b", request_number=0)
    asked = desk.request(RequestType.EVENT, (), b"b")._replace(request_number=0)
    assert reverse_unclaimed(asked, decision.edrs[0].stored, desk.case) is None


def test_a_forgotten_session_is_not_found_and_a_marked_event_is():
    desk = texts(5)
    event = desk.event(want(TEXT, 2))
    later(desk, 49 * 3600)
    assert refund(desk, request_number=1).outcome is Outcome.RATING_FAILED
    assert units(refund(desk, of=event, session=b"a")) == [2]


prices = st.builds(
    Price,
    st.integers(0, 300_000),
    st.sampled_from([1, 7]),
    st.sampled_from([0, 190_000]),
    st.sampled_from([0, 50_000]),
    st.sampled_from([0, 3]),
)


@given(
    has=st.tuples(st.integers(0, 20), st.integers(0, 500_000), st.integers(0, 2_000_000)),
    asked=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    refunds=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=8),
    rounding=st.sampled_from([1, 7]),
    offers=st.tuples(prices, prices),
    in_part=st.booleans(),
)
def test_refunds_add_up_to_at_most_what_was_charged(has, asked, refunds, rounding, offers, in_part):
    """And what is left is what fewer units would have cost; all of it comes back in the end."""
    group = rating_group(TEXT, UnitType.SERVICE_SPECIFIC_UNITS, rounding)
    services = (
        priced(offers[0], TEXT, priority=0, balance_types=(BONUS,)),
        allowance(TEXTS, TEXT, priority=1),
        priced(offers[1], TEXT, priority=2),
    )
    rules = SessionRules(serves_events_in_part=in_part)
    desk = Desk(
        replace(offered(*services, groups=(group,)), session_rules=rules),
        balance(1, TEXTS, has[0]),
        balance(2, BONUS, has[1]),
        balance(3, MONEY, has[2]),
    )
    event = desk.event(*(want(TEXT, each, at) for at, each in enumerate(asked)))
    if event.outcome is not Outcome.SUCCESS:
        return
    spent = [desk.balance(number)[0] for number in (1, 2, 3)]
    left = [each.grant.units for each in event.services]
    for at, (service, wanted) in enumerate(refunds):
        service %= len(asked)
        decision = refund(
            desk,
            ServiceUsage(TEXT, (service,), Units(service_specific=wanted)),
            of=event,
            session=b"%d" % at,
        )
        (given_back,) = units(decision)
        assert given_back <= round_up(max(left[service], 0), rounding)
        left[service] -= given_back
        now = [desk.balance(number)[0] for number in (1, 2, 3)]
        assert all(after <= before for after, before in zip(now, spent, strict=True))
        spent = now
    for service in range(len(asked)):
        refund(desk, ServiceUsage(TEXT, (service,)), of=event, session=b"last %d" % service)
    assert [desk.balance(number)[0] for number in (1, 2, 3)] == [0, 0, 0]
    charged = [record.settlement for each in desk.decisions for record in each.edrs[0].services]
    assert [sum(amounts) for amounts in zip(*charged, strict=True)][2:5] == [0, 0, 0]
