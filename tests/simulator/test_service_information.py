"""Service-Information of each domain, read back by python-diameter, octets beside their text."""

import pytest
from diameter.message import Avp, AvpGrouped, constants

from diameter_ocs.simulator.information import LOCATION_TYPES
from diameter_ocs.simulator.service_information import (
    service_context_id,
    service_information,
    telephony_digits,
    user_location,
)
from diameter_ocs.simulator.steps import parse_steps

OWN = "15550100001"
HOME = "00101"


def sent(settings: str) -> Avp:
    """Returns the Service-Information of a session with these settings, from its octets."""
    (step,) = parse_steps([settings, "initial"])
    context = service_context_id(step.information, is_event=False)
    made = service_information(step.information, context, OWN, HOME, 0x01020304)
    return Avp.from_bytes(made.as_bytes())


def leaves(avp: Avp, within: str = "") -> dict[str, list[bytes]]:
    """Returns the octets of all that is no group, by the path of its names."""
    path = f"{within} {avp.name}".strip()
    if not isinstance(avp, AvpGrouped):
        return {path: [avp.payload]}
    found: dict[str, list[bytes]] = {}
    for member in avp.value:
        for name, values in leaves(member, path).items():
            found.setdefault(name, []).extend(values)
    return found


def told(settings: str) -> dict[str, list[bytes]]:
    """Returns what stands in Service-Information, by paths within it."""
    found = leaves(sent(settings))
    return {path.removeprefix("Service-Information "): values for path, values in found.items()}


def unsigned(number: int) -> bytes:
    return number.to_bytes(4, "big")


def test_a_data_session_is_at_home_unless_it_is_told_otherwise() -> None:
    at_home, abroad, nowhere = told(""), told("location=310410"), told("location=")
    location, network = (
        "PS-Information 3GPP-User-Location-Info",
        "PS-Information 3GPP-SGSN-MCC-MNC",
    )
    assert at_home[location] == [bytes.fromhex("82 00f110 0001 00f110 00000101")]
    assert at_home[network] == [b"00101"]
    assert abroad[location] == [bytes.fromhex("82 130014 0001 130014 00000101")]
    assert abroad[network] == [b"310410"]
    assert {location, network}.isdisjoint(nowhere)


def test_location_and_serving_network_may_differ() -> None:
    seen = told("location=0xffff network=26201 sgsn=2001:db8::1")
    assert seen["PS-Information 3GPP-User-Location-Info"] == [b"\xff\xff"]
    assert seen["PS-Information 3GPP-SGSN-MCC-MNC"] == [b"26201"]
    assert seen["PS-Information SGSN-Address"] == [
        bytes.fromhex("0002 20010db8" + "00" * 11 + "01")
    ]
    assert "PS-Information 3GPP-SGSN-MCC-MNC" not in told("location=0xffff")
    assert "PS-Information 3GPP-SGSN-MCC-MNC" not in told("location=26201 network=")


def test_access_point_and_radio_are_told() -> None:
    seen = told("apn=ims rat=51")
    assert seen["PS-Information Called-Station-Id"] == [b"ims"]
    assert seen["PS-Information 3GPP-RAT-Type"] == [b"\x33"]
    nothing = told("apn= rat= sgsn=")
    assert not [path for path in nothing if path.endswith(("Called-Station-Id", "RAT-Type"))]


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        (0, "00 62f210 0001 0101"),
        (1, "01 62f210 0001 0101"),
        (2, "02 62f210 0001 01ff"),
        (24, "18 62f210 0001 62f210 00000101"),
        (128, "80 62f210 0001"),
        (129, "81 62f210 00000101"),
        (130, "82 62f210 0001 62f210 00000101"),
        (131, "83 62f210 000101"),
        (132, "84 62f210 0001 62f210 000101"),
        (133, "85 62f210 000101"),
        (134, "86 62f210 0001 62f210 000101"),
        (135, "87 62f210 0000000101"),
        (136, "88 62f210 000001"),
        (137, "89 62f210 000001 62f210 0000000101"),
    ],
)
def test_each_type_of_location_has_its_octets(kind: int, octets: str) -> None:
    assert user_location("26201", kind) == bytes.fromhex(octets)


