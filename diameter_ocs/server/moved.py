"""Gateways that go by the time of the world, where the server goes by a test clock."""

from typing import Protocol

from ..base.message import Message
from ..charging.decisions import Decision, ServiceDecision
from ..charging.spending_limits import CounterStatus
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


def in_world_time(decision: Decision, ahead: int) -> Decision:
    """Returns a decision that tells the times of a test clock as those of the world."""
    return decision._replace(services=tuple([_moved(each, ahead) for each in decision.services]))


def foreseen_in_world_time(
    statuses: tuple[CounterStatus, ...], ahead: int
) -> tuple[CounterStatus, ...]:
    """Returns what will become of counters, by the time of the world likewise."""
    return tuple(
        [
            status._replace(
                pending=tuple(
                    [each._replace(change_at=each.change_at - ahead) for each in status.pending]
                )
            )
            for status in statuses
        ]
    )


def _moved(service: ServiceDecision, ahead: int) -> ServiceDecision:
    grant = service.grant
    if grant is None or grant.tariff_change_at is None:
        return service
    told = grant._replace(tariff_change_at=grant.tariff_change_at - ahead)
    return service._replace(grant=told)
