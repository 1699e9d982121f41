"""Which peers may connect, whose they are, and which of them are here.

A peer that no rule names is refused with 3010 (RFC 6733 section 5.3).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple, Protocol

from ..base.errors import UnknownPeer
from ..base.events import CerFacts
from ..base.peer import PeerAccepted, PeerRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class PeerRule:
    """Peers that may connect; what is None or empty matches every peer."""

    host: str | None = None
    """An Origin-Host, or a pattern with `*`, `?` and `[...]`."""
    realm: str | None = None
    tenant: str | None = None
    """Whose gateways these are; None: any tenant's."""
    addresses: tuple[Network, ...] = ()
    is_strict: bool = False
    is_loopback_only: bool = False

    def matches(self, host: str, realm: str) -> bool:
        """Compares names without regard to case."""
        return (self.host is None or fnmatchcase(host.lower(), self.host.lower())) and (
            self.realm is None or realm.lower() == self.realm.lower()
        )

    def admits(self, address: Address) -> bool:
        """Says whether a peer may come from an address."""
        if self.is_loopback_only:
            return address.is_loopback
        return not self.addresses or any(address in network for network in self.addresses)


class OpenConnection(Protocol):
    """A connection as far as the table needs it."""

    @property
    def is_replaceable(self) -> bool:
        """Whether the peer seems to be gone, so that it may come back on another connection."""

    @property
    def is_suspect(self) -> bool:
        """Whether the peer is silent for longer than its watchdog allows."""

    def probe(self) -> None:
        """Asks whether the peer is still there: `prove` or `forget` of the table follows."""

    def decide(self, decision: PeerAccepted | PeerRefused) -> None:
        """Takes the decision that `authorise` has put off."""

    def abort(self) -> None:
        """Gives the connection up at once."""


class _Waiting(NamedTuple):
    """A second connection of a peer, while its first is asked whether it is still there."""

    facts: CerFacts
    address: Address
    connection: OpenConnection


class PeerTable:
    """The rules, in order, and the open connection of each Origin-Host."""

    def __init__(self, rules: Iterable[PeerRule]) -> None:
        self._rules = tuple(rules)
        owned = [rule for rule in self._rules if rule.tenant is not None]
        self._owned = owned
        self._owned_hosts = [rule for rule in owned if rule.host is not None]
        self._owned_realms = [rule for rule in owned if rule.host is None]
        self._open: dict[str, OpenConnection] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._hosts: dict[OpenConnection, str] = {}

    def expects(self, address: Address) -> bool:
        """Says whether any peer may come from an address."""
        return any(rule.admits(address) for rule in self._rules)

    def authorise(
        self, facts: CerFacts, address: Address, connection: OpenConnection
    ) -> PeerAccepted | PeerRefused | None:
        """Decides on a CER; a peer that is taken is here until `forget`.

        A second connection of a peer waits until its first one has proved to be alive, and is
        refused then, or to be dead, and takes its place: None, and `decide` follows.
        """
        rule = self._rule(facts.origin_host, facts.origin_realm)
        if rule is None:
            return _unknown(f"{facts.origin_host} of {facts.origin_realm} is no peer of this node")
        if not rule.admits(address):
            return _unknown(f"{facts.origin_host} may not connect from {address}")
        host = facts.origin_host.lower()
        if host in self._waiting:
            return _connected(facts)
        old = self._open.get(host)
        if old is None or old.is_replaceable:
            return self._take(host, rule, connection, old is not None and old.is_suspect)
        self._waiting[host] = _Waiting(facts, address, connection)
        self._hosts[connection] = host
        old.probe()
        return None

    def prove(self, connection: OpenConnection) -> None:
        """Takes note that a peer that was asked is still there."""
        waiting = self._waiting.pop(self._hosts[connection], None)
        if waiting is not None:
            del self._hosts[waiting.connection]
            waiting.connection.decide(_connected(waiting.facts))

    def forget(self, connection: OpenConnection, has_failed: bool = False) -> None:
        """Takes note that a connection is over; who waited for its end comes in.

        `has_failed` tells that the peer was silent, so that its next connection is on trial.
        """
        host = self._hosts.pop(connection, None)
        if host is None:
            return
        waiting = self._waiting.pop(host, None)
        if waiting is not None and waiting.connection is connection:
            return
        del self._open[host]
        if waiting is not None:
            waiting.connection.decide(self._readmit(waiting, has_failed))

    def _readmit(self, waiting: _Waiting, has_failed: bool) -> PeerAccepted | PeerRefused:
        decision = self.authorise(*waiting)
        assert decision is not None, "nobody has this place now"
        if isinstance(decision, PeerAccepted):
            return decision._replace(is_reopened=has_failed)
        del self._hosts[waiting.connection]
        return decision

    def _take(
        self, host: str, rule: PeerRule, connection: OpenConnection, is_reopened: bool
    ) -> PeerAccepted:
        old = self._open.get(host)
        if old is not None:
            del self._hosts[old]
            old.abort()
        self._open[host] = connection
        self._hosts[connection] = host
        return PeerAccepted(strict=rule.is_strict, is_reopened=is_reopened)

    def tenant_of(
        self,
        origin: tuple[str, str],
        destination_realm: str,
        peer: tuple[str, str],
    ) -> str | None:
        """Returns whose request it is: its Origin-Host's, else its realms', else the connection's.

        `origin` and `peer` are (host, realm); None: any tenant's.
        """
        for rules, host, realm in (
            (self._owned_hosts, *origin),
            (self._owned_realms, "", origin[1]),
            (self._owned_realms, "", destination_realm),
            (self._owned, *peer),
        ):
            for rule in rules:
                if rule.matches(host, realm):
                    return rule.tenant
        return None

    def _rule(self, host: str, realm: str) -> PeerRule | None:
        return next((rule for rule in self._rules if rule.matches(host, realm)), None)


def _connected(facts: CerFacts) -> PeerRefused:
    return PeerRefused(None, f"{facts.origin_host} is connected already")


def _unknown(reason: str) -> PeerRefused:
    error = UnknownPeer(reason)
    return PeerRefused(error, str(error))
