"""Whose requests are taken: what operators accept, and what servers tell of their peers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AcceptedPeer:
    """Peers that an operator has accepted; what is None or empty matches every peer."""

    host: str
    """A name in lower case, or a pattern with `*`, `?` and `[...]`."""
    realm: str | None = None
    tenant: str | None = None
    """Whose gateways these are; None: any tenant's."""
    profile: str | None = None
    """How they are treated; None: as the server treats all."""
    addresses: tuple[str, ...] = ()
    wires: tuple[str, ...] = ()
    """Over what they may come, as `tls`."""
    certificate: str | None = None
    """A name, or a pattern, that their certificates have to prove; None: their own host's."""


@dataclass(frozen=True, slots=True)
class NamedProfile:
    """How a tenant wants some of its peers treated, where nobody else has said how."""

    tenant: str
    host: str
    """A name or a pattern."""
    profile: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An accepted peer, with when (microseconds since 1970) and by whom it was accepted."""

    peer: AcceptedPeer
    at: int
    actor: str


@dataclass(frozen=True, slots=True)
class RefusedPeer:
    """A peer that was not known, and what it said of itself; times in microseconds since 1970."""

    host: str
    realm: str
    reason: str
    """`unknown`, or `address`, `transport` or `certificate` where only that was wrong."""
    address: str
    product_name: str
    application_ids: tuple[int, ...]
    first_at: int
    last_at: int
    times: int


@dataclass(frozen=True, slots=True)
class ConfiguredPeer:
    """Peers that a server's own configuration names."""

    host: str | None
    realm: str | None
    tenant: str | None
    profile: str | None
    addresses: tuple[str, ...]
    wires: tuple[str, ...] = ()
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class PeerPath:
    """An address of a peer, with its port, and whether it answers there."""

    place: str
    state: str
    """`available`, or what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ConnectedPeer:
    """A peer with a connection; `opened_at` in microseconds since 1970."""

    host: str
    realm: str
    address: str
    product_name: str
    opened_at: int
    state: str
    requests: int
    refusals: int
    wire: str = "tcp"
    """What the connection runs over."""
    opened_by: str = "peer"
    """`peer` or `server`."""
    paths: tuple[PeerPath, ...] = ()
    """All addresses of the peer that the connection knows."""


@dataclass(frozen=True, slots=True)
class AbsentPeer:
    """A peer that is not connected, and why; times in microseconds since 1970."""

    host: str | None
    """None: whoever came from there did not say who he is."""
    address: str
    wire: str
    reason: str
    ended_at: int
    """When it was so last."""
    times: int
    """How often it was so, one after the other."""
    state: str | None = None
    """What the server does that connects to it: `connecting`, `waiting`, or `held back`, as the
    peer has disconnected; None: it does not connect to it."""
    attempts: int = 0
    """How often it has tried."""
    due_at: int | None = None
    """When it tries again; None: it does so now, or does not connect to it."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server as the others see it; times in microseconds since 1970."""

    id: str
    """Unlike that of any other process."""
    origin_host: str
    started_at: int
    seen_at: int
    profiles: tuple[str, ...]
    configured: tuple[ConfiguredPeer, ...]
    connected: tuple[ConnectedPeer, ...]
    catalogue_keys: tuple[str, ...]
    """The keys of a catalogue that it knows."""
    absent: tuple[AbsentPeer, ...] = ()
