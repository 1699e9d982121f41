"""Which bearer a request is about, and which life of its gateway, in messages laid out alike."""

from collections.abc import Callable
from typing import Any

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Message
from diameter_ocs.charging.requests import ChargingRequest
from diameter_ocs.gy.decode import Decoder
from tests.gy.networks import Networks
from tests.gy.test_places import NOON, USUAL, packet

Write = Callable[..., Message]
Read = Callable[..., ChargingRequest]
TIMES = 4
"""After some requests of one layout the places of its values are known."""


@pytest.fixture
def read(write: Write, dictionary: Dictionary) -> Read:
    """Read a request as one of many that are laid out alike; all say the same."""
    decoder = Decoder(dictionary, Networks())

    def reading(*members: Any, **essential: Any) -> ChargingRequest:
        message = write(*USUAL, *members, with_=essential)
        found = [decoder.decode(message, "demo", NOON).request for _ in range(TIMES)]
        assert found == [found[0]] * TIMES
        return found[0]

    return reading


CHARGING_ID = ("3GPP-Charging-Id", 4_000_000_000)
FURNISHED = ("PS-Furnish-Charging-Information", [("3GPP-Charging-Id", 8)])


@pytest.mark.parametrize(
    ("members", "charging_id"),
    [
        ((packet(CHARGING_ID),), 4_000_000_000),
        ((CHARGING_ID,), 4_000_000_000),
        ((packet(FURNISHED),), 8),
        ((packet(CHARGING_ID, FURNISHED),), 4_000_000_000),
        ((packet(("3GPP-Charging-Id", 0)),), None),
        ((packet(),), None),
        ((), None),
    ],
    ids=["PS-Information", "command", "furnished", "both", "zero", "not said", "no information"],
)
def test_the_bearer_of_a_session_that_opens_is_read(
    read: Read, members: tuple[Any, ...], charging_id: int | None
) -> None:
    assert read(*members).charging_id == charging_id


def test_the_bearer_of_a_session_is_read_once(read: Read) -> None:
    """Later requests are of the same: nobody looks for their bearer."""
    assert read(packet(CHARGING_ID), **{"CC-Request-Type": 2}).charging_id is None


@pytest.mark.parametrize("request_type", [1, 2, 3])
def test_every_request_tells_the_state_of_its_gateway(read: Read, request_type: int) -> None:
    said = read(("Origin-State-Id", 2**32 - 1), **{"CC-Request-Type": request_type})
    assert said.origin_state_id == 2**32 - 1
    unsaid = read(("Origin-State-Id", 0), **{"CC-Request-Type": request_type})
    assert unsaid.origin_state_id is None, "0 is said by those that do not count"
    assert read(**{"CC-Request-Type": request_type}).origin_state_id is None
