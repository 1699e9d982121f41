"""What could not be told from a request is shown as it came: the location, or an example of one."""

from collections.abc import Callable
from typing import Any

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Message, decode
from diameter_ocs.charging.decisions import Decision, Outcome, ServiceDecision
from diameter_ocs.charging.information import LocationReport, LocationSource, ServiceInformation
from diameter_ocs.charging.requests import ServiceUsage
from diameter_ocs.gy.decode import Decoder
from diameter_ocs.gy.encode import Encoder
from diameter_ocs.gy.failed_avp import SHOWN_OCTETS_MAX

NOON = 1_709_985_600_000_000
UPDATE = 2

Pair = tuple[str, Any]
Shown = Callable[..., list[bytes]]

NOBODY_KNOWS = Decision(
    Outcome.LOCATION_UNKNOWN, (ServiceDecision(ServiceUsage(1), Outcome.LOCATION_UNKNOWN),)
)
EMPTY = "00000016 c000000c 000028af"
"""A 3GPP-User-Location-Info without anything."""
UNREADABLE = "00000016 c0000010 000028af 82ffffff"
"""One of the type TAI and ECGI that ends after the TAI's PLMN has begun."""

LOCATION = "3GPP-User-Location-Info"


def data(*members: Pair) -> Pair:
    return "Service-Information", [("PS-Information", list(members))]


def texts(*members: Pair) -> Pair:
    return "Service-Information", [("SMS-Information", list(members))]


def calls(*members: Pair) -> Pair:
    return "Service-Information", [("IMS-Information", list(members))]


@pytest.fixture
def shown(
    write: Callable[..., Message], decoder: Decoder, encoder: Encoder, dictionary: Dictionary
) -> Shown:
    """Refuses a request and returns what its Failed-AVP holds.

    The sources say nothing that could be believed.
    """

    def shown(
        decision: Decision, reports: tuple[LocationReport, ...], *members: Pair, **options: Any
    ) -> list[bytes]:
        service = ("Multiple-Services-Credit-Control", [("Rating-Group", 1)])
        message = write(("User-Name", "a@b"), *members, service, **options)
        decoded = decoder.decode(message, "demo", NOON)
        information = ServiceInformation(reports)
        decoded = decoded._replace(request=decoded.request._replace(information=information))
        answer = decode(encoder.encode(decision, decoded), dictionary)
        return [answer.data(avp) for avp in answer.group.avps("Failed-AVP")]

    return shown


def unreadable(*sources: LocationSource) -> tuple[LocationReport, ...]:
    return tuple(LocationReport(source) for source in sources)


def test_missing_location_is_shown_as_an_empty_one(shown: Shown) -> None:
    assert shown(NOBODY_KNOWS, ()) == [bytes.fromhex(EMPTY)]


def test_location_that_cannot_be_read_is_shown_as_it_came(shown: Shown) -> None:
    location = (LOCATION, bytes.fromhex("82ffffff"))
    reports = unreadable(LocationSource.USER_LOCATION)
    assert shown(NOBODY_KNOWS, reports, data(location)) == [bytes.fromhex(UNREADABLE)]


# A value that is too long to be sent back, and what of it is shown.
ENDLESS: list[tuple[LocationSource, Pair, str]] = [
    (LocationSource.USER_LOCATION, data((LOCATION, b"\xff" * 60_000)), EMPTY),
    (
        LocationSource.VISITED_NETWORK,
        calls(("IMS-Visited-Network-Identifier", "x" * 60_000)),
        "00000a99 c000000c 000028af",
    ),
    (
        LocationSource.ACCESS_NETWORK,
        calls(("Access-Network-Information", b";" * SHOWN_OCTETS_MAX)),
        "000004ef c000000c 000028af",
    ),
    (
        LocationSource.RECEIVED_ADDRESS,
        texts(("Originator-Received-Address", [("Address-Data", "x" * 60_000)])),
        "000007eb c000000c 000028af",
    ),
]


@pytest.mark.parametrize(("source", "members", "avp"), ENDLESS)
def test_of_an_endless_value_the_kind_is_shown(
    shown: Shown, source: LocationSource, members: Pair, avp: str
) -> None:
    assert shown(NOBODY_KNOWS, unreadable(source), members) == [bytes.fromhex(avp)]


