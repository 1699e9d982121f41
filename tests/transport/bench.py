"""A listener on a free port, and gateways that speak octets."""

import asyncio
import ssl
from collections.abc import Callable, Sequence

from diameter_ocs.base.capabilities import Application, LocalNode
from diameter_ocs.base.events import RequestReceived
from diameter_ocs.base.message import Identity, Message, answer, decode
from diameter_ocs.observability import Metrics, create_metrics
from diameter_ocs.transport import tcp, tls
from diameter_ocs.transport.admission import Places
from diameter_ocs.transport.association import Listening
from diameter_ocs.transport.certificates import Certificates
from diameter_ocs.transport.connection import Connection
from diameter_ocs.transport.node import Node
from diameter_ocs.transport.peer_rules import PeerRule
from diameter_ocs.transport.peers import PeerTable
from tests.base.wire import ORIGIN_HOST, ORIGIN_REALM, avp, cer, load_dictionary, message

DICTIONARY = load_dictionary()
LOCAL = LocalNode(
    identity=Identity("ocs1.example", "ocs.example", 77),
    host_ip_addresses=(),
    vendor_id=0,
    product_name="ocs under test",
    applications=(Application(4, frozenset({"Credit-Control"})),),
    dictionary=DICTIONARY,
)
DWR = message(280, ORIGIN_HOST, ORIGIN_REALM, application=0, flags=0x80)
OnRequest = Callable[[Connection, RequestReceived], None]


def reply(connection: Connection, received: RequestReceived) -> None:
    assert connection.answer(answered(received.message))


def answered(asked: Message, *members: tuple[str, object]) -> bytes:
    return answer(asked, DICTIONARY, LOCAL.identity, [("Result-Code", 2001), *members])


def flood(connection: Connection, received: RequestReceived) -> None:
    connection.answer(answered(received.message, ("Error-Message", "x" * 60_000)))


class Client:
    """A gateway that speaks octets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self) -> Message:
        header = await self.reader.readexactly(20)
        rest = await self.reader.readexactly(int.from_bytes(header[1:4]) - 20)
        return decode(header + rest, DICTIONARY)

    async def ask(self, octets: bytes) -> Message:
        self.writer.write(octets)
        return await self.read()

    async def answer(self, asked: Message) -> None:
        """Answers a request of the server with success."""
        members = avp(268, (2001).to_bytes(4)), ORIGIN_HOST, ORIGIN_REALM
        header = {"application": 0, "flags": 0, "hop_by_hop": asked.hop_by_hop}
        self.writer.write(message(asked.command_code, *members, **header))
        await self.writer.drain()

    async def is_ended(self) -> bool:
        try:
            return await self.reader.read(1) == b""
        except ConnectionResetError:
            return True


class Bench:
    """A listener on a free port, and the gateways that connected to it."""

    def __init__(self) -> None:
        self.metrics: Metrics = create_metrics()
        self.node: Node | None = None
        self.listening: list[Listening] = []
        self.clients: list[Client] = []
        self.port = 0

    async def listen(
        self,
        on_request: OnRequest = reply,
        local: LocalNode = LOCAL,
        connections_max: int = 10,
        rules: Sequence[PeerRule] = (PeerRule(is_loopback_only=True),),
        certificates: Certificates | None = None,
    ) -> None:
        """Listens over TCP, or over TLS where there are certificates."""
        peers = PeerTable(rules, local.identity.origin_host)
        self.node = Node(local, peers, on_request, Places(connections_max, 64), self.metrics)
        where = self.node.accept, "127.0.0.1", 0
        wire = tls.listen(*where, certificates) if certificates else tcp.listen(*where)
        self.listening.append(await wire)
        self.port = self.listening[0].places[0].port

    async def stop(self, seconds: float) -> None:
        assert self.node is not None
        await self.node.stop(self.listening, seconds)

    async def connect(
        self, address: str = "127.0.0.1", context: ssl.SSLContext | None = None
    ) -> Client:
        """Connects from an address of loopback, with TLS where there is a context."""
        name = "ocs1.example" if context else None
        streams = asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(address, 0), ssl=context, server_hostname=name
        )
        client = Client(*await streams)
        self.clients.append(client)
        return client

    async def connect_open(
        self, octets: bytes | None = None, context: ssl.SSLContext | None = None
    ) -> Client:
        client = await self.connect(context=context)
        cea = await client.ask(octets or cer())
        assert cea.group.first("Result-Code") == 2001
        return client

    def is_any_closing(self) -> bool:
        """Says whether a peer has ended its connection and is written to still."""
        assert self.node is not None
        return any(each.state == "closing" for each in self.node.opened)

    def metric(self, name: str, **labels: str) -> float | None:
        """Returns what a metric shows."""
        return self.metrics.registry.get_sample_value(f"ocs_{name}", labels)
