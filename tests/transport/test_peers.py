"""Of each peer one connection is kept, whoever has opened it, and requests find their tenant."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

import pytest

from diameter_ocs.base.capabilities import PeerAccepted, PeerRefused
from diameter_ocs.base.errors import ElectionLost, UnknownPeer
from diameter_ocs.base.events import CerFacts
from diameter_ocs.base.pair import Pair
from diameter_ocs.base.peer import DisconnectCause
from diameter_ocs.transport.peer_rules import Origin, PeerRule
from diameter_ocs.transport.peers import (
    FAILED_MAX,
    REFUSALS_MAX,
    REFUSALS_OF_ADDRESS_MAX,
    PeerTable,
)
from diameter_ocs.transport.requests import OnAnswer, Sending

LOOPBACK = ip_address("127.0.0.1")
NEAR = ip_address("10.1.2.3")
FAR = ip_address("192.0.2.1")


@dataclass(eq=False)
class OpenedConnection:
    """A connection that tells how it is and remembers what was done to it."""

    is_replaceable: bool = False
    is_suspect: bool = False
    is_on_trial: bool = False
    is_usable: bool = True
    is_aborted: bool = False
    probes: int = 0
    cause: DisconnectCause | None = None
    disconnect_cause: int | None = None
    ending: str | None = None
    has_given_way: bool = False
    decision: PeerAccepted | PeerRefused | None = None

    def request(self, _octets: bytes, _seconds: float, _on_answer: OnAnswer) -> Sending:
        return Sending.NO_WAY

    def probe(self) -> None:
        self.probes += 1

    def decide(self, decision: PeerAccepted | PeerRefused) -> None:
        self.decision = decision

    def disconnect(self, cause: DisconnectCause) -> None:
        self.cause = cause

    def give_way(self) -> None:
        self.has_given_way = True

    def abort(self) -> None:
        self.is_aborted = True


def facts(host: str = "gw1.example", realm: str = "example") -> CerFacts:
    return CerFacts(host, realm, (), 0, "gateway", None, None, (), frozenset({4}), ())


def table_of(rules: Sequence[PeerRule]) -> PeerTable:
    return PeerTable(rules, "ocs1.example")


RULES = [
    PeerRule(host="gw1.example", realm="example", addresses=(ip_network("10.0.0.0/8"),)),
    PeerRule(host="PCRF*", terms=PeerAccepted(strict=True)),
    PeerRule(is_loopback_only=True),
]


def occupied() -> tuple[PeerTable, OpenedConnection, OpenedConnection]:
    """Returns a table where a second connection waits for the first to be alive or not."""
    table = table_of(RULES)
    first, second = OpenedConnection(), OpenedConnection()
    table.authorise(facts(), Origin(NEAR), first)
    assert table.authorise(facts("GW1.example"), Origin(NEAR), second) is None
    assert (first.probes, first.is_aborted) == (1, False)
    return table, first, second


def test_a_second_connection_is_refused_without_a_word_when_the_first_is_alive() -> None:
    table, first, second = occupied()
    table.prove(first)
    assert isinstance(second.decision, PeerRefused)
    assert second.decision.error is None
    third = OpenedConnection()
    assert table.authorise(facts(), Origin(NEAR), third) is None
    assert first.probes == 2


@pytest.mark.parametrize("has_failed", [True, False])
def test_a_second_connection_comes_in_when_the_first_is_over(has_failed: bool) -> None:
    table, first, second = occupied()
    table.forget(first, has_failed)
    assert second.decision == PeerAccepted(is_reopened=has_failed)
    table.forget(second)
    assert table.authorise(facts(), Origin(NEAR), OpenedConnection()) == PeerAccepted()


def test_a_second_connection_that_gave_up_waiting_is_forgotten() -> None:
    table, first, second = occupied()
    table.forget(second)
    table.prove(first)
    table.forget(first)
    assert second.decision is None
    assert table.authorise(facts(), Origin(NEAR), OpenedConnection()) == PeerAccepted()


def test_only_one_connection_waits_for_another() -> None:
    table, first, second = occupied()
    first.is_replaceable = True
    assert isinstance(table.authorise(facts(), Origin(NEAR), OpenedConnection()), PeerRefused)
    assert (first.probes, second.decision) == (1, None)


def test_with_other_rules_those_who_may_not_stay_are_disconnected_orderly() -> None:
    table = table_of(RULES)
    gateway, policy = OpenedConnection(), OpenedConnection()
    table.authorise(facts(), Origin(NEAR), gateway)
    table.authorise(facts("pcrf1.example"), Origin(FAR), policy)
    table.replace([RULES[0]])
    assert (gateway.cause, policy.cause) == (None, DisconnectCause.DO_NOT_WANT_TO_TALK_TO_YOU)
    table.replace([PeerRule(host="gw1.example", addresses=(ip_network("192.0.2.0/24"),))])
    assert gateway.cause is DisconnectCause.DO_NOT_WANT_TO_TALK_TO_YOU
    assert not gateway.is_aborted
    assert isinstance(table.authorise(facts(), Origin(NEAR), OpenedConnection()), PeerRefused)


def test_other_rules_hold_for_who_waits_too() -> None:
    table, first, second = occupied()
    table.replace([])
    table.forget(first)
    assert isinstance(second.decision, PeerRefused)
    assert isinstance(second.decision.error, UnknownPeer)


def test_refused_peers_are_told_of_once_with_how_often() -> None:
    table = table_of(RULES[:2])
    for host in ("X.example", "x.EXAMPLE", "gw1.example"):
        table.authorise(facts(host), Origin(FAR), OpenedConnection())
    told = [
        (refusal.facts.origin_host, refusal.kind, refusal.times)
        for refusal in table.take_refusals()
    ]
    assert told == [("x.EXAMPLE", "unknown", 2), ("gw1.example", "address", 1)]
    assert list(table.take_refusals()) == []


def test_a_refused_peer_that_may_come_now_is_not_told_of() -> None:
    table = table_of([])
    for host in ("x.example", "y.example"):
        table.authorise(facts(host), Origin(FAR), OpenedConnection())
    table.replace([PeerRule(host="x.example")])
    (refusal,) = table.take_refusals()
    assert refusal.facts.origin_host == "y.example"


def test_a_second_connection_of_a_known_peer_is_no_refused_peer() -> None:
    table, first, _ = occupied()
    table.prove(first)
    assert list(table.take_refusals()) == []


def test_who_invents_many_names_is_told_of_few_times() -> None:
    table = table_of([])
    for number in range(1000):
        table.authorise(facts(f"x{number}"), Origin(FAR), OpenedConnection())
    table.authorise(facts("real.example"), Origin(NEAR), OpenedConnection())
    refusals = table.take_refusals()
    assert len(refusals) == REFUSALS_OF_ADDRESS_MAX + 1
    for number in range(1000):
        table.authorise(facts(f"x{number}"), Origin(ip_address(number)), OpenedConnection())
    assert len(table.take_refusals()) == REFUSALS_MAX


@pytest.mark.parametrize("is_suspect", [True, False])
def test_a_connection_that_seems_dead_is_replaced(is_suspect: bool) -> None:
    table = table_of(RULES)
    dead = OpenedConnection(is_replaceable=True, is_suspect=is_suspect)
    table.authorise(facts(), Origin(NEAR), dead)
    fresh = OpenedConnection()
    assert table.authorise(facts(), Origin(NEAR), fresh) == PeerAccepted(is_reopened=is_suspect)
    assert dead.is_aborted
    table.forget(dead)
    assert table.authorise(facts(), Origin(NEAR), OpenedConnection()) is None


def test_a_peer_that_left_may_come_again() -> None:
    table = table_of(RULES)
    first = OpenedConnection()
    table.authorise(facts(), Origin(NEAR), first)
    table.forget(first)
    assert table.authorise(facts(), Origin(NEAR), OpenedConnection()) == PeerAccepted()


TENANTS = table_of(
    [
        PeerRule(host="gw1.example", tenant="by-host"),
        PeerRule(host="dra.example", realm="transit", tenant="by-connection"),
        PeerRule(realm="example", tenant="by-origin-realm"),
        PeerRule(realm="ocs.example", tenant="by-destination-realm"),
        PeerRule(realm="nobody"),
    ]
)
DRA = ("dra.example", "transit")


@pytest.mark.parametrize(
    ("origin", "destination_realm", "peer", "tenant"),
    [
        (("GW1.example", "example"), "ocs.example", DRA, "by-host"),
        (("gw9.example", "Example"), "ocs.example", DRA, "by-origin-realm"),
        (("gw9.other", "other"), "OCS.example", DRA, "by-destination-realm"),
        (("gw9.other", "other"), "elsewhere", DRA, "by-connection"),
        (("gw9.other", "nobody"), "elsewhere", ("gw9.other", "nobody"), None),
    ],
)
def test_a_request_belongs_to_the_tenant_of_the_nearest_name(
    origin: tuple[str, str], destination_realm: str, peer: tuple[str, str], tenant: str | None
) -> None:
    assert TENANTS.tenant_of(origin, destination_realm, peer) == tenant


# Connections of this node, whose name is greater than that of gw1.example and less than pcrf's.


def called(table: PeerTable, host: str) -> OpenedConnection:
    """Returns a connection of this node to a host, whose CER has been sent."""
    connection = OpenedConnection()
    assert table.call(host, connection)
    assert table.reach(connection)
    return connection


def test_a_peer_is_called_only_while_it_is_neither_here_nor_on_its_way() -> None:
    table = table_of(RULES)
    own = called(table, "GW1.example")
    assert not table.call("gw1.example", OpenedConnection())
    assert table.authorise(facts(), Origin(NEAR, is_called=True), own) == PeerAccepted()
    taken = table.taken_of("gw1.example")
    assert taken is not None
    assert taken.connection is own
    assert not table.call("gw1.example", OpenedConnection())
    table.forget(own)
    assert table.call("gw1.example", OpenedConnection())


def test_who_wins_the_election_takes_the_peers_connection_and_gives_up_its_own() -> None:
    table = table_of(RULES)
    own, peers = called(table, "gw1.example"), OpenedConnection()
    assert table.authorise(facts(), Origin(NEAR), peers) == PeerAccepted()
    assert own.has_given_way
    table.forget(own)
    assert [taken.connection for taken in table.taken()] == [peers]


def test_who_loses_it_keeps_its_own_and_refuses_the_peers_with_4003() -> None:
    table = table_of(RULES)
    host = facts("pcrf1.example")
    own, peers = called(table, host.origin_host), OpenedConnection()
    assert table.authorise(host, Origin(FAR), peers) is None
    assert peers.decision is None
    own_decision = table.authorise(host, Origin(FAR, is_called=True), own)
    assert own_decision == PeerAccepted(strict=True)
    assert isinstance(peers.decision, PeerRefused)
    assert isinstance(peers.decision.error, ElectionLost)
    table.forget(peers)
    assert [taken.connection for taken in table.taken()] == [own]


def test_who_was_held_comes_in_when_the_own_connection_comes_to_nothing() -> None:
    table = table_of(RULES)
    host = facts("pcrf1.example")
    own, peers = called(table, host.origin_host), OpenedConnection()
    table.authorise(host, Origin(FAR), peers)
    table.forget(own)
    assert peers.decision == PeerAccepted(strict=True)
    assert [taken.connection for taken in table.taken()] == [peers]


@pytest.mark.parametrize("host", ["gw1.example", "pcrf1.example"])
def test_a_connection_whose_transport_is_not_there_yet_gives_way_to_the_peers(host: str) -> None:
    table = table_of(RULES)
    own, peers = OpenedConnection(), OpenedConnection()
    assert table.call(host, own)
    assert isinstance(table.authorise(facts(host), Origin(NEAR), peers), PeerAccepted)
    assert own.has_given_way
    assert not table.reach(own)


def test_a_peer_that_was_silent_is_on_trial_once_when_it_comes_again() -> None:
    table = table_of(RULES)
    for is_reopened in (False, True, False):
        connection = OpenedConnection()
        accepted = table.authorise(facts(), Origin(NEAR), connection)
        assert accepted == PeerAccepted(is_reopened=is_reopened)
        table.forget(connection, has_failed=not is_reopened)


def test_few_silent_peers_are_remembered() -> None:
    table = table_of([PeerRule()])
    for number in range(FAILED_MAX + 1):
        connection = OpenedConnection()
        table.authorise(facts(f"gw{number}.example"), Origin(NEAR), connection)
        table.forget(connection, has_failed=True)
    again = [
        table.authorise(facts(f"gw{number}.example"), Origin(NEAR), OpenedConnection())
        for number in (0, 1)
    ]
    assert again == [PeerAccepted(), PeerAccepted(is_reopened=True)]


def test_of_a_peer_whose_connections_are_over_nothing_is_left() -> None:
    table = table_of([PeerRule()])
    before = pairs()
    for number in range(3):
        host, came, called = f"gw{number}.example", OpenedConnection(), OpenedConnection()
        table.authorise(facts(host), Origin(FAR), came)
        table.forget(came)
        assert table.call(host, called)
        table.forget(called)
    assert pairs() == before


def pairs() -> int:
    gc.collect()
    return sum(isinstance(each, Pair) for each in gc.get_objects())
