"""How much is granted, for how long, and when nothing can follow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.charging.catalogue import Price
from diameter_ocs.charging.decisions import Grant
from diameter_ocs.charging.quota import clamp, spread_of, validity_seconds
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    MONEY,
    SECONDS,
    VOICE,
    VOICE_BY_MINUTES,
    VOICE_BY_SECONDS,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    only,
    outcomes,
    priced,
    rating_group,
    used,
    want,
)


def desk(available: int, group=VOICE_BY_MINUTES) -> Desk:
    return Desk(
        catalogue(allowance(SECONDS, VOICE), groups=(group,)), balance(1, SECONDS, available)
    )


@pytest.mark.parametrize(
    ("available", "wanted", "expected"),
    [
        (90, 300, (120, True)),
        (30, 300, (60, True)),
        (120, 300, (120, True)),
        (300, 300, (300, True)),
        (301, 300, (300, False)),
        (299, 300, (300, True)),
        (90, 100, (100, False)),
        (1, 1, (1, False)),
        (60, 60, (60, True)),
    ],
)
def test_a_quota_ends_with_the_rounding_unit_that_what_is_left_can_begin(
    available, wanted, expected
):
    assert granted(desk(available).initial(want(VOICE, wanted))) == [expected]


@pytest.mark.parametrize("available", [0, -1])
def test_nothing_left_is_limit_reached(available):
    decision = desk(available).initial(want(VOICE, 300))
    assert outcomes(decision) == ["LIMIT_REACHED"]
    assert only(decision).grant is None


@pytest.mark.parametrize("rounding", [1, 1024])
def test_an_empty_money_balance_grants_nothing_however_little_a_unit_costs(rounding):
    group = rating_group(VOICE, UnitType.TIME, rounding)
    offered = catalogue(priced(Price(10_000, 2**20), VOICE), groups=(group,))
    assert outcomes(Desk(offered, balance(1, MONEY, 0)).initial(want(VOICE, 10))) == [
        "LIMIT_REACHED"
    ]


def test_what_is_left_of_money_begins_one_more_unit():
    offered = catalogue(priced(Price(100, 1), VOICE), groups=(VOICE_BY_SECONDS,))
    counter = Desk(offered, balance(1, MONEY, 250))
    assert granted(counter.initial(want(VOICE, 10))) == [(3, True)]
    counter.terminate(used(VOICE, 3))
    assert counter.balance(1) == (250, 0)
    assert counter.settlements[0].shortfall == 0


def test_a_price_of_nothing_is_never_final():
    offered = catalogue(priced(Price(0, 1), VOICE))
    assert granted(Desk(offered).initial(want(VOICE, 600))) == [(600, False)]


def test_a_free_service_that_follows_keeps_a_quota_from_being_final():
    offered = catalogue(
        priced(Price(100, 1), VOICE, priority=1),
        priced(Price(0, 1), VOICE, priority=2),
        groups=(VOICE_BY_SECONDS,),
    )
    counter = Desk(offered, balance(1, MONEY, 200))
    assert granted(counter.initial(want(VOICE, 10))) == [(2, False)]
    assert granted(counter.update(used(VOICE, 2, wanted=10))) == [(10, False)]
    counter.terminate(used(VOICE, 10))
    assert counter.balance(1) == (200, 0)


def test_what_another_session_holds_keeps_a_quota_from_being_final():
    counter = desk(300)
    assert granted(counter.initial(want(VOICE, 240), session=b"one")) == [(240, False)]
    decision = counter.initial(want(VOICE, 240), session=b"two")
    assert only(decision).grant == Grant(UnitType.TIME, 60, 60, False)


def test_what_another_service_of_the_session_holds_keeps_a_quota_from_being_final():
    counter = desk(300)
    decision = counter.initial(want(VOICE, 240, 1), want(VOICE, 240, 2))
    assert granted(decision) == [(240, False), (60, False)]
    assert decision.services[1].grant.validity_seconds == 60
    assert granted(counter.update(used(VOICE, 240, 1), used(VOICE, 60, 2, wanted=60))) == [
        (0, False),
        (0, False),
    ]
    assert counter.balance(1) == (300, 0)


def test_a_quota_is_final_once_the_other_session_has_ended():
    counter = desk(300)
    counter.initial(want(VOICE, 240), session=b"one")
    counter.initial(want(VOICE, 240), session=b"two")
    counter.terminate(used(VOICE, 240), session=b"one")
    decision = counter.update(want(VOICE, 240), session=b"two")
    assert granted(decision) == [(60, True)]
    assert only(decision).grant.validity_seconds > 60


def test_a_unit_that_is_already_paid_is_granted_though_nothing_is_left():
    counter = desk(60)
    counter.initial(want(VOICE, 60))
    assert granted(counter.update(used(VOICE, 20, wanted=300))) == [(40, True)]
    assert counter.balance(1) == (60, 0)


def test_a_refused_request_holds_nothing():
    counter = desk(90)
    counter.initial(want(VOICE, 120, 1))
    counter.credit(1, 10)
    assert outcomes(counter.update(want(VOICE, 60, 2))) == ["LIMIT_REACHED"]
    assert counter.balance(1) == (0, 90)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(None, 100), (0, 100), (1, 50), (50, 50), (200, 200), (201, 200), (2**64 - 1, 200)],
)
def test_a_request_is_brought_between_the_bounds(wanted, expected):
    group = rating_group(VOICE, UnitType.TIME, min_reservation=50, max_reservation=200)
    assert clamp(wanted, group) == expected


def test_the_least_reservation_does_not_exceed_what_can_be_paid():
    group = rating_group(VOICE, UnitType.TIME, min_reservation=50)
    assert granted(desk(20, group).initial(want(VOICE, 1))) == [(20, True)]


@given(st.integers(0, 10**6), st.binary(max_size=20), st.integers(0, 2**32 - 1))
def test_validity_is_at_least_a_minute_and_at_most_a_tenth_longer(seconds, session_id, number):
    group = rating_group(VOICE, UnitType.TIME, quota_validity_seconds=seconds)
    validity = validity_seconds(group, spread_of(session_id, number))
    assert validity == validity_seconds(group, spread_of(session_id, number))
    assert max(seconds, 60) <= validity <= max(seconds + seconds // 10, 60)


def test_sessions_of_a_busy_minute_do_not_all_come_back_at_once():
    validities = {validity_seconds(VOICE_BY_MINUTES, spread_of(b"%d" % n, 0)) for n in range(50)}
    assert len(validities) > 10
