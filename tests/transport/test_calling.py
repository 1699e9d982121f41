"""A node connects to another one over the wires of the system."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from diameter_ocs.base.message import Identity
from diameter_ocs.observability import create_metrics
from diameter_ocs.transport import tcp, tls
from diameter_ocs.transport.admission import Places
from diameter_ocs.transport.association import Handler, Place, Wire
from diameter_ocs.transport.connector import CONNECT_SECONDS, Connector, State, Target
from diameter_ocs.transport.node import Node
from diameter_ocs.transport.peer_rules import PeerRule
from diameter_ocs.transport.peers import PeerTable
from tests.transport.authority import Authority
from tests.transport.bench import LOCAL, Bench, reply
from tests.transport.certified import SERVER, Files

GATEWAY = "gw.example"
AUTHORITY = Authority()
STRANGE = Authority("Another authority")


@pytest.fixture
async def gateway() -> AsyncIterator[Node]:
    """A node that listens nowhere."""
    local = replace(LOCAL, identity=Identity(GATEWAY, "example", 1))
    peers = PeerTable([PeerRule()], GATEWAY)
    node = Node(local, peers, reply, Places(10, 10), create_metrics())
    yield node
    await node.stop([], 1)


async def told(gateway: Node, bench: Bench, files: Files | None) -> Connector:
    """Has a node connect, by TCP or by TLS with its files; it is open, or has failed once."""

    async def open_one(handler: Handler, places: Sequence[Place]) -> None:
        (place,) = places
        if files is None:
            await tcp.connect(handler, place, CONNECT_SECONDS)
        else:
            await tls.connect(handler, place, files.certificates(bench), CONNECT_SECONDS)

    wire = Wire.TCP if files is None else Wire.TLS
    connector = gateway.keep(Target(SERVER, wire, (("127.0.0.1", bench.port),), open_one))
    async with asyncio.timeout(10):
        while connector.state is not State.OPEN and connector.last_error is None:
            await asyncio.sleep(0)
    return connector


MakeFiles = Callable[[Authority, str], Files]


@pytest.fixture
def files(tmp_path: Path) -> MakeFiles:
    """Makes what a host goes by."""

    def made(authority: Authority, host: str) -> Files:
        folder = tmp_path / host
        folder.mkdir()
        return Files(folder, authority, host)

    return made


async def test_two_nodes_have_a_connection_over_tcp(gateway: Node, bench: Bench) -> None:
    await bench.listen()
    connector = await told(gateway, bench, None)
    assert (connector.state, connector.last_error) == (State.OPEN, None)
    assert [each.facts.origin_host for each in gateway.opened if each.facts] == [SERVER]


async def test_two_nodes_have_a_connection_over_tls(
    gateway: Node, bench: Bench, files: MakeFiles
) -> None:
    certificates = files(AUTHORITY, SERVER).certificates(bench)
    await bench.listen(rules=[PeerRule(host=GATEWAY)], certificates=certificates)
    connector = await told(gateway, bench, files(AUTHORITY, GATEWAY))
    assert (connector.state, connector.last_error) == (State.OPEN, None)


@pytest.mark.parametrize(
    ("of_server", "of_gateway", "said"),
    [
        (
            (AUTHORITY, "other.example"),
            (AUTHORITY, GATEWAY),
            f"the certificate of {SERVER} proves other.example, not {SERVER}",
        ),
        (
            (AUTHORITY, SERVER),
            (AUTHORITY, "gw2.example"),
            "its CEA says 3010",
        ),
        (
            (STRANGE, SERVER),
            (AUTHORITY, GATEWAY),
            "its certificate is of an authority that is not in",
        ),
    ],
)
async def test_a_certificate_that_does_not_fit_is_told(
    gateway: Node,
    bench: Bench,
    files: MakeFiles,
    of_server: tuple[Authority, str],
    of_gateway: tuple[Authority, str],
    said: str,
) -> None:
    theirs, ours = files(*of_server), files(*of_gateway)
    theirs.authorities.write_bytes(AUTHORITY.certificate + STRANGE.certificate)
    await bench.listen(rules=[PeerRule(host=GATEWAY)], certificates=theirs.certificates(bench))
    connector = await told(gateway, bench, ours)
    assert not gateway.opened
    assert connector.last_error is not None
    assert said in connector.last_error


async def test_an_own_certificate_that_the_peer_does_not_take_is_told(
    gateway: Node, bench: Bench, files: MakeFiles
) -> None:
    theirs, ours = files(AUTHORITY, SERVER), files(STRANGE, GATEWAY)
    ours.authorities.write_bytes(AUTHORITY.certificate)
    await bench.listen(certificates=theirs.certificates(bench))
    connector = await told(gateway, bench, ours)
    assert connector.last_error is not None
    assert "it does not know the authority of this node's certificate" in connector.last_error
