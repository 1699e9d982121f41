"""Gateways that are charged over SCTP by a server, with its PostgreSQL, under one kernel.

They use the standard library's sockets and the simulator's messages, or are stacks of others: none
of our transport.
"""

import json
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from diameter.message import Message

from diameter_ocs.simulator.encoding import answer_to_request
from diameter_ocs.simulator.gateway import DEFAULT_STEPS, Gateway, Identity, Session, parse_steps
from tests.interop.stacks import STACKS, Addresses
from tests.sctp import stacks
from tests.sctp.gateway import (
    DIAMETER,
    STREAMS,
    Association,
    Heard,
    Place,
    associate,
    associated_by,
    called,
    gateway,
)
from tests.sctp.serving import CALLED, PORT, Site
from tests.system.listening import own_addresses
from tests.system.policing import Ears
from tests.system.serving import GATEWAY, eventually
from tests.system.wire import (
    DISCONNECT_PEER,
    MANDATORY,
    command_code,
    credit_control,
    exchange,
    hop_by_hop,
    is_request,
    subscriber,
    with_avp,
)

SOON = 20.0
INITIAL, UPDATE, TERMINATE = DEFAULT_STEPS
USED = 11_720_704
"""What a session of these reports, in whole KiB for each report."""
FAILOVER_SECONDS = 5.0
OWN_PORT = 40_000
PROXY_INFO, PROXY_HOST, PROXY_STATE = 284, 280, 33
LONG = 64_000
FREE_DIAMETER = """
Identity = "{name}.demo.example";
Realm = "demo.example";
Port = 0;
SecPort = 0;
No_IPv6;
{places}
LoadExtension = "dict_nasreq.fdx";
LoadExtension = "dict_dcca.fdx";
LoadExtension = "dict_dcca_3gpp.fdx";
ConnectPeer = "ocs.demo.example" {{ {to} Port = 3868; No_TLS; No_TCP; }};
"""


def associated(
    site: Site, here: Sequence[str] = (), there: Sequence[str] = (), port: int = 0
) -> Association:
    """Open an association from the gateways' host to the server, by default of both paths."""
    network = site.network
    own = [Place(address, port) for address in here or network.right.addresses]
    theirs = [Place(address, PORT) for address in there or network.left.addresses]
    with network.right.entered():
        return associate(own, theirs)


@contextmanager
def connected(site: Site, name: str) -> Iterator[tuple[Association, Gateway]]:
    """Connect a gateway of a name, which ends at once where the test has not ended it."""
    association = associated(site)
    try:
        yield association, met(site, association, name)
    finally:
        association.abort()


def met(site: Site, association: Association, name: str) -> Gateway:
    """Exchange capabilities on an association."""
    return gateway(association, named(name), site.network.right.addresses[0])


def named(name: str) -> Identity:
    """Return what a gateway of a name calls itself."""
    return Identity(f"{name}.demo.example", "demo.example", "demo.example")


def asks(session: Session, text: str) -> None:
    """Send one request of a session, which is granted or taken."""
    (step,) = parse_steps([text])
    assert session.credit_control(step).result_code == 2001


def used(site: Site, number: int) -> int:
    """Return what an account has used of its data."""
    octets = site.demonstration.balances(f"demo-{number}")["data"]["used"]
    assert isinstance(octets, int)
    return octets


def told(site: Site, event: str, name: str) -> list[dict[str, Any]]:
    """Return what the server has logged of a gateway."""
    return [
        line
        for line in logged(site)
        if line["event"] == event and line.get("peer") == f"{name}.demo.example"
    ]


def logged(site: Site) -> Iterator[dict[str, Any]]:
    """Return all that the server has logged."""
    return map(json.loads, site.demonstration.server.log.splitlines())


def addresses_of(site: Site) -> set[str]:
    """Return the addresses at which the server takes SCTP."""
    left = site.network.left
    return {*left.addresses, left.addresses_6[1]}


def announced(capabilities: Heard) -> set[str]:
    """Return the addresses that a CER or CEA of the server names."""
    return own_addresses(Message.from_bytes(capabilities.octets))


def test_a_gateway_that_only_listens_is_connected_to_charged_and_asked(site: Site) -> None:
    """The first test: a server waits 10 s for the answer to its CER."""
    addresses, number = site.network.right.addresses, 9
    association = associated_by(site.called.accept()[0])
    site.called.close()
    try:
        pgw = called(association, named(CALLED), addresses)
        capabilities = association.heard[0]
        assert is_request(capabilities.octets)
        assert announced(capabilities) == addresses_of(site)
        session, ears = pgw.session(subscriber(number)), Ears(pgw.node)
        asks(session, INITIAL)
        site.demonstration.command("account", "reauthorize", f"demo-{number}")
        assert ears.hear(SOON).command == "RAR"
        asks(session, UPDATE)
        asks(session, TERMINATE)
        pgw.close()
    finally:
        association.abort()
    assert used(site, number) == USED
    assert {each.payload_protocol for each in association.heard} == {DIAMETER}
    has_come_and_gone(site, CALLED)


