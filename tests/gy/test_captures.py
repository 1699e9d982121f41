"""What the requests of real clients say of their service."""

from pathlib import Path

import pytest

from diameter_ocs.base.checks import check
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.errors import DiameterError
from diameter_ocs.base.message import decode
from diameter_ocs.charging.information import (
    NO_INFORMATION,
    Direction,
    LocationReport,
    LocationSource,
    ServiceInformation,
)
from diameter_ocs.gy.decode import Decoder
from tests.base.captures import messages
from tests.gy.networks import Networks

OURS = Path(__file__).parents[1] / "captures"
LATE = 1_900_000_000_000_000
"""After every capture."""
CREDIT_CONTROL = 272
GY = 4


def data_at(address: str) -> ServiceInformation:
    """What a session in the network of laboratories says, at a serving node."""
    reports = (
        LocationReport(LocationSource.USER_LOCATION, "00101"),
        LocationReport(LocationSource.SERVING_NETWORK, "00101"),
        LocationReport(LocationSource.SGSN_ADDRESS, address=address),
    )
    return ServiceInformation(reports, apn="internet", rat_type=6)


CALL = ServiceInformation(
    direction=Direction.ORIGINATING,
    calling="sip:alice@ims.example",
    called="15550123456",
    other_countries=("US",),
)
CENTRE = "491715000"
SWITCHED_CALL = ServiceInformation(
    (
        LocationReport(LocationSource.VLR_NUMBER, number=CENTRE, countries=("DE",)),
        LocationReport(LocationSource.MSC_ADDRESS, number=CENTRE, countries=("DE",)),
    )
)


def placed(plmn: str, country: str) -> ServiceInformation:
    """What a gateway of data says that knows the cell."""
    return ServiceInformation(
        (LocationReport(LocationSource.USER_LOCATION, plmn, countries=(country,)),)
    )


def called_from(plmn: str, country: str) -> ServiceInformation:
    """What a server of the IMS says that knows the cell."""
    report = LocationReport(LocationSource.ACCESS_NETWORK, plmn, countries=(country,))
    return CALL._replace(reports=(report,), access="3GPP-E-UTRAN-FDD")


PLACES = {
    placed("26201", "DE"),
    placed("20801", "FR"),
    placed("310410", "US"),
    ServiceInformation((LocationReport(LocationSource.USER_LOCATION),)),
    called_from("26201", "DE"),
    called_from("20801", "FR"),
}
SAYING = {
    "erlang_data.pcap": {data_at("192.0.2.11")},
    "free_diameter_data.pcap": {data_at("192.0.2.11")},
    "free_diameter_agents.pcap": {CALL},
    "free_diameter_calls.pcap": {CALL, SWITCHED_CALL},
    "free_diameter_places.pcap": PLACES,
}
"""Of our captures those that say anything."""

SHARED = [
    ("lab_erlang_gy_sy.pcap", "127.0.0.3"),
    ("lab_freediameter_gy_sy_rar_dwr.pcap", "127.0.0.3"),
    ("magma_gx_gy_combined_03_210505_132953-1.pcapng", "172.16.10.101"),
    ("magma_gx_gy_combined_06_210505_133132-1.pcapng", "172.16.10.101"),
]


def said(path: Path, dictionary: Dictionary) -> set[ServiceInformation]:
    """Return what the requests of a capture say that are not refused, as those of Gx are."""
    decoder = Decoder(dictionary, Networks(), {"gprs@maker.example": "32251"})
    found = set()
    for octets in messages(path):
        message = decode(octets, dictionary)
        if message.command_code != CREDIT_CONTROL or not message.is_request:
            continue
        try:
            check(message, dictionary, strict=False, applications={GY})
            found.add(decoder.decode(message, None, LATE).request.information)
        except DiameterError:
            continue
    return found


@pytest.mark.parametrize("path", sorted(OURS.glob("*.pcap")), ids=lambda path: path.stem)
def test_our_captures_say_what_was_sent(path: Path, dictionary: Dictionary) -> None:
    saying = SAYING.get(path.name, set())
    assert said(path, dictionary) | {NO_INFORMATION} == saying | {NO_INFORMATION}


@pytest.mark.shared
@pytest.mark.parametrize(("name", "address"), SHARED)
def test_gateways_of_others_say_where_they_are(
    shared: Path, dictionary: Dictionary, name: str, address: str
) -> None:
    assert said(shared / "captures" / name, dictionary) == {data_at(address)}
