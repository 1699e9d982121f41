"""What a session is granted when what is left pays for less than it asks; when that is final."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.catalogue import Insufficiency, Price, Rate, Service, SessionRules
from diameter_ocs.charging.hours import working_hours
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    BONUS,
    MONEY,
    SECONDS,
    TEXT,
    TEXT_EACH,
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

ROUNDED, REMAINING, IGNORE = Insufficiency
A_SECOND = Price(100, 1)
A_MINUTE = Price(6_000, 60, 190_000)
NOTHING = (0, False)
BY_HOURS = Service(
    "by hours",
    1,
    frozenset({VOICE}),
    (MONEY,),
    (
        Rate(A_SECOND, "day", Restrictions(hours=working_hours([("mon-sun", "08:00-20:00")]))),
        Rate(A_SECOND, "night"),
    ),
)


def desk(option: Insufficiency, *balances, services=None, group=VOICE_BY_MINUTES) -> Desk:
    offered = catalogue(*(services or [allowance(SECONDS, VOICE)]), groups=(group, TEXT_EACH))
    return Desk(replace(offered, session_rules=SessionRules(insufficiency=option)), *balances)


# Seconds available of a rounding unit of 60, seconds asked for, what each option grants.
OPTIONS = [
    (90, 300, (120, True), (90, True), (60, True)),
    (30, 300, (60, True), (30, True), NOTHING),
    (120, 300, (120, True), (120, True), (120, True)),
    (0, 300, NOTHING, NOTHING, NOTHING),
    (300, 300, (300, True), (300, True), (300, True)),
    (301, 300, (300, False), (300, False), (300, True)),
    (360, 300, (300, False), (300, False), (300, False)),
    (299, 300, (300, True), (299, True), (240, True)),
    (90, 61, (61, False), (61, False), (60, True)),
    (90, 40, (40, False), (40, False), (40, False)),
    (59, 1, (1, False), (1, False), NOTHING),
    (60, 60, (60, True), (60, True), (60, True)),
]
EACH = [
    (option, available, wanted, expected[at])
    for available, wanted, *expected in OPTIONS
    for at, option in enumerate(Insufficiency)
]


@pytest.mark.parametrize(("option", "available", "wanted", "expected"), EACH)
def test_an_allowance_is_granted_as_the_tenant_says(option, available, wanted, expected):
    decision = desk(option, balance(1, SECONDS, available)).initial(want(VOICE, wanted))
    assert granted(decision) == [expected]
    assert outcomes(decision) == ["SUCCESS" if expected[0] else "LIMIT_REACHED"]


@pytest.mark.parametrize(("option", "available", "wanted", "expected"), EACH)
def test_money_is_granted_as_the_tenant_says(option, available, wanted, expected):
    counter = desk(option, balance(1, MONEY, available * 119), services=[priced(A_MINUTE, VOICE)])
    assert granted(counter.initial(want(VOICE, wanted))) == [expected]


@pytest.mark.parametrize(("option", "available", "wanted", "expected"), EACH)
def test_an_allowance_and_money_together_are_granted_likewise(option, available, wanted, expected):
    of_allowance = available // 2
    counter = desk(
        option,
        balance(1, SECONDS, of_allowance),
        balance(2, MONEY, (available - of_allowance) * 100),
        services=[allowance(SECONDS, VOICE), priced(A_SECOND, VOICE)],
    )
    assert granted(counter.initial(want(VOICE, wanted))) == [expected]


@pytest.mark.parametrize(("option", "available", "wanted", "expected"), EACH)
def test_what_is_used_of_it_costs_at_most_what_there_was(option, available, wanted, expected):
    counter = desk(option, balance(1, SECONDS, available))
    counter.initial(want(VOICE, wanted))
    counter.terminate(used(VOICE, expected[0]))
    due = -(-expected[0] // 60) * 60
    assert counter.balance(1) == (min(due, available), 0)
    assert counter.settlements[0].shortfall == max(due - available, 0)
    assert counter.settlements[0].overrun == 0


@pytest.mark.parametrize(
    ("option", "expected", "cost"),
    [(ROUNDED, (3, True), 250), (REMAINING, (2, True), 200), (IGNORE, (2, True), 200)],
)
def test_money_for_half_a_unit_begins_one_only_where_units_are_begun(option, expected, cost):
    counter = desk(
        option, balance(1, MONEY, 250), services=[priced(A_SECOND, VOICE)], group=VOICE_BY_SECONDS
    )
    assert granted(counter.initial(want(VOICE, 10))) == [expected]
    counter.terminate(used(VOICE, expected[0]))
    assert counter.balance(1) == (cost, 0)


@pytest.mark.parametrize(
    ("option", "expected"), [(ROUNDED, (70, False)), (REMAINING, (70, True)), (IGNORE, (40, True))]
)
def test_a_grant_within_a_unit_begun_counts_what_is_used_of_it(option, expected):
    """20 s are used of a minute that is paid whole; 30 s are left besides."""
    counter = desk(option, balance(1, SECONDS, 90))
    counter.initial(want(VOICE, 60))
    assert granted(counter.update(used(VOICE, 20, wanted=70))) == [expected]


@pytest.mark.parametrize("services", [None, [priced(A_SECOND, VOICE)], [BY_HOURS]])
def test_what_remained_is_all_there_is_and_what_comes_later_pays_for_as_much(services):
    """90 s are left of minutes: 90 are granted and no more; a credit of 60 s is good for 60."""
    unit = 1 if services is None else 100
    kind = SECONDS if services is None else MONEY
    counter = desk(REMAINING, balance(1, kind, 90 * unit), services=services)
    assert granted(counter.initial(want(VOICE, 300))) == [(90, True)]
    decision = counter.update(used(VOICE, 90, wanted=300))
    assert (granted(decision), outcomes(decision)) == ([NOTHING], ["LIMIT_REACHED"])
    assert granted(counter.update(want(VOICE, 300))) == [NOTHING]
    counter.credit(1, 60 * unit)
    assert granted(counter.update(want(VOICE, 300))) == [(60, True)]
    counter.terminate(used(VOICE, 60))
    assert counter.balance(1) == (150 * unit, 0)


def test_of_a_unit_that_was_not_paid_whole_as_much_is_granted_as_was():
    counter = desk(REMAINING, balance(1, SECONDS, 100))
    assert granted(counter.initial(want(VOICE, 300))) == [(100, True)]
    assert granted(counter.update(used(VOICE, 70, wanted=300))) == [(30, True)]
    assert granted(counter.update(used(VOICE, 30, wanted=300))) == [NOTHING]
    assert counter.balance(1) == (100, 0)


def test_two_services_go_on_in_a_unit_as_far_as_it_was_paid():
    counter = desk(REMAINING, balance(1, SECONDS, 90))
    decision = counter.initial(want(VOICE, 10, 1), want(VOICE, 300, 2))
    assert granted(decision) == [(10, False), (80, False)]
    assert granted(counter.update(used(VOICE, 80, 2, wanted=300))) == [NOTHING]
    assert granted(counter.update(used(VOICE, 4, 1, wanted=300))) == [(6, True)]
    assert granted(counter.update(used(VOICE, 6, 1, wanted=300))) == [NOTHING]
    assert counter.balance(1) == (90, 0)


def test_a_unit_begun_with_what_was_left_is_granted_to_its_end():
    counter = desk(ROUNDED, balance(1, SECONDS, 90))
    assert granted(counter.initial(want(VOICE, 100))) == [(100, False)]
    assert granted(counter.update(used(VOICE, 100, wanted=300))) == [(20, True)]
    assert counter.balance(1) == (90, 0)


@pytest.mark.parametrize("option", Insufficiency)
def test_what_is_paid_already_is_granted_whatever_is_left(option):
    counter = desk(option, balance(1, SECONDS, 60))
    counter.initial(want(VOICE, 60))
    assert granted(counter.update(used(VOICE, 20, wanted=300))) == [(40, True)]
    assert counter.balance(1) == (60, 0)


@pytest.mark.parametrize(
    ("option", "first", "second"),
    [
        (ROUNDED, (60, False), (60, False)),
        (REMAINING, (60, False), (30, False)),
        (IGNORE, (60, True), NOTHING),
    ],
)
def test_another_service_of_the_line_keeps_what_it_was_granted(option, first, second):
    counter = desk(option, balance(1, SECONDS, 90))
    decision = counter.initial(want(VOICE, 60, 1), want(VOICE, 300, 2))
    assert granted(decision) == [first, second]
    assert counter.balance(1) == (0, 60 if option is IGNORE else 90)
    counter.terminate(used(VOICE, 60, 1), used(VOICE, second[0], 2))
    assert [settlement.overrun for settlement in counter.settlements] == [0, 0]


def test_two_services_share_what_is_left_of_a_unit_begun():
    counter = desk(IGNORE, balance(1, SECONDS, 119))
    decision = counter.initial(want(VOICE, 20, 1), want(VOICE, 300, 2))
    assert granted(decision) == [(20, False), (40, False)]
    validity = decision.services[1].grant.validity_seconds
    assert validity == 60, "what the first does not use comes back"
    assert counter.balance(1) == (0, 60)


@pytest.mark.parametrize("option", Insufficiency)
def test_what_another_session_holds_keeps_a_quota_from_being_final(option):
    counter = desk(option, balance(1, SECONDS, 300))
    counter.initial(want(VOICE, 120), session=b"two")
    decision = counter.initial(want(VOICE, 180))
    assert granted(decision) == [(180, False)]
    assert only(decision).grant.validity_seconds == 60
    counter.terminate(session=b"two")
    assert granted(counter.update(used(VOICE, 180, wanted=180))) == [(120, True)]


@pytest.mark.parametrize("option", Insufficiency)
def test_what_another_rating_group_holds_of_the_same_money_does_too(option):
    services = [priced(A_SECOND, VOICE), priced(Price(100, 1), TEXT, priority=2)]
    counter = desk(option, balance(1, MONEY, 6_100), services=services)
    assert granted(counter.initial(want(TEXT, 1), want(VOICE, 60))) == [(1, False), (60, False)]
    decision = counter.update(used(TEXT, 1), used(VOICE, 10, wanted=50))
    assert granted(decision)[1] == (50, True)


@pytest.mark.parametrize("option", Insufficiency)
def test_what_is_free_is_never_final(option):
    counter = desk(option, services=[priced(Price(0, 1), VOICE)])
    assert granted(counter.initial(want(VOICE, 600))) == [(600, False)]


def two_prices(option: Insufficiency, first: int, second: int) -> Desk:
    return desk(
        option,
        balance(1, BONUS, first),
        balance(2, MONEY, second),
        services=[
            priced(A_SECOND, VOICE, balance_types=(BONUS,)),
            priced(Price(200, 1), VOICE, priority=2),
        ],
    )


@pytest.mark.parametrize(
    ("option", "first", "second", "expected"),
    [
        (ROUNDED, 50, 12_000, (60, False)),
        (REMAINING, 50, 12_000, (60, True)),
        (IGNORE, 5_900, 12_000, (60, True)),
        (IGNORE, 5_900, 11_900, NOTHING),
        (IGNORE, 6_000, 11_900, (60, True)),
        (REMAINING, 6_000, 199, (60, True)),
        (REMAINING, 6_000, 200, (60, False)),
        (ROUNDED, 6_000, 1, (60, False)),
    ],
)
def test_another_price_is_asked_when_the_first_grants_nothing(option, first, second, expected):
    counter = two_prices(option, first, second)
    assert granted(counter.initial(want(VOICE, 60))) == [expected]


@pytest.mark.parametrize(
    ("option", "money", "expected"),
    [
        (ROUNDED, 699, (60, True)),
        (ROUNDED, 700, (60, False)),
        (REMAINING, 700, (60, False)),
        (REMAINING, 699, (60, True)),
    ],
)
def test_a_price_that_nobody_can_begin_to_pay_is_nothing_that_is_left(option, money, expected):
    """A unit costs 600, and its beginning 100 besides; the allowance pays for a minute."""
    begun = Price(600, 1, initial_micro_units=100)
    counter = desk(
        option,
        balance(1, SECONDS, 60),
        balance(2, MONEY, money),
        services=[allowance(SECONDS, VOICE), priced(begun, VOICE)],
    )
    assert granted(counter.initial(want(VOICE, 60))) == [expected]


def test_an_option_that_is_changed_leaves_what_was_granted_under_another():
    counter = desk(ROUNDED, balance(1, SECONDS, 90))
    counter.initial(want(VOICE, 120, 1))
    ignoring = replace(
        counter.case.catalogue, session_rules=SessionRules(insufficiency=IGNORE), version=2
    )
    counter.offer(ignoring)
    assert granted(counter.update(want(VOICE, 60, 2))) == [NOTHING]
    assert counter.balance(1) == (0, 90)
    counter.terminate(used(VOICE, 120, 1))
    assert counter.balance(1) == (90, 0)
    assert counter.settlements[0].shortfall == 30


def test_any_rounding_leaves_out_what_is_no_whole_unit():
    group = rating_group(VOICE, UnitType.TIME, 7)
    counter = desk(IGNORE, balance(1, SECONDS, 20), group=group)
    assert granted(counter.initial(want(VOICE, 300))) == [(14, True)]
    assert counter.balance(1) == (0, 14)
