"""Places of a catalogue: home, tables of nodes, numbers, the time zone, and how they go wrong."""

from ipaddress import ip_network

import pytest

from diameter_ocs.charging.expressions import parse_networks
from diameter_ocs.charging.location import Place
from diameter_ocs.handlers.catalogue import read_document, read_stored, stored_text
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.catalogue_difference import differences
from tests.handlers.catalogue_text import GOOD, faults

PLACES = """
time_zone: Europe/Berlin
home_networks: "{262/*, !262/(02,03)}"
home_countries: [de, CH]
carrier_code: D123
emergency_numbers: [112, "0110"]
number_prefixes:
  - {prefix: +49, country: DE}
  - {prefix: 1787, country: pr, network: 330/110}
sgsn_addresses:
  - {address: 192.0.2.7, country: DE, network: 262/01}
  - {address: "2001:DB8::/32", country: FR}
settings: {announcement_contexts: ["32260"], explain_in_full: true}
"""


def test_places_become_the_tenants_tables() -> None:
    catalogue = build(read_document(GOOD + PLACES), 1)
    assert catalogue.time_zone == "Europe/Berlin"
    assert catalogue.home_networks == parse_networks("{262/*,!262/(02,03)}")
    assert catalogue.home_countries == ("DE", "CH")
    assert catalogue.carrier_code == "D123"
    assert catalogue.emergency_numbers == {"112", "0110"}
    assert catalogue.prefixes == {"49": Place(("DE",)), "1787": Place(("PR",), "330110")}
    assert catalogue.sgsn_addresses == {
        ip_network("192.0.2.7/32"): Place(("DE",), "26201"),
        ip_network("2001:db8::/32"): Place(("FR",)),
    }
    assert catalogue.announcement_contexts == {"32260"}
    assert catalogue.explains_in_full


@pytest.mark.parametrize("written", ["D1A3", "d1a3", "+D1-A3", '"(D1)A3"'])
def test_a_carrier_s_code_is_spelled_as_calls_carry_it(written: str) -> None:
    document = read_document(f"{GOOD}carrier_code: {written}\n")
    assert build(document, 1).carrier_code == "D1A3"


def test_without_places_there_are_none() -> None:
    catalogue = build(read_document(GOOD), 1)
    assert (catalogue.time_zone, catalogue.home_networks, catalogue.home_countries) == (
        "UTC",
        None,
        (),
    )
    assert (catalogue.prefixes, catalogue.sgsn_addresses) == ({}, {})
    assert (catalogue.carrier_code, catalogue.emergency_numbers) == (None, frozenset())
    assert catalogue.announcement_contexts == {"32260", "32275", "32276"}
    assert not catalogue.explains_in_full


def test_what_was_stored_says_the_same_places() -> None:
    document = read_document(GOOD + PLACES)
    assert read_stored("demo", 2, stored_text(document)) == build(document, 2)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("time_zone: Berlin", "time_zone: no time zone is named 'Berlin'"),
        ("time_zone: +15:00", "time_zone: +15:00 is not from -12:00 to +14:00"),
        ("home_networks: 262/1\nhome_countries: [DE]",
         "home_networks: at character 5: an MNC has two or three digits"),
        ("home_networks: {262/*}\nhome_countries: [DE]",
         'here belongs a word; an expression in braces stands in quotes: "{A,!B}"'),
        ("home_networks: !262/01\nhome_countries: [DE]", 'value alone, or in quotes: "!DE"'),
        ("home_networks: *", 'what begins with * or ! stands in quotes: "*"'),
        ("home_networks: !262/*", 'or in quotes: "!DE"'),
        ("home_networks: {!262/01}", 'what begins with * or ! stands in quotes: "*"'),
        ("number_prefixes: [{prefix: 0049, country: DE}]", "country code first: 49171, not"),
        ("home_networks: 262/01", "home_networks: say `home_countries` too"),
        ("home_countries: [DE]", "home_countries: say `home_networks` too"),
        ("home_countries: [UK]\nhome_networks: 234/15",
         "home_countries[0]: at character 1: ISO 3166-1 has no country UK (did you mean GB?)"),
        ('home_countries: ["!DE"]\nhome_networks: 234/15', "'!DE' is not a country of two letters"),
        ("carrier_code: a b", "carrier_code: write a carrier's code"),
        ("emergency_numbers: [112, +112]", "emergency_numbers[1]: write a number of 2 to 15"),
        ("emergency_numbers: [112, 110, 112]", "emergency_numbers[2]: the number '112' is used mo"),
        ("number_prefixes: [{prefix: 49*, country: DE}]",
         "number_prefixes[0].prefix: write the first digits of numbers"),
        ("number_prefixes: [{prefix: 49, country: DE}, {prefix: +49, country: AT}]",
         "number_prefixes[1].prefix: the prefix '49' is used more than once"),
        ("number_prefixes: [{prefix: 49, network: 262/01}]", "country: this key is missing"),
        ("number_prefixes: [{prefix: 49, country: DE, network: 262/*}]",
         "number_prefixes[0].network: '262/*' is no network, as 262/01 or 310/260"),
        ("number_prefixes: [{prefixx: 49, country: DE}]", "unknown key (did you mean prefix?)"),
        ("sgsn_addresses: [{address: 192.0.2.1/24, country: DE}]",
         "sgsn_addresses[0].address: write addresses as 192.0.2.0/24 or 2001:db8::/32: "
         "192.0.2.1/24 has host bits set"),
        ("sgsn_addresses: [{address: here, country: DE}]", "2001:db8::/32: 'here' is none"),
        ("sgsn_addresses: [{address: 1.2.3.4, country: DE}, {address: 1.2.3.4/32, country: DE}]",
         "sgsn_addresses[1].address: the address '1.2.3.4/32' is used more than once"),
        ("settings: {announcement_contexts: [ims]}", "settings.announcement_contexts[0]: name the"),
    ],
)  # fmt: skip
def test_a_wrong_place_is_told(said: str, fault: str) -> None:
    told = faults(f"{GOOD}{said}\n")
    assert any(fault in each for each in told), told


def test_a_list_that_was_empty_is_told_whole() -> None:
    told = [str(each) for each in differences(read_document(GOOD), read_document(GOOD + PLACES))]
    assert "+ home_countries: [DE, CH]" in told
    assert "+ emergency_numbers: [112, 0110]" in told
    back = [str(each) for each in differences(read_document(GOOD + PLACES), read_document(GOOD))]
    assert "- home_countries: [DE, CH]" in back


def test_places_are_compared_by_what_they_are_places_of() -> None:
    before = read_document(GOOD + PLACES)
    changed = PLACES.replace("country: FR", "country: IT").replace("330/110", "310/110")
    after = read_document(GOOD + changed.replace("{262/*, !262/(02,03)}", "{262/*,!262/(02,03)}"))
    assert [str(each) for each in differences(before, after)] == [
        "~ number_prefixes[1787].network: 330/110 -> 310/110",
        "~ sgsn_addresses[2001:db8::/32].country: FR -> IT",
    ]
