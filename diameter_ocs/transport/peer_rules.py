"""Which peers may connect, by their names and by whence they come (RFC 6733 section 5.3)."""

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from ..base.capabilities import PeerAccepted
from .association import Address, Wire

PATTERN = frozenset("*?[")
"""Characters that make a name a pattern."""
AS_USUAL = PeerAccepted()
NAMES_TOLD_MAX = 4
"""Names of a certificate that are told of."""

Network = IPv4Network | IPv6Network


class Origin(NamedTuple):
    """Whence a peer comes."""

    address: Address
    wire: Wire = Wire.TCP
    certificate_names: frozenset[str] | None = None
    """The host names that its certificate proves, in lower case; None: it has none."""
    is_called: bool = False
    """Whether it did not come, but this node went there."""


class Objection(NamedTuple):
    """What is wrong with whence a peer comes, in a word and in a sentence."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class PeerRule:
    """Peers that may connect; what is None or empty matches every peer."""

    host: str | None = None
    """An Origin-Host, or a pattern with `*`, `?` and `[...]`."""
    realm: str | None = None
    tenant: str | None = None
    """Whose gateways these are; None: any tenant's."""
    addresses: tuple[Network, ...] = ()
    wires: frozenset[Wire] = frozenset()
    """Over what they may come; empty: whatever there is."""
    certificate: str | None = None
    """A name, or pattern, that a certificate has to prove where one is shown; None: the host's."""
    terms: PeerAccepted = AS_USUAL
    """How the peers are treated."""
    terms_of_hosts: tuple[tuple[str, PeerAccepted], ...] = ()
    """How some of them are, by a name or pattern; the first that matches counts."""
    is_loopback_only: bool = False

    def matches(self, host: str, realm: str) -> bool:
        """Compares names without regard to case."""
        return (self.realm is None or realm.lower() == self.realm.lower()) and (
            self.host is None or host_matches(host, self.host)
        )

    def terms_of(self, host: str) -> PeerAccepted:
        """Returns how a peer is treated that matches."""
        found = (terms for pattern, terms in self.terms_of_hosts if host_matches(host, pattern))
        return next(found, self.terms)

    def admits(self, address: Address) -> bool:
        """Says whether a peer may come from an address."""
        if self.is_loopback_only:
            return address.is_loopback
        return not self.addresses or any(address in network for network in self.addresses)

    def names(self, address: Address, wire: Wire) -> bool:
        """Says whether it names an address, over a wire, and not only admits whatever comes."""
        is_meant = bool(self.addresses) or self.is_loopback_only
        return is_meant and self.admits(address) and (not self.wires or wire in self.wires)

    def objection(self, host: str, origin: Origin) -> Objection | None:
        """Returns why a peer that matches may not come as it does; None: it may."""
        return (None if origin.is_called else self._objection_to_way(host, origin)) or (
            self._objection_to_names(host, origin)
        )

    def _objection_to_way(self, host: str, origin: Origin) -> Objection | None:
        if not self.admits(origin.address):
            return Objection("address", f"{host} may not connect from {origin.address}")
        if self.wires and origin.wire not in self.wires:
            wires = " or ".join(sorted(self.wires))
            reason = f"{host} may not connect over {origin.wire}, only over {wires}"
            return Objection("transport", reason)
        return None

    def _objection_to_names(self, host: str, origin: Origin) -> Objection | None:
        names = origin.certificate_names
        wanted = self.certificate or host
        if names is None:
            if self.certificate is None or origin.wire is not Wire.TLS:
                return None
            reason = f"{host} has to show a certificate that proves {wanted}, and shows none"
            return Objection("certificate", reason)
        # What a peer calls itself is no pattern, whatever it looks like.
        is_right = host_matches if self.certificate is not None else _is_same
        if any(is_right(name, wanted) or _stands_for(name, wanted) for name in names):
            return None
        reason = f"the certificate of {host} proves {_listed(names)}, not {wanted}"
        return Objection("certificate", reason)


def host_matches(host: str, pattern: str) -> bool:
    """Says whether a pattern, or a name, is that of a host."""
    host, pattern = host.lower(), pattern.lower()
    # Patterns are compiled, and few of them are kept.
    return host == pattern or (not PATTERN.isdisjoint(pattern) and fnmatchcase(host, pattern))


def _is_same(name: str, wanted: str) -> bool:
    return name == wanted.lower()


def _stands_for(name: str, wanted: str) -> bool:
    """Says whether a name of a certificate is `*.` before what follows the first label of a host.

    It stands for that one label (RFC 9525 section 6.3).
    """
    return (
        name.startswith("*.")
        and PATTERN.isdisjoint(wanted)
        and wanted.lower().partition(".")[2] == name[2:]
    )


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:NAMES_TOLD_MAX]) if names else "no host name"
