"""The dictionary, and what reads and writes the messages of these tests."""

from collections.abc import Callable

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity
from diameter_ocs.base.message import decode as decode_message
from diameter_ocs.sy.decode import Decoded, decode
from diameter_ocs.sy.encode import Encoder
from diameter_ocs.sy.notify import Notifier
from tests.base.wire import load_dictionary

Read = Callable[[bytes], Decoded]


@pytest.fixture(scope="session")
def dictionary() -> Dictionary:
    """The dictionary of the server."""
    return load_dictionary()


@pytest.fixture(scope="session")
def identity() -> Identity:
    """Who answers and reports."""
    return Identity("ocs.example", "realm.example")


@pytest.fixture(scope="session")
def encoder(dictionary: Dictionary, identity: Identity) -> Encoder:
    """Writes every answer of these tests."""
    return Encoder(dictionary, identity)


@pytest.fixture(scope="session")
def notifier(dictionary: Dictionary, identity: Identity) -> Notifier:
    """Writes every report of these tests."""
    return Notifier(dictionary, identity)


@pytest.fixture(scope="session")
def read(dictionary: Dictionary) -> Read:
    """Reads a request."""

    def read(octets: bytes) -> Decoded:
        return decode(decode_message(octets, dictionary), "demo", dictionary)

    return read
