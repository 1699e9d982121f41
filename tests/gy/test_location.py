"""What each source says of where the subscriber is, in the order in which they are believed."""

from collections.abc import Callable
from typing import Any

import pytest

from diameter_ocs.base.message import Message
from diameter_ocs.charging.information import Direction, LocationReport, LocationSource
from diameter_ocs.gy.location import accesses_of, reports_of
from diameter_ocs.gy.parts import parts_of
from tests.gy.networks import Networks

Pair = tuple[str, Any]
Read = Callable[..., tuple[LocationReport, ...]]

IN_GERMANY = ("DE",)
LTE = b"3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=%s12ab1a2d30b"
GERMAN_LTE, AMERICAN_LTE, BRITISH_LTE = LTE % b"26201", LTE % b"310410", LTE % b"23415"
WIRELESS_LAN = b"IEEE-802.11;i-wlan-node-id=00112233aabb"


@pytest.fixture(scope="module")
def read(write: Callable[..., Message]) -> Read:
    """Read the reports of a request with these members."""

    def read(*members: Pair, direction: Direction | None = None) -> tuple[LocationReport, ...]:
        parts = parts_of(write(*members).group)
        return reports_of(parts, accesses_of(parts.ims, Networks()), direction, Networks())

    return read


def service(name: str, *members: Pair) -> Pair:
    return "Service-Information", [(name, members)]


def packet(*members: Pair) -> Pair:
    return service("PS-Information", *members)


def ims(*members: Pair) -> Pair:
    return service("IMS-Information", *members)


def header(octets: bytes) -> Pair:
    return "Access-Network-Information", octets


def cell(octets: bytes) -> Pair:
    return "Cellular-Network-Information", octets


def changed(*members: Pair) -> Pair:
    return "Access-Network-Info-Change", members


def transferred(*members: Pair) -> Pair:
    return "Access-Transfer-Information", members


TAI = ("3GPP-User-Location-Info", bytes.fromhex("8062f2102b67"))
SERVING: Pair = ("3GPP-SGSN-MCC-MNC", "310410")
NODE: Pair = ("SGSN-Address", (1, b"\x0a\0\0\1"))
SENDER: Pair = ("Originator-SCCP-Address", (8, b"491710760000"))
RECIPIENT: Pair = ("Recipient-Info", [("Recipient-SCCP-Address", (8, b"33609001234"))])
RECEIVED: Pair = (
    "Originator-Received-Address",
    [("Address-Type", 1), ("Address-Data", "12065550100")],
)

