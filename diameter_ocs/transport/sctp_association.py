"""One SCTP association of the kernel, which is a socket of its own (RFC 6458 section 4)."""

import asyncio
import socket
from collections import deque
from collections.abc import Sequence
from errno import EMSGSIZE
from socket import MSG_EOR
from typing import NamedTuple

from . import sctp_options as options
from .association import Address, Handler, Place, Wire, WireFault
from .sctp_settings import SctpSettings
from .sctp_streams import Streams

READ_OCTETS = 65_536
"""A longer message is read in parts."""
MESSAGES_AT_ONCE = 64
"""Messages read, or sent of those that wait, before other connections have their turn."""
LINGER_SECONDS = 5.0
"""How long a peer may take to read what was sent and to agree to the end."""
SILENT = "the peer answers at none of its addresses any more"


class Facts(NamedTuple):
    """Who the two ends of an association are."""

    local_addresses: Sequence[Address]
    peer_places: Sequence[Place]
    outgoing_streams: int


def read_facts(sock: socket.socket) -> Facts:
    """Asks the kernel for them.

    Raises:
        OSError: the association is over already.
    """
    status = options.read_status(sock)
    places = options.read_peer_places(sock, status.association)
    places.sort(key=status.primary.__ne__)
    local = options.read_local_places(sock, status.association)
    return Facts(options.usable(local), places, status.outgoing_streams)


class SctpAssociation:
    """One association of the kernel.

    `outgoing_streams` is what the peer allows of what was asked for.
    """

    wire = Wire.SCTP
    certificate_names = None

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        facts: Facts,
        handler: Handler,
        settings: SctpSettings,
    ) -> None:
        self._loop = loop
        self._socket = sock
        self._handler = handler
        self._message_octets_max = settings.message_octets_max
        self._streams = Streams(facts.outgoing_streams)
        self._ancillaries = [options.sending_on(each) for each in range(facts.outgoing_streams)]
        self._waiting: deque[bytes] = deque()
        self._part = bytearray()
        self._linger: asyncio.TimerHandle | None = None
        self._failure: OSError | None = None
        self._is_paused = False
        self._is_ended_here = False
        self._is_over = False
        self.local_addresses = facts.local_addresses
        self.peer_places = facts.peer_places
        self.outgoing_streams = facts.outgoing_streams
        self.unsent_octets = 0
        self.is_closing = False

    def begin(self) -> None:
        """Tells the handler, then hears the peer."""
        self._handler.connection_made(self)
        if not self._is_over:
            self._loop.add_reader(self._socket, self._read)

    def send(self, messages: Sequence[bytes]) -> None:
        """Sends whole messages, each as one; what cannot go at once waits."""
        for message in messages:
            if self.is_closing:
                return
            if self._waiting or not self._put(message):
                self._waiting.append(message)
                self.unsent_octets += len(message)
        if self._waiting and not self._is_paused:
            self._is_paused = True
            self._loop.add_writer(self._socket, self._write)
            self._handler.pause_writing()

    def close(self) -> None:
        """Ends the association in order; a peer that does not take part is aborted after a time."""
        if self.is_closing:
            return
        self.is_closing = self._is_ended_here = True
        self._part.clear()
        self._linger = self._loop.call_later(LINGER_SECONDS, self.abort)
        if not self._waiting:
            self._shut()

    def abort(self) -> None:
        """Ends the association at once, with an ABORT."""
        if not self._is_over:
            self._is_ended_here = True
            self._lose(None)

    def _put(self, message: bytes) -> bool:
        """Gives a message to the kernel; False: it has no room now."""
        ancillary = self._ancillaries[self._streams.choose(message)]
        try:
            self._socket.sendmsg((message,), ancillary)
        except BlockingIOError:
            return False
        except (ConnectionError, TimeoutError) as error:
            self._fail(error)
        except OSError as error:
            if error.errno == EMSGSIZE:
                self._handler.not_sent(message, error)
            else:
                self._lose(error)
        return True

    def _write(self) -> None:
        """Sends what waits, in its order, and tells the handler when nothing waits any more."""
        for _ in range(MESSAGES_AT_ONCE):
            if not self._put(self._waiting[0]):
                return
            if not self._is_paused:
                return
            self.unsent_octets -= len(self._waiting.popleft())
            if not self._waiting:
                self._resume()
                return

    def _resume(self) -> None:
        self._is_paused = False
        self._loop.remove_writer(self._socket)
        self._handler.resume_writing()
        if self._is_ended_here and not self._is_over:
            self._shut()

    def _read(self) -> None:
        for _ in range(MESSAGES_AT_ONCE):
            try:
                octets, _, flags, _ = self._socket.recvmsg(READ_OCTETS)
            except BlockingIOError:
                return
            except OSError as error:
                self._lose(error)
                return
            if flags & options.MSG_NOTIFICATION:
                self._note(octets)
            elif not octets:
                self._lose(None, is_in_order=True)
            elif not self._is_ended_here:
                self._hear(octets, is_end=bool(flags & MSG_EOR))
            if self._is_over:
                return

    def _hear(self, octets: bytes, is_end: bool) -> None:
        """Gives the handler a message once all of its parts have come."""
        if self._part or not is_end:
            self._part += octets
            if len(self._part) > self._message_octets_max:
                said = f"a message of the peer is longer than {self._message_octets_max} octets"
                self._lose(WireFault(said))
                return
            if not is_end:
                return
            octets = bytes(self._part)
            self._part.clear()
        self._handler.data_received(octets)

    def _note(self, octets: bytes) -> None:
        """Takes what the kernel tells of the association."""
        match options.read_notification(octets):
            case options.PathChanged(place, state):
                if not self._is_ended_here:
                    self._handler.path_changed(place, state)
            case options.Ended(None):
                self._lose(None, is_in_order=True)
            case options.Ended(reason):
                cause = options.take_error(self._socket) or self._failure
                self._lose(WireFault(SILENT if isinstance(cause, TimeoutError) else reason))

    def _shut(self) -> None:
        """Tells the peer that nothing more comes; the kernel ends what the peer has agreed to."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._lose(error)

    def _fail(self, error: OSError) -> None:
        """Sends nothing more, as the peer is gone; what came before its end is heard first."""
        self.is_closing = True
        self._failure = error
        self._forget()
        if self._linger is None:
            self._linger = self._loop.call_later(LINGER_SECONDS, self._lose, error)

    def _forget(self) -> None:
        """Drops what waits."""
        self._loop.remove_writer(self._socket)
        self._is_paused = False
        self._waiting.clear()
        self.unsent_octets = 0

    def _lose(self, error: Exception | None, is_in_order: bool = False) -> None:
        """Gives the socket back; the handler hears of it in the next turn of the loop."""
        if self._is_over:
            return
        self._is_over = self.is_closing = True
        self._forget()
        self._part.clear()
        if self._linger is not None:
            self._linger.cancel()
        self._loop.remove_reader(self._socket)
        if is_in_order:
            self._socket.close()
        else:
            options.abort(self._socket)
        told = None if self._is_ended_here else error
        self._loop.call_soon(self._handler.connection_lost, told)
