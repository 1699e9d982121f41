"""How large a quota is: shares of what is left, and what a session used lately."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.catalogue import Insufficiency, Price, SessionRules
from diameter_ocs.charging.deadlines import SECOND
from diameter_ocs.charging.requests import Units
from tests.charging.scenario import (
    DATA,
    DATA_BY_KIBIBYTES,
    MONEY,
    OCTETS,
    TEXT,
    TEXT_EACH,
    VOICE,
    VOICE_BY_MINUTES,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    only,
    priced,
    used,
    want,
)

KIB = 1024
HALF = replace(DATA_BY_KIBIBYTES, max_session_share_percent=50)
DYNAMIC = replace(
    DATA_BY_KIBIBYTES,
    min_validity_seconds=100,
    min_reservation=10 * KIB,
    max_reservation=1000 * KIB,
)


def desk(group, kibibytes: int, insufficiency=Insufficiency.PROVIDE_ROUNDED_AMOUNT) -> Desk:
    offered = catalogue(allowance(OCTETS, DATA), groups=(group, TEXT_EACH))
    rules = SessionRules(insufficiency=insufficiency)
    return Desk(replace(offered, session_rules=rules), balance(1, OCTETS, kibibytes * KIB))


@pytest.mark.parametrize(
    ("percent", "available", "wanted", "expected"),
    [
        (50, 100, 100, (50, False)),
        (50, 100, 40, (40, False)),
        (50, 100, 50, (50, False)),
        (100, 100, 100, (100, True)),
        (1, 100, 100, (1, False)),
        (1, 10, 10, (1, False)),
        (50, 3, 10, (2, False)),
        (50, 1, 10, (1, True)),
        (99, 1, 1, (1, True)),
        (50, 0, 10, (0, False)),
    ],
)
def test_a_quota_takes_at_most_its_share_of_what_is_left(percent, available, wanted, expected):
    group = replace(DATA_BY_KIBIBYTES, max_session_share_percent=percent)
    units, is_final = expected
    assert granted(desk(group, available).initial(want(DATA, wanted * KIB))) == [
        (units * KIB, is_final)
    ]


def test_a_quota_that_is_cut_to_its_share_is_not_final_and_lasts_as_long_as_any():
    grant = only(desk(HALF, 100).initial(want(DATA, 100 * KIB))).grant
    assert not grant.is_final
    assert grant.validity_seconds >= 3600


def test_a_share_is_no_less_than_the_least_reservation():
    group = replace(HALF, min_reservation=80 * KIB)
    assert granted(desk(group, 100).initial(want(DATA, 100 * KIB))) == [(80 * KIB, False)]
    assert granted(desk(group, 80).initial(want(DATA, 100 * KIB))) == [(80 * KIB, True)]
    assert granted(desk(group, 70).initial(want(DATA, 100 * KIB))) == [(70 * KIB, True)]


def test_sessions_that_share_a_balance_all_get_something_and_the_last_is_final():
    counter = desk(HALF, 128)
    shares = [
        only(counter.initial(want(DATA, 128 * KIB), session=b"%d" % n)).grant.units // KIB
        for n in range(4)
    ]
    assert shares == [64, 32, 16, 8]
    for n in range(3):
        counter.terminate(session=b"%d" % n)
    grants = []
    while not (grants and grants[-1][1]):
        reported = used(DATA, grants[-1][0] if grants else 8 * KIB, wanted=128 * KIB)
        grants += granted(counter.update(reported, session=b"3"))
    assert [units // KIB for units, _ in grants] == [60, 30, 15, 8, 4, 2, 1]
    assert sum(units for units, _ in grants) == 120 * KIB
    counter.terminate(used(DATA, grants[-1][0]), session=b"3")
    assert counter.balance(1) == (128 * KIB, 0)


@pytest.mark.parametrize("option", Insufficiency)
def test_a_share_ends_with_a_rounding_unit_of_what_is_used_already(option):
    group = replace(VOICE_BY_MINUTES, max_session_share_percent=50)
    offered = catalogue(priced(Price(1, 1), VOICE), groups=(group,))
    rules = SessionRules(insufficiency=option)
    counter = Desk(replace(offered, session_rules=rules), balance(1, MONEY, 600))
    assert granted(counter.initial(want(VOICE, 900))) == [(300, False)]
    assert granted(counter.update(used(VOICE, 70, wanted=900))) == [(290, False)]
    assert counter.balance(1) == (120, 240)


def test_a_dynamic_quota_is_first_what_is_asked_for():
    assert granted(desk(DYNAMIC, 10_000).initial(want(DATA, 100 * KIB))) == [(100 * KIB, False)]


@pytest.mark.parametrize(
    ("seconds", "kibibytes", "expected"),
    [
        (100, 100, 100),
        (50, 100, 200),
        (200, 100, 50),
        (10_000, 100, 10),
        (1, 100, 1000),
        (0, 20, 1000),
        (60, 0, 10),
    ],
)
def test_a_dynamic_quota_is_what_the_session_used_in_the_time_that_it_should_last(
    seconds, kibibytes, expected
):
    """Within its bounds, 10 and 1000 KiB; whatever the gateway asks for."""
    counter = desk(DYNAMIC, 100_000)
    counter.initial(want(DATA, 100 * KIB))
    counter.case = counter.case._replace(now=counter.case.now + seconds * SECOND)
    decision = counter.update(used(DATA, kibibytes * KIB, wanted=100 * KIB))
    assert granted(decision) == [(expected * KIB, False)]


def test_a_dynamic_quota_becomes_small_near_the_end_and_then_takes_the_rest():
    counter = desk(DYNAMIC, 200)
    sizes = [only(counter.initial(want(DATA, 100 * KIB))).grant.units]
    is_final = False
    while not is_final:
        counter.case = counter.case._replace(now=counter.case.now + SECOND)
        decision = counter.update(used(DATA, sizes[-1], wanted=100 * KIB))
        units, is_final = granted(decision)[0]
        sizes.append(units)
    assert [size // KIB for size in sizes] == [100, 50, 25, 13, 10, 2]
    assert sum(sizes) == 200 * KIB


def test_what_nobody_measured_is_granted_as_asked():
    counter = desk(DYNAMIC, 10_000)
    counter.initial(want(DATA, 100 * KIB))
    assert granted(counter.update(want(DATA, 50 * KIB))) == [(50 * KIB, False)]
    assert granted(counter.update(used(DATA, KIB, 7, wanted=30 * KIB))) == [(30 * KIB, False)]


@pytest.mark.parametrize("requested", [Units(), Units(seconds=500), Units(service_specific=3)])
def test_a_request_for_other_units_gets_the_usual_quota_of_its_rating_group(requested):
    """What a client cannot count it does not use: nothing is lost."""
    usage = want(DATA)._replace(requested=requested)
    group = replace(DATA_BY_KIBIBYTES, default_quota=7 * KIB)
    assert granted(desk(group, 100).initial(usage)) == [(7 * KIB, False)]


@pytest.mark.parametrize("requested", [0, 1, 2**63, 2**64 - 1])
def test_an_absurd_request_is_granted_within_the_bounds(requested):
    group = replace(DATA_BY_KIBIBYTES, default_quota=7 * KIB, min_reservation=3 * KIB)
    usage = want(DATA, requested)
    expected = {0: 7 * KIB, 1: 3 * KIB}.get(requested, 100 * KIB)
    assert granted(desk(group, 100).initial(usage))[0][0] == expected


def test_every_reservation_is_released_whole_when_a_session_ends():
    """An allowance, two prices and two services of each rating group, in one session."""
    counter = Desk(
        catalogue(
            allowance(OCTETS, DATA),
            priced(Price(3, 7), DATA),
            priced(Price(11, 1), TEXT, priority=2),
            groups=(replace(HALF, threshold_percent=20), TEXT_EACH),
        ),
        balance(1, OCTETS, 40 * KIB),
        balance(2, MONEY, 10**6),
    )
    services = [want(DATA, 50 * KIB, 1), want(DATA, 50 * KIB, 2), want(TEXT, 9, 3), want(TEXT, 9)]
    counter.initial(*services, session=b"other")
    assert [is_held > 0 for _, is_held in map(counter.balance, (1, 2))] == [True, True]
    counter.update(used(DATA, 30 * KIB, 1, wanted=50 * KIB), want(TEXT, 2), session=b"other")
    counter.terminate(used(DATA, KIB, 2), session=b"other")
    assert [counter.balance(number)[1] for number in (1, 2)] == [0, 0]
