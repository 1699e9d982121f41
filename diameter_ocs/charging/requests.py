"""What is asked, in no protocol's words: requests, the units in them, who they are about."""

from collections.abc import Callable
from enum import IntEnum
from operator import add
from typing import NamedTuple

from .information import NO_INFORMATION, ServiceInformation
from .units import UnitType


class RequestType(IntEnum):
    """The kinds of request (RFC 8506 section 8.3)."""

    INITIAL = 1
    UPDATE = 2
    TERMINATION = 3
    EVENT = 4
    """Charged at once: no session is kept open."""


NAMING = (RequestType.INITIAL, RequestType.EVENT)
"""The requests that are found by whom they name; others are found by their session."""


class IdentityKind(IntEnum):
    """What kind of name an identity is; the lower value is believed first."""

    IMSI = 1
    MSISDN = 2
    SIP_URI = 3
    NAI = 4
    PRIVATE = 5


class Identity(NamedTuple):
    """One name of a subscriber; an MSISDN is in digits, country code first, without a plus."""

    kind: IdentityKind
    value: str


class SessionKey(NamedTuple):
    """What names a session within a tenant: the Session-Id as sent, and a sub-session."""

    session_id: bytes
    sub_session_id: int | None = None


_CONTROLS = {number: f"\\x{number:02x}" for number in (*range(0x20), *range(0x7F, 0xA0))}
"""What a terminal would obey."""


def session_id_text(session_id: bytes, octets_max: int | None = None) -> str:
    """Returns a Session-Id, or so many octets of it, as people read it: it may say anything."""
    return session_id[:octets_max].decode(errors="backslashreplace").translate(_CONTROLS)


# A member takes 0.1 µs to be looked up in its class.
TIME, VOLUME, SERVICE_SPECIFIC_UNITS, _ = UnitType


class Units(NamedTuple):
    """Amounts by type of unit; None where the message did not name the type."""

    octets: int | None = None
    seconds: int | None = None
    service_specific: int | None = None
    money: int | None = None
    """In micro-units, rounded up."""
    fraction: int = 0
    """By how many millionths of a micro-unit."""

    def of(self, unit_type: UnitType) -> int | None:
        """Returns the amount in one type of unit."""
        octets, seconds, service_specific, money, _ = self
        if unit_type is VOLUME:
            return octets
        if unit_type is TIME:
            return seconds
        return service_specific if unit_type is SERVICE_SPECIFIC_UNITS else money

    def combined(self, combine: Callable[[int, int], int], other: "Units") -> "Units":
        """Combines each amount with the other; what is not named counts as 0."""
        return Units(*[combine(a or 0, b or 0) for a, b in zip(self, other, strict=True)])

    def plus(self, other: "Units") -> "Units":
        """Returns the sum."""
        return self.combined(add, other)


class EventAction(IntEnum):
    """What is to be done about an event (Requested-Action, RFC 8506 section 8.41)."""

    DEBIT = 0
    REFUND = 1
    CHECK_BALANCE = 2
    PRICE_ENQUIRY = 3


class ServiceUsage(NamedTuple):
    """What one service of a session used and asks for (an MSCC, RFC 8506 section 8.16)."""

    rating_group: int | None = None
    """None: the request named none."""
    service_identifiers: tuple[int, ...] = ()
    """Ascending, without repeats."""
    requested: Units | None = None
    """None: no quota is asked for; empty units: as much as is usual."""
    used: tuple[Units, ...] = ()
    is_quota_returned: bool = False
    """The quota is given back (Reporting-Reason FINAL or QHT): settle, grant nothing."""
    counted: Units | None = None
    """What of the usage was charged before, for a request that was refused after all."""
    messages: int = 1
    """How many an event is for, where nothing is requested."""
    used_after: tuple[Units, ...] = ()
    """What of `used` came after a change of price (Tariff-Change-Usage, RFC 8506 section 8.27)."""


class ChargingRequest(NamedTuple):
    """One credit-control request."""

    request_type: RequestType
    request_number: int
    session_key: SessionKey
    service_context: str | None
    """The document that describes the service, as "32251"; None: a context that nothing maps."""
    origin_host: str
    origin_realm: str
    end_to_end_id: int
    is_retransmission: bool
    tenant: str | None
    """Whose gateway asks; None: any tenant's."""
    identities: tuple[Identity, ...]
    """Ascending by kind, that is in the order in which they are believed."""
    event_at: int | None
    """When the client says that it happened, microseconds since 1970; None: not said."""
    usages: tuple[ServiceUsage, ...]
    is_spooled: bool = False
    """It was refused, and what it reported is charged now: it repeats only its own message, no
    matter how long ago that was stored."""
    said: int | None = None
    """The digest of the request of which this is what is left; None: it is whole."""
    information: ServiceInformation = NO_INFORMATION
    tells_free: bool = False
    """The gateway is told what is free in the session, and does not ask for it any more."""
    is_its_service: bool = False
    """It has one service, told of as itself: when that is refused the session ends with it."""
    action: EventAction = EventAction.DEBIT
    """Of an event alone."""
    tells_money: bool = False
    """The peer is told what it has cost and what is left."""
    charging_id: int | None = None
    """What the gateway numbers the bearer of a session with that is to be opened; never 0."""
    origin_state_id: int | None = None
    """What the gateway counts its restarts with (RFC 6733 section 8.16); never 0."""
    correlation_id: bytes | None = None
    """By which an event belongs with others."""
    refunds: tuple[bytes, ...] = ()
    """By usage, what the answer to the event was marked with that is to be refunded; empty: it is
    named otherwise."""
    currency: int | None = None
    """The number of the currency of the money in it, 0 where that is not said; None: no money."""
    wants_default: bool = False
    """It names no service, and asks for that which its context has by default."""
    has_pool: bool = False
    """The gateway may use quotas of the session for each other that are told to be a pool."""
