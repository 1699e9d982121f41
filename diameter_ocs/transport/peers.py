"""Which peers may connect, whose they are, and which of them are here.

A peer that no rule names is refused with 3010 (RFC 6733 section 5.3).
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple, Protocol

from ..base.capabilities import CerDecision, PeerAccepted, PeerRefused
from ..base.errors import UnknownPeer
from ..base.events import CerFacts
from ..base.peer import DisconnectCause
from .association import Address, Wire
from .requests import OnAnswer, Sending

PATTERN = frozenset("*?[")
"""Characters that make a name a pattern."""
AS_USUAL = PeerAccepted()
REFUSALS_MAX = 64
"""Refused peers that are told of at once, a few of each address: the others are only counted."""
REFUSALS_OF_ADDRESS_MAX = 8
NAMES_TOLD_MAX = 4
"""Names of a certificate that are told of."""

Network = IPv4Network | IPv6Network


class Origin(NamedTuple):
    """Whence a peer comes."""

    address: Address
    wire: Wire = Wire.TCP
    certificate_names: frozenset[str] | None = None
    """The host names that its certificate proves, in lower case; None: it has none."""


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

    def objection(self, host: str, origin: Origin) -> Objection | None:
        """Returns why a peer that matches may not come as it does; None: it may."""
        if not self.admits(origin.address):
            return Objection("address", f"{host} may not connect from {origin.address}")
        if self.wires and origin.wire not in self.wires:
            wires = " or ".join(sorted(self.wires))
            reason = f"{host} may not connect over {origin.wire}, only over {wires}"
            return Objection("transport", reason)
        names = origin.certificate_names
        wanted = self.certificate or host
        if names is not None and not any(_proves(name, wanted) for name in names):
            reason = f"the certificate of {host} proves {_listed(names)}, not {wanted}"
            return Objection("certificate", reason)
        return None


def host_matches(host: str, pattern: str) -> bool:
    """Says whether a pattern, or a name, is that of a host."""
    host, pattern = host.lower(), pattern.lower()
    # Patterns are compiled, and few of them are kept.
    return host == pattern or (not PATTERN.isdisjoint(pattern) and fnmatchcase(host, pattern))


def _proves(name: str, wanted: str) -> bool:
    """Says whether a name of a certificate is the one that is wanted, or a pattern of it.

    A `*` of the certificate stands for one label (RFC 9525 section 6.3).
    """
    if name.startswith("*."):
        return PATTERN.isdisjoint(wanted) and wanted.lower().partition(".")[2] == name[2:]
    return host_matches(name, wanted)


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:NAMES_TOLD_MAX]) if names else "no host name"


class OpenConnection(Protocol):
    """A connection as far as the table needs it."""

    @property
    def is_replaceable(self) -> bool:
        """Whether the peer seems to be gone, so that it may come back on another connection."""

    @property
    def is_suspect(self) -> bool:
        """Whether the peer is silent for longer than its watchdog allows."""

    @property
    def is_on_trial(self) -> bool:
        """Whether the peer's last connection failed and this one has not proved itself yet."""

    @property
    def is_usable(self) -> bool:
        """Whether requests of this node may go out now."""

    def request(self, octets: bytes, seconds: float, on_answer: OnAnswer) -> Sending:
        """Sends a request of this node under a hop-by-hop id of its own."""

    def probe(self) -> None:
        """Asks whether the peer is still there: `prove` or `forget` of the table follows."""

    def decide(self, decision: CerDecision) -> None:
        """Takes the decision that `authorise` has put off."""

    def disconnect(self, cause: DisconnectCause) -> None:
        """Sends a DPR; the connection ends when what came before is answered."""

    def abort(self) -> None:
        """Gives the connection up at once."""


class Taken(NamedTuple):
    """A peer that is here."""

    facts: CerFacts
    origin: Origin
    connection: OpenConnection


class Refused(NamedTuple):
    """A peer that was refused, and how often."""

    facts: CerFacts
    origin: Origin
    kind: str
    """`unknown`, or what alone was wrong: `address`, `transport` or `certificate`."""
    times: int


