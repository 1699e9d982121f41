"""A request goes from its connection to the lanes and back, without a database."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from diameter_ocs.base.capabilities import Application, LocalNode
from diameter_ocs.base.message import Identity, Message, decode
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.lanes import Lanes, LaneSettings
from diameter_ocs.observability import create_metrics
from diameter_ocs.server import CreditControl, Readiness
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.transport.admission import Places
from diameter_ocs.transport.peers import PeerRule, PeerTable
from diameter_ocs.transport.tcp import Listener
from tests.base.wire import (
    AUTH_APPLICATION_ID,
    CC_REQUEST_NUMBER,
    CC_REQUEST_TYPE,
    DESTINATION_REALM,
    ORIGIN_HOST,
    ORIGIN_REALM,
    SERVICE_CONTEXT_ID,
    avp,
    cer,
    load_dictionary,
    message,
    number,
)
from tests.store.scenario import NOW, furnish

DICTIONARY = load_dictionary()
IDENTITY = Identity("ocs.example", "ocs.example")
SUCCESS, USER_UNKNOWN, TOO_BUSY = 2001, 5030, 3004
READINGS = 6
"""Requests alike, until everything of them that is remembered is."""


class Server:
    """The Gy application on a free port, over a twin of the database."""

    def __init__(self) -> None:
        self.store = MemoryStore(read_stored)
        self.metrics = create_metrics()
        self.lanes = Lanes(self.store, LaneSettings(), lambda: NOW, self.metrics)
        peers = PeerTable(
            [
                PeerRule(host="one.example", tenant="one", is_loopback_only=True),
                PeerRule(host="two.example", tenant="two", is_loopback_only=True),
                PeerRule(host="relay*", is_loopback_only=True),
            ]
        )
        local = LocalNode(
            identity=IDENTITY,
            host_ip_addresses=(),
            vendor_id=0,
            product_name="ocs under test",
            applications=(Application(4, frozenset({"Credit-Control"})),),
            dictionary=DICTIONARY,
        )
        application = CreditControl(self.lanes, peers, DICTIONARY, IDENTITY, self.metrics, {})
        self.listener = Listener(local, peers, application.take, Places(10, 10), self.metrics)
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.running: asyncio.Task[None] | None = None

    async def connect(self, host: str) -> "Gateway":
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        gateway = Gateway(reader, writer)
        await gateway.ask(cer(avp(264, host.encode()), without=ORIGIN_HOST))
        return gateway

    def counted(self, request_type: str, code: int) -> float | None:
        labels = {"request_type": request_type, "result_code": str(code)}
        return self.metrics.registry.get_sample_value("ocs_requests_total", labels)


class Gateway:
    """A gateway that speaks octets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, octets: bytes) -> Message:
        self.writer.write(octets)
        header = await self.reader.readexactly(20)
        rest = await self.reader.readexactly(int.from_bytes(header[1:4]) - 20)
        return decode(header + rest, DICTIONARY)

    async def open(self, host: str, session: int) -> int:
        """Opens a session of the first subscriber; returns the Result-Code."""
        answer = await self.ask(opening(host, session))
        assert (answer.hop_by_hop, answer.end_to_end) == (session, session)
        code: int = answer.group.first("Result-Code")
        return code


def opening(host: str, session: int) -> bytes:
    imsi = avp(450, number(1)) + avp(444, b"001010000000001")
    return message(
        272,
        avp(263, b"%s;%06d" % (host.encode(), session)),
        avp(264, host.encode()),
        ORIGIN_REALM,
        DESTINATION_REALM,
        AUTH_APPLICATION_ID,
        SERVICE_CONTEXT_ID,
        CC_REQUEST_TYPE,
        CC_REQUEST_NUMBER,
        avp(55, number(NOW // 1_000_000 + 2_208_988_800)),
        avp(443, imsi),
        avp(455, number(1)),
        avp(456, avp(432, number(300)) + avp(437, b"")),
        hop_by_hop=session,
        end_to_end=session,
    )


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    _, server.port = await server.listener.start("127.0.0.1", 0)
    async with asyncio.TaskGroup() as tasks:
        server.running = tasks.create_task(server.lanes.run())
        yield server
        for writer in server.writers:
            writer.transport.abort()
        await server.listener.stop(1)
        server.running.cancel()


def test_a_server_that_stops_is_not_ready_again() -> None:
    readiness = Readiness()
    assert readiness.unready() == "starting"
    readiness.found(None)
    assert readiness.unready() is None
    readiness.found("the database does not answer")
    assert readiness.unready() == "the database does not answer"
    readiness.stop()
    readiness.found(None)
    assert readiness.unready() == "stopping"


def test_the_log_says_when_readiness_changed() -> None:
    readiness = Readiness()
    with capture_logs() as events:
        for reason in (None, None, "it starts up", "it recovers", None):
            readiness.found(reason)
    assert [(event["event"], event.get("reason")) for event in events] == [
        ("server became ready", None),
        ("server became unready", "it starts up"),
        ("server became ready", None),
    ]


async def test_answers_that_are_alike_say_the_same_whatever_is_remembered(server: Server) -> None:
    await furnish(server.store, tenant="one")
    gateway = await server.connect("one.example")
    codes = [await gateway.open("one.example", session) for session in range(READINGS)]
    assert codes == [SUCCESS] * READINGS
    assert server.counted("initial", SUCCESS) == READINGS


async def test_whose_a_request_is_is_remembered_for_each_gateway_alone(server: Server) -> None:
    await furnish(server.store, tenant="one")
    await furnish(server.store, numbers=(7,), tenant="two")
    relay = await server.connect("relay.example")
    for session in range(READINGS):
        assert await relay.open("one.example", session) == SUCCESS
        assert await relay.open("two.example", session) == USER_UNKNOWN


async def test_whose_a_connection_is_counts_where_an_origin_is_nobodys(server: Server) -> None:
    await furnish(server.store, tenant="one")
    await furnish(server.store, numbers=(7,), tenant="two")
    one, two = await server.connect("one.example"), await server.connect("two.example")
    for session in range(READINGS):
        assert await one.open("behind.example", session) == SUCCESS
        assert await two.open("behind.example", READINGS + session) == USER_UNKNOWN


async def test_a_request_that_cannot_be_taken_is_told_so_with_its_ids(server: Server) -> None:
    await furnish(server.store, tenant="one")
    gateway = await server.connect("one.example")
    assert await gateway.open("one.example", 1) == SUCCESS
    assert server.running is not None
    server.running.cancel()
    await asyncio.wait([server.running])
    assert await gateway.open("one.example", 2) == TOO_BUSY
