"""Two ends of an association of the kernel, and a peer that is a bare socket."""

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from diameter_ocs.transport.association import Association, Handler, PathState, Place
from diameter_ocs.transport.sctp import SctpListening, connect, listen
from diameter_ocs.transport.sctp_settings import SctpSettings

LONG = 10.0
LOOPBACK = "127.0.0.1"
SCTP = 132
QUICK = SctpSettings(
    rto_initial_seconds=0.1,
    rto_max_seconds=0.2,
    rto_min_seconds=0.1,
    heartbeat_seconds=0.2,
    path_retransmissions_max=1,
    association_retransmissions_max=4,
)
"""Settings with which a peer is given up within about a second."""
BASE = bytes([1, 0, 0, 20, 128, 0, 1, 24]) + bytes(12)


def descriptors() -> int:
    """Return how many file descriptors are open."""
    return len(os.listdir("/proc/self/fd"))


def message(number: int, octets: int = 500) -> bytes:
    """Return what looks like a message of an application, of this many octets."""
    header = bytes([1]) + (octets & 0xFFFFFF).to_bytes(3) + bytes([128, 0, 1, 16])
    return header + (4).to_bytes(4) + number.to_bytes(8) + bytes([number % 251]) * (octets - 20)


class End:
    """A handler that notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.paths: list[tuple[Place, PathState]] = []
        self.unsent: list[tuple[bytes, OSError]] = []
        self.pauses = 0
        self.is_paused = False
        self.error: Exception | None = None
        self.losses = 0
        self.on_heard: Callable[[bytes], None] = lambda octets: None
        self._association: Association | None = None
        self._changed = asyncio.Event()

    @property
    def association(self) -> Association:
        assert self._association is not None
        return self._association

    @property
    def is_made(self) -> bool:
        return self._association is not None

    async def until(self, is_so: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(LONG):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    async def hears(self, count: int) -> list[bytes]:
        await self.until(lambda: len(self.heard) >= count)
        return self.heard

    async def is_lost(self) -> Exception | None:
        await self.until(lambda: self.losses)
        return self.error

    def connection_made(self, association: Association) -> None:
        assert self._association is None
        self._association = association
        self._changed.set()

    def data_received(self, octets: bytes) -> None:
        assert not self.losses
        self.heard.append(octets)
        self.on_heard(octets)
        self._changed.set()

    def path_changed(self, place: Place, state: PathState) -> None:
        assert not self.losses
        self.paths.append((place, state))
        self._changed.set()

    def not_sent(self, octets: bytes, error: OSError) -> None:
        self.unsent.append((octets, error))

    def pause_writing(self) -> None:
        assert not self.is_paused
        self.is_paused = True
        self.pauses += 1

    def resume_writing(self) -> None:
        assert self.is_paused
        self.is_paused = False
        self._changed.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.losses += 1
        self.error = error
        self._changed.set()


class Ends:
    """Makes listeners and associations, and ends what a test leaves."""

    def __init__(self) -> None:
        self.accepted: list[End] = []
        self.made = End
        self._all: list[End] = []
        self.listenings: list[SctpListening] = []
        self.sockets: list[socket.socket] = []

    async def listen(
        self, *addresses: str, port: int = 0, settings: SctpSettings = QUICK
    ) -> SctpListening:
        given = [ip_address(each) for each in addresses or (LOOPBACK,)]
        listening = await listen(self._accept, given, port, settings)
        self.listenings.append(listening)
        return listening

    async def connect(
        self,
        places: Sequence[Place],
        *local: str,
        settings: SctpSettings = QUICK,
        seconds: float = LONG,
    ) -> End:
        end = End()
        self._all.append(end)
        await connect(end, places, settings, seconds, [ip_address(each) for each in local])
        return end

    async def pair(self, settings: SctpSettings = QUICK) -> tuple[End, End]:
        """Return both ends of an association on the loopback interface, who connected first."""
        listening = await self.listen(settings=settings)
        here = await self.connect(listening.places, settings=settings)
        return here, await self.taken()

    async def taken(self, count: int = 1) -> End:
        """Wait until so many associations were taken; returns the last."""
        async with asyncio.timeout(LONG):
            while len(self.accepted) < count or not self.accepted[-1].is_made:
                await asyncio.sleep(0.001)
        return self.accepted[-1]

    def bare(self, address: str = LOOPBACK, port: int = 0, streams: int = 16) -> "Bare":
        """Return a socket that knows nothing of our transport."""
        bare = Bare(address, port, streams)
        self.sockets.append(bare.socket)
        return bare

    def keep(self, sock: socket.socket) -> None:
        """Close a socket at the end."""
        self.sockets.append(sock)

    async def end(self) -> None:
        for listening in self.listenings:
            listening.close()
        for end in (*self._all, *self.accepted):
            if end.is_made:
                end.association.abort()
        for each in self.sockets:
            each.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert all(end.losses == 1 for end in (*self._all, *self.accepted) if end.is_made)

    def _accept(self) -> Handler:
        end = self.made()
        self.accepted.append(end)
        return end


class Taken(NamedTuple):
    """A message as a bare socket gets it."""

    octets: bytes
    stream: int
    payload_protocol: int


class Bare:
    """An SCTP socket without any of our code."""

    def __init__(
        self, address: str, port: int, streams: int, taken: socket.socket | None = None
    ) -> None:
        self.socket = taken or socket.socket(socket.AF_INET, socket.SOCK_STREAM, SCTP)
        self.socket.settimeout(LONG)
        if taken is None:
            self.socket.setsockopt(SCTP, 2, struct.pack("@HHHH", streams, streams, 0, 0))
            self.socket.setsockopt(SCTP, 32, 1)
            self.socket.bind((address, port))

    @property
    def place(self) -> Place:
        address, port = self.socket.getsockname()
        return Place(ip_address(address), port)

    async def accept(self) -> "Bare":
        taken, _ = await asyncio.to_thread(self.socket.accept)
        return Bare("", 0, 0, taken)

    async def connect(self, place: Place) -> None:
        await asyncio.to_thread(self.socket.connect, (str(place.address), place.port))

    async def take(self) -> Taken:
        octets, ancillary, flags, _ = await asyncio.to_thread(self.socket.recvmsg, 65536, 128)
        if not octets:
            return Taken(b"", 0, 0)
        assert flags & socket.MSG_EOR
        ((level, kind, value),) = ancillary
        assert (level, kind) == (SCTP, 3)
        stream, _, _, payload_protocol = struct.unpack_from("@HHHxxI", value)
        return Taken(octets, stream, socket.ntohl(payload_protocol))

    def send(self, octets: bytes, stream: int = 0, payload_protocol: int = 0) -> None:
        values = struct.pack("@HHIIi", stream, 0, socket.htonl(payload_protocol), 0, 0)
        self.socket.sendmsg([octets], [(SCTP, 2, values)])

    def abort(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
        self.socket.close()
