"""Requests of gateways that go by the time of the world, where the server goes by a test clock."""

from typing import Protocol

from ..base.message import Message
from ..gy.decode import Decoded
from ..jobs.clocks import MovedClock


class Decodes(Protocol):
    """Whatever reads requests."""

    def decode(self, message: Message, tenant: str | None, received_at: int) -> Decoded:
        """Reads a request that was received at a time, in microseconds since 1970."""


class MovedDecoder:
    """Reads requests as another decoder, and takes the times in them for those of the world.

    What the test clock is ahead is added. A gateway that goes by the test clock itself has nothing
    added: its times are too far ahead to be believed, and that of the receipt counts.
    """

    def __init__(self, decoder: Decodes, clock: MovedClock) -> None:
        self._decoder = decoder
        self._clock = clock

    def decode(self, message: Message, tenant: str | None, received_at: int) -> Decoded:
        """Reads a request that was received at a time of the test clock."""
        ahead = self._clock.ahead
        decoded = self._decoder.decode(message, tenant, received_at - ahead)
        event_at = decoded.request.event_at
        if event_at is None:
            return decoded
        return decoded._replace(request=decoded.request._replace(event_at=event_at + ahead))
