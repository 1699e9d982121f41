"""Maims packets of SCTP over UDP and misuses what it gives, in a process of its own.

A stack has associations with itself, over its UDP socket, through which each packet may come
maimed, with its right checksum. `python -m tests.transport.udp_fuzz SEED SECONDS` prints what it
did as JSON; that its status is 0 is the point.
"""

import asyncio
import ctypes
import json
import random
import resource
import sys
from collections import Counter
from contextlib import suppress
from ipaddress import ip_address
from struct import pack, pack_into

import structlog

from diameter_ocs.observability import create_metrics
from diameter_ocs.transport import usrsctp
from diameter_ocs.transport.association import Association, PathState, Place
from diameter_ocs.transport.sctp_settings import SctpSettings
from diameter_ocs.transport.sctp_udp import Stack, UdpListening
from diameter_ocs.transport.udp_paths import PATHS_MAX, Sender
from diameter_ocs.transport.usrsctp_socket import Socket, open_socket

SETTINGS = SctpSettings(
    streams=4,
    rto_initial_seconds=0.02,
    rto_max_seconds=0.05,
    rto_min_seconds=0.01,
    heartbeat_seconds=0.05,
    association_retransmissions_max=3,
    message_octets_max=20_000,
)
PORTS = range(3868, 3872)
TALKERS = 60
CONNECT_SECONDS = 0.2
UPCALL = usrsctp.Upcall(lambda *_: None)


class Maimer:
    """Sends what a stack sends, some of it maimed."""

    def __init__(self, stack: Stack, chance: random.Random, done: Counter[str]) -> None:
        packets = stack._packets
        assert packets is not None
        self._send = packets.send
        self._chance = chance
        self._done = done
        self._library = usrsctp.load()
        self._kept: list[bytes] = [bytes(64)]
        self._library.usrsctp_crc32c.restype = ctypes.c_uint32
        self._library.usrsctp_crc32c.argtypes = (ctypes.c_char_p, ctypes.c_size_t)
        packets.send = self.send  # type: ignore[method-assign]

    def send(self, packet: bytes, to: Sender) -> None:
        if self._chance.random() < 0.05:
            self._kept = [*self._kept[-200:], packet]
        for _ in range(self._chance.choice((0, 1, 1, 1, 1, 1, 2))):
            if self._chance.random() < 0.25:
                self._done["maimed"] += 1
                packet = self._maim(bytearray(packet))
            self._done["packets"] += 1
            self._send(packet, to)

    def _maim(self, packet: bytearray) -> bytes:
        chance = self._chance
        for _ in range(chance.choice((1, 1, 2, 5))):
            at = chance.randrange(12, max(13, len(packet)))
            match chance.randrange(9):
                case 0 | 1 if at < len(packet):
                    packet[at] = chance.randrange(256)
                case 2 if len(packet) >= 16:
                    packet[12] = chance.choice((*range(16), 64, 128, 130, 132, 192, 193, 255))
                case 3 if len(packet) >= 16:
                    pack_into(">H", packet, 14, chance.choice((0, 1, 3, 4, 5, len(packet), 65535)))
                case 4:
                    del packet[at:]
                case 5:
                    kept = chance.choice(self._kept)
                    packet += kept[12:] if chance.random() < 0.5 else kept[chance.randrange(64) :]
                case 6:
                    length = chance.randrange(4, 40)
                    kind = chance.randrange(256)
                    packet += pack(">BBH", kind, chance.randrange(256), length)
                    packet += chance.randbytes(length - 4)
                case 7 if at + 4 <= len(packet):
                    pack_into(">HH", packet, at & ~3, chance.randrange(0x10), chance.randrange(50))
                case 8:
                    packet[at:at] = chance.randbytes(chance.randrange(1, 30))
        return self._sealed(packet[:1500])

    def _sealed(self, packet: bytearray) -> bytes:
        if len(packet) < 12:
            return bytes(packet)
        packet[8:12] = bytes(4)
        pack_into("<I", packet, 8, self._library.usrsctp_crc32c(bytes(packet), len(packet)))
        return bytes(packet)