def has_come_and_gone(site: Site, name: str) -> None:
    """See that a gateway had both paths, and has taken leave."""
    (closed,) = eventually("the end is heard", lambda: told(site, "peer closed", name), SOON)
    assert closed["reason"] == "disconnected_by_peer"
    first, second = site.network.right.addresses
    (opened,) = told(site, "peer opened", name)
    assert (opened["wire"], opened["address"]) == ("sctp", first)
    # A path may be heard of before who the peer is.
    assert any(
        line["event"] == "path changed" and line["path"] == f"{second}:{opened['port']}"
        for line in logged(site)
    )


def test_a_gateway_of_another_host_is_served_over_tcp(site: Site) -> None:
    server = site.demonstration.server
    with site.network.right.entered(), server.connect(GATEWAY) as tcp:
        session = tcp.session(subscriber(1))
        for step in DEFAULT_STEPS:
            asks(session, step)
    assert site.page("/readyz")[0] == 200


def test_the_gateway_of_another_maker_comes_over_both_paths(site: Site, tmp_path: Path) -> None:
    name, network = "pgw-free", site.network
    configuration = tmp_path / "diameter.conf"
    places = [f'ListenOn = "{address}";' for address in network.right.addresses]
    to = " ".join(f'ConnectTo = "{address}";' for address in network.left.addresses)
    configuration.write_text(FREE_DIAMETER.format(name=name, places="\n".join(places), to=to))
    with network.right.entered(), (tmp_path / "log").open("wb") as out:
        process = subprocess.Popen(
            ["freeDiameterd", "-c", str(configuration)], stdout=out, stderr=subprocess.STDOUT
        )
    try:
        eventually("it is let in", lambda: told(site, "peer opened", name), SOON)
        eventually("its other path is confirmed", lambda: told(site, "path changed", name), SOON)
        process.send_signal(signal.SIGTERM)
        eventually("it takes its leave", lambda: told(site, "peer closed", name), SOON)
    finally:
        process.kill()
        process.wait()
        print((tmp_path / "log").read_text())
    (opened,), (changed,) = told(site, "peer opened", name), told(site, "path changed", name)
    assert (opened["wire"], opened["product"]) == ("sctp", "freeDiameter")
    assert (changed["path"].partition(":")[0], changed["state"]) == (
        network.right.addresses[1],
        "confirmed",
    )
    (closed,) = told(site, "peer closed", name)
    assert (closed["reason"], closed["detail"]) == ("disconnected_by_peer", "the peer disconnected")


def test_sessions_are_charged_over_eight_streams(site: Site) -> None:
    with connected(site, "pgw-streams") as (association, pgw):
        assert association.streams == STREAMS
        assert announced(association.heard[0]) == addresses_of(site)
        for number, step in enumerate(DEFAULT_STEPS):
            sent = set()
            for stream in range(STREAMS):
                whose, session_id = subscriber(10 + stream), f"streams;{stream}"
                octets, keys = credit_control(pgw.identity, whose, step, number, session_id)
                association.send_on(stream, octets)
                sent.add(keys.hop_by_hop)
            answers = [association.hear() for _ in range(STREAMS)]
            assert {hop_by_hop(octets) for octets in answers} == sent
            assert {Message.from_bytes(octets).result_code for octets in answers} == {2001}
        (capabilities, *charging) = association.heard
        assert capabilities.stream == 0
        assert {heard.stream for heard in charging} == set(range(STREAMS))
        assert {heard.payload_protocol for heard in association.heard} == {DIAMETER}
    assert [used(site, 10), used(site, 17)] == [USED, USED]


def test_a_gateway_is_served_over_ipv6(site: Site) -> None:
    right, left = site.network.right.addresses_6, site.network.left.addresses_6
    association = associated(site, right[1:], left[1:])
    try:
        session = met(site, association, "pgw-six").session(subscriber(8))
        for step in DEFAULT_STEPS:
            asks(session, step)
    finally:
        association.abort()
    (opened,) = told(site, "peer opened", "pgw-six")
    assert opened["address"] == right[1]


@pytest.mark.parametrize(("name", "number"), [("erlang", 30), ("free_diameter", 31)])
def test_a_stack_of_others_is_charged(name: str, number: int, site: Site, tmp_path: Path) -> None:
    stack, network = STACKS[name], site.network
    addresses = Addresses(network.right.addresses, network.left.addresses)
    with network.right.entered():
        charged = stacks.charge(stack, PORT, addresses, number, tmp_path)
    assert charged.faults == []
    assert charged.services == [stacks.GRANTED, stacks.GRANTED, ()]
    assert used(site, number) == stacks.USED
    has_come_and_gone(site, stack.host.removesuffix(".demo.example"))


