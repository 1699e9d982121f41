"""By which connection a request of this node reaches a host (RFC 6733 sections 5.5.4 and 6.1).

The host itself comes first, then a relay, then a peer of its realm that has the application and may
know the host. Who is suspect is not asked; whose last connection had failed is asked when nobody
else can be.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from ..base.capabilities import RELAY_APPLICATION_ID
from ..base.events import CerFacts
from ..base.message import Message, retransmitted
from .peers import OpenConnection, PeerTable, Taken
from .requests import OnAnswer, Sending, Unanswered

_ITSELF, _RELAY_OF_REALM, _RELAY, _OF_REALM = range(4)
_UNREACHABLE = Unanswered.SUSPECTED, Unanswered.CLOSED


class Destination(NamedTuple):
    """Whom a request is for, as its Destination-Host and Destination-Realm say."""

    host: str
    realm: str
    application_id: int


class Neighbour(NamedTuple):
    """A peer that takes requests of this node now; names are in lower case."""

    host: str
    realm: str
    is_relay: bool
    application_ids: frozenset[int]
    """Those that it may pass on to others of its realm."""


class _Sent(NamedTuple):
    """A request on its way; `deadline` is in the loop's seconds."""

    destination: Destination
    octets: bytes
    deadline: float
    on_answer: OnAnswer


class Routes:
    """The ways that the peers of a table are."""

    def __init__(self, peers: PeerTable) -> None:
        self._peers = peers
        self._ends: set[str] = set()
        """Peers that pass nothing on, in lower case."""

    def neighbours(self) -> Sequence[Neighbour]:
        """Returns the peers that take requests now; `PeerTable.watch` tells when to ask again."""
        return [
            Neighbour(
                facts.origin_host.lower(),
                facts.origin_realm.lower(),
                _is_relay(facts),
                frozenset() if self._is_end(facts) else facts.application_ids,
            )
            for facts, _, connection in self._peers.taken()
            if connection.is_usable
        ]

    def has_ended_at(self, host: str, destination: Destination) -> bool:
        """Says whether a peer has taken for itself what is for another host, by who answered it.

        Such a peer is no way to others from then on.
        """
        taken = self._peers.taken_of(host) if host.lower() != destination.host.lower() else None
        if taken is None or _is_relay(taken.facts):
            return False
        self._ends.add(host.lower())
        return True

    def request(
        self, destination: Destination, octets: bytes, seconds: float, on_answer: OnAnswer
    ) -> Sending:
        """Sends a request by the best way there is, as `Connection.request` does.

        When its peer falls silent or is gone, it goes another way, if there is one, as a
        retransmission under the same end-to-end id, while the time lasts.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        return self._send(_Sent(destination, octets, deadline, on_answer))

    def _send(self, sent: _Sent) -> Sending:
        connection = self._way_to(sent.destination)
        if connection is None:
            return Sending.NO_WAY
        seconds = sent.deadline - asyncio.get_running_loop().time()
        return connection.request(sent.octets, seconds, partial(self._hear, sent))

    def _hear(self, sent: _Sent, outcome: Message | Unanswered) -> None:
        if outcome in _UNREACHABLE:
            again = sent._replace(octets=retransmitted(sent.octets))
            if self._send(again) is Sending.SENT:
                return
        sent.on_answer(outcome)

    def _way_to(self, destination: Destination) -> OpenConnection | None:
        itself = self._peers.taken_of(destination.host)
        if itself is not None and itself.connection.is_usable and not itself.connection.is_on_trial:
            return itself.connection
        ways = [
            ((rank == _OF_REALM, taken.connection.is_on_trial, rank), taken.connection)
            for taken in self._peers.taken()
            if taken.connection.is_usable
            and (rank := _rank(taken, destination)) is not None
            and not (rank == _OF_REALM and self._is_end(taken.facts))
        ]
        return min(ways, key=lambda way: way[0])[1] if ways else None

    def _is_end(self, facts: CerFacts) -> bool:
        return bool(self._ends) and facts.origin_host.lower() in self._ends


def _rank(taken: Taken, destination: Destination) -> int | None:
    facts = taken.facts
    is_of_realm = facts.origin_realm.lower() == destination.realm.lower()
    if facts.origin_host.lower() == destination.host.lower():
        return _ITSELF
    if _is_relay(facts):
        return _RELAY_OF_REALM if is_of_realm else _RELAY
    if is_of_realm and destination.application_id in facts.application_ids:
        return _OF_REALM
    return None


def _is_relay(facts: CerFacts) -> bool:
    return RELAY_APPLICATION_ID in facts.application_ids
