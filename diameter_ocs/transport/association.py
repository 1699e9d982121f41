"""What a connection with a peer runs over, one interface for every wire.

An association carries whole messages to the peer; its handler hears what comes from there. All of
it happens in the thread of the loop, and no call of one waits.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple, Protocol

Address = IPv4Address | IPv6Address


class Wire(StrEnum):
    """A way to carry Diameter (RFC 6733 section 2.1)."""

    TCP = "tcp"
    TLS = "tls"
    """TLS over TCP."""
    SCTP = "sctp"
    """SCTP of the kernel."""
    SCTP_UDP = "sctp-udp"
    """SCTP over UDP (RFC 6951), by libusrsctp."""

    @property
    def is_stream(self) -> bool:
        """Whether octets come without the boundaries of their messages."""
        return self in (Wire.TCP, Wire.TLS)


class PathState(StrEnum):
    """What is known of one of a peer's addresses (RFC 6458 section 6.1.2)."""

    AVAILABLE = "available"
    UNREACHABLE = "unreachable"
    REMOVED = "removed"
    ADDED = "added"
    MADE_PRIMARY = "made primary"
    CONFIRMED = "confirmed"
    POTENTIALLY_FAILED = "potentially failed"
    UNCONFIRMED = "unconfirmed"
    """It has not answered yet; no wire tells of that."""


class Place(NamedTuple):
    """An address and a port."""

    address: Address
    port: int

    def __str__(self) -> str:
        host = str(self.address)
        return f"[{host}]:{self.port}" if self.address.version == 6 else f"{host}:{self.port}"


class WireFault(ConnectionError):
    """What was wrong with how the wire was used, in a sentence that a person can act on."""


def address_of(host: str) -> Address:
    """Returns an address as peers are known by: IPv4 out of IPv6, and without a scope."""
    address = ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


class Association(Protocol):
    """One connection with a peer, from `Handler.connection_made` to `Handler.connection_lost`.

    After its end every call is allowed and does nothing.
    """

    @property
    def wire(self) -> Wire:
        """What it runs over."""

    @property
    def local_addresses(self) -> Sequence[Address]:
        """This node's addresses that the peer may use, at least one."""

    @property
    def peer_places(self) -> Sequence[Place]:
        """Where the peer is, first the address that is used first, at least one."""

    @property
    def certificate_names(self) -> frozenset[str] | None:
        """The host names that the peer's certificate proves, in lower case; None: it has none."""

    @property
    def unsent_octets(self) -> int:
        """How much waits until the peer reads more."""

    @property
    def is_closing(self) -> bool:
        """Whether `close` or `abort` was called, or the connection is over."""

    def send(self, messages: Sequence[bytes]) -> None:
        """Sends whole messages in this order, each as one where the wire knows messages.

        What cannot go at once waits; `Handler.pause_writing` follows.
        """

    def close(self) -> None:
        """Ends the connection in order after what waits was sent: nothing more is sent or heard.

        A peer that does not take part is given up by `abort` of whoever closes.
        """

    def abort(self) -> None:
        """Ends the connection at once: what waits is lost, the peer hears of the end as a fault."""


class Handler(Protocol):
    """Whoever drives one connection; no method raises."""

    def connection_made(self, association: Association) -> None:
        """Called first, once."""

    def data_received(self, octets: bytes) -> None:
        """Called with one whole message, or, where the wire is a stream, with what has come."""

    def path_changed(self, place: Place, state: PathState) -> None:
        """Called when the wire has heard something of one of the peer's addresses."""

    def not_sent(self, octets: bytes, error: OSError) -> None:
        """Called when the wire cannot carry a message at all, as it is too long: it is dropped."""

    def pause_writing(self) -> None:
        """Called when something that was sent has to wait."""

    def resume_writing(self) -> None:
        """Called when nothing waits any more."""

    def connection_lost(self, error: Exception | None) -> None:
        """Called last, once; None: the connection ended in order, or by this node.

        A `WireFault` says what somebody has to mend.
        """


Accept = Callable[[], Handler]
"""Makes the handler of a connection that a peer opens."""


class Listening(Protocol):
    """A wire that takes connections until it is closed; those that were taken go on."""

    @property
    def wire(self) -> Wire:
        """What it listens on."""

    @property
    def places(self) -> Sequence[Place]:
        """Where, with the port that port 0 has become; at least one."""

    def close(self) -> None:
        """Takes no connection any more."""
