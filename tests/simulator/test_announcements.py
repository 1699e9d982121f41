"""Announcement-Information as the gateway reads and shows it."""

import pytest
from diameter.message import Avp, constants

from diameter_ocs.simulator.announcements import Announcement, VariablePart, read_announcement
from diameter_ocs.simulator.avps import tgpp

SILENT = Announcement(7, None, None, None, None, None, None, ())


def members(octets: str) -> list[Avp]:
    """Returns what the octets of the group hold."""
    group = Avp.new(constants.AVP_TGPP_ANNOUNCEMENT_INFORMATION, constants.VENDOR_TGPP)
    group.payload = bytes.fromhex(octets)
    return list(group.value)


def test_an_announcement_is_read_with_all_it_says() -> None:
    octets = (
        "00000f41 c0000010 000028af 000003e9"  # Announcement-Identifier 1001
        "00000f42 c0000010 000028af 00000002"  # Announcement-Order 2
        "00000f47 c0000010 000028af 0000001e"  # Time-Indicator 30
        "00000f48 c0000010 000028af 00000001"  # Quota-Indicator 1
        "00000f49 c0000010 000028af 00000001"  # Play-Alternative 1
        "00000f4b c0000010 000028af 00000001"  # Privacy-Indicator 1
        "00000f4a c000000e 000028af 64650000"  # Language "de"
        "00000f43 c0000040 000028af"  # Variable-Part
        "00000f44 c0000010 000028af 00000001"  # Variable-Part-Order 1
        "00000f45 c0000010 000028af 00000004"  # Variable-Part-Type 4
        "00000f46 c0000014 000028af 3030303031323530"  # Variable-Part-Value "00001250"
    )
    heard = read_announcement(members(octets))
    assert heard == Announcement(1001, 2, 30, 1, 1, 1, "de", (VariablePart(4, "00001250", 1),))
    assert heard.text() == (
        "announcement 1001 30 s before the end (order 2, using the quota, to the remote party, "
        "private, language de, 00001250 as currency)"
    )
    assert heard.as_dict()["variable_parts"] == ({"type": 4, "value": "00001250", "order": 1},)


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [
        (constants.AVP_TGPP_TIME_INDICATOR, 0, "announcement 7 at the end"),
        (constants.AVP_TGPP_TIME_INDICATOR, 1, "announcement 7 1 s before the end"),
        (constants.AVP_TGPP_QUOTA_INDICATOR, 0, "announcement 7 at once (without using the quota)"),
        (constants.AVP_TGPP_PLAY_ALTERNATIVE, 0, "announcement 7 at once (to the served party)"),
        (constants.AVP_TGPP_PRIVACY_INDICATOR, 0, "announcement 7 at once (not private)"),
        (constants.AVP_TGPP_PRIVACY_INDICATOR, 2, "announcement 7 at once (unknown (2))"),
    ],
)
def test_a_member_says_when_and_to_whom(code: int, value: int, text: str) -> None:
    group = [tgpp(constants.AVP_TGPP_ANNOUNCEMENT_IDENTIFIER, 7), tgpp(code, value)]
    assert read_announcement(group).text() == text


def test_what_is_not_said_is_none() -> None:
    group = [tgpp(constants.AVP_TGPP_ANNOUNCEMENT_IDENTIFIER, 7)]
    assert read_announcement(group) == SILENT
    assert SILENT.text() == "announcement 7 at once"
