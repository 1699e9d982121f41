"""Which requests of one connection are taken, by all that is known before they are understood."""

from .capabilities import LocalNode, PeerAccepted
from .checks import check
from .errors import CommandUnsupported, TooBusy
from .message import Message
from .routing import check_destination, destinations
from .tolerance import Tolerated

CAPABILITIES_EXCHANGE = "Capabilities-Exchange"
DEVICE_WATCHDOG = "Device-Watchdog"
DISCONNECT_PEER = "Disconnect-Peer"

_OF_THE_BASE = frozenset((CAPABILITIES_EXCHANGE, DEVICE_WATCHDOG, DISCONNECT_PEER))


class Intake:
    """The checks that a request passes, and the limit of those that are open at a time.

    The limits are the node's until `settle` is told the peer's own.
    """

    __slots__ = (
        "_application_ids",
        "_dictionary",
        "_local",
        "_requests_in_flight_max",
        "_served",
        "_taken",
        "is_strict",
    )

    def __init__(self, local: LocalNode) -> None:
        self._local = local
        self._dictionary = local.dictionary
        self._application_ids = local.application_ids
        self._served = destinations(local)
        self._taken = {each.id: each.requests for each in local.applications}
        self._requests_in_flight_max = local.requests_in_flight_max
        self.is_strict = local.strict

    def settle(self, accepted: PeerAccepted) -> None:
        """Takes over on which terms the peer is taken."""
        local = self._local
        self.is_strict = accepted.strict or local.strict
        self._requests_in_flight_max = (
            accepted.requests_in_flight_max or local.requests_in_flight_max
        )

    def check(self, message: Message, in_flight: int) -> tuple[Tolerated, ...]:
        """Returns what is tolerated in a request.

        Raises:
            DiameterError: its answer says this.
        """
        tolerated = check(
            message,
            self._dictionary,
            strict=self.is_strict,
            applications=self._application_ids,
        )
        name = message.name
        if name in _OF_THE_BASE:
            return tolerated
        check_destination(message, self._served)
        if name not in self._taken[message.application_id]:
            raise CommandUnsupported(f"{name} is sent from here, not taken")
        if in_flight >= self._requests_in_flight_max:
            raise TooBusy(f"{in_flight} requests of this connection are open")
        return tolerated
