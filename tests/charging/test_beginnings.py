"""What the first unit costs besides is due once for a session and rating group."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.catalogue import Catalogue, Price, Rate, Service
from diameter_ocs.charging.expressions import parse_countries
from diameter_ocs.charging.information import LocationReport, LocationSource, ServiceInformation
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.restrictions import Restrictions
from tests.charging.scenario import (
    BONUS,
    MONEY,
    SECONDS,
    VOICE,
    VOICE_BY_SECONDS,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    outcomes,
    used,
    want,
)

CALL = Price(10, 1, initial_micro_units=1000)
LEAST = Price(10, 1, minimum_units=60)
ROAMING = Price(20, 1, initial_micro_units=5000)
PLAIN = Price(10, 1)


def sold(*services: Service) -> Catalogue:
    return catalogue(*services, groups=(VOICE_BY_SECONDS,))


def rated(*rates: Rate, types: tuple[str, ...] = (MONEY,), priority: int = 1) -> Service:
    return Service(f"calls {priority}", priority, frozenset({VOICE}), types, rates)


def desk_of(price: Price, money: int = 10**6) -> Desk:
    return Desk(sold(rated(Rate(price))), balance(1, MONEY, money))


def rate(country: str, price: Price, zone: str) -> Rate:
    return Rate(price, zone, Restrictions(from_countries=parse_countries(country)))


def at(country: str) -> ServiceInformation:
    report = LocationReport(LocationSource.USER_LOCATION, None, countries=(country,))
    return ServiceInformation((report,))


def test_it_is_held_with_the_first_grant_and_due_with_the_first_usage():
    desk = desk_of(CALL)
    desk.initial(want(VOICE, 30))
    assert desk.balance(1) == (0, 1300)
    desk.update(used(VOICE, 10, wanted=30))
    assert desk.balance(1) == (1100, 300)
    desk.update(used(VOICE, 30, wanted=30))
    desk.terminate(used(VOICE, 5))
    assert desk.balance(1) == (1000 + 450, 0)


def test_who_used_nothing_owes_nothing():
    desk = desk_of(CALL)
    desk.initial(want(VOICE, 30))
    desk.terminate(used(VOICE, 0))
    assert desk.balance(1) == (0, 0)


def test_it_is_taxed_as_all_is():
    desk = desk_of(Price(100, 1, 190_000, 1000))
    desk.initial(want(VOICE, 10))
    desk.terminate(used(VOICE, 10))
    assert desk.balance(1) == (2380, 0)
    assert desk.settlements[0].tax_amount == 380


@pytest.mark.parametrize("money", [1, 1009])
def test_it_is_paid_whole_or_nothing_is_granted(money):
    desk = desk_of(CALL, money)
    assert outcomes(desk.initial(want(VOICE, 30))) == ["LIMIT_REACHED"]
    assert desk.balance(1) == (0, 0)


def test_what_is_left_after_it_begins_a_unit_as_ever():
    desk = desk_of(CALL, 1011)
    assert granted(desk.initial(want(VOICE, 30))) == [(2, True)]
    desk.terminate(used(VOICE, 2))
    assert desk.balance(1) == (1011, 0)


def test_the_least_units_are_charged_whole_and_then_no_more():
    desk = desk_of(LEAST)
    desk.initial(want(VOICE, 10))
    assert desk.balance(1) == (0, 600)
    desk.update(used(VOICE, 10, wanted=10))
    assert desk.balance(1) == (600, 0)
    desk.update(used(VOICE, 10, wanted=50))
    assert desk.balance(1) == (600, 100)
    desk.terminate(used(VOICE, 45))
    assert desk.balance(1) == (650, 0)


def test_who_has_paid_the_least_units_uses_them_though_nothing_is_left():
    desk = desk_of(LEAST, 600)
    assert granted(desk.initial(want(VOICE, 10))) == [(10, False)]
    assert granted(desk.update(used(VOICE, 10, wanted=30))) == [(30, False)]
    assert granted(desk.update(used(VOICE, 30, wanted=30))) == [(20, True)]
    assert outcomes(desk.update(used(VOICE, 20, wanted=30))) == ["LIMIT_REACHED"]
    assert desk.balance(1) == (600, 0)


def test_less_than_the_least_units_is_nothing():
    desk = desk_of(LEAST, 599)
    assert outcomes(desk.initial(want(VOICE, 10))) == ["LIMIT_REACHED"]


def test_an_allowance_pays_without_it_and_is_final_where_it_cannot_be_paid():
    offered = sold(allowance(SECONDS, VOICE), rated(Rate(CALL)))
    desk = Desk(offered, balance(1, MONEY, 999), balance(2, SECONDS, 30))
    assert granted(desk.initial(want(VOICE, 30))) == [(30, True)]
    desk = Desk(offered, balance(1, MONEY, 1010), balance(2, SECONDS, 30))
    assert granted(desk.initial(want(VOICE, 30))) == [(30, False)]
    assert granted(desk.update(used(VOICE, 30, wanted=30))) == [(1, True)]
    desk.terminate(used(VOICE, 1))
    assert desk.balance(1) == (1010, 0)


def test_a_price_that_begins_too_dear_leaves_it_to_the_next():
    bonus = rated(Rate(CALL), types=(BONUS,))
    desk = Desk(
        sold(bonus, rated(Rate(PLAIN), priority=2)), balance(1, BONUS, 999), balance(2, MONEY, 999)
    )
    desk.initial(want(VOICE, 30))
    assert (desk.balance(1), desk.balance(2)) == ((0, 0), (0, 300))


def test_a_price_that_has_begun_goes_on_where_its_beginning_could_not_be_paid_again():
    bonus = rated(Rate(CALL), types=(BONUS,))
    desk = Desk(
        sold(bonus, rated(Rate(PLAIN), priority=2)), balance(1, BONUS, 1400), balance(2, MONEY, 999)
    )
    desk.initial(want(VOICE, 30))
    desk.update(used(VOICE, 30, wanted=10))
    assert (desk.balance(1), desk.balance(2)) == ((1300, 100), (0, 0))


def test_least_units_that_are_paid_are_used_before_another_price():
    bonus = rated(Rate(LEAST), types=(BONUS,))
    desk = Desk(
        sold(bonus, rated(Rate(PLAIN), priority=2)), balance(1, BONUS, 600), balance(2, MONEY, 999)
    )
    desk.initial(want(VOICE, 30))
    desk.update(used(VOICE, 30, wanted=30))
    assert (desk.balance(1), desk.balance(2)) == ((600, 0), (0, 0))
    desk.update(used(VOICE, 30, wanted=30))
    assert (desk.balance(1), desk.balance(2)) == ((600, 0), (0, 300))


BORDER = sold(rated(rate("DE", CALL, "home"), rate("FR", ROAMING, "away")))


def border(money: int = 10**6) -> Desk:
    return Desk(BORDER, balance(1, MONEY, money))


def test_it_is_not_due_again_behind_a_border():
    desk = border()
    desk.initial(want(VOICE, 30), information=at("DE"))
    desk.update(used(VOICE, 30, wanted=30), information=at("FR"))
    assert desk.balance(1) == (1300, 600)
    desk.update(used(VOICE, 30, wanted=30), information=at("DE"))
    assert desk.balance(1) == (1900, 300)
    desk.terminate(used(VOICE, 30))
    assert desk.balance(1) == (2200, 0)
    zones = [line.zone for each in desk.decisions[2:3] for line in each.session.lines]
    assert zones == ["home"]


def test_who_crosses_a_border_before_the_first_usage_pays_there():
    desk = border()
    desk.initial(want(VOICE, 30), information=at("DE"))
    desk.update(used(VOICE, 0, wanted=30), information=at("FR"))
    assert desk.balance(1) == (0, 5600)
    desk.terminate(used(VOICE, 30))
    assert desk.balance(1) == (5600, 0)


def test_of_two_that_hold_it_the_first_that_is_used_pays_and_the_other_is_released():
    desk = border()
    desk.initial(want(VOICE, 30, 1), information=at("DE"))
    desk.update(want(VOICE, 30, 2), information=at("FR"))
    assert desk.balance(1) == (0, 1300 + 5600)
    desk.update(used(VOICE, 30, 2))
    assert desk.balance(1) == (5600, 300)
    desk.terminate(used(VOICE, 30, 1))
    assert desk.balance(1) == (5900, 0)


def test_of_two_that_hold_least_units_the_other_holds_what_its_own_units_cost():
    offered = sold(
        rated(rate("DE", LEAST, "home"), rate("FR", replace(LEAST, per_units=2), "away"))
    )
    desk = Desk(offered, balance(1, MONEY, 10**6))
    desk.initial(want(VOICE, 10, 1), information=at("DE"))
    desk.update(want(VOICE, 10, 2), information=at("FR"))
    desk.update(want(VOICE, 10, 3), information=at("FR"))
    assert desk.balance(1) == (0, 600 + 300)
    desk.update(used(VOICE, 10, 1))
    assert desk.balance(1) == (600, 100)
    desk.terminate(used(VOICE, 10, 2), used(VOICE, 10, 3))
    assert desk.balance(1) == (700, 0)


def test_what_nothing_pays_for_is_an_overrun_with_its_beginning_once():
    desk = desk_of(CALL, 0)
    desk.initial(want(VOICE, 30))
    desk.update(used(VOICE, 10))
    assert desk.settlements[0].overrun_amount == 1100
    desk.update(used(VOICE, 10))
    assert desk.settlements[0].overrun_amount == 100
    desk.credit(1, 10**6)
    desk.update(want(VOICE, 10))
    desk.terminate(used(VOICE, 10))
    assert desk.balance(1) == (100, 0)


def test_late_usage_begins_nothing_again():
    desk = border()
    desk.initial(want(VOICE, 30), information=at("DE"))
    desk.terminate(used(VOICE, 30))
    desk.terminate(used(VOICE, 30))
    assert desk.balance(1) == (1600, 0)


def test_an_event_pays_it_once_for_a_rating_group():
    desk = desk_of(CALL)
    desk.event(want(VOICE, 5, 1), want(VOICE, 5, 2))
    assert desk.balance(1) == (1100, 0)
    desk.event(want(VOICE, 5), session=b"another")
    assert desk.balance(1) == (2150, 0)


def test_an_event_that_cannot_pay_it_whole_is_refused():
    desk = desk_of(CALL, 1009)
    assert outcomes(desk.event(want(VOICE, 5))) == ["LIMIT_REACHED"]
    assert desk.balance(1) == (0, 0)


def test_an_event_at_two_prices_begins_once():
    offered = sold(rated(Rate(CALL), types=(BONUS,)), rated(Rate(ROAMING), priority=2))
    desk = Desk(offered, balance(1, BONUS, 1020), balance(2, MONEY, 10**6))
    desk.event(want(VOICE, 5))
    assert (desk.balance(1), desk.balance(2)) == ((1020, 0), (60, 0))


def test_another_zone_at_the_same_price_is_another_line():
    offered = sold(rated(rate("DE", PLAIN, "home"), rate("FR", PLAIN, "away")))
    desk = Desk(offered, balance(1, MONEY, 10**6))
    desk.initial(want(VOICE, 30), information=at("DE"))
    desk.update(used(VOICE, 15, wanted=30), information=at("FR"))
    (line,) = desk.case.sessions[SessionKey(b"one")].lines
    assert (line.number, line.zone, line.used) == (2, "away", 0)
