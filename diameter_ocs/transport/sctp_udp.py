"""SCTP over UDP (RFC 6951): libusrsctp for the protocol, asyncio-dgram for the packets.

The library runs without threads: it works while it is called, and all calls come from the thread of
the loop. What it calls back only takes notes, as it holds its locks then. A peer has one path;
multi-homing is what the kernel's SCTP is for.
"""

import asyncio
import ctypes
import errno
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

import structlog

from ..observability import Metrics, SparingLog
from . import usrsctp
from .association import Accept, Address, Handler, Place, Wire, address_of
from .sctp_settings import SctpSettings
from .sctp_udp_association import UdpAssociation
from .udp_packets import Packets
from .udp_paths import COOKIE_ECHO, Drop, Path, Paths, Sender, first_chunk
from .usrsctp import missing
from .usrsctp_socket import Socket, open_socket

__all__ = ["Stack", "UdpListening", "missing"]

log = structlog.get_logger()

READ_OCTETS = 65_536
BACKLOG = 128
TAKEN_AT_ONCE = 16
"""Associations taken before others have their turn."""
TICK_SECONDS = 0.01
REST_SECONDS = 1.0
"""How long the library's clock goes on after the last association, for what it has to clear up."""
FINISH_SECONDS = 3.0

# The library's state is the process's, and is not made to be started a second time.
_started = threading.Lock()


class UdpListening:
    """An SCTP port that takes associations until it is closed; those that were taken go on."""

    wire = Wire.SCTP_UDP

    def __init__(self, place: Place, socket: Socket, on_closed: Callable[[], None]) -> None:
        self.places: Sequence[Place] = (place,)
        self._socket = socket
        self._on_closed = on_closed

    def close(self) -> None:
        """Takes no association any more; those that nobody has seen yet are aborted."""
        if not self._socket.is_closed:
            self._socket.abort()
            self._on_closed()


