"""What answers tell of money: what was paid, what is left, whether that is little."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.case import Account
from diameter_ocs.charging.catalogue import Catalogue, Price, SessionRules
from diameter_ocs.charging.currencies import NUMBERS, decimals_of
from diameter_ocs.charging.decisions import Decision, Novelty, Told
from diameter_ocs.charging.requests import Identity, IdentityKind, RequestType, ServiceUsage
from diameter_ocs.charging.units import AMOUNT_MAX, UnitType
from tests.charging.scenario import (
    DATA,
    MONEY,
    OCTETS,
    TEXT,
    TEXT_EACH,
    Desk,
    allowance,
    balance,
    catalogue,
    priced,
    rating_group,
    used,
    want,
)

CHILD = Identity(IdentityKind.IMSI, "001010000000003")
DATA_BY_OCTETS = rating_group(DATA, UnitType.VOLUME)


def offer(price: int = 3, low_balance: int | None = None, *groups: int) -> Catalogue:
    offered = catalogue(priced(Price(price, 1), DATA, TEXT), groups=(DATA_BY_OCTETS, TEXT_EACH))
    rules = SessionRules(low_balance=low_balance)
    return replace(offered, default_monetary_balance_type=MONEY, session_rules=rules)


def told(decision: Decision) -> Told:
    assert decision.told == decision.edrs[-1].told
    assert decision.told is not None
    return decision.told


def asked(opened: Desk, kind: RequestType, *usages: ServiceUsage) -> Told:
    session = b"event" if kind is RequestType.EVENT else b"one"
    return told(opened.ask(kind, usages, session, tells_money=True))


def test_who_is_not_told_of_money_is_told_nothing() -> None:
    opened = Desk(offer(), balance(1, MONEY, 1000))
    decision = opened.initial(want(DATA, 100))
    assert decision.told is decision.edrs[-1].told is None


def test_the_cost_adds_up_without_what_is_reserved() -> None:
    opened = Desk(offer(), balance(1, MONEY, 1000))
    initial, update, last = RequestType.INITIAL, RequestType.UPDATE, RequestType.TERMINATION
    assert asked(opened, initial, want(DATA, 100)) == Told(None, 700, currency="EUR")
    assert asked(opened, update, used(DATA, 10, wanted=50)) == Told(30, 820, currency="EUR")
    assert asked(opened, update, want(TEXT, 5)) == Told(30, 805, currency="EUR")
    assert asked(opened, last, used(DATA, 20), used(TEXT, 2)) == Told(96, 904, currency="EUR")


def test_what_allowances_pay_costs_nothing() -> None:
    offered = catalogue(
        allowance(OCTETS, DATA), priced(Price(3, 1), DATA), groups=(DATA_BY_OCTETS,)
    )
    opened = Desk(offered, balance(1, MONEY, 1000), balance(2, OCTETS, 40))
    opened.initial(want(DATA, 100))
    assert asked(opened, RequestType.UPDATE, used(DATA, 50)).cost == 30


def test_the_cost_goes_on_over_a_change_of_price() -> None:
    opened = Desk(offer(3), balance(1, MONEY, 1000))
    opened.initial(want(DATA, 10))
    opened.update(used(DATA, 10, wanted=10))
    opened.offer(offer(5))
    opened.update(used(DATA, 10, wanted=10))
    assert asked(opened, RequestType.TERMINATION, used(DATA, 10)).cost == 30 + 30 + 50


def test_late_usage_is_part_of_the_cost() -> None:
    opened = Desk(offer(), balance(1, MONEY, 1000))
    opened.initial(want(DATA, 10))
    opened.terminate(used(DATA, 10))
    late = opened.ask(RequestType.TERMINATION, (used(DATA, 4),), b"one", tells_money=True)
    assert late.novelty is Novelty.LATE
    assert told(late).cost == 42


def test_a_repeat_says_the_same_cost_after_more_usage() -> None:
    opened = Desk(offer(), balance(1, MONEY, 1000))
    opened.initial(want(DATA, 10), tells_money=True)
    first = opened.update(used(DATA, 10, wanted=10), tells_money=True)
    opened.update(used(DATA, 9, wanted=10), tells_money=True)
    opened.numbers[next(iter(opened.numbers))] = 0
    again = opened.update(used(DATA, 10, wanted=10), tells_money=True)
    assert again.novelty is Novelty.REPEATED
    assert again.told == first.told == Told(30, 940, currency="EUR")


def test_an_event_tells_its_own_cost() -> None:
    opened = Desk(offer(), balance(1, MONEY, 1000))
    opened.event(want(TEXT, 100))
    assert asked(opened, RequestType.EVENT, want(TEXT, 7)) == Told(21, 679, currency="EUR")


def test_an_event_that_is_refused_has_cost_nothing() -> None:
    opened = Desk(offer(), balance(1, MONEY, 2))
    assert asked(opened, RequestType.EVENT, want(DATA, 1), want(TEXT, 1)).cost == 0


@pytest.mark.parametrize(
    ("low_balance", "is_low"), [(None, None), (969, False), (970, False), (971, True)]
)
def test_less_than_the_tenant_says_is_low(low_balance: int | None, is_low: bool | None) -> None:
    opened = Desk(offer(3, low_balance), balance(1, MONEY, 1000))
    assert asked(opened, RequestType.INITIAL, want(DATA, 10)).is_low is is_low


def test_what_parents_share_is_left_too() -> None:
    accounts = {
        Identity(IdentityKind.IMSI, "001010000000001"): Account(1, "alice", ("demo",)),
        CHILD: Account(2, "carla", ("demo",), parent_id=1),
    }
    opened = Desk(
        offer(), balance(1, MONEY, 500), balance(2, MONEY, 20, account_id=2), accounts=accounts
    )
    one, other = opened.initial, opened.initial
    assert told(one(want(DATA, 1), session=b"a", tells_money=True)).remaining == 497
    decision = other(want(DATA, 1), session=b"b", identities=(CHILD,), tells_money=True)
    assert told(decision).remaining == 497 + 17


def test_more_is_never_said_to_be_left_than_an_amount_can_be() -> None:
    opened = Desk(offer(), balance(1, MONEY, AMOUNT_MAX), balance(2, MONEY, AMOUNT_MAX))
    assert asked(opened, RequestType.INITIAL, want(DATA, 1)).remaining == AMOUNT_MAX


def test_without_a_balance_of_money_nothing_is_said_to_be_left() -> None:
    offered = catalogue(allowance(OCTETS, DATA), groups=(DATA_BY_OCTETS,))
    opened = Desk(offered, balance(2, OCTETS, 40))
    assert asked(opened, RequestType.INITIAL, want(DATA, 10)) == Told(currency="EUR")


def test_currencies_have_their_numbers_and_decimals() -> None:
    wanted = {"EUR": (978, 2), "USD": (840, 2), "GBP": (826, 2), "JPY": (392, 0), "KWD": (414, 3)}
    assert {name: (NUMBERS[name], decimals_of(name)) for name in wanted} == wanted
    names = {number: name for name, number in NUMBERS.items() if name != "ANG"}
    assert len(names) == len(NUMBERS) - 1, "that of the Antilles is its successor's"