class Talker:
    """A handler that sends, closes, aborts, and calls after the end, as chance has it."""

    def __init__(self, chance: random.Random, done: Counter[str]) -> None:
        self._chance = chance
        self._done = done
        self.association: Association | None = None
        self.is_lost = False

    def connection_made(self, association: Association) -> None:
        self._done["made"] += 1
        self.association = association
        self.act()

    def data_received(self, octets: bytes) -> None:
        assert not self.is_lost
        self._done["messages"] += 1
        self.act()

    def path_changed(self, place: Place, state: PathState) -> None:
        self._done["paths"] += 1

    def not_sent(self, octets: bytes, error: OSError) -> None:
        self._done["not sent"] += 1

    def pause_writing(self) -> None:
        self._done["paused"] += 1

    def resume_writing(self) -> None:
        self.act()

    def connection_lost(self, error: Exception | None) -> None:
        assert not self.is_lost
        self.is_lost = True
        self._done["lost"] += 1
        for _ in range(5):
            self.act()

    def act(self) -> None:
        association = self.association
        assert association is not None
        match self._chance.randrange(40):
            case 0:
                association.close()
            case 1:
                association.abort()
            case 2:
                association.send([bytes(20_000)] * 40)
            case 3:
                association.send([bytes(20_001), b"", b"\1"])
            case _ if association.unsent_octets < 100_000:
                application = self._chance.choice((b"\0\0\0\0", b"\0\0\0\4"))
                length = self._chance.choice((0, 20, 500, 3000))
                association.send([bytes(8) + application + bytes(length)])
        assert association.is_closing or not self.is_lost
        assert len(association.peer_places) == len(association.local_addresses) == 1


def misuse(socket: Socket) -> None:
    """Calls everything of a socket that was given back."""
    buffer = ctypes.create_string_buffer(100)
    socket.abort()
    socket.close()
    for call in (
        lambda: socket.watch(UPCALL, 1),
        lambda: socket.configure(SETTINGS),
        lambda: socket.bind(0, 1),
        lambda: socket.listen(1),
        socket.accept,
        lambda: socket.connect(1, 1),
        socket.streams,
        socket.error,
        lambda: socket.send(b"\1", 0),
        lambda: socket.receive(buffer),
        socket.shut_down,
    ):
        with suppress(OSError):
            call()
            raise AssertionError("a socket that was given back works")


def misuse_open(library: ctypes.CDLL) -> None:
    """Calls everything of a socket that has no association, in no good order."""
    socket = open_socket(library)
    buffer = ctypes.create_string_buffer(100)
    for call in (
        socket.accept,
        socket.streams,
        socket.error,
        lambda: socket.send(b"\1", 60000),
        socket.shut_down,
        lambda: socket.listen(1),
        lambda: socket.connect(0, 0),
        lambda: socket.bind(7, 70000 & 0xFFFF),
        lambda: socket.bind(7, 1),
    ):
        with suppress(OSError):
            socket.watch(UPCALL, 999_999)
            call()
    with suppress(OSError):
        socket.receive(buffer)
    misuse(socket)


async def talk(stack: Stack, chance: random.Random, done: Counter[str]) -> None:
    """Open one association after another."""
    while True:
        talker = Talker(chance, done)
        place = Place(ip_address("127.0.0.1"), chance.choice(PORTS))
        try:
            await stack.connect(talker, place, stack.place.port, CONNECT_SECONDS)
        except OSError:
            done["not connected"] += 1
        for _ in range(chance.randrange(20)):
            if talker.association is not None:
                talker.act()
            await asyncio.sleep(0.001)
        if talker.association is not None:
            talker.association.abort()


async def relisten(stack: Stack, chance: random.Random, done: Counter[str]) -> None:
    """Listen, and stop it, on all ports but the first."""
    library = usrsctp.load()
    listening: dict[int, UdpListening] = {}
    while True:
        for port in PORTS:
            if port in listening and port != PORTS[0] and chance.random() < 0.1:
                listening[port].close()
                listening.pop(port).close()
            elif port not in listening:
                listening[port] = stack.listen(lambda: Talker(chance, done), port)
        misuse_open(library)
        await asyncio.sleep(0.05)


async def main(seed: int, seconds: float) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    chance = random.Random(seed)
    done: Counter[str] = Counter()
    metrics = create_metrics()
    place = Place(ip_address("127.0.0.1"), 0)
    stack = await Stack.start(place, lambda _: True, SETTINGS, metrics)
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: faults.append(context.get("exception") or context)
    )
    Maimer(stack, chance, done)
    tasks = [asyncio.create_task(relisten(stack, chance, done))]
    tasks += [asyncio.create_task(talk(stack, chance, done)) for _ in range(TALKERS)]
    ended, _ = await asyncio.wait(tasks, timeout=seconds)
    for each in tasks:
        each.cancel()
    await asyncio.wait(tasks)
    for each in ended:
        each.result()
    assert len(stack._paths) <= PATHS_MAX
    await stack.aclose()
    try:
        stack.listen(lambda: Talker(chance, done), 1)
    except OSError:
        done["refused"] += 1
    assert not faults, faults
    done["kilobytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(done))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