class PeerTable:
    """The rules, in order, and the open connection of each Origin-Host."""

    def __init__(self, rules: Iterable[PeerRule]) -> None:
        self._open: dict[str, Taken] = {}
        self._waiting: dict[str, Taken] = {}
        """Second connections of peers, while their first are asked whether they are there."""
        self._hosts: dict[OpenConnection, str] = {}
        self._refusals: dict[tuple[str, str], Refused] = {}
        self._watchers: list[Callable[[], None]] = []
        self.replace(rules)

    def replace(self, rules: Iterable[PeerRule]) -> None:
        """Goes by other rules from now on; peers that these do not take are disconnected."""
        self._rules = tuple(rules)
        owned = [rule for rule in self._rules if rule.tenant is not None]
        self._owned = owned
        self._owned_hosts = [rule for rule in owned if rule.host is not None]
        self._owned_realms = [rule for rule in owned if rule.host is None]
        self._refusals = {
            name: refusal
            for name, refusal in self._refusals.items()
            if isinstance(self._decide(refusal.facts, refusal.origin), PeerRefused)
        }
        for taken in tuple(self._open.values()):
            if isinstance(self._decide(taken.facts, taken.origin), PeerRefused):
                taken.connection.disconnect(DisconnectCause.DO_NOT_WANT_TO_TALK_TO_YOU)

    def watch(self, on_change: Callable[[], None]) -> None:
        """Has it called when a peer has come or gone, is suspected, or trusted again."""
        self._watchers.append(on_change)

    def change(self) -> None:
        """Tells who watches that a peer is not what it was."""
        for on_change in self._watchers:
            on_change()

    def taken(self) -> Collection[Taken]:
        """Returns the peers that are here."""
        return self._open.values()

    def taken_of(self, host: str) -> Taken | None:
        """Returns the peer of an Origin-Host, if it is here."""
        return self._open.get(host.lower())

    def take_refusals(self) -> Collection[Refused]:
        """Returns the peers that were refused since it was asked last."""
        refusals, self._refusals = self._refusals, {}
        return refusals.values()

    def expects(self, address: Address) -> bool:
        """Says whether any peer may come from an address."""
        return any(rule.admits(address) for rule in self._rules)

    def authorise(
        self, facts: CerFacts, origin: Origin, connection: OpenConnection
    ) -> CerDecision | None:
        """Decides on a CER; a peer that is taken is here until `forget`.

        A second connection of a peer waits until its first one has proved to be alive, and is
        refused then, or to be dead, and takes its place: None, and `decide` follows.
        """
        terms = self._decide(facts, origin)
        if isinstance(terms, PeerRefused):
            self._note_refusal(facts, origin)
            return terms
        host = facts.origin_host.lower()
        if host in self._waiting:
            return _connected(facts)
        known = self._open.get(host)
        old = None if known is None else known.connection
        if old is None or old.is_replaceable:
            is_suspect = old is not None and old.is_suspect
            self._take(host, Taken(facts, origin, connection))
            return terms._replace(is_reopened=is_suspect)
        self._waiting[host] = Taken(facts, origin, connection)
        self._hosts[connection] = host
        old.probe()
        return None

    def prove(self, connection: OpenConnection) -> None:
        """Takes note that a peer that was asked is still there."""
        waiting = self._waiting.pop(self._hosts.get(connection, ""), None)
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

    def _readmit(self, waiting: Taken, has_failed: bool) -> CerDecision:
        decision = self.authorise(*waiting)
        assert decision is not None, "nobody has this place now"
        if isinstance(decision, PeerAccepted):
            return decision._replace(is_reopened=has_failed)
        del self._hosts[waiting.connection]
        return decision

    def _take(self, host: str, taken: Taken) -> None:
        old = self._open.get(host)
        if old is not None:
            del self._hosts[old.connection]
            old.connection.abort()
        self._open[host] = taken
        self._hosts[taken.connection] = host

    def _decide(self, facts: CerFacts, origin: Origin) -> CerDecision:
        host, realm = facts.origin_host, facts.origin_realm
        rule = self._rule(facts)
        if rule is None:
            return _unknown(f"{host} of {realm} is no peer of this node")
        objection = rule.objection(host, origin)
        if objection is not None:
            return _unknown(objection.reason)
        return rule.terms_of(host)

    def _note_refusal(self, facts: CerFacts, origin: Origin) -> None:
        name = facts.origin_host.lower(), facts.origin_realm.lower()
        known = self._refusals.get(name)
        if known is None:
            origins = [each.origin.address for each in self._refusals.values()]
            of_address = origins.count(origin.address)
            if len(self._refusals) >= REFUSALS_MAX or of_address >= REFUSALS_OF_ADDRESS_MAX:
                return
        times = 1 if known is None else known.times + 1
        rule = self._rule(facts)
        objection = None if rule is None else rule.objection(facts.origin_host, origin)
        kind = "unknown" if objection is None else objection.kind
        self._refusals[name] = Refused(facts, origin, kind, times)

    def _rule(self, facts: CerFacts) -> PeerRule | None:
        host, realm = facts.origin_host, facts.origin_realm
        return next((rule for rule in self._rules if rule.matches(host, realm)), None)

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


def _connected(facts: CerFacts) -> PeerRefused:
    return PeerRefused(None, f"{facts.origin_host} is connected already")


def _unknown(reason: str) -> PeerRefused:
    error = UnknownPeer(reason)
    return PeerRefused(error, str(error))
