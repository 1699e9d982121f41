"""Quotas of a session that are used for each other, out of one pool of money."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diameter_ocs.charging.catalogue import Catalogue, Insufficiency, Price, SessionRules
from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    BONUS,
    DATA,
    MONEY,
    SECONDS,
    TEXT,
    TEXT_EACH,
    VIDEO,
    VOICE,
    VOICE_BY_SECONDS,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    priced,
    rating_group,
    used,
    want,
)

DATA_EACH = rating_group(DATA, UnitType.VOLUME)
VIDEO_EACH = rating_group(VIDEO, UnitType.VOLUME)
PRICES = {VOICE: 100, DATA: 3, TEXT: 700}


def offered(*services, groups=(VOICE_BY_SECONDS, DATA_EACH, TEXT_EACH, VIDEO_EACH)) -> Catalogue:
    sold = services or [
        priced(Price(price, 1), group, priority=at)
        for at, (group, price) in enumerate(PRICES.items())
    ]
    return replace(catalogue(*sold, groups=groups), default_monetary_balance_type=MONEY)


def desk(money: int, *services, option=Insufficiency.PROVIDE_ROUNDED_AMOUNT) -> Desk:
    sold = replace(offered(*services), session_rules=SessionRules(insufficiency=option))
    return Desk(sold, balance(1, MONEY, money), balance(2, SECONDS, 10_000))


def told(decision: Decision) -> list[int | None]:
    return [None if each.grant is None else each.grant.pool for each in decision.services]


def opened(money: int) -> Desk:
    """Hold 100 s for 10000 and 1000 octets for 3000."""
    counter = desk(money)
    decision = counter.initial(want(VOICE, 100), want(DATA, 1000), has_pool=True)
    assert granted(decision)[0] == (100, False)
    assert told(decision) == [100 * 10**9, 3 * 10**9]
    return counter


def test_quotas_that_are_paid_by_the_money_of_the_session_are_a_pool():
    opened(13_000)


def test_a_gateway_that_takes_no_pools_is_told_of_none():
    assert told(desk(13_000).initial(want(VOICE, 100), want(DATA, 1000))) == [None, None]


@pytest.mark.parametrize(
    "service",
    [
        allowance(SECONDS, VOICE),
        priced(Price(0, 1), VOICE),
        priced(Price(100, 1, initial_micro_units=5), VOICE),
        priced(Price(100, 1, minimum_units=5), VOICE),
        priced(Price(10**15, 1), VOICE),
    ],
)
def test_what_has_no_value_that_is_the_same_for_each_unit_is_in_no_pool(service):
    assert told(desk(10**17, service).initial(want(VOICE, 10), has_pool=True)) == [None]


def test_what_other_money_pays_is_in_no_pool():
    counter = Desk(offered(priced(Price(1, 1), VOICE, balance_types=(BONUS,))))
    counter = Desk(counter.case.catalogue, balance(1, BONUS, 100))
    assert told(counter.initial(want(VOICE, 10), has_pool=True)) == [None]


def test_a_value_includes_tax_and_is_rounded():
    counter = desk(10**6, priced(Price(10_000, 2**20, 190_000), DATA))
    (value,) = told(counter.initial(want(DATA, 1000), has_pool=True))
    assert value == round(10_000 * 10**9 * 1.19 / 2**20) == 11_348_724


def test_a_use_above_one_quota_is_paid_by_another_of_the_pool():
    counter = opened(13_000)
    counter.update(used(VOICE, 120), has_pool=True)
    assert counter.settlements[0]._asdict() | {"reported": 120, "used": 120} == {
        "reported": 120,
        "used": 120,
        "charged": 120,
        "charged_amount": 12_000,
        "tax_amount": 0,
        "overrun": 0,
        "overrun_amount": 0,
        "shortfall": 0,
    }
    assert counter.balance(1) == (12_000, 1_000)
    counter.terminate(used(DATA, 333), has_pool=True)
    assert counter.balance(1) == (12_999, 0)
    assert (counter.settlements[0].overrun, counter.settlements[0].shortfall) == (0, 0)


def test_a_use_above_the_whole_pool_is_overrun():
    counter = opened(13_000)
    counter.terminate(used(VOICE, 150), used(DATA, 10), has_pool=True)
    assert counter.balance(1) == (13_000, 0)
    overruns = [settlement.overrun for settlement in counter.settlements]
    assert (overruns[0], overruns[1]) == (20, 10)


def test_without_a_pool_what_others_hold_is_never_taken():
    counter = desk(13_000)
    counter.initial(want(VOICE, 100), want(DATA, 1000))
    counter.update(used(VOICE, 120))
    assert counter.settlements[0].overrun == 20
    assert counter.balance(1) == (10_000, 3_000)


def test_what_is_free_pays_before_the_others_of_the_pool():
    counter = opened(20_000)
    counter.update(used(VOICE, 120), has_pool=True)
    assert counter.balance(1) == (12_000, 3_000)


def test_other_sessions_are_in_no_pool_of_this_one():
    counter = opened(14_000)
    counter.initial(want(DATA, 300), session=b"two", has_pool=True)
    counter.terminate(used(VOICE, 200), has_pool=True)
    assert counter.balance(1) == (13_100, 900)


def test_services_of_one_rating_group_are_used_for_each_other_too():
    counter = desk(20_000)
    counter.initial(want(VOICE, 100, 1), want(VOICE, 100, 2), has_pool=True)
    counter.update(used(VOICE, 150, 1), has_pool=True)
    assert (counter.balance(1), counter.settlements[0].overrun) == ((15_000, 5_000), 0)
    counter.terminate(used(VOICE, 50, 2), has_pool=True)
    assert (counter.balance(1), counter.settlements[0].overrun) == ((20_000, 0), 0)


def test_a_quota_that_was_used_up_for_another_expires_no_more():
    counter = opened(13_000)
    counter.update(used(VOICE, 130), has_pool=True)
    (session,) = counter.case.sessions.values()
    (reservation,) = session.reservations
    assert (reservation.granted, reservation.expires_at) == (0, 0)


PARTS = st.lists(st.integers(0, 100), min_size=4, max_size=4)


@settings(max_examples=200)
@given(
    option=st.sampled_from(Insufficiency),
    money=st.integers(0, 60_000),
    wanted=st.lists(st.integers(1, 90), min_size=4, max_size=4),
    rounds=st.lists(st.tuples(PARTS, st.sets(st.integers(0, 3)), st.booleans()), max_size=5),
)
def test_a_client_that_keeps_to_its_pool_never_overruns(option, money, wanted, rounds):
    """It uses the value of all its quotas for whatever it likes, and reports some of them.

    A unit that was begun with what was left of a quota costs no more, whoever uses it.
    """
    counter = desk(money, option=option)
    names = [(VOICE, 1), (VOICE, 2), (DATA, 3), (TEXT, 4)]
    decision = counter.initial(
        *[want(group, n, name) for (group, name), n in zip(names, wanted, strict=True)],
        has_pool=True,
    )
    value: dict[tuple[int, int], int] = {}
    spent = 0
    for parts, reported, is_asking in [*rounds, ([100] * 4, {0, 1, 2, 3}, False)]:
        for service in decision.services:
            group, (name,) = service.usage.rating_group, service.usage.service_identifiers
            if service.grant is not None and service.grant.pool is not None:
                assert service.grant.pool == PRICES[group] * 10**9
                value[group, name] = service.grant.units * PRICES[group]
        usages = []
        pool = sum(value.values())
        for at, (group, name) in enumerate(names):
            if at in reported and (group, name) not in value:
                usages.append(used(group, 0, name, wanted=wanted[at] if is_asking else None))
            elif at in reported:
                units = pool * parts[at] // 100 // PRICES[group]
                pool -= units * PRICES[group]
                spent += units * PRICES[group]
                value.pop((group, name), None)
                again = wanted[at] if is_asking else None
                usages.append(used(group, units, name, wanted=again))
        # What was used above the reported quotas is taken from those that are still held.
        excess = sum(value.values()) - pool
        for identity in list(value):
            taken = min(max(excess, 0), value[identity])
            value[identity] -= taken
            excess -= taken
        decision = counter.update(*usages, has_pool=True)
        assert all(settlement.overrun == 0 for settlement in counter.settlements)
        assert all(settlement.shortfall == 0 for settlement in counter.settlements)
        paid, _ = counter.balance(1)
        assert spent - 700 * len(names) <= paid <= spent
    counter.terminate(has_pool=True)
    assert counter.balance(1) == (paid, 0)
