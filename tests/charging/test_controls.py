"""Thresholds and times of idleness: when a gateway comes back before its quota is used up."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.controls import THRESHOLD_MAX, holding_seconds, threshold
from diameter_ocs.charging.deadlines import SECOND
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    DATA,
    DATA_BY_KIBIBYTES,
    OCTETS,
    VOICE,
    VOICE_BY_SECONDS,
    Desk,
    allowance,
    balance,
    catalogue,
    only,
    used,
    want,
)

USUAL = replace(DATA_BY_KIBIBYTES, threshold_percent=20, quota_holding_seconds=600)


def desk(group=USUAL, octets: int = 10**9) -> Desk:
    return Desk(catalogue(allowance(OCTETS, DATA), groups=(group,)), balance(1, OCTETS, octets))


@pytest.mark.parametrize(
    ("units", "percent", "expected"),
    [
        (1000, 20, 200),
        (1000, 99, 990),
        (1000, 0, None),
        (9, 20, 1),
        (4, 20, None),
        (1, 99, None),
        (2**40, 20, THRESHOLD_MAX),
        (5 * THRESHOLD_MAX, 20, THRESHOLD_MAX),
        (5 * THRESHOLD_MAX - 5, 20, THRESHOLD_MAX - 1),
    ],
)
def test_a_threshold_is_a_part_of_the_quota_and_can_be_told(units, percent, expected):
    assert threshold(replace(USUAL, threshold_percent=percent), units) == expected


@pytest.mark.parametrize("percent", range(100))
def test_a_threshold_is_below_the_quota_and_above_nothing(percent):
    group = replace(USUAL, threshold_percent=percent)
    for units in (1, 2, 3, 7, 99, 100, 101, 10**6):
        left = threshold(group, units)
        assert left is None or 0 < left < units


@pytest.mark.parametrize(
    ("holding", "validity", "expected"),
    [(600, 3600, 600), (600, 601, 600), (600, 600, None), (600, 60, None), (0, 3600, None)],
)
def test_a_holding_time_is_said_where_it_ends_before_the_validity(holding, validity, expected):
    group = replace(USUAL, quota_holding_seconds=holding)
    assert holding_seconds(group, validity) == expected


def test_a_quota_comes_with_what_its_rating_group_says():
    group = replace(USUAL, quota_consumption_seconds=30)
    grant = only(desk(group).initial(want(DATA, 10_240))).grant
    assert (grant.threshold, grant.holding_seconds, grant.consumption_seconds) == (2048, 600, 30)


def test_a_rating_group_that_says_nothing_has_a_quota_without():
    offered = catalogue(allowance(OCTETS, VOICE), groups=(VOICE_BY_SECONDS,))
    grant = only(Desk(offered, balance(1, OCTETS, 1000)).initial(want(VOICE, 100))).grant
    assert (grant.threshold, grant.holding_seconds, grant.consumption_seconds) == (None,) * 3


def test_a_final_quota_is_used_to_its_end():
    grant = only(desk(octets=10_240).initial(want(DATA, 10_240))).grant
    assert grant.is_final
    assert (grant.threshold, grant.holding_seconds) == (None, None)


def test_who_has_a_final_quota_soon_asks_whether_there_is_more():
    """Gateways that are called to ask again do not all do so."""
    for validity, asked in ((3600, 300), (120, 120), (30, 60)):
        counter = desk(replace(USUAL, quota_validity_seconds=validity), octets=10_240)
        grant = only(counter.initial(want(DATA, 10_240))).grant
        assert grant.is_final
        assert asked <= grant.validity_seconds <= asked * 11 // 10


def test_a_threshold_is_of_what_is_granted_not_of_what_was_asked():
    counter = desk(octets=20_480)
    counter.initial(want(DATA, 10_240), session=b"two")
    grant = only(counter.initial(want(DATA, 20_480))).grant
    assert (grant.units, grant.is_final, grant.threshold) == (10_240, False, 2048)
    assert (grant.validity_seconds, grant.holding_seconds) == (60, None)


@pytest.mark.parametrize(
    ("validity", "holding", "lasts"),
    [
        (60, 0, 300),
        (60, 600, 300),
        (120, 0, None),
        (3600, 600, None),
        (3600, 0, None),
    ],
)
def test_a_quota_expires_after_twice_its_validity_and_the_time_it_may_lie_idle(
    validity, holding, lasts
):
    group = replace(USUAL, quota_validity_seconds=validity, quota_holding_seconds=holding)
    counter = desk(group)
    grant = only(counter.initial(want(DATA, 1024))).grant
    (session,) = counter.case.sessions.values()
    (reservation,) = session.reservations
    expected = lasts or max(2 * grant.validity_seconds + (grant.holding_seconds or 0), 300)
    assert reservation.expires_at == counter.case.now + expected * SECOND


def test_what_was_reported_below_the_threshold_leaves_the_rest_to_the_next_quota():
    counter = desk(octets=100 * 1024)
    counter.initial(want(DATA, 10_240))
    decision = counter.update(used(DATA, 8192, wanted=10_240))
    assert only(decision).grant.units == 10_240
    assert counter.balance(1) == (8192, 10_240)


def test_thresholds_are_of_every_type_of_unit():
    for unit_type in set(UnitType) - {UnitType.MONEY}:
        group = replace(USUAL, unit_type=unit_type)
        assert only(desk(group).initial(want(DATA, 1024))).grant.threshold == 204
