"""One UDP socket: packets come and go by asyncio-dgram, and its errors are only counted."""

import asyncio
from collections import deque
from collections.abc import Callable
from socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    SO_RCVBUF,
    SOCK_DGRAM,
    SOL_SOCKET,
    inet_ntop,
    socket,
)

import asyncio_dgram
import structlog
from asyncio_dgram.aio import DatagramServer

from .association import Address, Place, address_of
from .udp_paths import Sender

log = structlog.get_logger()

BUFFER_OCTETS = 4 * 1024 * 1024
"""What comes while the loop does other things has to be kept (as far as the system's
net.core.rmem_max goes)."""
PACKET_OCTETS_MAX = 65_536
TAKEN_AT_ONCE = 64
"""Packets taken before others have their turn."""
WAITING_MAX = 8192
"""Packets that wait for the system; over it the oldest are lost, and repeated by SCTP."""
FLUSH_SECONDS = 1.0


class Packets:
    """Takes a UDP port; `on_packet` is given what comes, and from where."""

    def __init__(
        self,
        place: Place,
        udp: socket,
        stream: DatagramServer,
        on_packet: Callable[[bytes, Sender], None],
    ) -> None:
        self.place = place
        self.errors = 0
        self._udp = udp
        self._stream = stream
        self._on_packet = on_packet
        self._waiting: deque[tuple[bytes, Sender]] = deque(maxlen=WAITING_MAX)
        self._is_needed = asyncio.Event()
        self._receiving = asyncio.create_task(self._receive())
        self._sending = asyncio.create_task(self._send())

    @classmethod
    async def bind(cls, place: Place, on_packet: Callable[[bytes, Sender], None]) -> "Packets":
        """Takes the place; an IPv6 address that stands for all takes IPv4's packets, too.

        Raises:
            OSError: it cannot be used.
        """
        is_ipv6 = place.address.version == 6
        udp = socket(AF_INET6 if is_ipv6 else AF_INET, SOCK_DGRAM)
        try:
            udp.setblocking(False)
            udp.setsockopt(SOL_SOCKET, SO_RCVBUF, BUFFER_OCTETS)
            if is_ipv6:
                udp.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, not place.address.is_unspecified)
            udp.bind((str(place.address), place.port))
            taken = Place(place.address, udp.getsockname()[1])
            stream = await asyncio_dgram.from_socket(udp)
            assert isinstance(stream, DatagramServer)
        except BaseException:
            udp.close()
            raise
        return cls(taken, udp, stream, on_packet)

    def sender(self, place: Place) -> Sender:
        """Returns a place as this socket writes it.

        Raises:
            OSError: the socket is of another version of IP.
        """
        is_mapped = self.place.address.version == 6 and place.address.version == 4
        if is_mapped and self.place.address.is_unspecified:
            host = f"::ffff:{place.address}"
        elif place.address.version == self.place.address.version:
            family = AF_INET if place.address.version == 4 else AF_INET6
            host = inet_ntop(family, place.address.packed)
        else:
            raise OSError(f"{place.address} cannot be reached from {self.place.address}")
        return (host, place.port) if self.place.address.version == 4 else (host, place.port, 0, 0)

    def local_address(self, sender: Sender) -> Address:
        """Returns this node's address that packets to a peer leave with.

        Raises:
            OSError: there is no way to it.
        """
        if not self.place.address.is_unspecified:
            return self.place.address
        with socket(AF_INET if self.place.address.version == 4 else AF_INET6, SOCK_DGRAM) as udp:
            udp.connect(sender)
            return address_of(udp.getsockname()[0])

    def send(self, packet: bytes, to: Sender) -> None:
        """Lets a packet leave soon."""
        self._waiting.append((packet, to))
        self._is_needed.set()

    async def aclose(self) -> None:
        """Lets what waits leave, and gives the port back."""
        self._receiving.cancel()
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                while self._waiting and not self._sending.done():
                    await asyncio.sleep(0)
        except TimeoutError:
            self._waiting.clear()
        self._sending.cancel()
        await asyncio.gather(self._receiving, self._sending, return_exceptions=True)
        self._stream.close()

    async def _receive(self) -> None:
        while True:
            try:
                packet, sender = await self._stream.recv()
            except OSError:
                self.errors += 1
                continue
            assert isinstance(sender, tuple)
            self._take(packet, sender)
            self._take_more()

    def _take_more(self) -> None:
        """Takes what came behind a packet: a turn of the loop for each would cost twice as much."""
        for _ in range(TAKEN_AT_ONCE):
            try:
                packet, sender = self._udp.recvfrom(PACKET_OCTETS_MAX)
            except BlockingIOError:
                return
            except OSError:
                self.errors += 1
                return
            self._take(packet, sender)

    def _take(self, packet: bytes, sender: Sender) -> None:
        try:
            self._on_packet(packet, sender)
        except Exception:
            log.exception("packet not taken")

    async def _send(self) -> None:
        while True:
            await self._is_needed.wait()
            self._is_needed.clear()
            while self._waiting:
                try:
                    await self._stream.send(*self._waiting.popleft())
                except OSError:
                    self.errors += 1
