"""What follows the last units: how it is written, inherited, doubted and compared."""

import pytest

from diameter_ocs.charging.expressions import parse_countries
from diameter_ocs.charging.final_units import (
    AddressType,
    FinalUnitAction,
    FinalUnitHandling,
    RedirectServer,
)
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.handlers.catalogue import read_document, read_stored, stored_text
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.catalogue_difference import differences
from diameter_ocs.handlers.catalogue_final_units import address_type
from tests.handlers.catalogue_text import GOOD, faults

TERMINATES = FinalUnitHandling()
TELLS_NOTHING = FinalUnitHandling(None)
URL = RedirectServer(AddressType.URL, "https://pay.example/")


def ending(voice: str, child: str = "") -> str:
    """Return the catalogue with the final unit of voice, and of a rating group below it."""
    below = f", final_unit: {child}" if child else ""
    return GOOD.replace(
        "rounding: 60}",
        f"rounding: 60, final_unit: {voice},\n     children: [{{id: 1, name: Abroad{below}}}]}}",
    )


def built(voice: str, child: str = "") -> tuple[FinalUnitHandling, FinalUnitHandling]:
    groups = build(read_document(ending(voice, child)), 1).rating_groups
    return groups[0].final_unit, groups[1].final_unit


def test_a_catalogue_that_says_nothing_terminates_services() -> None:
    groups = build(read_document(GOOD), 1).rating_groups.values()
    assert all(group.final_unit == TERMINATES for group in groups)
    assert "final_unit" not in stored_text(read_document(GOOD))


@pytest.mark.parametrize(
    ("parent", "child", "expected"),
    [
        ("TERMINATE", "", TERMINATES),
        ("NONE", "", TELLS_NOTHING),
        ("NONE", "PARENT", TELLS_NOTHING),
        ("NONE", "TERMINATE", TERMINATES),
        ("PARENT", "PARENT", TERMINATES),
        ("{action: NONE}", "", TELLS_NOTHING),
        ("TERMINATE", "{action: REDIRECT, servers: ['https://pay.example/']}",
         FinalUnitHandling(FinalUnitAction.REDIRECT, (URL,))),
        ("{action: RESTRICT_ACCESS, filter_ids: [pay]}", "",
         FinalUnitHandling(FinalUnitAction.RESTRICT_ACCESS, (), (), ("pay",))),
    ],
)  # fmt: skip
def test_what_is_not_written_is_inherited(
    parent: str, child: str, expected: FinalUnitHandling
) -> None:
    assert built(parent, child)[1] == expected


def test_a_redirection_says_all_that_a_gateway_may_be_told() -> None:
    found, _ = built(
        "{action: REDIRECT, servers: [{address: 'sip:pay@example', when: {countries: '(DE,AT)'}},"
        " '2001:DB8:0::1'], filter_rules: ['permit  out ip from 192.0.2.1 to any'],"
        " filter_ids: [a, b]}"
    )
    there = Restrictions(from_countries=parse_countries("(DE,AT)"))
    assert found == FinalUnitHandling(
        FinalUnitAction.REDIRECT,
        (
            RedirectServer(AddressType.SIP_URI, "sip:pay@example", there),
            RedirectServer(AddressType.IPV6, "2001:DB8:0::1"),
        ),
        ("permit out ip from 192.0.2.1 to any",),
        ("a", "b"),
    )


def test_what_was_stored_ends_alike() -> None:
    for said in (
        "NONE",
        "{action: REDIRECT, servers: ['https://{msisdn}.example']}",
        "{action: RESTRICT_ACCESS, filter_rules: ['deny in ip from any to any']}",
    ):
        document = read_document(ending(said))
        assert read_stored("demo", 2, stored_text(document)) == build(document, 2)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", AddressType.IPV4),
        ("2001:db8::1", AddressType.IPV6),
        ("https://pay.example:8443/a?b={msisdn}#{account}", AddressType.URL),
        ("http://[2001:db8::1]/", AddressType.URL),
        ("sip:pay@example", AddressType.SIP_URI),
        ("SIPS:{msisdn}@example:5061;transport=tcp", AddressType.SIP_URI),
        ("sip:pay.example", AddressType.SIP_URI),
    ],
)
def test_an_address_says_what_it_is(address: str, expected: AddressType) -> None:
    assert address_type(address) is expected
    (server,) = built(f"{{action: REDIRECT, servers: ['{address}']}}")[0].redirect_servers
    assert (server.address_type, server.address) == (expected, address)


