"""Who may pay, in which order, and at what price."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.charging.catalogue import Plan, Price, Rate, Service, Source
from diameter_ocs.charging.considered import (
    CUT,
    FULL_LENGTH_MAX,
    SERVICES_MAX,
    full_text,
    joined,
    named,
    parse,
)
from diameter_ocs.charging.expressions import parse_countries, parse_networks, parse_numbers
from diameter_ocs.charging.hours import working_hours
from diameter_ocs.charging.information import Direction, LocationSource, ServiceInformation
from diameter_ocs.charging.ledger import Ledger
from diameter_ocs.charging.location import NO_CIRCUMSTANCES, Circumstances, Location
from diameter_ocs.charging.rating import (
    CHOICES_REMEMBERED,
    FACTS,
    MENUS_REMEMBERED,
    tariff_now,
    tariffs_of,
)
from diameter_ocs.charging.restrictions import Restrictions
from tests.charging.scenario import (
    BONUS,
    MONEY,
    SECONDS,
    TEXT,
    VOICE,
    allowance,
    balance,
    catalogue,
    priced,
)

PLANS = ("demo",)
CHEAP, DEAR, FREE = Price(1, 1), Price(5, 1), Price(0, 1)


def tariffs(*services):
    return tariffs_of(PLANS, VOICE, catalogue(*services))


def test_nothing_pays_where_no_service_names_the_group():
    (tariff,) = tariffs(priced(CHEAP, TEXT))
    assert (tariff.price, tariff.sources, tariff.considered) == (None, (), "100:")


def test_an_allowance_pays_from_its_own_type():
    (tariff,) = tariffs(allowance(SECONDS, VOICE))
    assert tariff.sources == (Source(SECONDS, False, (SECONDS,)),)
    assert (tariff.price, tariff.is_free) == (None, False)


def test_neighbours_at_one_price_are_one_source_and_name_a_type_once():
    (tariff,) = tariffs(
        priced(CHEAP, VOICE, priority=1, balance_types=(BONUS, MONEY)),
        priced(Price(1, 1), VOICE, priority=2, balance_types=(MONEY,)),
    )
    assert tariff.sources == (Source("pay as you go 1", True, (BONUS, MONEY)),)


def test_an_allowance_between_two_prices_keeps_its_place():
    (tariff,) = tariffs(
        priced(CHEAP, VOICE, priority=1, balance_types=(BONUS,)),
        allowance(SECONDS, VOICE, priority=2),
        priced(CHEAP, VOICE, priority=3),
    )
    assert [source.balance_types for source in tariff.sources] == [(BONUS,), (SECONDS,), (MONEY,)]


def two_prices(bonus: int, money: int, second: Price = DEAR):
    balances = [balance(1, BONUS, bonus), balance(2, MONEY, money), balance(3, SECONDS, 7)]
    offers = tariffs(
        allowance(SECONDS, VOICE),
        priced(CHEAP, VOICE, priority=1, balance_types=(BONUS,)),
        priced(second, VOICE, priority=2),
    )
    return tariff_now(offers, Ledger({balance.id: balance for balance in balances}, (1,)))


def test_the_first_price_that_something_can_pay_is_the_price():
    assert two_prices(1, 1).price == CHEAP
    assert two_prices(0, 1).price == DEAR
    assert two_prices(0, 0, FREE).price == FREE


def test_where_nothing_can_pay_the_first_price_stays():
    assert two_prices(0, 0).price == CHEAP


def test_allowances_pay_at_every_price():
    assert [source.balance_types for source in two_prices(0, 1).sources] == [(SECONDS,), (MONEY,)]


def test_a_tariff_names_the_types_that_pay_at_another_price():
    assert two_prices(1, 1).balance_types == (SECONDS, BONUS, MONEY)


def test_tariffs_are_free_where_any_price_is_nothing():
    assert two_prices(1, 1, FREE).is_free
    assert not two_prices(1, 1).is_free


def test_tariffs_are_found_once_for_each_group_and_plans():
    offered = catalogue(priced(CHEAP, VOICE), priced(DEAR, TEXT))
    first = tariffs_of(PLANS, VOICE, offered)
    assert tariffs_of(("demo",), VOICE, offered) is first
    assert tariffs_of(PLANS, TEXT, offered)[0].price == DEAR
    assert tariffs_of((), VOICE, offered)[0].sources == ()


def test_what_is_remembered_of_tariffs_is_bounded():
    offered = catalogue(priced(CHEAP, VOICE))
    for number in range(MENUS_REMEMBERED + 10):
        tariffs_of((f"plan {number}",), VOICE, offered)
    assert len(offered.menus) == MENUS_REMEMBERED
    assert tariffs_of(PLANS, VOICE, offered)[0].price == CHEAP


def sold_in(countries: str, price: Price, zone: str = "") -> Rate:
    return Rate(price, zone, Restrictions(from_countries=parse_countries(countries)))


def service(name: str, *rates: Rate, priority: int = 1, **others: object) -> Service:
    return Service(name, priority, frozenset({VOICE}), (MONEY,), rates, **others)


def at(country: str | None) -> Circumstances:
    if country is None:
        return NO_CIRCUMSTANCES
    return Circumstances(Location(LocationSource.USER_LOCATION, None, (country,)))


EUROPE = service("europe", sold_in("DE", CHEAP, "home"), sold_in("(DE,FR,PL)", DEAR, "away"))


def chosen(offered, country: str | None, plans=PLANS, **others):
    (tariff,) = tariffs_of(plans, VOICE, offered, at(country), **others)
    return tariff


@pytest.mark.parametrize(
    ("country", "price", "zone", "told"),
    [
        ("DE", CHEAP, "home", "100:0.0p0"),
        ("PL", DEAR, "away", "100:0.0p1"),
        ("US", None, "", "100:0.0n"),
        (None, None, "", "100:0.0l"),
    ],
)
def test_the_first_rate_whose_restrictions_hold_is_the_price(country, price, zone, told):
    tariff = chosen(catalogue(EUROPE), country)
    assert (tariff.price, tariff.zone, tariff.considered) == (price, zone, told)
    assert bool(tariff.sources) is (price is not None)
    assert tariff.is_unplaced is (country is None)
    assert tariff.is_by_place


def test_a_service_without_a_rate_for_it_leaves_it_to_the_next():
    offered = catalogue(EUROPE, service("world", Rate(FREE), priority=2))
    assert chosen(offered, "US").sources == (Source("world", True, (MONEY,)),)
    assert chosen(offered, "US").considered == "100:0.0n,0.1p0"


def test_what_needs_no_location_pays_where_it_is_unknown():
    tariff = chosen(catalogue(EUROPE, service("world", Rate(DEAR), priority=2)), None)
    assert (tariff.price, tariff.is_unplaced) == (DEAR, False)
    assert tariff.considered == "100:0.0l,0.1p0"


def test_a_service_whose_restrictions_do_not_hold_is_passed_over_with_its_rates():
    here = Restrictions(from_countries=parse_countries("DE"))
    offered = catalogue(service("home", Rate(CHEAP), restrictions=here))
    assert chosen(offered, "FR").considered == "100:0.0c"
    assert chosen(offered, "FR").sources == ()
    assert chosen(offered, "DE").price == CHEAP


@pytest.mark.parametrize("country", ["DE", "FR"])
def test_a_service_that_denies_others_ends_the_search_where_it_matches(country):
    here = Restrictions(from_countries=parse_countries("DE"))
    offered = catalogue(
        service("first", Rate(CHEAP), restrictions=here, denies_others=True),
        service("second", Rate(CHEAP), priority=2),
    )
    tariff = chosen(offered, country)
    assert tariff.considered == {"DE": "100:0.0p0!", "FR": "100:0.0c,0.1p0"}[country]
    assert len(tariff.sources) == 1


def test_a_service_that_denies_others_denies_also_where_it_has_no_rate_or_nothing_at_all():
    second = service("second", Rate(CHEAP), priority=2)
    deny = Service("deny", 0, frozenset({VOICE}), (), denies_others=True)
    assert chosen(catalogue(deny, second), "DE").considered == "100:0.0d!"
    assert chosen(catalogue(deny, second), "DE").sources == ()
    nowhere = service("nowhere", sold_in("US", CHEAP), denies_others=True)
    assert chosen(catalogue(nowhere, second), "DE").considered == "100:0.0n!"


def test_of_very_many_services_those_are_told_that_were_looked_at_first():
    nowhere = Restrictions(from_countries=parse_countries("US"))
    offered = catalogue(
        *[
            service(str(number), Rate(CHEAP), restrictions=nowhere)
            for number in range(2 * SERVICES_MAX)
        ]
    )
    told = parse(chosen(offered, "DE").considered)
    assert len(told.groups[0].services) == SERVICES_MAX
    assert joined([chosen(offered, "DE").considered]).endswith(CUT)
    in_full = full_text(named(told, lambda plan, number: ("p", "s")).groups[0])
    assert joined([in_full], FULL_LENGTH_MAX).endswith(CUT)


def test_a_denial_is_no_matter_of_the_place_but_what_was_passed_over_for_it_is():
    deny = Service("deny", 2, frozenset({VOICE}), (), denies_others=True)
    assert not chosen(catalogue(deny), None).is_unplaced
    assert chosen(catalogue(EUROPE, deny), None).is_unplaced
    assert not chosen(catalogue(EUROPE, deny), "US").is_unplaced


def test_a_plan_that_catches_all_takes_what_nobody_can_place():
    plans = {
        "rest": Plan("rest", 0, (EUROPE,), (), catch_all=True),
        "demo": Plan("demo", 9, (EUROPE,), ()),
    }
    offered = replace(catalogue(), plans=plans)
    tariff = chosen(offered, None, ("demo", "rest"))
    assert (tariff.price, tariff.considered) == (CHEAP, "100:1.0l,0.0p0")
    assert chosen(offered, "US", ("demo", "rest")).sources == ()


def test_one_price_of_two_zones_is_two_tariffs():
    offered = catalogue(service("a", Rate(CHEAP, "a")), service("b", Rate(CHEAP, "b"), priority=2))
    assert [tariff.zone for tariff in tariffs_of(PLANS, VOICE, offered)] == ["a", "b"]


def test_hours_are_those_of_the_account_s_time_zone():
    morning = Restrictions(hours=working_hours([("thu", "08:00-12:00")]))
    offered = catalogue(service("morning", Rate(CHEAP, restrictions=morning)))
    seven = 7 * 3600 * 10**6  # Thursday, 1 January 1970
    assert chosen(offered, "DE", at=seven).considered == "100:0.0n"
    assert chosen(offered, "DE", at=seven, time_zone="+02:00").price == CHEAP
    offered = replace(offered, time_zone="+01:00")
    assert chosen(offered, "DE", at=seven).price == CHEAP
    assert chosen(offered, "DE", at=seven, time_zone="UTC").sources == ()


NUMBERS = [parse_numbers(text) for text in ("49*", "!4915*", "(0800,491*)", "12345")]


def by_numbers():
    rates = [Rate(Price(n, 1), "", Restrictions(numbers=each)) for n, each in enumerate(NUMBERS)]
    return catalogue(*(service(f"s{n}", rate, priority=n) for n, rate in enumerate(rates)))


SOLD_BY_NUMBERS = by_numbers()


@given(st.text("0123456789", max_size=6) | st.none())
def test_numbers_between_the_same_bounds_have_the_same_tariffs(digits):
    circumstances = Circumstances(information=ServiceInformation(called=digits))
    found = tariffs_of(PLANS, VOICE, SOLD_BY_NUMBERS, circumstances)
    assert found == tariffs_of(PLANS, VOICE, by_numbers(), circumstances)
    paying = [n for n, each in enumerate(NUMBERS) if each.matches(digits)]
    assert [tariff.price.micro_units for tariff in found if tariff.price] == paying


def test_restricted_tariffs_are_found_once_for_all_that_they_depend_on():
    offered = catalogue(EUROPE)
    first = tariffs_of(PLANS, VOICE, offered, at("DE"))
    elsewhere = at("DE")._replace(information=ServiceInformation(apn="ims", called="4930"))
    assert tariffs_of(PLANS, VOICE, offered, elsewhere, 7, "+01:00") is first
    assert tariffs_of(PLANS, VOICE, offered, at("FR")) is not first
    for number in range(CHOICES_REMEMBERED + 5):
        tariffs_of(PLANS, VOICE, offered, at(f"{number}"))
    assert len(offered.tariffs) == CHOICES_REMEMBERED


FACTS_READ = {
    "from_countries": parse_countries("DE"),
    "from_networks": parse_networks("262/*"),
    "to_countries": parse_countries("DE"),
    "numbers": parse_numbers("49*"),
    "hours": working_hours([("mon-sun", "00:00-24:00")]),
    "is_on_net": True,
    "is_roaming": False,
    "is_same_country": True,
    "direction": Direction.ORIGINATING,
}


@pytest.mark.parametrize("name", Restrictions.__dataclass_fields__)
def test_what_a_restriction_reads_tells_choices_apart(name):
    assert set(FACTS) == set(FACTS_READ) == set(Restrictions.__dataclass_fields__)
    restrictions = Restrictions(**{name: FACTS_READ[name]})
    offered = replace(
        catalogue(service("one", Rate(CHEAP, restrictions=restrictions))),
        home_networks=parse_networks("262/01"),
    )
    information = ServiceInformation(
        (), Direction.ORIGINATING, None, "4930", (), ("DE",), apn="internet", rat_type=6
    )
    location = Location(LocationSource.USER_LOCATION, "26201", ("DE",))
    paid = Circumstances(location, information, True)
    other = Circumstances(
        location._replace(plmn="20801", countries=("FR",)),
        ServiceInformation((), Direction.FORWARDING, None, "33", (), ("FR",), apn="x", rat_type=1),
        False,
    )
    assert tariffs_of(PLANS, VOICE, offered, paid)[0].sources
    is_always = name in ("hours", "is_same_country")
    assert bool(tariffs_of(PLANS, VOICE, offered, other)[0].sources) is is_always
    assert tariffs_of(PLANS, VOICE, offered, paid)[0].sources
