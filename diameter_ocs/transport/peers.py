"""Which peers are here, whose they are, and which of their connections is kept.

A peer that no rule names is refused with 3010 (RFC 6733 section 5.3).
"""

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple, Protocol

from ..base.capabilities import CerDecision, PeerAccepted, PeerRefused
from ..base.election import wins_election
from ..base.errors import ElectionLost, UnknownPeer
from ..base.events import CerFacts
from ..base.pair import Action, Order, Pair
from ..base.pair import State as PairState
from ..base.peer import DisconnectCause
from .association import Address, Wire
from .peer_rules import Origin, PeerRule
from .requests import OnAnswer, Sending

REFUSALS_MAX = 64
"""Refused peers that are told of at once, a few of each address: the others are only counted."""
REFUSALS_OF_ADDRESS_MAX = 8
FAILED_MAX = 1024
"""Peers of whom is remembered that they were silent, the latest."""


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

    @property
    def disconnect_cause(self) -> int | None:
        """Why the peer has disconnected (`DisconnectCause`, if it is one); None: it has not."""

    @property
    def ending(self) -> str | None:
        """How it ended; None: it has not."""

    def request(self, octets: bytes, seconds: float, on_answer: OnAnswer) -> Sending:
        """Sends a request of this node under a hop-by-hop id of its own."""

    def probe(self) -> None:
        """Asks whether the peer is still there: `prove` or `forget` of the table follows."""

    def decide(self, decision: CerDecision) -> None:
        """Takes the decision that `authorise` has put off."""

    def disconnect(self, cause: DisconnectCause) -> None:
        """Sends a DPR; the connection ends when what came before is answered."""

    def give_way(self) -> None:
        """Ends before it is open, for the connection that the peer has opened."""

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
    """The rules, in order, and the connections with each Origin-Host: one of them is open.

    `origin_host` is this node's own: two nodes that connect to each other go by their names.
    """

    def __init__(self, rules: Iterable[PeerRule], origin_host: str) -> None:
        self._origin_host = origin_host
        self._pairs: dict[str, Pair[OpenConnection]] = {}
        """Of the hosts that have any connection, in lower case."""
        self._hosts: dict[OpenConnection, str] = {}
        self._taken: dict[OpenConnection, Taken] = {}
        """Those whose capabilities are here."""
        self._failed: dict[str, None] = {}
        """Hosts whose last connection fell silent."""
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
        for taken in self.taken():
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
        opened = [pair.opened for pair in self._pairs.values()]
        return [self._taken[connection] for connection in opened if connection is not None]

    def taken_of(self, host: str) -> Taken | None:
        """Returns the peer of an Origin-Host, if it is here."""
        pair = self._pairs.get(host.lower())
        return None if pair is None or pair.opened is None else self._taken[pair.opened]

    def take_refusals(self) -> Collection[Refused]:
        """Returns the peers that were refused since it was asked last."""
        refusals, self._refusals = self._refusals, {}
        return refusals.values()

    def expects(self, address: Address) -> bool:
        """Says whether any peer may come from an address."""
        return any(rule.admits(address) for rule in self._rules)

    def names(self, address: Address, wire: Wire) -> bool:
        """Says whether the rules name an address from which a peer may come over a wire."""
        return any(rule.names(address, wire) for rule in self._rules)

    def call(self, host: str, connection: OpenConnection) -> bool:
        """Lets this node connect to a peer that neither is here nor on its way."""
        host = host.lower()
        is_let = self._obey(self._pair(host).start(connection), connection) is Action.CONNECT
        if is_let:
            self._hosts[connection] = host
        return is_let

    def reach(self, connection: OpenConnection) -> bool:
        """Lets a connection of this node send its CER, unless it had to give way meanwhile."""
        host = self._hosts.get(connection)
        return host is not None and (
            self._obey(self._pairs[host].connected(connection), connection) is Action.INITIATE
        )

    def authorise(
        self, facts: CerFacts, origin: Origin, connection: OpenConnection
    ) -> CerDecision | None:
        """Decides on a CER, or a CEA to our own; a peer that is taken is here until `forget`.

        With None `decide` follows: a second connection of a peer waits until its first one has
        proved to be alive, and is refused then, or to be dead, and takes its place; and that of a
        peer to which this node connects waits for what becomes of it where the peer's name wins.
        """
        terms = self._decide(facts, origin)
        if isinstance(terms, PeerRefused):
            self._note_refusal(facts, origin)
            return terms
        host = facts.origin_host.lower()
        orders = self._pair(host).exchanged(connection)
        self._hosts[connection] = host
        self._taken[connection] = Taken(facts, origin, connection)
        match self._obey(orders, connection):
            case Action.TAKE:
                return self._admitted(host, terms)
            case Action.HOLD:
                return None
        self._drop(connection)
        return _connected(facts)

    def prove(self, connection: OpenConnection) -> None:
        """Takes note that a peer that was asked is still there."""
        pair = self._pairs.get(self._hosts.get(connection, ""))
        if pair is not None:
            self._obey(pair.proved(connection))

    def forget(self, connection: OpenConnection, has_failed: bool = False) -> None:
        """Takes note that a connection is over, or came to nothing; who waited for that comes in.

        `has_failed` tells that the peer was silent, so that its next connection is on trial.
        """
        host = self._drop(connection)
        if host is None:
            return
        if has_failed:
            self._note_failure(host)
        pair = self._pairs[host]
        orders = pair.lost(connection)
        if pair.state is PairState.CLOSED:
            del self._pairs[host]
        self._obey(orders)

    def _pair(self, host: str) -> Pair[OpenConnection]:
        """Returns the pair of a host that is about to have a connection."""
        pair = self._pairs.get(host)
        if pair is None:
            pair = self._pairs[host] = Pair(wins=wins_election(self._origin_host, host))
        return pair

    def _obey(
        self, orders: Iterable[Order[OpenConnection]], newcomer: OpenConnection | None = None
    ) -> Action | None:
        """Does what is to be done to others, and returns what is to be done to a newcomer."""
        own = None
        for action, connection in orders:
            if connection is newcomer:
                own = action
            else:
                self._do(action, connection)
        return own

    def _do(self, action: Action, connection: OpenConnection) -> None:
        match action:
            case Action.PROBE:
                connection.probe()
            case Action.ADMIT:
                connection.decide(self._readmitted(connection))
            case Action.DISMISS | Action.DISMISS_ELECTED:
                facts = self._taken[connection].facts
                self._drop(connection)
                is_elected = action is Action.DISMISS_ELECTED
                connection.decide(_election_lost(facts) if is_elected else _connected(facts))
            case Action.GIVE_WAY:
                self._drop(connection)
                connection.give_way()
            case Action.REPLACE:
                if connection.is_suspect:
                    self._note_failure(self._hosts[connection])
                self._drop(connection)
                connection.abort()

    def _readmitted(self, connection: OpenConnection) -> CerDecision:
        """Decides on a peer that had to wait: the rules may be others now."""
        facts, origin, _ = self._taken[connection]
        terms = self._decide(facts, origin)
        if isinstance(terms, PeerRefused):
            self._note_refusal(facts, origin)
            return terms
        return self._admitted(facts.origin_host.lower(), terms)

    def _admitted(self, host: str, terms: PeerAccepted) -> PeerAccepted:
        is_reopened = host in self._failed
        self._failed.pop(host, None)
        return terms._replace(is_reopened=is_reopened)

    def _note_failure(self, host: str) -> None:
        self._failed[host] = None
        if len(self._failed) > FAILED_MAX:
            del self._failed[next(iter(self._failed))]

    def _drop(self, connection: OpenConnection) -> str | None:
        """Knows a connection no more; returns whose it was."""
        self._taken.pop(connection, None)
        return self._hosts.pop(connection, None)

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


def _election_lost(facts: CerFacts) -> PeerRefused:
    reason = f"{facts.origin_host} has the connection that this node has opened"
    return PeerRefused(ElectionLost(reason), reason)


def _unknown(reason: str) -> PeerRefused:
    error = UnknownPeer(reason)
    return PeerRefused(error, str(error))
