"""A server is reached over what its configuration says, by whom it should be."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from ipaddress import ip_address
from pathlib import Path

import pytest

from diameter_ocs import cli
from diameter_ocs.config import Configuration
from diameter_ocs.config.peers import PeerEntry
from diameter_ocs.config.wires import TlsTable
from diameter_ocs.server.readiness import AddressUnavailable
from diameter_ocs.server.wires import Wires, opened
from diameter_ocs.simulator.encoding import Identity
from diameter_ocs.simulator.errors import SimulatorError
from diameter_ocs.simulator.gateway import Gateway, connect
from diameter_ocs.simulator.load_connections import connect_all, disconnect_all
from diameter_ocs.simulator.load_plan import parse_arguments
from diameter_ocs.simulator.secure import client_context
from diameter_ocs.simulator.wires import over_tls
from diameter_ocs.transport.admission import Places
from diameter_ocs.transport.association import Place, Wire
from diameter_ocs.transport.certificates import CertificatesUnusable
from diameter_ocs.transport.node import Node
from diameter_ocs.transport.peers import PeerRule, PeerTable
from tests.transport.authority import Authority
from tests.transport.bench import LOCAL, Bench, reply
from tests.transport.certified import Files
from tests.transport.conftest import bench

__all__ = ["bench"]

GATEWAY = Identity("gw.example", "example", "ocs.example")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """What server and gateways go by."""
    files = Files(tmp_path, Authority())
    files.authority.certify("*.example").write(tmp_path, "gateway")
    return files


def configuration(files: Files, listen: str = "127.0.0.1:0") -> Configuration:
    table = {
        "listen": listen,
        "certificate": files.folder / "ocs.pem",
        "key": files.folder / "ocs.key",
        "authorities": files.authorities,
    }
    peers = [PeerEntry(host="gw.example", connect=("127.0.0.1:1",), transport="tls")]
    return Configuration(listen=None, tls=TlsTable.model_validate(table), peers=peers)


@pytest.fixture
async def standing() -> AsyncIterator[AsyncExitStack]:
    """What ends with the test."""
    async with AsyncExitStack() as stack:
        yield stack


async def wires_of(standing: AsyncExitStack, bench: Bench, configuration: Configuration) -> Wires:
    """Return the wires of a node that takes any peer."""
    peers = PeerTable([PeerRule(is_loopback_only=True)], LOCAL.identity.origin_host)
    bench.node = Node(LOCAL, peers, reply, Places(10, 10), bench.metrics)
    opening = opened(configuration, bench.node, peers, bench.metrics)
    return await standing.enter_async_context(opening)


async def serve(standing: AsyncExitStack, bench: Bench, files: Files) -> int:
    """Return the port of a node that takes any peer over TLS."""
    wires = await wires_of(standing, bench, configuration(files))
    (listening,) = wires.listening
    assert (listening.wire, wires.missing) == ("tls", {})
    return listening.places[0].port


async def test_a_simulated_gateway_comes_over_tls(
    standing: AsyncExitStack, bench: Bench, files: Files
) -> None:
    port = await serve(standing, bench, files)
    tls = client_context(
        files.authorities, files.folder / "gateway.pem", files.folder / "gateway.key"
    )

    def talk() -> Gateway:
        gateway = connect("127.0.0.1", port, GATEWAY, 10, over_tls(tls))
        gateway.node.reconnect()
        assert gateway.node.next_event(0.0) is not None  # it is connected again
        assert gateway.node.next_event(0.0) is None
        return gateway

    gateway = await asyncio.to_thread(talk)
    assert bench.metric("peers_open") == 1
    await asyncio.to_thread(gateway.close)


async def test_the_load_client_comes_over_tls(
    standing: AsyncExitStack, bench: Bench, files: Files
) -> None:
    words = ["--port", str(await serve(standing, bench, files)), "--connections", "2"]
    words += ["--over", "tls"]
    words += ["--origin-realm", "example", "--destination-realm", "ocs.example"]
    words += ["--ca", str(files.authorities)]
    words += ["--certificate", str(files.folder / "gateway.pem")]
    words += ["--key", str(files.folder / "gateway.key")]
    connections = await asyncio.to_thread(connect_all, parse_arguments(words))
    assert bench.metric("peers_open") == 2
    await asyncio.to_thread(disconnect_all, connections)


async def test_a_simulated_gateway_believes_only_who_it_is_told_to(
    standing: AsyncExitStack, bench: Bench, files: Files
) -> None:
    port = await serve(standing, bench, files)
    stranger = files.folder / "stranger.pem"
    stranger.write_bytes(Authority().certificate)
    tls = client_context(stranger, None, None)
    with pytest.raises(SimulatorError, match="CERTIFICATE_VERIFY_FAILED"):
        await asyncio.to_thread(connect, "127.0.0.1", port, GATEWAY, 10, over_tls(tls))


async def test_a_place_that_is_taken_and_files_that_cannot_be_used_are_told(
    standing: AsyncExitStack, bench: Bench, files: Files
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(AddressUnavailable, match=where):
            await wires_of(standing, bench, configuration(files, where))
    files.authority.certify("ocs1.example").write(files.folder, "other")
    (files.folder / "other.key").rename(files.folder / "ocs.key")
    with pytest.raises(CertificatesUnusable, match=r"tls\.key"):
        await wires_of(standing, bench, configuration(files))


async def test_a_node_that_only_connects_over_tls_has_its_certificates_and_no_port(
    standing: AsyncExitStack, bench: Bench, files: Files
) -> None:
    wires = await wires_of(standing, bench, configuration(files, ""))
    assert wires.listening == []
    assert wires.certificates is not None


@pytest.mark.parametrize("wire", [Wire.SCTP, Wire.SCTP_UDP])
async def test_what_this_machine_has_not_is_said_of_each_peer_that_is_called_by_it(
    bench: Bench, wire: Wire
) -> None:
    settings = Configuration.model_validate({"sctp": {}, "sctp_udp": {}})
    wires = Wires(settings, missing={wire: "load its module"})
    entry = PeerEntry(host="gw.example", connect=("127.0.0.1:1",), transport=wire)
    await bench.listen()
    assert bench.node is not None
    with pytest.raises(OSError, match="load its module"):
        await wires.open(entry)(bench.node.accept(), [Place(ip_address("127.0.0.1"), 1)])


@pytest.mark.parametrize(
    "words", [["--ca", "ca.pem"], ["--certificate", "me.pem"], ["--over", "tls", "--key", "me.key"]]
)
def test_files_of_tls_go_with_tls(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["simulate", "pgw", *words]) == 2
    assert "goes with" in capsys.readouterr().err


def test_files_that_cannot_be_used_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["simulate", "pgw", "--over", "tls", "--ca", str(tmp_path / "ca.pem")]) != 0
    assert "not to be used for TLS: " in capsys.readouterr().err