def test_a_message_of_64_kb_is_answered_by_one_as_long(site: Site) -> None:
    state = bytes(number % 251 for number in range(LONG))
    with connected(site, "pgw-long") as (association, pgw):
        octets, keys = credit_control(pgw.identity, subscriber(2), INITIAL, 0, "long;1")
        # "relay" is heard of nowhere else: the state comes back because it is echoed.
        proxy = avp(PROXY_HOST, b"relay.demo.example") + avp(PROXY_STATE, state)
        request = with_avp(octets, PROXY_INFO, proxy)
        assert exchange(pgw, request, keys).result_code == 2001
        answer = association.heard[-1].octets
        assert min(len(request), len(answer)) > LONG
        assert state in answer


def avp(code: int, data: bytes) -> bytes:
    """Return an AVP that is mandatory, to its end in whole words."""
    header = struct.pack("!II", code, MANDATORY << 24 | 8 + len(data))
    return header + data + bytes(-len(data) % 4)


def test_a_path_is_cut_and_repaired_while_a_session_goes_on(site: Site) -> None:
    network, name = site.network, "pgw-cut"
    with connected(site, name) as (_, pgw):
        session = pgw.session(subscriber(3))
        asks(session, INITIAL)
        network.lose(0)
        try:
            cut_at = time.monotonic()
            asks(session, UPDATE)
            assert time.monotonic() - cut_at < FAILOVER_SECONDS
            eventually("the path is missed", lambda: states(site, name, 0) == ["unreachable"], SOON)
        finally:
            network.lose_no_more(0)
        eventually("the path is back", lambda: states(site, name, 0)[-1] == "available", SOON)
        network.lose(1)
        try:
            asks(session, TERMINATE)
        finally:
            network.lose_no_more(1)
    assert used(site, 3) == USED


def states(site: Site, name: str, path: int) -> list[str]:
    """Return what the server has heard of a path to a gateway."""
    address = site.network.right.addresses[path]
    changes = told(site, "path changed", name)
    return [each["state"] for each in changes if each["path"].rpartition(":")[0] == address]


def test_a_gateway_that_aborts_comes_back_and_goes_on(site: Site) -> None:
    name = "pgw-abort"
    with connected(site, name) as (association, pgw):
        session = pgw.session(subscriber(4))
        asks(session, INITIAL)
        association.abort()
        eventually("the end is heard", lambda: told(site, "peer closed", name), SOON)
    goes_on(site, name, session)
    assert used(site, 4) == USED


def goes_on(site: Site, name: str, session: Session) -> None:
    """Connect a gateway anew, and end the session that it has begun."""
    with connected(site, name) as (_, pgw):
        session._gateway = pgw
        asks(session, UPDATE)
        asks(session, TERMINATE)


def test_a_gateway_that_has_restarted_comes_back_and_goes_on(site: Site) -> None:
    """It vanishes without a word, and the server's end is still there when it associates again."""
    network, name = site.network, "pgw-restart"
    one_path = (network.right.addresses[:1], network.left.addresses[:1], OWN_PORT)
    association = associated(site, *one_path)
    session = met(site, association, name).session(subscriber(5))
    asks(session, INITIAL)
    network.lose(0)
    association.abort()
    network.lose_no_more(0)
    # The server ends at once what has begun in the place of the old association.
    with suppress(ConnectionRefusedError):
        associated(site, *one_path).abort()
    (closed,) = eventually("the end is heard", lambda: told(site, "peer closed", name), SOON)
    assert "started anew" in closed["detail"]
    goes_on(site, name, session)
    assert used(site, 5) == USED


def test_a_gateway_that_shuts_its_association_down_has_ended_in_order(site: Site) -> None:
    name = "pgw-shutdown"
    with connected(site, name) as (association, pgw):
        session = pgw.session(subscriber(6))
        asks(session, INITIAL)
        association.connected.shutdown(socket.SHUT_WR)
        (closed,) = eventually("the end is heard", lambda: told(site, "peer closed", name), SOON)
    assert closed["level"] == "info"
    goes_on(site, name, session)


def test_a_server_that_ends_takes_leave_and_shuts_down_in_order(site: Site) -> None:
    """The last test: the server is not there any more."""
    with connected(site, "pgw-last") as (association, pgw):
        asks(pgw.session(subscriber(7)), INITIAL)
        server = site.demonstration.server
        server.process.send_signal(signal.SIGTERM)
        request = association.hear()
        assert is_request(request)
        assert command_code(request) == DISCONNECT_PEER
        assert association.heard[-1].stream == 0
        association.send_on(0, answer_to_request(pgw.identity, request)[1])
        assert association.hear() == b""
        assert server.end() == 0
