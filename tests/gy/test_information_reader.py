"""What requests say of their service is read once, and never mistaken for what others said."""

from collections.abc import Callable
from typing import Any

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Decoder, Message
from diameter_ocs.gy.information import information_of
from diameter_ocs.gy.information_reader import (
    AVP_OCTETS_MAX,
    INFORMATION_REMEMBERED,
    LAYOUTS_REMEMBERED,
    InformationReader,
    access_places_of,
)
from tests.gy.networks import Networks

Pair = tuple[str, Any]
Write = Callable[..., Message]

TAI_AND_ECGI = "82 62f210 2b67 62f210 01a2d30b"


def packet(*members: Pair) -> Pair:
    return "Service-Information", [("PS-Information", members)]


def location(octets: bytes | str) -> Pair:
    is_text = isinstance(octets, str)
    return "3GPP-User-Location-Info", bytes.fromhex(octets) if is_text else octets


class Reading:
    """Reads messages with a memory, and beside it without."""

    def __init__(self, write: Write, dictionary: Dictionary) -> None:
        self._write = write
        self._messages = Decoder(dictionary)
        self.reader = InformationReader(Networks())

    def read(self, *members: Pair) -> Any:
        """Returns what a message says, which is what it says to one without a memory."""
        message = self._messages.decode(self._write(*members).octets)
        information = self.reader.read(message, "32251", ())
        assert information == information_of(message.group, "32251", (), Networks())
        self.reader.learn(message)
        return information


@pytest.fixture
def reading(write: Write, dictionary: Dictionary) -> Reading:
    return Reading(write, dictionary)


def test_users_in_one_network_share_what_is_read(reading: Reading) -> None:
    cells = [f"82 62f210 2b67 62f210 01a2d3{cell:02x}" for cell in range(8)]
    several = [reading.read(packet(location(cell), ("3GPP-Charging-Id", 7))) for cell in cells]
    assert several[-1] is several[-2]


def test_what_does_not_matter_is_not_looked_at(reading: Reading) -> None:
    several = [
        reading.read(packet(("3GPP-Charging-Id", number), location(TAI_AND_ECGI)))
        for number in range(8)
    ]
    assert several[-1] is several[-2]


ALIKE: list[list[Pair]] = [
    [packet(location(TAI_AND_ECGI)), packet(location("82 130014 2b67 62f210 01a2d30b"))],
    [packet(location("80 62f210 2b67")), packet(location("90 62f210 2b67"))],
    [packet(location(b"8062f2102b67")), packet(location(b"8062f2102b6g"))],
    [packet(location(b"1062f210")), packet(location(b"1062f21g"))],
    [packet(location("80 62f210 2b67")), packet(location("80 62f210 2b"))],
    [packet(location("")), packet()],
    [packet(("Called-Station-Id", "a")), packet(("Called-Station-Id", "b"))],
    [packet(("Called-Station-Id", "26201")), packet(("3GPP-SGSN-MCC-MNC", "26201"))],
    [packet(("3GPP-RAT-Type", b"\1")), packet(("3GPP-RAT-Type", b"\6"))],
    [packet(("3GPP-RAT-Type", b"\1")), ("3GPP-RAT-Type", b"\1")],
    [packet(("SGSN-Address", (1, bytes(4)))), packet(("SGSN-Address", (1, b"\x0a\0\0\1")))],
]


@pytest.mark.parametrize("members", ALIKE)
def test_requests_that_look_alike_are_told_apart(reading: Reading, members: list[Pair]) -> None:
    for member in members * 3:
        reading.read(member)


@pytest.mark.parametrize("name", ["IMS", "VCS", "SMS", "MMS"])
def test_what_says_more_than_where_and_over_what_is_read_each_time(write: Write, name: str) -> None:
    member = ("Service-Information", [("PS-Information", []), (f"{name}-Information", [])])
    assert access_places_of(write(member)) is None


def test_long_octets_are_not_remembered(write: Write) -> None:
    assert access_places_of(write(packet(("Called-Station-Id", "a" * AVP_OCTETS_MAX)))) is None
    assert access_places_of(write(packet(location(bytes(60_000))))) is not None


def test_memory_is_bounded(reading: Reading, write: Write) -> None:
    reader = reading.reader
    message = write(packet(location(TAI_AND_ECGI), ("Called-Station-Id", "a0000")))
    places = access_places_of(message)
    assert places is not None
    at = message.octets.index(b"a0000")
    for number in range(INFORMATION_REMEMBERED + 20):
        octets = message.octets[:at] + b"%05d" % number + message.octets[at + 5 :]
        reader.at(Message(octets, message.group.layout), places)
    for _ in range(LAYOUTS_REMEMBERED + 20):
        reader.learn(write(packet()))
    assert len(reader._places) <= LAYOUTS_REMEMBERED
    assert len(reader._known) <= INFORMATION_REMEMBERED