def test_every_type_that_may_be_written_can_be_sent() -> None:
    assert all(user_location("310410", kind)[0] == kind for kind in LOCATION_TYPES)


@pytest.mark.parametrize(
    ("digits", "octets"),
    [("491710760000", "947101670000"), ("33609001234", "3306091032f4"), ("1", "f1")],
)
def test_digits_are_swapped_and_filled(digits: str, octets: str) -> None:
    assert telephony_digits(digits) == bytes.fromhex(octets)


def test_a_call_in_the_ims_names_parties_and_access() -> None:
    access = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2620112ab1a2d30b"
    visited = "ims.mnc001.mcc262.3gppnetwork.org"
    where = f"access={access} visited={visited} cellular=a transfer=0x00ff"
    seen = told(f"context=32260 called=4930123456 {where}")
    assert seen == {
        "IMS-Information Role-Of-Node": [unsigned(0)],
        "IMS-Information Node-Functionality": [unsigned(6)],
        "IMS-Information Calling-Party-Address": [b"tel:+15550100001"],
        "IMS-Information Called-Party-Address": [b"tel:+4930123456"],
        "IMS-Information Access-Network-Information": [access.encode()],
        "IMS-Information Cellular-Network-Information": [b"a"],
        "IMS-Information IMS-Visited-Network-Identifier": [visited.encode()],
        "IMS-Information Access-Transfer-Information Access-Transfer-Type": [unsigned(0)],
        "IMS-Information Access-Transfer-Information Access-Network-Information": [b"\x00\xff"],
    }


@pytest.mark.parametrize(
    ("settings", "calling", "called"),
    [
        ("", b"tel:+15550100001", b"tel:+15550199999"),
        ("role=terminating", b"tel:+15550199999", b"tel:+15550100001"),
        ("role=forwarding", b"tel:+15550100001", b"tel:+15550199999"),
        ("called=112", b"tel:+15550100001", b"tel:112"),
        ("called=urn:service:sos", b"tel:+15550100001", b"urn:service:sos"),
        ("calling=+4930111111", b"tel:+4930111111", b"tel:+15550199999"),
    ],
)
def test_the_subscriber_stands_on_the_side_that_is_charged(
    settings: str, calling: bytes, called: bytes
) -> None:
    seen = told(f"context=32260 {settings}")
    assert seen["IMS-Information Calling-Party-Address"] == [calling]
    assert seen["IMS-Information Called-Party-Address"] == [called]


@pytest.mark.parametrize(
    ("settings", "access"),
    [
        ("context=32260", b"3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=0010100010000101"),
        ("context=32275", b"3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=0010100010000101"),
        ("context=32260 access=", None),
        ("context=32260 visited=ims.mnc001.mcc262.3gppnetwork.org", None),
        ("context=32260 location=26201", None),
        ("context=32276", None),
        ("", None),
    ],
)
def test_a_call_in_the_ims_is_at_home_unless_a_place_is_written(
    settings: str, access: bytes | None
) -> None:
    seen = told(settings).get("IMS-Information Access-Network-Information")
    assert seen == (None if access is None else [access])


def test_a_party_may_be_left_out() -> None:
    assert "IMS-Information Called-Party-Address" not in told("context=32260 called=")


def test_a_circuit_switched_call_names_its_switches() -> None:
    seen = told("context=32276 vlr=33609001234 msc=0x91947101670000")
    assert seen["VCS-Information VLR-Number"] == [bytes.fromhex("3306091032f4")]
    assert seen["VCS-Information MSC-Address"] == [bytes.fromhex("91947101670000")]
    assert seen["VCS-Information Basic-Service-Code Teleservice"] == [b"\x11"]
    assert seen["IMS-Information Role-Of-Node"] == [unsigned(0)]


