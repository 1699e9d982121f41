"""What the peer machine reports to the one who drives it; the rim acts on it and logs it."""

from enum import StrEnum
from typing import NamedTuple

from .errors import DiameterError
from .message import Message
from .tolerance import Tolerated


class CerFacts(NamedTuple):
    """What a peer says of itself in its CER, or in its CEA to ours.

    `application_ids` holds all of them, authentication and accounting, also those inside
    Vendor-Specific-Application-Id. Addresses are (family, octets).
    """

    origin_host: str
    origin_realm: str
    host_ip_addresses: tuple[tuple[int, bytes], ...]
    vendor_id: int
    product_name: str
    origin_state_id: int | None
    firmware_revision: int | None
    supported_vendor_ids: tuple[int, ...]
    application_ids: frozenset[int]
    inband_security_ids: tuple[int, ...]


class CloseReason(StrEnum):
    """Why a connection ended."""

    CAPABILITIES_CHANGED = "capabilities_changed"
    CAPABILITIES_LATE = "capabilities_late"
    CAPABILITIES_REFUSED = "capabilities_refused"
    CONNECTION_LOST = "connection_lost"
    DISCONNECT_LATE = "disconnect_late"
    DISCONNECTED_BY_PEER = "disconnected_by_peer"
    DISCONNECTED_BY_US = "disconnected_by_us"
    GAVE_WAY = "gave_way"
    MALFORMED = "malformed"
    REFUSED_BY_PEER = "refused_by_peer"
    REPLACED = "replaced"
    UNEXPECTED_MESSAGE = "unexpected_message"
    UNSUPPORTED_VERSION = "unsupported_version"
    WATCHDOG = "watchdog"


class RequestReceived(NamedTuple):
    """A request that passed every check; whoever takes it answers it exactly once."""

    message: Message
    tolerated: tuple[Tolerated, ...]


class RequestRefused(NamedTuple):
    """A request that was answered with an error already."""

    message: Message
    error: DiameterError


class AnswerReceived(NamedTuple):
    """The answer to a request of ours."""

    message: Message


class AnswerDropped(NamedTuple):
    """An answer whose hop-by-hop id belongs to no request of ours that is open."""

    message: Message


class PeerOpened(NamedTuple):
    """The capabilities were exchanged; requests may follow."""

    origin_host: str
    origin_realm: str
    facts: CerFacts


class RequestTolerated(NamedTuple):
    """A message of the base protocol that was taken although something was wrong with it."""

    tolerated: tuple[Tolerated, ...]


class PeerSuspected(NamedTuple):
    """A DWA is overdue; requests of ours should go elsewhere."""


class PeerRecovered(NamedTuple):
    """A peer that was suspected, or that had failed before, can be trusted again."""


class PeerProved(NamedTuple):
    """A peer that was probed is still there."""


class PeerClosed(NamedTuple):
    """The connection is over: send what is left, then close it."""

    reason: CloseReason
    detail: str


Event = (
    RequestReceived
    | RequestRefused
    | RequestTolerated
    | AnswerReceived
    | AnswerDropped
    | PeerOpened
    | PeerSuspected
    | PeerRecovered
    | PeerProved
    | PeerClosed
)