EACH: list[tuple[Pair, LocationReport]] = [
    (packet(TAI), LocationReport(LocationSource.USER_LOCATION, "26201", countries=IN_GERMANY)),
    (packet(SERVING), LocationReport(LocationSource.SERVING_NETWORK, "310410", countries=("US",))),
    (packet(NODE), LocationReport(LocationSource.SGSN_ADDRESS, address="10.0.0.1")),
    (
        service("VCS-Information", ("VLR-Number", bytes.fromhex("947101670000"))),
        LocationReport(LocationSource.VLR_NUMBER, number="491710760000", countries=IN_GERMANY),
    ),
    (
        service("VCS-Information", ("MSC-Address", bytes.fromhex("9133060910 32f4"))),
        LocationReport(LocationSource.MSC_ADDRESS, number="33609001234", countries=("FR",)),
    ),
    (
        ims(transferred(header(GERMAN_LTE))),
        LocationReport(LocationSource.TRANSFER_ACCESS_NETWORK, "26201", countries=IN_GERMANY),
    ),
    (
        ims(header(GERMAN_LTE)),
        LocationReport(LocationSource.ACCESS_NETWORK, "26201", countries=IN_GERMANY),
    ),
    (
        ims(("IMS-Visited-Network-Identifier", "ims.mnc001.mcc262.3gppnetwork.org")),
        LocationReport(LocationSource.VISITED_NETWORK, "26201", countries=IN_GERMANY),
    ),
    (
        ims(cell(GERMAN_LTE + b";cell-info-age=3")),
        LocationReport(LocationSource.CELLULAR_NETWORK, "26201", countries=IN_GERMANY),
    ),
]
UNREADABLE: list[tuple[Pair, LocationSource]] = [
    (packet(("3GPP-User-Location-Info", b"")), LocationSource.USER_LOCATION),
    (packet(("3GPP-User-Location-Info", b"\x82" + b"\xaa" * 60_000)), LocationSource.USER_LOCATION),
    (packet(("3GPP-SGSN-MCC-MNC", "")), LocationSource.SERVING_NETWORK),
    (packet(("3GPP-SGSN-MCC-MNC", b"\xff\xfe")), LocationSource.SERVING_NETWORK),
    (packet(("SGSN-Address", (8, b"49"))), LocationSource.SGSN_ADDRESS),
    (service("VCS-Information", ("VLR-Number", b"")), LocationSource.VLR_NUMBER),
    (service("VCS-Information", ("MSC-Address", b"\xff" * 9)), LocationSource.MSC_ADDRESS),
    (
        service("SMS-Information", ("Originator-SCCP-Address", (1, b"\x0a\0\0\1"))),
        LocationSource.ORIGINATOR,
    ),
    (ims(transferred(header(b""))), LocationSource.TRANSFER_ACCESS_NETWORK),
    (ims(header(b"3GPP-E-UTRAN-FDD")), LocationSource.ACCESS_NETWORK),
    (ims(header(b"3GPP-NR;utran-cell-id-3gpp=x")), LocationSource.ACCESS_NETWORK),
    (ims(header(b"\0" * 60_000)), LocationSource.ACCESS_NETWORK),
    (ims(("IMS-Visited-Network-Identifier", b"\0\xff")), LocationSource.VISITED_NETWORK),
    (ims(cell(b",")), LocationSource.CELLULAR_NETWORK),
]


@pytest.mark.parametrize(("member", "report"), EACH)
def test_source_says_network_number_or_address(
    read: Read, member: Pair, report: LocationReport
) -> None:
    assert read(member) == (report,)


@pytest.mark.parametrize(("member", "source"), UNREADABLE)
def test_source_that_cannot_be_read_is_there_and_says_nothing(
    read: Read, member: Pair, source: LocationSource
) -> None:
    assert read(member) == (LocationReport(source),)
    assert not read(member)[0].is_readable


def test_request_that_tells_no_place_has_no_reports(read: Read) -> None:
    assert read() == read(packet()) == read(("Service-Information", [])) == ()


def test_access_that_has_no_cells_is_nothing_that_cannot_be_read(read: Read) -> None:
    assert read(ims(header(WIRELESS_LAN), transferred(header(b"xDSL;dsl-location=x")))) == ()


def test_reports_stand_in_the_order_in_which_they_are_believed(read: Read) -> None:
    groups = [
        (
            "IMS-Information",
            [
                cell(GERMAN_LTE),
                ("IMS-Visited-Network-Identifier", "ims.mnc001.mcc262.3gppnetwork.org"),
                header(GERMAN_LTE),
                transferred(header(GERMAN_LTE)),
            ],
        ),
        ("VCS-Information", [("MSC-Address", b"\x94\x71\1"), ("VLR-Number", b"\x94\x71\1")]),
        ("SMS-Information", [RECEIVED, SENDER]),
        ("PS-Information", [NODE, SERVING, TAI]),
    ]
    sources = [report.source for report in read(("Service-Information", groups))]
    assert sources == [source for source in LocationSource if source.name != "LOCATION_REPORT"]


TWICE = [
    (TAI, packet(("3GPP-User-Location-Info", bytes.fromhex("801300142b67")))),
    (SERVING, packet(("3GPP-SGSN-MCC-MNC", "26201"))),
]