def test_of_an_endless_service_context_the_kind_is_shown(shown: Shown) -> None:
    decision = Decision(Outcome.RATING_FAILED)
    context = {"Service-Context-Id": "x" * 60_000}
    assert shown(decision, (), with_=context) == [bytes.fromhex("000001cd 40000008")]


def test_location_at_command_level_is_shown_too(shown: Shown) -> None:
    location = (LOCATION, bytes.fromhex("82ffffff"))
    reports = unreadable(LocationSource.USER_LOCATION)
    assert shown(NOBODY_KNOWS, reports, location) == [bytes.fromhex(UNREADABLE)]


# What stands in the request, by its source, and what of it is shown.
SOURCES: list[tuple[LocationSource, Pair, str]] = [
    (
        LocationSource.SERVING_NETWORK,
        data(("3GPP-SGSN-MCC-MNC", "2x")),
        "00000012 c000000e 000028af 32780000",
    ),
    (
        LocationSource.ORIGINATOR,
        texts(("Originator-SCCP-Address", (8, b"x"))),
        "000007d8 c000000f 000028af 00087800",
    ),
    (
        LocationSource.ORIGINATOR,
        texts(("Recipient-Info", [("Recipient-SCCP-Address", (8, b"x"))])),
        "000007da c000000f 000028af 00087800",
    ),
    (
        LocationSource.VLR_NUMBER,
        ("Service-Information", [("VCS-Information", [("VLR-Number", b"\xff")])]),
        "00000d5c c000000d 000028af ff000000",
    ),
    (
        LocationSource.MSC_ADDRESS,
        ("Service-Information", [("VCS-Information", [("MSC-Address", b"\xff")])]),
        "00000d59 c000000d 000028af ff000000",
    ),
    (
        LocationSource.ACCESS_NETWORK,
        calls(("Access-Network-Information", b"x")),
        "000004ef c000000d 000028af 78000000",
    ),
    (
        LocationSource.VISITED_NETWORK,
        calls(("IMS-Visited-Network-Identifier", "x")),
        "00000a99 c000000d 000028af 78000000",
    ),
    (
        LocationSource.CELLULAR_NETWORK,
        calls(("Cellular-Network-Information", b"x")),
        "00000f54 c000000d 000028af 78000000",
    ),
]


@pytest.mark.parametrize(("source", "members", "avp"), SOURCES)
def test_each_source_is_shown_as_it_came(
    shown: Shown, source: LocationSource, members: Pair, avp: str
) -> None:
    assert shown(NOBODY_KNOWS, unreadable(source), members) == [bytes.fromhex(avp)]


def test_of_several_the_first_that_would_be_believed_is_shown(shown: Shown) -> None:
    both = data((LOCATION, bytes.fromhex("82ffffff")), ("3GPP-SGSN-MCC-MNC", "2x"))
    reports = unreadable(LocationSource.USER_LOCATION, LocationSource.SERVING_NETWORK)
    assert shown(NOBODY_KNOWS, reports, both) == [bytes.fromhex(UNREADABLE)]


def test_network_that_no_table_knows_is_shown(shown: Shown) -> None:
    reports = (LocationReport(LocationSource.SERVING_NETWORK, "99999"),)
    assert shown(NOBODY_KNOWS, reports, data(("3GPP-SGSN-MCC-MNC", "99999"))) == [
        bytes.fromhex("00000012 c0000011 000028af 3939393939000000")
    ]


def test_address_of_a_node_is_no_reason(shown: Shown) -> None:
    reports = (LocationReport(LocationSource.SGSN_ADDRESS, address="192.0.2.1"),)
    address = data(("SGSN-Address", (1, bytes([192, 0, 2, 1]))))
    assert shown(NOBODY_KNOWS, reports, address) == [bytes.fromhex(EMPTY)]


def test_place_that_is_known_is_no_reason(shown: Shown) -> None:
    reports = (LocationReport(LocationSource.SERVING_NETWORK, "26201", countries=("DE",)),)
    place = data(("3GPP-SGSN-MCC-MNC", "26201"))
    assert shown(NOBODY_KNOWS, reports, place) == [bytes.fromhex(EMPTY)]


def test_service_without_a_location_is_refused_by_its_code_alone(shown: Shown) -> None:
    decision = Decision(Outcome.SUCCESS, NOBODY_KNOWS.services)
    reports = unreadable(LocationSource.USER_LOCATION)
    assert shown(decision, reports, with_={"CC-Request-Type": UPDATE}) == []
