"""Peers are taken by rule, address, wire and certificate."""

from ipaddress import ip_address

import pytest

from diameter_ocs.base.capabilities import PeerAccepted, PeerRefused
from diameter_ocs.base.errors import UnknownPeer
from diameter_ocs.transport.association import Wire
from diameter_ocs.transport.peer_rules import Origin, PeerRule
from tests.transport.test_peers import (
    FAR,
    LOOPBACK,
    NEAR,
    RULES,
    OpenedConnection,
    called,
    facts,
    table_of,
)


@pytest.mark.parametrize(
    ("host", "realm", "address", "accepted"),
    [
        ("gw1.example", "example", NEAR, PeerAccepted()),
        ("GW1.Example", "EXAMPLE", NEAR, PeerAccepted()),
        ("pcrf7.example", "any", FAR, PeerAccepted(strict=True)),
        ("other.example", "any", LOOPBACK, PeerAccepted()),
        ("other.example", "any", ip_address("::1"), PeerAccepted()),
    ],
)
def test_a_peer_with_a_rule_is_taken(
    host: str, realm: str, address: object, accepted: PeerAccepted
) -> None:
    table = table_of(RULES)
    assert table.authorise(facts(host, realm), Origin(address), OpenedConnection()) == accepted


def test_some_hosts_of_a_rule_are_treated_otherwise() -> None:
    strict, hasty = PeerAccepted(strict=True), PeerAccepted(answer_budget_seconds=1)
    table = table_of([PeerRule(realm="example", terms_of_hosts=(("GW1*", strict), ("*", hasty)))])
    assert table.authorise(facts("gw1.example"), Origin(NEAR), OpenedConnection()) == strict
    assert table.authorise(facts("gw2.example"), Origin(NEAR), OpenedConnection()) == hasty


@pytest.mark.parametrize(
    ("host", "realm", "address"),
    [
        ("gw1.example", "example", FAR),
        ("gw1.example", "example", LOOPBACK),
        ("gw1.example", "other", FAR),
        ("other.example", "example", NEAR),
    ],
)
def test_a_peer_without_a_rule_is_unknown(host: str, realm: str, address: object) -> None:
    refused = table_of(RULES).authorise(facts(host, realm), Origin(address), OpenedConnection())
    assert isinstance(refused, PeerRefused)
    assert isinstance(refused.error, UnknownPeer)
    assert host in refused.reason


def test_an_address_is_expected_where_a_rule_admits_it() -> None:
    table = table_of([RULES[0], RULES[2]])
    assert table.expects(NEAR)
    assert table.expects(LOOPBACK)
    assert not table.expects(FAR)
    assert table_of(RULES).expects(FAR)  # a rule without addresses admits all


@pytest.mark.parametrize(
    ("certificate", "names", "is_taken"),
    [
        (None, None, True),
        (None, {"gw1.example"}, True),
        (None, {"other.example", "gw1.example"}, True),
        (None, {"*.example"}, True),
        (None, {"*.other"}, False),
        (None, {"*"}, False),
        (None, {"*.*"}, False),
        (None, {"gw2.example"}, False),
        (None, set(), False),
        ("gateways.example", {"gateways.example"}, True),
        ("gateways.example", {"gw1.example"}, False),
        ("gw*.example", {"gw7.example"}, True),
        ("gw*.example", {"*.example"}, False),
        ("gw*.example", {"*.other", "GW*.example".lower()}, True),
        ("*.example", {"*.example"}, True),
        ("*.example", {"gw1.other"}, False),
        ("gateways.example", None, False),
    ],
)
def test_a_certificate_has_to_prove_the_host(
    certificate: str | None, names: set[str] | None, is_taken: bool
) -> None:
    table = table_of([PeerRule(host="gw*.example", certificate=certificate)])
    proved = None if names is None else frozenset(names)
    decision = table.authorise(facts(), Origin(NEAR, Wire.TLS, proved), OpenedConnection())
    assert isinstance(decision, PeerAccepted) is is_taken


@pytest.mark.parametrize("host", ["*.example", "gw?.example", "gw[12].example", "*"])
def test_what_a_peer_calls_itself_is_no_pattern_of_what_it_proves(host: str) -> None:
    table = table_of([PeerRule(host="*")])
    origin = Origin(NEAR, Wire.TLS, frozenset({"gw1.example"}))
    assert isinstance(table.authorise(facts(host), origin, OpenedConnection()), PeerRefused)


@pytest.mark.parametrize(("wire", "is_taken"), [(Wire.TLS, True), (Wire.TCP, False)])
def test_a_peer_comes_only_over_the_wires_that_its_rule_names(wire: Wire, is_taken: bool) -> None:
    table = table_of([PeerRule(host="gw1.example", wires=frozenset({Wire.TLS, Wire.SCTP}))])
    decision = table.authorise(facts(), Origin(NEAR, wire), OpenedConnection())
    assert isinstance(decision, PeerAccepted) is is_taken
    if isinstance(decision, PeerRefused):
        assert decision.reason.endswith("may not connect over tcp, only over sctp or tls")


@pytest.mark.parametrize(
    ("origin", "is_taken"),
    [
        (Origin(FAR, is_called=True), True),
        (Origin(FAR, Wire.TLS, frozenset({"gw1.example"}), is_called=True), True),
        (Origin(FAR, Wire.TLS, frozenset({"gw2.example"}), is_called=True), False),
    ],
)
def test_where_this_node_goes_only_the_certificate_has_to_be_right(
    origin: Origin, is_taken: bool
) -> None:
    table = table_of(RULES)
    own = called(table, "gw1.example")
    decision = table.authorise(facts(), origin, own)
    assert isinstance(decision, PeerAccepted) is is_taken
