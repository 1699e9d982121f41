"""Plans of a catalogue: conditions, rates and refusals, and how they go wrong."""

import pytest

from diameter_ocs.charging.catalogue import Plan, Price, Service
from diameter_ocs.charging.expressions import parse_countries, parse_networks, parse_numbers
from diameter_ocs.charging.hours import working_hours
from diameter_ocs.charging.information import Direction
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.handlers.catalogue import read_document, read_stored, stored_text
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.catalogue_difference import differences
from tests.handlers.catalogue_text import GOOD, faults

HOME = "home_networks: 262/01\nhome_countries: [DE]\n"
WHEN = """{countries: "(DE,!(US,CA))", networks: 262/*, at: roaming, party: on_net,
        party_countries: "!US", party_numbers: "(49171*,49172*)", same_country: false,
        direction: terminating, hours: {days: mon-fri, times: 22:00-06:00}}"""
RATES = """
          - {zone: EU, price: {amount: 0.1}, when: {countries: "(FR,IT)"}}
          - {zone: night, price: {amount: 0.2, per: 60}, when: {hours: [{times: 22:00-06:00}]}}
          - {zone: world, price: {amount: 1, initial_charge: 0.05, minimum_units: 10 min}}
"""


def one(keys: str) -> str:
    """Return the catalogue with one more service that has these keys."""
    return f"{HOME}{GOOD}      - {{name: more, rating_groups: [0], {keys}}}\n"


def rated(rates: str) -> str:
    """Return the catalogue with a service that has these rates."""
    return f"{HOME}{GOOD}      - name: more\n        rating_groups: [0]\n        rates:{rates}"


def plan(text: str) -> Plan:
    return build(read_document(text), 1).plans["plan"]


def service(text: str) -> Service:
    return plan(text).services[2]


def test_all_that_must_hold_becomes_restrictions() -> None:
    found = service(one(f"price: {{amount: 1}}, when: {WHEN}"))
    assert found.restrictions == Restrictions(
        from_countries=parse_countries("(DE,!(US,CA))"),
        from_networks=parse_networks("262/*"),
        to_countries=parse_countries("!US"),
        numbers=parse_numbers("(49171*,49172*)"),
        hours=working_hours([("mon-fri", "22:00-06:00")]),
        is_on_net=True,
        is_roaming=True,
        is_same_country=False,
        direction=Direction.TERMINATING,
    )
    assert [rate.restrictions for rate in found.rates] == [None]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("at: home", Restrictions(is_roaming=False)),
        ("party: off_net", Restrictions(is_on_net=False)),
        ("same_country: yes", Restrictions(is_same_country=True)),
        ("direction: originating", Restrictions(direction=Direction.ORIGINATING)),
        ("direction: forwarding", Restrictions(direction=Direction.FORWARDING)),
        ("party_numbers: 0800*", Restrictions(numbers=parse_numbers("0800*"))),
        ('countries: "*"', Restrictions(from_countries=parse_countries("*"))),
        ('hours: [{days: mon}, {days: "sat,sun", times: "00:00-06:00,20:00-24:00"}]',
         Restrictions(hours=working_hours(
             [("mon", "00:00-24:00"), ("sat,sun", "00:00-06:00,20:00-24:00")]))),
        ('hours: [{days: mon}, {dates: 2026-12-25, times: "08:00-12:00"}]',
         Restrictions(hours=working_hours(
             [("mon", "00:00-24:00")], [("2026-12-25", "mon-sun", "08:00-12:00")]))),
    ],
)  # fmt: skip
def test_each_condition_may_stand_alone(said: str, expected: Restrictions) -> None:
    assert service(one(f"price: {{amount: 1}}, when: {{{said}}}")).restrictions == expected


