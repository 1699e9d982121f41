"""What whole requests of each domain say of their service, and that nothing in it is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Message
from diameter_ocs.base.message import decode as decode_message
from diameter_ocs.charging.information import (
    NO_INFORMATION,
    Direction,
    LocationReport,
    LocationSource,
    ServiceInformation,
)
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.gy.decode import Decoder
from diameter_ocs.gy.information import APN_LENGTH_MAX, information_of
from tests.base.wire import avp, ccr
from tests.gy.conftest import NOON, SUBSCRIPTION
from tests.gy.networks import Networks

TGPP = 10415

Pair = tuple[str, Any]
Read = Callable[..., ServiceInformation]


@pytest.fixture(scope="module")
def read(write: Callable[..., Message]) -> Read:
    """Read the information of a request with these members."""

    def read(*members: Pair, document: str | None = "32251", identities: Any = ()) -> Any:
        return information_of(write(*members).group, document, identities, Networks())

    return read


def service(*members: Pair) -> Pair:
    return "Service-Information", members


# Service-Information of each domain octet by octet, and what it says.
DATA = avp(
    873,
    avp(
        874,
        avp(1228, bytes.fromhex("0001 0a000001"), vendor=TGPP)  # SGSN-Address
        + avp(30, b"Internet.mnc001.mcc262.gprs")  # Called-Station-Id
        + avp(18, b"26201", vendor=TGPP)  # 3GPP-SGSN-MCC-MNC
        + avp(22, bytes.fromhex("82 62f210 2b67 62f210 01a2d30b"), vendor=TGPP)  # TAI and ECGI
        + avp(21, b"\x06", vendor=TGPP),  # 3GPP-RAT-Type
        vendor=TGPP,
    ),
    vendor=TGPP,
)
CALL = avp(
    873,
    avp(
        876,
        avp(829, bytes.fromhex("00000000"), vendor=TGPP)  # Role-Of-Node
        + avp(831, b"tel:+491710000001", vendor=TGPP)  # Calling-Party-Address
        + avp(832, b"tel:+33123456789;npdi;rn=+33999", vendor=TGPP)  # Called-Party-Address
        + avp(  # Access-Network-Information
            1263, b"3GPP-NR-FDD;utran-cell-id-3gpp=2620100313200001c001", vendor=TGPP
        ),
        vendor=TGPP,
    ),
    vendor=TGPP,
)
TEXT = avp(
    873,
    avp(
        2000,
        avp(2008, b"\0\x08491710760000", vendor=TGPP)  # Originator-SCCP-Address
        + avp(2007, bytes.fromhex("00000000"), vendor=TGPP)  # SM-Message-Type
        + avp(  # Recipient-Info
            2026,
            avp(  # Recipient-Address
                1201,
                avp(899, bytes.fromhex("00000001"), vendor=TGPP)  # Address-Type MSISDN
                + avp(897, b"33123456789", vendor=TGPP),  # Address-Data
                vendor=TGPP,
            ),
            vendor=TGPP,
        ),
        vendor=TGPP,
    ),
    vendor=TGPP,
)
PICTURE = avp(
    873,
    avp(874, avp(18, b"310410", vendor=TGPP), vendor=TGPP)
    + avp(
        877,
        avp(  # Originator-Address
            886,
            avp(899, bytes.fromhex("00000001"), vendor=TGPP)
            + avp(897, b"+491710000001/TYPE=PLMN", vendor=TGPP),
            vendor=TGPP,
        )
        + avp(1211, bytes.fromhex("00000001"), vendor=TGPP)  # Message-Type m-send-req
        + avp(1212, bytes.fromhex("00004000"), vendor=TGPP),  # Message-Size
        vendor=TGPP,
    ),
    vendor=TGPP,
)
CIRCUIT = avp(
    873,
    avp(
        876,
        avp(829, bytes.fromhex("00000001"), vendor=TGPP)
        + avp(831, b"tel:+33123456789", vendor=TGPP)
        + avp(832, b"tel:+491710000001", vendor=TGPP),
        vendor=TGPP,
    )
    + avp(
        3410,
        avp(3420, bytes.fromhex("91 947101670000"), vendor=TGPP)  # VLR-Number
        + avp(3417, bytes.fromhex("33060910 32f4"), vendor=TGPP),  # MSC-Address
        vendor=TGPP,
    ),
    vendor=TGPP,
)
GERMANY, FRANCE, AMERICA = ("DE",), ("FR",), ("US",)
DOMAINS = [
    (
        "32251",
        DATA,
        ServiceInformation(
            reports=(
                LocationReport(LocationSource.USER_LOCATION, "26201", countries=GERMANY),
                LocationReport(LocationSource.SERVING_NETWORK, "26201", countries=GERMANY),
                LocationReport(LocationSource.SGSN_ADDRESS, address="10.0.0.1"),
            ),
            apn="internet",
            rat_type=6,
        ),
    ),
    (
        "32260",
        CALL,
        ServiceInformation(
            reports=(LocationReport(LocationSource.ACCESS_NETWORK, "26201", countries=GERMANY),),
            direction=Direction.ORIGINATING,
            calling="491710000001",
            called="33123456789",
            other_countries=FRANCE,
            carrier="33999",
            access="3GPP-NR-FDD",
        ),
    ),
    (
        "32274",
        TEXT,
        ServiceInformation(
            reports=(
                LocationReport(LocationSource.ORIGINATOR, number="491710760000", countries=GERMANY),
            ),
            direction=Direction.ORIGINATING,
            called="33123456789",
            recipients=("33123456789",),
            other_countries=FRANCE,
        ),
    ),
    (
        "32270",
        PICTURE,
        ServiceInformation(
            reports=(LocationReport(LocationSource.SERVING_NETWORK, "310410", countries=AMERICA),),
            direction=Direction.ORIGINATING,
            calling="491710000001",
            message_octets=0x4000,
        ),
    ),
    (
        "32276",
        CIRCUIT,
        ServiceInformation(
            reports=(
                LocationReport(LocationSource.VLR_NUMBER, number="491710760000", countries=GERMANY),
                LocationReport(LocationSource.MSC_ADDRESS, number="33609001234", countries=FRANCE),
            ),
            direction=Direction.TERMINATING,
            calling="33123456789",
            called="491710000001",
            other_countries=FRANCE,
        ),
    ),
]


@pytest.mark.parametrize(("document", "octets", "information"), DOMAINS)
def test_each_domain_says_all_of_it(
    dictionary: Dictionary, document: str, octets: bytes, information: ServiceInformation
) -> None:
    message = decode_message(ccr(octets), dictionary)
    assert information_of(message.group, document, (), Networks()) == information


@pytest.mark.parametrize(("document", "octets", "information"), DOMAINS)
def test_private_names_of_services_select_the_domain(
    dictionary: Dictionary,
    write: Callable[..., Message],
    document: str,
    octets: bytes,
    information: ServiceInformation,
) -> None:
    decoder = Decoder(dictionary, Networks(), {"ours@operator.example": document})
    member = ("Service-Information", octets[12:])  # without its header
    for _ in range(4):
        message = write(SUBSCRIPTION, member, with_={"Service-Context-Id": "ours@operator.example"})
        decoded = decoder.decode(message, None, NOON)
        assert decoded.request.service_context == document
        assert decoded.request.information == information


def test_request_that_says_nothing_of_its_service_has_no_information(read: Read) -> None:
    assert read() == read(service()) == read(service(("PS-Information", []))) == NO_INFORMATION


APNS = [
    ("internet", "internet"),
    ("Internet.MNC001.MCC262.GPRS", "internet"),
    ("ims.mnc01.mcc262.gprs", "ims"),
    ("apn.example.mnc410.mcc310.gprs.", "apn.example"),
    ("mnc001.mcc262.gprs.example", "mnc001.mcc262.gprs.example"),
    ("internet\0", "internet"),
    (" internet ", "internet"),
    (b"\xffapn", "\\xffapn"),
    ("", None),
    ("\0", None),
    ("a" * 60_000, "a" * APN_LENGTH_MAX),
]


@pytest.mark.parametrize(("text", "apn"), APNS)
def test_apn_is_what_the_subscriber_asked_for(
    read: Read, text: str | bytes, apn: str | None
) -> None:
    member = ("Called-Station-Id", text)
    assert read(service(("PS-Information", [member]))).apn == read(member).apn == apn


@pytest.mark.parametrize(
    ("octets", "rat_type"),
    [(b"\x06", 6), (b"\x33", 51), (b"\xff", 255), (b"", None), (b"\0\0\0\x06", None)],
)
def test_radio_access_is_one_octet(read: Read, octets: bytes, rat_type: int | None) -> None:
    member = ("3GPP-RAT-Type", octets)
    within = service(("PS-Information", [member]))
    services = (
        ("Multiple-Services-Credit-Control", []),
        ("Multiple-Services-Credit-Control", [member]),
    )
    assert read(within).rat_type == read(member).rat_type == read(*services).rat_type == rat_type


def test_radio_access_of_the_request_counts_more_than_that_of_a_service(read: Read) -> None:
    member = ("Multiple-Services-Credit-Control", [("3GPP-RAT-Type", b"\1")])
    assert read(member, service(("PS-Information", [("3GPP-RAT-Type", b"\6")]))).rat_type == 6


def test_countries_at_the_other_end_are_those_of_the_caller_where_a_call_comes_in(
    read: Read,
) -> None:
    parties = (
        ("Calling-Party-Address", "tel:+491710000001"),
        ("Called-Party-Address", "tel:+33123456789"),
    )
    for role, countries in ((0, FRANCE), (1, GERMANY), (2, FRANCE)):
        member = service(("IMS-Information", [("Role-Of-Node", role), *parties]))
        assert read(member, document="32260").other_countries == countries


@pytest.mark.parametrize(
    ("others", "countries"),
    [
        (("33123456789",), FRANCE),
        (("33123456789", "33199999999"), FRANCE),
        (("33123456789", "491710000001"), ()),
        (("491710000001", "33123456789"), ()),
    ],
)
def test_countries_of_several_recipients_are_those_of_all(
    read: Read, others: tuple[str, ...], countries: tuple[str, ...]
) -> None:
    recipients = [
        ("Recipient-Address", (("Address-Type", 1), ("Address-Data", other))) for other in others
    ]
    message = service(("MMS-Information", (("Message-Type", 1), *recipients)))
    assert read(message, document="32270").other_countries == countries


def test_whoever_is_charged_tells_the_side_of_a_message(read: Read) -> None:
    address = ("Recipient-Address", [("Address-Type", 1), ("Address-Data", "33123456789")])
    member = service(("MMS-Information", [address]))
    charged = (Identity(IdentityKind.MSISDN, "33123456789"),)
    information = read(member, document="32270", identities=charged)
    assert information.direction is Direction.TERMINATING
    assert read(member, document="32270").direction is None


NAMES = {
    "PS-Information": (
        "3GPP-User-Location-Info",
        "3GPP-SGSN-MCC-MNC",
        "3GPP-RAT-Type",
        "Called-Station-Id",
    ),
    "IMS-Information": (
        "Calling-Party-Address",
        "Called-Party-Address",
        "Requested-Party-Address",
        "Called-Asserted-Identity",
        "Number-Portability-Routing-Information",
        "Carrier-Select-Routing-Information",
        "IMS-Visited-Network-Identifier",
        "Access-Network-Information",
        "Cellular-Network-Information",
    ),
    "VCS-Information": ("VLR-Number", "MSC-Address"),
}
anything = st.one_of(
    st.binary(max_size=24),
    st.text('tel:sip+0149@;=rn,"<>\0ü3GP-', max_size=24).map(str.encode),
)
groups = st.lists(
    st.sampled_from([(group, name) for group, names in NAMES.items() for name in names]).flatmap(
        lambda at: anything.map(lambda octets: (at[0], [(at[1], octets)]))
    ),
    max_size=6,
    unique_by=lambda member: member[0],
)


@given(groups, st.sampled_from(["32251", "32260", "32270", "32274", "32276", None]))
def test_nothing_that_a_request_says_of_its_service_is_refused(
    dictionary: Dictionary, members: list[Pair], document: str | None
) -> None:
    octets = dictionary.encode("Service-Information", members)
    message = decode_message(ccr(octets), dictionary)
    information = information_of(message.group, document, (), Networks())
    for text in (information.calling, information.called, information.carrier, information.apn):
        assert text is None or (text and "\0" not in text and text.encode())


def test_octets_within_a_group_that_do_not_fit_are_the_codecs_business(
    dictionary: Dictionary,
) -> None:
    torn = avp(873, avp(874, avp(22, b"\x80", vendor=TGPP)[:-4], vendor=TGPP), vendor=TGPP)
    assert decode_message(ccr(torn), dictionary).fault is not None
