"""Ends of calls and messages: numbers in one spelling, and everything else as it came."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import decode, request
from diameter_ocs.gy.party import ADDRESS_LENGTH_MAX, Party, party_of_address, party_of_uri
from tests.gy.conftest import ESSENTIAL

EMAIL, MSISDN, IPV4, IPV6, SHORT, LETTERS, OTHER, IMSI = range(8)

INTERNATIONAL = Party("491710000001", "491710000001")

URIS = [
    ("tel:+491710000001", INTERNATIONAL),
    ("tel:+49-171-000.000(1)", INTERNATIONAL),
    ("TEL:+491710000001;ext=5", INTERNATIONAL),
    ("sip:+491710000001@ims.example;user=phone", INTERNATIONAL),
    ("sip:+491710000001@ims.example", INTERNATIONAL),
    ("sip:%2B491710000001@ims.example", INTERNATIONAL),
    ("sip:491710000001@ims.example;user=phone", INTERNATIONAL),
    ("sip:491710000001@ims.example", INTERNATIONAL),
    ('"Alice" <sip:+491710000001@ims.example>', INTERNATIONAL),
    ("+491710000001", INTERNATIONAL),
    ("491710000001\0", INTERNATIONAL),
    (" tel:+491710000001 ", INTERNATIONAL),
    # ported: the number stays, the routing number tells the carrier
    ("tel:+491710000001;npdi;rn=+49-999", INTERNATIONAL._replace(carrier="49999")),
    (
        "sip:+491710000001;npdi;RN=D123@ims.example;user=phone",
        INTERNATIONAL._replace(carrier="D123"),
    ),
    ("tel:+491710000001;rn=d1a3", INTERNATIONAL._replace(carrier="D1A3")),
    ("tel:+491710000001;cic=+1-6789", INTERNATIONAL._replace(carrier="16789")),
    ("tel:+491710000001;rn=;cic=5", INTERNATIONAL._replace(carrier="5")),
    # dialled within a country, or within a network
    ("tel:030-1234567;phone-context=+49", Party("0301234567", "49301234567")),
    ("sip:0301234567;phone-context=+49@ims.example;user=phone", Party("0301234567", "49301234567")),
    ("tel:0033123456789;phone-context=+49", Party("0033123456789")),
    ("tel:01133123456789;phone-context=+1", Party("01133123456789")),
    ("tel:110;phone-context=ims.mnc001.mcc262.3gppnetwork.org", Party("110")),
    ("tel:12345678;phone-context=ims.example", Party("12345678")),
    ("sip:0301234567@ims.example;user=phone", Party("0301234567")),
    ("tel:22833", Party("22833")),
    ("tel:112", Party("112")),
    ("tel:*100%23", Party("*100%23")),
    ("tel:+49", Party("49")),
    # no telephones
    ("sip:alice@Ims.Example;transport=udp", Party("sip:alice@ims.example")),
    ("sip:ims.example", Party("sip:ims.example")),
    ("alice@ims.example", Party("sip:alice@ims.example")),
    ("alice", Party("alice")),
    ("sip:%1b[31m@a.example", Party("sip:\\x1b[31m@a.example")),
    ("alice\x1b[31m", Party("alice\\x1b[31m")),
    # emergencies
    ("urn:service:sos", Party("urn:service:sos", is_emergency=True)),
    ("URN:service:sos.police", Party("urn:service:sos.police", is_emergency=True)),
    ("urn:service:sosa", Party("urn:service:sosa")),
    # nobody
    ("unknown", None),
    ("Unknown", None),
    ("anonymous", None),
    ("", None),
    ("\0", None),
    ("tel:", None),
]
ADDRESSES = [
    (MSISDN, "491710000001", INTERNATIONAL),
    (MSISDN, "+491710000001", INTERNATIONAL),
    (MSISDN, "+491710000001/TYPE=PLMN", INTERNATIONAL),
    (MSISDN, "12065550100", Party("12065550100", "12065550100")),
    (MSISDN, "37631234", Party("37631234", "37631234")),
    (MSISDN, "2283", Party("2283")),
    (MSISDN, "tel:+491710000001", INTERNATIONAL),
    (SHORT, "22833", Party("22833")),
    (SHORT, "491710000001", Party("491710000001")),
    (LETTERS, "OPERATOR", Party("OPERATOR")),
    (EMAIL, "alice@example.com", Party("alice@example.com")),
    (IMSI, "262010000000001", Party("262010000000001")),
    (IPV4, "10.0.0.1", Party("10.0.0.1")),
    (OTHER, "+491710000001", INTERNATIONAL),
    (OTHER, "alice@example.com", Party("sip:alice@example.com")),
    (99, "+491710000001", INTERNATIONAL),
    (None, "+491710000001", INTERNATIONAL),
    (MSISDN, "", None),
    (EMAIL, "\0", None),
    (MSISDN, None, None),
]


@pytest.mark.parametrize(("text", "party"), URIS)
def test_party_of_a_call_is_a_number_or_a_name(text: str, party: Party | None) -> None:
    assert party_of_uri(text) == party


@pytest.mark.parametrize(("kind", "data", "party"), ADDRESSES)
def test_party_of_a_message_is_what_its_type_says(
    dictionary: Dictionary, kind: int | None, data: str | None, party: Party | None
) -> None:
    pairs: list[tuple[str, Any]] = [("Address-Type", kind), ("Address-Data", data)]
    address = ("Originator-Address", [pair for pair in pairs if pair[1] is not None])
    octets = request(dictionary, "Credit-Control", 1, 2, [*ESSENTIAL.items(), address])
    assert party_of_address(decode(octets, dictionary).group.first("Originator-Address")) == party


def test_octets_that_are_no_text_are_spelled_out() -> None:
    text = b"sip:\xff@ims.example".decode("utf-8", "surrogateescape")
    assert party_of_uri(text) == Party("sip:\\xff@ims.example")


def test_long_addresses_are_cut() -> None:
    for text in (
        "tel:+" + "4" * 60_000,
        "sip:" + "a" * 60_000 + "@b",
        "urn:service:sos." + "a" * 9999,
    ):
        party = party_of_uri(text)
        assert party is not None
        assert len(party.address) == ADDRESS_LENGTH_MAX


@given(st.text(max_size=60), st.sampled_from(["", "tel:", "sip:", "sip:+49", "tel:1;rn="]))
def test_any_text_is_a_party_that_can_be_stored_or_nobody(text: str, scheme: str) -> None:
    party = party_of_uri(scheme + text)
    if party is not None:
        assert party.address
        assert party.address.isprintable()
        assert party.country_digits is None or party.country_digits.isdigit()