def test_a_sent_text_names_recipients_and_the_node_of_its_sender() -> None:
    seen = told("context=32274 called=+4930111111,4444,TAXI sccp=447700900000")
    assert seen == {
        "SMS-Information SM-Message-Type": [unsigned(0)],
        "SMS-Information Originator-Interface Interface-Type": [unsigned(1)],
        "SMS-Information Originator-SCCP-Address": [b"\x00\x08447700900000"],
        "SMS-Information Recipient-Info Recipient-Address Address-Type": [
            unsigned(1),
            unsigned(4),
            unsigned(5),
        ],
        "SMS-Information Recipient-Info Recipient-Address Address-Data": [
            b"4930111111",
            b"4444",
            b"TAXI",
        ],
    }


def test_a_received_text_names_its_sender_and_the_node_of_its_recipient() -> None:
    seen = told("context=32274 role=terminating calling=4930111111 sccp=447700900000")
    recipient = "SMS-Information Recipient-Info"
    assert seen[f"{recipient} Destination-Interface Interface-Type"] == [unsigned(2)]
    assert seen[f"{recipient} Recipient-SCCP-Address"] == [b"\x00\x08447700900000"]
    assert seen[f"{recipient} Recipient-Address Address-Data"] == [OWN.encode()]
    sender = "SMS-Information Originator-Received-Address Address-Data"
    assert seen[sender] == [b"4930111111"]
    assert "SMS-Information Originator-SCCP-Address" not in seen


def test_a_picture_names_its_parties_and_size() -> None:
    seen = told("context=32270 called=bob@example.net size=300000 location=26201/128 rat=6")
    assert seen == {
        "MMS-Information Originator-Address Address-Type": [unsigned(1)],
        "MMS-Information Originator-Address Address-Data": [OWN.encode()],
        "MMS-Information Recipient-Address Address-Type": [unsigned(0)],
        "MMS-Information Recipient-Address Address-Data": [b"bob@example.net"],
        "MMS-Information Message-Type": [unsigned(1)],
        "MMS-Information Message-Size": [unsigned(300000)],
        "PS-Information 3GPP-SGSN-MCC-MNC": [b"26201"],
        "PS-Information 3GPP-User-Location-Info": [bytes.fromhex("80 62f210 0001")],
        "PS-Information 3GPP-RAT-Type": [b"\x06"],
    }


@pytest.mark.parametrize(
    ("settings", "is_event", "context"),
    [
        ("", False, "32251@3gpp.org"),
        ("", True, "32274@3gpp.org"),
        ("context=32270", True, "32270@3gpp.org"),
        ("context=8.32260@3gpp.org", False, "8.32260@3gpp.org"),
    ],
)
def test_the_context_is_what_is_written_else_follows_from_the_kind(
    settings: str, is_event: bool, context: str
) -> None:
    (step,) = parse_steps([settings, "initial"])
    assert service_context_id(step.information, is_event=is_event) == context


@pytest.mark.parametrize("context", ["gprs@maker.example", "32260@maker.example"])
def test_a_makers_own_context_is_about_data(context: str) -> None:
    paths = told(f"context={context}")
    assert {path.split()[0] for path in paths} == {"PS-Information"}
    assert "IMS-Information Role-Of-Node" in told("context=8.32260@3gpp.org")


@pytest.mark.parametrize("context", ["32251", "32260", "32270", "32274", "32275", "32276"])
def test_every_avp_is_mandatory(context: str) -> None:
    def members(avp: Avp) -> list[Avp]:
        inner = avp.value if isinstance(avp, AvpGrouped) else []
        return [avp, *(below for member in inner for below in members(member))]

    everything = (
        f"context={context} location=26201 sgsn=192.0.2.1 apn=a rat=1 access=a transfer=a"
        " cellular=a visited=a vlr=1 msc=1 sccp=1 calling=a called=a size=1"
    )
    seen = members(sent(everything))
    assert [str(avp) for avp in seen if not avp.is_mandatory] == []
    assert {avp.vendor_id for avp in seen if avp.code != constants.AVP_CALLED_STATION_ID} == {10415}