def test_rates_are_prices_with_zones_in_the_order_in_which_they_are_written() -> None:
    found = service(rated(RATES))
    assert found.balance_types == ("money",)
    assert [(rate.zone, rate.price) for rate in found.rates] == [
        ("EU", Price(100_000, 1)),
        ("night", Price(200_000, 60)),
        ("world", Price(1_000_000, 1, 0, 50_000, 600)),
    ]
    assert [rate.restrictions for rate in found.rates] == [
        Restrictions(from_countries=parse_countries("(FR,IT)")),
        Restrictions(hours=working_hours([("mon-sun", "22:00-06:00")])),
        None,
    ]


def test_a_single_price_is_a_rate_without_a_zone() -> None:
    (rate,) = service(one("price: {amount: 1, initial_charge: 0.5, minimum_units: 10}")).rates
    assert (rate.zone, rate.restrictions) == ("", None)
    assert rate.price == Price(1_000_000, 1, 0, 500_000, 10)


def test_a_service_may_only_deny() -> None:
    found = service(one("deny_other_services: true, when: {party_numbers: 49900*}"))
    assert (found.balance_types, found.rates, found.denies_others) == ((), (), True)
    assert not service(one("price: {amount: 1}")).denies_others
    assert service(one("price: {amount: 1}, deny_other_services: true")).balance_types == ("money",)


def test_a_plan_may_catch_all() -> None:
    assert not plan(GOOD).catch_all
    assert plan(GOOD.replace("name: plan", "name: plan\n    catch_all: true")).catch_all
    by_place = one("price: {amount: 1}, when: {countries: DE}")
    assert plan(by_place.replace("name: plan", "name: plan\n    catch_all: true")).catch_all


def test_what_was_stored_says_the_same_plans() -> None:
    for text in (
        rated(RATES),
        one(f"price: {{amount: 1}}, when: {WHEN}"),
        one("deny_other_services: true"),
    ):
        document = read_document(text)
        assert read_stored("demo", 2, stored_text(document)) == build(document, 2)


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ("priority: 1", "plans[0].services[2]: a service has an allowance, a price or rates, or"),
        ("price: {amount: 1}, rates: [{zone: a, price: {amount: 1}}]", "services[2]: a service has"
         " either an allowance, a price or rates"),
        ("deny_other_services: true, balance_types: [money]",
         "services[2].balance_types: without a price nothing is paid"),
        ("price: {amount: 1}, when: {}", "services[2].when: nothing must hold here: write"),
        ("price: {amount: 1}, when: {country: DE}", ".when.country: unknown key (did you"),
        ("price: {amount: 1}, when: {countries: XX}",
         "25:80: plans[0].services[2].when.countries: at character 1: ISO 3166-1 has"),
        ('price: {amount: 1}, when: {countries: "(DE,UK)"}',
         "countries: at character 5: ISO 3166-1 has no country UK (did you mean GB?)"),
        ("price: {amount: 1}, when: {countries: {DE,AT}}",
         'here belongs a word; an expression in braces stands in quotes: "{A,!B}"'),
        ("price: {amount: 1}, when: {networks: 26/01}", ".when.networks: at character 1: an MCC"),
        ("price: {amount: 1}, when: {party_numbers: abc}", ".party_numbers: at character 1: here"),
        ("price: {amount: 1}, when: {at: abroad}", ".when.at: 'abroad' is not one of home or"),
        ("price: {amount: 1}, when: {hours: []}", ".when.hours: here belongs at least one"),
        ("price: {amount: 1}, when: {hours: {days: monday}}",
         ".when.hours.days: at character 1: a day is one of mon, tue"),
        ("price: {amount: 1}, when: {hours: {dates: 2026-02-29}}",
         ".when.hours.dates: at character 1: there is no such date"),
        ("price: {amount: 1}, when: {hours: [{times: 08:00-08:00}]}",
         ".when.hours[0].times: at character 1: times that end as they begin"),
        ("price: {amount: 1, minimum_units: 32 d}",
         "services[2].price.minimum_units: no request may report more than 31 d of"),
        ("price: {amount: 0, initial_charge: 1000000000, tax: 10, minimum_units: 1}", ""),
        ("price: {amount: 0, initial_charge: 10000000000}", "write a price of at most"),
        ("price: {amount: 3443600, initial_charge: 1000000000}",
         "services[2].price: 31 d of rating group 0 would cost more than a balance can hold"),
        ("rates: [{zone: a, price: {amount: 1}}, {zone: b, price: {amount: 2}}]",
         "services[2].rates[1]: this is never the price: rates[0] takes all of it before"),
        ("rates: [{price: {amount: 1}}]", "services[2].rates[0].zone: this key is missing"),
        ("rates: [{zone: a, price: {amount: 900000000}}]", "services[2].rates[0].price: 31 d of"),
        ("rates: [{zone: a, price: {amount: 1}, when: {}}]", "services[2].rates[0].when: nothing"),
        ("rates: [{zone: a, price: {amount: 1}}], balance_types: [data]", "is paid in money, and"),
    ],
)  # fmt: skip
def test_a_wrong_service_is_told(keys: str, fault: str) -> None:
    text = one(keys)
    if not fault:
        read_document(text)
        return
    told = faults(text)
    assert any(fault in each for each in told), told


