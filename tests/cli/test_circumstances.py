"""Where something was charged, and with whom, as commands say it."""

import pytest

from diameter_ocs.charging.information import (
    Direction,
    LocationSource,
    ServiceInformation,
)
from diameter_ocs.charging.location import UNKNOWN, Circumstances, Location
from diameter_ocs.cli.circumstances import SOURCES, circumstances_json, location_text, place_text

PARIS = Location(LocationSource.USER_LOCATION, "20801", ("FR",))


@pytest.mark.parametrize(
    ("location", "place", "text"),
    [
        (UNKNOWN, None, None),
        (PARIS, "20801 FR", "20801 FR, by 3GPP-User-Location-Info"),
        (
            PARIS._replace(is_remembered=True),
            "20801 FR",
            "20801 FR, by 3GPP-User-Location-Info; said before",
        ),
        (
            Location(LocationSource.VLR_NUMBER, None, ("GP", "BL", "MF")),
            "GP/BL/MF",
            "GP/BL/MF, by VLR-Number",
        ),
        (
            Location(LocationSource.SERVING_NETWORK, "99999", (), (LocationSource.USER_LOCATION,)),
            "99999",
            "99999, by 3GPP-SGSN-MCC-MNC; not to be placed: 3GPP-User-Location-Info",
        ),
        (
            Location(LocationSource.RECEIVED_ADDRESS, None, ("DE",)),
            "DE",
            "DE, assumed by Originator-Received-Address",
        ),
        (
            Location(skipped=(LocationSource.USER_LOCATION, LocationSource.VLR_NUMBER)),
            None,
            "unknown; not to be placed: 3GPP-User-Location-Info, VLR-Number",
        ),
    ],
)
def test_a_place_is_said_in_words(location: Location, place: str | None, text: str | None) -> None:
    assert (place_text(location), location_text(location)) == (place, text)


def test_all_that_is_known_stands_in_the_json() -> None:
    information = ServiceInformation(
        direction=Direction.ORIGINATING, calling="4915100000001", called="112", is_emergency=True
    )
    described = circumstances_json(Circumstances(PARIS, information, False))
    assert described["location"] == {
        "source": "USER_LOCATION",
        "network": "20801",
        "countries": ["FR"],
        "skipped": [],
        "is_remembered": False,
        "is_assumed": False,
    }
    assert (described["direction"], described["called"]) == ("ORIGINATING", "112")
    assert (described["is_emergency"], described["is_on_net"]) == (True, False)


def test_every_source_has_a_name() -> None:
    assert set(SOURCES) == set(LocationSource)
