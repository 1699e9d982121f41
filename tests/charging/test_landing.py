"""Adaptive quotas end where the next state of a counter begins."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.catalogue import Price
from diameter_ocs.charging.counters import BalanceCounter, CounterState
from diameter_ocs.charging.deadlines import SECOND
from diameter_ocs.charging.standing import Standing
from tests.charging.scenario import (
    DATA,
    DATA_BY_KIBIBYTES,
    MONEY,
    OCTETS,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    priced,
    used,
    want,
)

KIB = 1024
FOLLOWING = replace(DATA_BY_KIBIBYTES, min_validity_seconds=100, min_reservation=2 * KIB)
PLENTY = 10_000


def counter(*thresholds: int, kind: str = OCTETS, **others: bool) -> BalanceCounter:
    states = [CounterState(f"state {n}", each) for n, each in enumerate(thresholds, 1)]
    return BalanceCounter("left", kind, (CounterState("normal", None), *states), **others)


def desk(
    found: BalanceCounter,
    kibibytes: int = PLENTY,
    group=FOLLOWING,
    price: Price | None = None,
    money: int = 0,
) -> Desk:
    services = [allowance(OCTETS, DATA)]
    if price is not None:
        services.append(priced(price, DATA))
    offered = replace(catalogue(*services, groups=(group,)), counters={found.name: found})
    return Desk(offered, balance(1, OCTETS, kibibytes * KIB), balance(2, MONEY, money))


def states(charging: Desk) -> dict[str, str]:
    """Return the states of counters that are not in their default state."""
    return dict(charging.case.accounts[1].standing.states)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (counter(100 * KIB, is_on_used=True), 101),
        (counter(100 * KIB - 1, is_on_used=True), 100),
        (counter(99 * KIB, 150 * KIB, is_on_used=True), 100),
        (counter((PLENTY - 100) * KIB), 101),
        (counter((PLENTY - 100) * KIB + 1), 100),
        (counter((PLENTY - 70) * KIB, 5), 71),
        (counter(1, is_on_used=True, is_in_percent=True), 101),
        (counter(99, is_in_percent=True), 101),
        (counter(100, is_in_percent=True), 2),
        (counter(600 * KIB, is_on_used=True), 500),
        (counter(0, is_on_used=True), 2),
        (counter(100 * KIB, is_on_used=True, is_active=False), 500),
        (counter(5, kind=MONEY), 500),
    ],
)
def test_a_quota_ends_with_the_rounding_unit_that_turns_a_counter(found, expected):
    """One that is none of the balance that pays, or does not count, cuts nothing."""
    charging = desk(found)
    decision = charging.initial(want(DATA, 500 * KIB))
    assert granted(decision) == [(expected * KIB, False)]
    if expected < 500 and found.states[1].threshold:
        assert states(charging) == {}
        charging.update(used(DATA, expected * KIB))
        assert states(charging) == {"left": "state 1"}


def test_a_session_stops_at_each_threshold_on_its_way():
    charging = desk(counter(120 * KIB - 1, 300 * KIB - 1, is_on_used=True))
    sizes = [granted(charging.initial(want(DATA, 100 * KIB)))[0][0]]
    for _ in range(4):
        charging.case = charging.case._replace(now=charging.case.now + 100 * SECOND)
        report = used(DATA, sizes[-1], wanted=KIB)
        sizes.append(granted(charging.update(report))[0][0])
    assert [size // KIB for size in sizes] == [100, 20, 20, 20, 20]
    charging.case = charging.case._replace(now=charging.case.now + 10 * SECOND)
    assert granted(charging.update(used(DATA, 20 * KIB, wanted=KIB))) == [(120 * KIB, False)]


def test_a_quota_that_is_not_adaptive_goes_past_a_threshold():
    charging = desk(counter(100 * KIB, is_on_used=True), group=DATA_BY_KIBIBYTES)
    assert granted(charging.initial(want(DATA, 500 * KIB))) == [(500 * KIB, False)]


def test_what_is_held_already_is_on_the_way_where_reservations_count():
    found = counter(100 * KIB - 1, is_on_used=True, has_reservations=True)
    charging = desk(found)
    charging.initial(want(DATA, 30 * KIB))
    assert granted(charging.initial(want(DATA, 500 * KIB), session=b"two")) == [(70 * KIB, False)]


def test_of_two_services_on_one_line_the_second_goes_on_from_the_first():
    charging = desk(counter(100 * KIB - 1, is_on_used=True))
    decision = charging.initial(want(DATA, 60 * KIB, 1), want(DATA, 60 * KIB, 2))
    assert granted(decision) == [(60 * KIB, False), (40 * KIB, False)]


@pytest.mark.parametrize(
    ("price", "money", "expected"),
    [
        (Price(10, KIB), 100_095, 10),
        (Price(10, KIB), 100_100, 11),
        (Price(1, 100), 100_011, 2),
        (Price(1, 100), 100_110, 11),
        (Price(1, 100, 190_000), 100_110, 10),
        (Price(10, KIB, 0, 50), 100_060, 2),
        (Price(10, KIB, 0, 50), 100_100, 6),
        (Price(10, KIB, 0, 0, 20 * KIB), 100_001, 2),
        (Price(10, KIB), 200_000, 500),
        (Price(0, KIB), 100_001, 500),
    ],
)
def test_money_is_spent_by_its_price(price, money, expected):
    """The least that costs so much that less than 0.10 is left, in whole rounding units."""
    charging = desk(counter(100_000, kind=MONEY), 0, price=price, money=money)
    decision = charging.initial(want(DATA, 500 * KIB))
    assert granted(decision) == [(expected * KIB, False)]
    if expected < 500:
        charging.update(used(DATA, expected * KIB))
        assert states(charging) == {"left": "state 1"}
        assert expected == 2 or charging.balance(2)[0] - price.charge_of(KIB) <= money - 100_000


def test_the_thresholds_that_count_are_the_accounts_own():
    own = counter(50 * KIB - 1, is_on_used=True)
    charging = desk(counter(100 * KIB - 1, is_on_used=True))
    account = charging.case.accounts[1]._replace(standing=Standing(overrides=(own,)))
    charging.case = charging.case._replace(accounts={1: account})
    assert granted(charging.initial(want(DATA, 500 * KIB))) == [(50 * KIB, False)]
