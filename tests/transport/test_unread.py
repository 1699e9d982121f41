"""A peer is given up when it reads nothing for a time, and not when it only reads slowly."""

import asyncio
from itertools import count

from diameter_ocs.observability import SparingLog, create_metrics
from diameter_ocs.transport.admission import Admission, Places
from diameter_ocs.transport.connection import UNREAD_OCTETS_MAX, UNREAD_SECONDS, Connection, Rim
from diameter_ocs.transport.peers import PeerRule, PeerTable
from tests.base.wire import ccr, cer
from tests.handlers.virtual_time import play
from tests.transport.bench import LOCAL, reply


class Wire(asyncio.Transport):
    """A transport whose other end reads as much as it is told, and whose system keeps nothing."""

    def __init__(self, protocol: Connection) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.protocol = protocol
        self.unread = 0
        self.is_aborted = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.is_aborted

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        was_empty = not self.unread
        self.unread += len(data)
        if was_empty:
            self.protocol.pause_writing()

    def read(self, octets: int) -> None:
        self.unread -= min(octets, self.unread)
        if not self.unread:
            self.protocol.resume_writing()

    def abort(self) -> None:
        self.is_aborted = True


def opened() -> Wire:
    """Return the wire to a peer whose capabilities were exchanged and read."""
    peers = PeerTable([PeerRule()])
    metrics = create_metrics()
    admission = Admission(Places(4, 4), peers.expects, metrics)
    unopened = SparingLog("connection refused")
    rim = Rim(LOCAL, peers, admission, reply, count(1), metrics, bytearray(4096), unopened)
    wire = Wire(Connection(rim, lambda _: None))
    wire.protocol.connection_made(wire)
    send(wire, cer())
    return wire


def send(wire: Wire, octets: bytes) -> None:
    wire.protocol.get_buffer(-1)[: len(octets)] = octets
    wire.protocol.buffer_updated(len(octets))


def test_a_peer_that_reads_nothing_is_given_up_in_time_though_it_goes_on_asking() -> None:
    async def story() -> None:
        wire = opened()
        await asyncio.sleep(0)
        wire.read(wire.unread)
        for hop_by_hop in range(int(UNREAD_SECONDS)):
            assert not wire.is_aborted
            send(wire, ccr(hop_by_hop=hop_by_hop))
            await asyncio.sleep(1)
        await asyncio.sleep(1)
        assert wire.is_aborted
        assert wire.unread < UNREAD_OCTETS_MAX

    play(story())


def test_a_peer_that_reads_slowly_is_not_given_up() -> None:
    async def story() -> None:
        wire = opened()
        for hop_by_hop in range(100):
            send(wire, ccr(hop_by_hop=hop_by_hop))
            await asyncio.sleep(UNREAD_SECONDS / 2)
            wire.read(1)
        assert wire.unread > 1000
        assert not wire.is_aborted

    play(story())


def test_who_has_read_everything_may_take_as_long_as_before() -> None:
    async def story() -> None:
        wire = opened()
        for hop_by_hop in range(5):
            await asyncio.sleep(UNREAD_SECONDS * 0.9)
            assert not wire.is_aborted
            wire.read(wire.unread)
            send(wire, ccr(hop_by_hop=hop_by_hop))

    play(story())