class Stack:
    """The process's one libusrsctp on one UDP socket, from `start` to `aclose`.

    Its `place` is where UDP packets come. The places of associations and listenings have the SCTP
    ports, as these are what stays when a NAT changes the others.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        is_expected: Callable[[Address], bool],
        settings: SctpSettings,
        metrics: Metrics,
    ) -> None:
        self._library = library
        self._settings = settings
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._paths = Paths(is_expected, self._note_move)
        self._packets: Packets | None = None
        self._is_closed = False
        self._buffer = ctypes.create_string_buffer(READ_OCTETS)
        self._registered = 0
        self._numbers = count(1)
        self._lookers: dict[int, Callable[[], bool]] = {}
        self._ready: dict[int, None] = {}
        self._is_look_due = False
        self._associations: set[UdpAssociation] = set()
        self._listening: dict[int, UdpListening] = {}
        self._clock: asyncio.TimerHandle | None = None
        self._ticked_at = self._rests_at = 0.0
        self._drops = SparingLog("packet dropped")
        self._untaken = SparingLog("association not taken")
        self._moves = SparingLog("peer moved")
        # The library keeps pointers to these.
        self._output = usrsctp.ConnOutput(self._note_packet)
        self._upcall = usrsctp.Upcall(self._note_socket)

    @classmethod
    async def start(
        cls,
        place: Place,
        is_expected: Callable[[Address], bool],
        settings: SctpSettings,
        metrics: Metrics,
    ) -> "Stack":
        """Takes a UDP port; an IPv6 address that stands for all takes IPv4's packets, too.

        A packet is let in when its address is expected, or was dialled.

        Raises:
            OSError: the library is missing, or the place cannot be used.
            RuntimeError: there has been a stack in this process before.
        """
        reason = missing()
        if reason is not None:
            raise OSError(reason)
        stack = cls(usrsctp.load(), is_expected, settings, metrics)
        if not _started.acquire(blocking=False):
            raise RuntimeError("libusrsctp can be started once in a process, and was")
        try:
            stack._packets = await Packets.bind(place, stack._feed)
        except BaseException:
            _started.release()
            raise
        stack._initialise()
        return stack

    @property
    def place(self) -> Place:
        """Where packets of UDP come, with the port that port 0 has become."""
        return self._open().place

    def listen(self, accept: Accept, port: int) -> UdpListening:
        """Takes associations on an SCTP port.

        Raises:
            OSError: the port is taken, or the stack is closed.
        """
        self._open()
        socket = open_socket(self._library)
        try:
            socket.configure(self._settings)
            socket.bind(0, port)
            socket.listen(BACKLOG)
        except OSError as error:
            socket.abort()
            raise _telling(error, f"cannot listen on SCTP port {port}") from error
        place = Place(self.place.address, port)
        number = next(self._numbers)

        def forget() -> None:
            del self._listening[number]
            del self._lookers[number]
            self._paths.stop_listening(port)

        listening = UdpListening(place, socket, forget)
        self._listening[number] = listening
        self._paths.listen(port)
        self._watch(socket, number, partial(self._accept, socket, accept))
        return listening

    async def connect(self, handler: Handler, place: Place, udp_port: int, seconds: float) -> None:
        """Opens an association with a peer's SCTP port; it is made when this returns.

        Raises:
            OSError: the peer refuses, or cannot be reached.
            TimeoutError: it does not answer in time.
        """
        packets = self._open()
        udp = packets.sender(Place(place.address, udp_port))
        local = packets.local_address(udp)
        path, port = self._paths.dial(udp, place.port)
        association = self._dial(handler, local, place, path, port)
        opened = association.opened = self._loop.create_future()
        try:
            async with asyncio.timeout(seconds):
                await opened
        except OSError:
            association.abort()
            error = None if opened.cancelled() else opened.exception()
            if isinstance(error, OSError):
                what = f"cannot connect to {place} at UDP port {udp_port}"
                raise _telling(error, what) from error
            text = f"{place} does not answer over SCTP at UDP port {udp_port}: does it take SCTP"
            text += " in UDP there, and does a firewall let that through?"
            raise TimeoutError(text) from None
        except BaseException:
            association.abort()
            raise

    async def aclose(self) -> None:
        """Ends everything at once, and the library with it; then nothing can be opened any more."""
        packets = self._packets
        if packets is None or self._is_closed:
            return
        self._is_closed = True
        for listening in list(self._listening.values()):
            listening.close()
        for association in list(self._associations):
            association.abort()
        if self._clock is None:
            self._ticked_at = self._loop.time()
        else:
            self._clock.cancel()
        ends_at = self._loop.time() + FINISH_SECONDS
        while self._library.usrsctp_finish():
            if self._loop.time() > ends_at:
                log.warning("libusrsctp not finished", reason="it has associations that are over")
                break
            self._tick()
            await asyncio.sleep(TICK_SECONDS)
        await packets.aclose()

    def _initialise(self) -> None:
        self._library.usrsctp_init_nothreads(0, self._output, None)
        for name in usrsctp.UNNEEDED:
            getattr(self._library, f"usrsctp_sysctl_set_sctp_{name}_enable")(0)
        # Nobody is told of a port that nobody listens on, nor of an association that is not there.
        self._library.usrsctp_sysctl_set_sctp_blackhole(2)

    def _open(self) -> Packets:
        if self._packets is None or self._is_closed:
            raise OSError(errno.EBADF, "SCTP over UDP is closed")
        return self._packets

    def _dial(
        self, handler: Handler, local: Address, place: Place, path: Path, port: int
    ) -> UdpAssociation:
        self._register(path.number)
        try:
            socket = open_socket(self._library)
        except BaseException:
            self._paths.release(path)
            raise
        association = self._adopt(socket, handler, local, place, path)
        try:
            socket.configure(self._settings)
            socket.bind(path.number, port)
            socket.connect(path.number, place.port)
        except BaseException:
            association.abort()
            raise
        return association

    def _accept(self, listening: Socket, accept: Accept) -> bool:
        """Takes associations that peers have opened; False: there may be more."""
        for _ in range(TAKEN_AT_ONCE):
            if listening.is_closed:
                return True
            try:
                accepted = listening.accept()
            except OSError as error:
                self._untaken.info(log, reason=str(error))
                continue
            if accepted is None:
                return True
            socket, number = accepted
            path = self._paths.hold(number)
            if path is None:
                socket.abort()
                continue
            self._take(socket, accept, path)
        return False

    def _take(self, socket: Socket, accept: Accept, path: Path) -> None:
        try:
            socket.streams()  # raises if it is over already
            local = self._open().local_address(path.udp)
        except OSError as error:
            self._untaken.info(log, reason=str(error))
            self._paths.release(path)
            socket.abort()
            return
        peer = Place(address_of(path.udp[0]), path.port)
        self._adopt(socket, accept(), local, peer, path).made()

    def _adopt(
        self, socket: Socket, handler: Handler, local: Address, peer: Place, path: Path
    ) -> UdpAssociation:
        number = next(self._numbers)

        def forget() -> None:
            self._associations.discard(association)
            self._lookers.pop(number, None)
            self._paths.release(path)
            self._rests_at = self._loop.time() + REST_SECONDS

        association = UdpAssociation(socket, handler, self._settings, local, peer)
        association.on_done = forget
        self._associations.add(association)
        self._watch(socket, number, partial(association.look, self._buffer))
        if self._clock is None:
            self._ticked_at = self._loop.time()
            self._clock = self._loop.call_later(TICK_SECONDS, self._tick_on)
        return association

    def _watch(self, socket: Socket, number: int, look: Callable[[], bool]) -> None:
        self._lookers[number] = look
        socket.watch(self._upcall, number)
        self._look_soon(number)

    def _feed(self, packet: bytes, sender: Sender) -> None:
        """Gives a packet to the library, if it may come in."""
        if self._is_closed:
            return
        number = self._paths.incoming(packet, sender)
        if isinstance(number, Drop):
            self._metrics.packets_dropped.labels(number).inc()
            where = {"address": sender[0], "port": sender[1]}
            self._drops.info(log, **where, reason=number, detail=number.meaning)
            return
        self._register(number)
        self._library.usrsctp_conninput(number, packet, len(packet), 0)
        if first_chunk(packet) == COOKIE_ECHO:
            # The library does not tell of an association that the same packet has ended.
            for each in self._listening:
                self._look_soon(each)

    def _register(self, number: int) -> None:
        if number > self._registered:
            self._registered = number
            self._library.usrsctp_register_address(number)

    def _note_move(self, path: Path, sender: Sender) -> None:
        """Tells of a peer whose UDP port is another one than before."""
        self._moves.info(log, address=sender[0], port=sender[1], before=path.udp[1])

    def _note_packet(
        self, number: int, octets: int, length: int, _service: int, _is_whole: int
    ) -> int:
        """Called by the library, which holds its locks: a packet is to leave."""
        try:
            packet = ctypes.string_at(octets, length)
            to = self._paths.outgoing(number, packet)
            if to is not None and self._packets is not None:
                self._packets.send(packet, to)
        except Exception:
            # The library knows nothing of it: for it, the packet was lost on its way.
            log.exception("packet not sent")
        return 0

    def _note_socket(self, _socket: int, number: int, _flags: int) -> None:
        """Called by the library, which holds its locks: something happened to a socket."""
        self._look_soon(number)

    def _look_soon(self, number: int) -> None:
        self._ready[number] = None
        if not self._is_look_due:
            self._is_look_due = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        """Has everybody to whom something happened look at it, each for a bounded time."""
        self._is_look_due = False
        try:
            for _ in range(len(self._ready)):
                number = next(iter(self._ready))
                del self._ready[number]
                look = self._lookers.get(number)
                if look is not None and not look():
                    self._ready[number] = None
        finally:
            if self._ready:
                self._look_soon(next(iter(self._ready)))

    def _tick_on(self) -> None:
        self._clock = None
        self._tick()
        if self._associations or self._loop.time() < self._rests_at:
            self._clock = self._loop.call_later(TICK_SECONDS, self._tick_on)

    def _tick(self) -> None:
        """Tells the library how much time has gone by."""
        milliseconds = int((self._loop.time() - self._ticked_at) * 1000)
        if milliseconds > 0:
            self._ticked_at += milliseconds / 1000
            self._library.usrsctp_handle_timers(milliseconds)


def _telling(error: OSError, what: str) -> OSError:
    """Returns the error with what it hinders."""
    return OSError(error.errno, f"{what} over SCTP: {error.strerror}")