def test_home_and_roaming_need_home_networks() -> None:
    for said in ("price: {amount: 1}, when: {at: home}",
                 "rates: [{zone: a, price: {amount: 1}, when: {at: roaming}}]"):  # fmt: skip
        read_document(one(said))
        (told,) = faults(one(said).removeprefix(HOME))
        assert "when.at: nobody is at home, and nobody roams, without `home_networks`" in told
        hurt = one(said).replace("262/01", "262/1")
        assert [each for each in faults(hurt) if "when" in each] == []


def test_on_net_needs_no_carrier_code() -> None:
    read_document(one("price: {amount: 1}, when: {party: on_net}"))


def test_rates_are_compared_by_zone_and_in_order() -> None:
    before = read_document(rated(RATES))
    after = read_document(
        rated("""
          - {zone: night, price: {amount: 0.2, per: 60}, when: {hours: [{times: 22:00-06:00}]}}
          - {zone: EU, price: {amount: 0.1}, when: {countries: "( FR, IT, ES )"}}
          - {zone: EU, price: {amount: 0.3}, when: {countries: PL}}
          - {zone: world, price: {amount: 1, initial_charge: 0.05, minimum_units: 20 min}}
""")
    )
    place = "plans[plan].services[more].rates"
    assert [str(each) for each in differences(before, after)] == [
        f"~ {place} in order: [[EU], [night], [world]] -> [[night], [EU], [world]]",
        f"~ {place}[EU].when.countries: FR,IT -> FR,IT,ES",
        f"~ {place}[world].price.minimum_units: 10 min -> 20 min",
        f"+ {place}[EU 2].zone: EU",
        f"+ {place}[EU 2].price.amount: 0.3",
        f"+ {place}[EU 2].price.per: 1 s",
        f"+ {place}[EU 2].price.tax: 0",
        f"+ {place}[EU 2].when.countries: PL",
    ]


def test_an_order_that_priorities_decide_is_no_difference() -> None:
    line = "      - {{name: {}, priority: {}, rating_groups: [300], price: {{amount: 0}}}}\n".format
    one, other = line("one", 1), line("other", 2)
    before, after = (read_document(GOOD + two) for two in (one + other, other + one))
    assert differences(before, after) == []
    before, after = (
        read_document((GOOD + two).replace("priority: 2", "priority: 1"))
        for two in (one + other, other + one)
    )
    (told,) = map(str, differences(before, after))
    assert told.startswith("~ plans[plan].services in order: ")
    assert told.endswith("[other], [one]]")


@pytest.mark.ci
def test_a_service_has_ten_thousand_rates_at_most() -> None:
    line = "          - {{zone: z, price: {{amount: 1}}, when: {{party_numbers: {}*}}}}\n".format
    many = "".join(map(line, range(10_000, 20_001)))
    (told,) = faults(rated("\n" + many))
    assert told.endswith("services[2].rates: this list is too long")
    catalogue = build(read_document(rated("\n" + many.partition("\n")[2])), 1)
    assert len(catalogue.plans["plan"].services[2].rates) == 10_000