@pytest.mark.parametrize("at_command_level", [TAI, SERVING, NODE])
def test_old_gateways_tell_at_command_level(read: Read, at_command_level: Pair) -> None:
    assert read(at_command_level) == read(packet(at_command_level))


@pytest.mark.parametrize(("at_command_level", "within"), TWICE)
def test_information_on_packets_counts_more_than_the_command(
    read: Read, at_command_level: Pair, within: Pair
) -> None:
    assert read(at_command_level, within) == read(within)


@pytest.mark.parametrize("container", ["Service-Data-Container", "Traffic-Data-Volumes"])
def test_latest_of_what_was_counted_tells_the_place_where_nothing_else_does(
    read: Read, container: str
) -> None:
    elsewhere = ("3GPP-User-Location-Info", bytes.fromhex("801300142b67"))
    counted = ((container, [elsewhere]), (container, [TAI]), (container, []))
    assert read(packet(*counted)) == read(packet(TAI))
    assert read(packet(elsewhere, *counted)) == read(packet(elsewhere))


@pytest.mark.parametrize("direction", [Direction.ORIGINATING, None])
def test_sender_of_a_message_is_where_its_node_is(read: Read, direction: Direction | None) -> None:
    node = LocationReport(LocationSource.ORIGINATOR, number="491710760000", countries=IN_GERMANY)
    home = LocationReport(LocationSource.RECEIVED_ADDRESS, number="12065550100", countries=("US",))
    member = service("SMS-Information", SENDER, RECEIVED, RECIPIENT)
    assert read(member, direction=direction) == (node, home)


def test_recipient_of_a_message_is_where_its_node_is_and_not_where_the_sender_is_at_home(
    read: Read,
) -> None:
    node = LocationReport(LocationSource.ORIGINATOR, number="33609001234", countries=("FR",))
    member = service("SMS-Information", SENDER, RECEIVED, RECIPIENT)
    assert read(member, direction=Direction.TERMINATING) == (node,)
    member = service("SMS-Information", SENDER, RECEIVED)
    assert read(member, direction=Direction.TERMINATING) == ()


NETWORKS: list[tuple[tuple[Pair, ...], str | None]] = [
    ((header(WIRELESS_LAN), header(GERMAN_LTE)), "26201"),
    ((header(GERMAN_LTE), header(AMERICAN_LTE + b";network-provided")), "310410"),
    ((header(GERMAN_LTE), changed(header(AMERICAN_LTE))), "310410"),
    ((header(GERMAN_LTE), changed(header(WIRELESS_LAN))), "26201"),
    ((changed(header(GERMAN_LTE)), changed(header(AMERICAN_LTE))), "310410"),
    (
        (
            changed(("Change-Time", 1_700_000_001), header(GERMAN_LTE)),
            changed(("Change-Time", 1_700_000_000), header(AMERICAN_LTE)),
            changed(header(BRITISH_LTE)),
        ),
        "26201",
    ),
    ((changed(), header(GERMAN_LTE)), "26201"),
]


@pytest.mark.parametrize(("members", "plmn"), NETWORKS)
def test_newest_access_network_that_tells_a_place_is_believed(
    read: Read, members: tuple[Pair, ...], plmn: str | None
) -> None:
    (report,) = read(ims(*members))
    assert (report.source, report.plmn) == (LocationSource.ACCESS_NETWORK, plmn)


def test_access_after_a_transfer_is_that_of_the_transfer(write: Callable[..., Message]) -> None:
    member = ims(header(GERMAN_LTE), transferred(header(WIRELESS_LAN)))
    accesses = accesses_of(parts_of(write(member).group).ims, Networks())
    assert accesses.kind == "IEEE-802.11"
    member = ims(header(GERMAN_LTE))
    assert accesses_of(parts_of(write(member).group).ims, Networks()).kind == "3GPP-E-UTRAN-FDD"
    assert accesses_of(parts_of(write(ims()).group).ims, Networks()).kind is None
