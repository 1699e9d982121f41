"""The Gy application on a free port of this process, and a gateway that speaks octets to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from diameter_ocs.base.capabilities import Application, LocalNode
from diameter_ocs.base.message import Identity, Message, decode
from diameter_ocs.charging.delivery import Claimed, Fate
from diameter_ocs.config import resource
from diameter_ocs.gy.decode import Decoder
from diameter_ocs.gy.terms import AnswerTerms
from diameter_ocs.handlers.lanes import Lanes, LaneSettings
from diameter_ocs.handlers.ports import Outbox, Store
from diameter_ocs.handlers.spending_limits import SpendingLimits
from diameter_ocs.handlers.supervision import Supervision
from diameter_ocs.handlers.unclaimed import Unclaimed
from diameter_ocs.jobs.delivery import Bell, Deliverer
from diameter_ocs.numbering.plmn import Plmns
from diameter_ocs.numbering.tables import Numbering
from diameter_ocs.observability import create_metrics
from diameter_ocs.server.application import CreditControl
from diameter_ocs.server.door import Door, Take, by_application
from diameter_ocs.server.leaving import Leaving, delivering
from diameter_ocs.server.spending_limits import SpendingLimitControl
from diameter_ocs.sy import application as sy
from diameter_ocs.transport.admission import Places
from diameter_ocs.transport.node import Node
from diameter_ocs.transport.peer_rules import PeerRule
from diameter_ocs.transport.peers import PeerTable
from diameter_ocs.transport.tcp import TcpListening, listen
from tests.base.wire import ORIGIN_HOST, avp, cer, load_dictionary
from tests.store.scenario import NOW

DICTIONARY = load_dictionary()
SY = sy.application(DICTIONARY)
NUMBERING = Numbering(Plmns.load(resource("dictionaries/plmn.csv").read_text(encoding="utf-8")))
IDENTITY = Identity("ocs.example", "ocs.example")
SERVICE_CONTEXTS = {"gprs@maker.example": "32251"}


class Server:
    """The Gy application over any store; `clock` is the lanes'."""

    def __init__(
        self,
        store: Store,
        rules: list[PeerRule],
        clock: Callable[[], int] = lambda: NOW,
        served_realms: frozenset[str] = frozenset(),
        host_aliases: frozenset[str] = frozenset(),
        answers: Mapping[str, AnswerTerms] | None = None,
    ) -> None:
        self.store = store
        self.metrics = create_metrics()
        self.lanes = Lanes(store, LaneSettings(), clock, self.metrics)
        self.peers = PeerTable(rules, IDENTITY.origin_host)
        local = LocalNode(
            identity=IDENTITY,
            host_ip_addresses=(),
            vendor_id=0,
            product_name="ocs under test",
            applications=(Application(4, frozenset({"Credit-Control"})), SY),
            dictionary=DICTIONARY,
            served_realms=served_realms,
            host_aliases=host_aliases,
        )
        self.limits = SpendingLimits(store, self.lanes, LaneSettings(), self.metrics)
        self.door = Door(self.peers, local, self.metrics)
        self.application = CreditControl(
            self.lanes,
            self.door,
            Decoder(DICTIONARY, NUMBERING, SERVICE_CONTEXTS),
            answers or {},
        )
        policing = SpendingLimitControl(self.limits, self.door, clock)
        self.policing = policing
        self.local = local
        self.take: Take = by_application({4: self.application.take, SY.id: policing.take})
        self.node = Node(
            local, self.peers, lambda *received: self.take(*received), Places(10, 10), self.metrics
        )
        self.listening: TcpListening | None = None
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.running: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Server"]:
        """Listen while the context lasts."""
        self.listening = await listen(self.node.accept, "127.0.0.1", 0)
        self.port = self.listening.places[0].port
        async with asyncio.TaskGroup() as tasks:
            self.running = tasks.create_task(self.lanes.run())
            policing = tasks.create_task(self.limits.run())
            yield self
            for writer in self.writers:
                writer.transport.abort()
            await self.node.stop([self.listening], 1)
            self.running.cancel()
            policing.cancel()

    async def connect(self, host: str) -> "Gateway":
        """Connect as a gateway and exchange capabilities."""
        gateway = await self.open()
        await gateway.ask(cer(avp(264, host.encode()), without=ORIGIN_HOST))
        return gateway

    async def open(self) -> "Gateway":
        """Connect and say nothing."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        return Gateway(reader, writer)

    def counted(self, name: str, **labels: str) -> float | None:
        """Return the value of a metric."""
        return self.metrics.registry.get_sample_value(name, labels)


class Gateway:
    """A gateway that speaks octets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, octets: bytes) -> Message:
        """Send a message and return the next one that comes."""
        self.writer.write(octets)
        return await self.read()

    async def read(self) -> Message:
        """Return the next message that comes."""
        header = await self.reader.readexactly(20)
        rest = await self.reader.readexactly(int.from_bytes(header[1:4]) - 20)
        return decode(header + rest, DICTIONARY)

    async def is_ended(self) -> bool:
        """Wait for the end of the connection; False: something else comes."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionResetError:
            return True


class NoSinks:
    """Who delivers notices where nobody wants any."""

    def serves(self, target: str) -> bool:
        return False

    async def deliver(self, claimed: Claimed) -> Fate:
        raise AssertionError(claimed)


def deliverer(server: Server, outbox: Outbox, bell: Bell) -> Deliverer:
    """Return who delivers what is to leave a server."""
    lanes, metrics = server.lanes, server.metrics
    supervision = Supervision(server.store, Unclaimed(), lanes.clock, metrics)
    limits, policing = server.limits, server.policing
    leaving = Leaving(outbox, bell, lanes, limits, supervision, policing, NoSinks())
    identifiers = server.node.next_identifier
    return delivering(leaving, server.local, server.peers, "server", identifiers, metrics)
