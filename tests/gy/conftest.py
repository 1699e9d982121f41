"""The dictionary and a way to write requests by the names of their AVPs."""

from collections.abc import Callable
from typing import Any

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity, Message, decode, request
from diameter_ocs.gy.decode import Decoded, Decoder
from diameter_ocs.gy.encode import Encoder
from tests.base.wire import load_dictionary
from tests.gy.networks import Networks

NOON = 1_709_985_600_000_000
"""2024-03-09T12:00:00Z, when every request of these tests is received."""

ESSENTIAL: dict[str, Any] = {
    "Session-Id": "pgw.example;1;2",
    "Origin-Host": "pgw.example",
    "Origin-Realm": "example",
    "Destination-Realm": "ocs.example",
    "Auth-Application-Id": 4,
    "Service-Context-Id": "32251@3gpp.org",
    "CC-Request-Type": 1,
    "CC-Request-Number": 0,
}
SUBSCRIPTION = (
    "Subscription-Id",
    [("Subscription-Id-Type", 0), ("Subscription-Id-Data", "15550100001")],
)

Members = tuple[str, Any]
Write = Callable[..., Message]


@pytest.fixture(scope="session")
def dictionary() -> Dictionary:
    """The dictionary of the server."""
    return load_dictionary()


@pytest.fixture(scope="session")
def identity() -> Identity:
    """Whose answers are encoded."""
    return Identity("ocs.example", "realm.example")


@pytest.fixture(scope="session")
def decoder(dictionary: Dictionary) -> Decoder:
    """Reads every request of these tests, so that what it remembers is tried, too."""
    return Decoder(dictionary, Networks())


@pytest.fixture(scope="session")
def encoder(dictionary: Dictionary, identity: Identity) -> Encoder:
    """Writes every answer of these tests."""
    return Encoder(dictionary, identity)


@pytest.fixture(scope="session")
def write(dictionary: Dictionary) -> Write:
    """Writes a request of the members given and of what every request has.

    `without` leaves essential members out, `with_` puts other values in their place.
    """

    def write(
        *members: Members,
        without: tuple[str, ...] = (),
        with_: dict[str, Any] | None = None,
    ) -> Message:
        essential = {**ESSENTIAL, **(with_ or {})}
        pairs = [pair for pair in essential.items() if pair[0] not in without]
        octets = request(dictionary, "Credit-Control", 0x11111111, 0x22222222, [*pairs, *members])
        return decode(octets, dictionary)

    return write


@pytest.fixture(scope="session")
def read(write: Write, decoder: Decoder) -> Callable[..., Decoded]:
    """Writes a request that names a subscriber, and decodes it."""

    def read(*members: Members, **options: Any) -> Decoded:
        return decoder.decode(write(SUBSCRIPTION, *members, **options), "demo", NOON)

    return read