@pytest.mark.parametrize(
    ("said", "place", "reason"),
    [
        ("REDIRCT", "", "'REDIRCT' is not one of NONE, TERMINATE, REDIRECT or RESTRICT_ACCESS ("),
        ("[NONE]", "", "here belongs a mapping"),
        ("{}", ".action", "this key is missing"),
        ("REDIRECT", "", "REDIRECT needs `servers`"),
        ("RESTRICT_ACCESS", "", "RESTRICT_ACCESS needs `filter_rules` or `filter_ids`"),
        ("{action: NONE, servers: [192.0.2.1]}", ".servers", "only REDIRECT has servers, not NONE"),
        ("{action: TERMINATE, filter_ids: [a]}", ".filter_ids", "nothing goes on after TERMINATE"),
        ("{action: NONE, filter_rules: ['permit in ip from any to any']}", ".filter_rules",
         "nothing goes on after NONE"),
        ("{action: REDIRECT, servers: [192.0.2.1], server: x}", ".server", "unknown key (did you"),
        ("{action: REDIRECT, servers: [192.0.2.1, 192.0.2.2]}", ".servers[1]",
         "nobody comes here: servers[0] takes all of them before"),
        ("{action: REDIRECT, servers: [{address: 192.0.2.1, when: {}}]}", ".servers[0].when",
         "nothing must hold here"),
        ("{action: REDIRECT, servers: [{address: 192.0.2.1, when: {at: home}}]}",
         ".servers[0].when.at", "nobody is at home"),
        ("{action: REDIRECT, servers: [{address: 192.0.2.1, when: {countries: ZZ}}]}",
         ".servers[0].when.countries", "at character 1: ISO 3166-1 has no country ZZ"),
        ("{action: REDIRECT, servers: ['https://{msidn}']}", ".servers[0]",
         "at character 9: '{msidn}' is not one of {msisdn}, {imsi}, {account}, {rating_group},"),
        ("{action: REDIRECT, servers: ['https://a/{}']}", ".servers[0]", "character 11: '{}' is"),
        ("{action: REDIRECT, servers: ['https://a/{imsi']}", ".servers[0]",
         "at character 11: this bracket is not closed"),
        ("{action: REDIRECT, servers: ['https://a/{imsi}}']}", ".servers[0]",
         "at character 17: } closes no bracket"),
        ("{action: REDIRECT, servers: ['https://a b']}", ".servers[0]", "an address has no spaces"),
        ("{action: REDIRECT, servers: ['https://é']}", ".servers[0]", "than ASCII is escaped"),
        ("{action: REDIRECT, servers: [pay.example]}", ".servers[0]",
         "'pay.example' is no address; write it like https://pay.example/{msisdn}, sip:"),
        ("{action: REDIRECT, servers: ['https://']}", ".servers[0]", "is no address"),
        ("{action: REDIRECT, servers: ['https://a:99999/']}", ".servers[0]", "is no address"),
        ("{action: REDIRECT, servers: ['http://[::1/']}", ".servers[0]", "is no address"),
        ("{action: REDIRECT, servers: [192.0.2.256]}", ".servers[0]", "is no address"),
        ("{action: REDIRECT, servers: [{adress: 192.0.2.1, address: 192.0.2.1}]}",
         ".servers[0].adress", "unknown key (did you mean address?)"),
        ("{action: RESTRICT_ACCESS, filter_rules: [deny]}", ".filter_rules[0]",
         "at character 5: here belongs in or out"),
        ("{action: RESTRICT_ACCESS, filter_ids: ['a ']}", ".filter_ids[0]", "a filter's name is"),
        ("{action: RESTRICT_ACCESS, filter_ids: [" + "a," * 9 + "]}", ".filter_ids", "too long"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(said: str, place: str, reason: str) -> None:
    told = faults(ending(said))
    assert len(told) == 1, told
    assert f"rating_groups[1].final_unit{place}: " in told[0]
    assert reason in told[0]


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = faults(ending("{action: REDIRECT, servers: [x, y], filter_rules: [z]}", "NOTHING"))
    assert len(told) == 4, "that no server is left is no fault of its own"


def test_handlings_are_compared_key_by_key() -> None:
    german = "{address: 'https://a', when: {countries: DE}}"
    before = read_document(ending(f"{{action: REDIRECT, servers: [{german}, 192.0.2.1]}}"))
    after = read_document(ending("{action: RESTRICT_ACCESS, filter_ids: [a]}", "NONE"))
    place = "rating_groups[0].final_unit"
    assert sorted(str(each) for each in differences(before, after)) == [
        "+ rating_groups[0].children[1].final_unit.action: NONE",
        f"+ {place}.filter_ids: [a]",
        f"- {place}.servers[192.0.2.1].address: 192.0.2.1",
        f"- {place}.servers[https://a].address: https://a",
        f"- {place}.servers[https://a].when.countries: DE",
        f"~ {place}.action: REDIRECT -> RESTRICT_ACCESS",
    ]
