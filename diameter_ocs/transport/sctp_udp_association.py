"""An association of SCTP over UDP (RFC 6733 section 2.1.1, RFC 6951) as its handler knows it."""

import asyncio
import ctypes
import errno
import os
from collections import deque
from collections.abc import Callable, Sequence

from .association import Address, Handler, PathState, Place, Wire, WireFault
from .sctp_settings import SctpSettings
from .sctp_streams import Streams
from .usrsctp_socket import Change, Ending, Part, Socket

CLOSE_SECONDS = 5.0
"""How long a peer may take for an orderly end."""
TAKEN_AT_ONCE = 64
"""Messages given to a handler before others have their turn."""

GIVEN_UP = "the attempt was given up"
REASONS = {
    errno.ECONNREFUSED: "the peer refuses associations on this port",
    errno.ECONNRESET: "the peer has aborted the association",
    errno.ECONNABORTED: "the peer is not heard any more, or breaks the rules of SCTP",
    errno.ETIMEDOUT: "the peer is not heard",
}


class UdpAssociation:
    """One connection with a peer; its stack tells it, by `look`, that something happened.

    `on_done` is called once, when its socket was given back; `opened`, if it is set, ends when the
    handler was told that the connection is made, or with what prevented that.
    """

    wire = Wire.SCTP_UDP
    certificate_names: frozenset[str] | None = None

    def __init__(
        self,
        socket: Socket,
        handler: Handler,
        settings: SctpSettings,
        local: Address,
        peer: Place,
    ) -> None:
        self.local_addresses: Sequence[Address] = (local,)
        self.peer_places: Sequence[Place] = (peer,)
        self.on_done: Callable[[], None] = lambda: None
        self._socket = socket
        self._handler = handler
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] | None = None
        self._waiting: deque[bytes] = deque()
        self._unsent_octets = 0
        self._parts = bytearray()
        self._streams = Streams(1)
        self._is_made = False
        self._is_closing = False
        self._is_paused = False
        self._is_shut_down = False
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def unsent_octets(self) -> int:
        """How much waits until the peer reads more."""
        return self._unsent_octets

    @property
    def is_closing(self) -> bool:
        """Whether the connection is over, or is being ended."""
        return self._is_closing

    def send(self, messages: Sequence[bytes]) -> None:
        """Sends each message as one: base messages on stream 0, the others on each in turn."""
        if self._is_closing or not self._is_made:
            return
        for message in messages:
            if len(message) > self._settings.message_octets_max:
                limit = self._settings.message_octets_max
                error = OSError(errno.EMSGSIZE, f"the message is over {limit} octets")
                self._loop.call_soon(self._handler.not_sent, message, error)
                continue
            self._waiting.append(message)
            self._unsent_octets += len(message)
        self._flush()

    def close(self) -> None:
        """Ends the connection after what waits; a peer that takes too long gets an ABORT."""
        if self._is_closing:
            return
        self._is_closing = True
        self._deadline = self._loop.call_later(CLOSE_SECONDS, self.abort)
        self._flush()

    def abort(self) -> None:
        """Ends the connection at once."""
        self._end(None)

    def made(self) -> None:
        """Takes note that the association is up."""
        if self._is_made or self._socket.is_closed:
            return
        try:
            self._streams = Streams(max(1, self._socket.streams()))
        except OSError as error:
            self._end(error)
            return
        self._is_made = True
        self._handler.connection_made(self)
        if self.opened is not None and not self.opened.done():
            self.opened.set_result(None)

    def look(self, buffer: "ctypes.Array[ctypes.c_char]") -> bool:
        """Takes what has come, and sends what has waited; False: there is more to take."""
        for _ in range(TAKEN_AT_ONCE):
            if self._socket.is_closed:
                return True
            try:
                heard = self._socket.receive(buffer)
            except BlockingIOError:
                break
            except OSError as error:
                self._end(_explained(error.errno))
                return True
            match heard:
                case Part(octets, is_last):
                    self._take(octets, is_last)
                case Change():
                    self._change(heard)
                case PathState() if self._is_made:
                    self._handler.path_changed(self.peer_places[0], heard)
                case Ending():
                    self._let_go()
        else:
            return False
        self._flush()
        return True

    def _take(self, octets: bytes, is_last: bool) -> None:
        limit = self._settings.message_octets_max
        if len(self._parts) + len(octets) > limit:
            self._end(OSError(errno.EMSGSIZE, f"a message of the peer is over {limit} octets"))
            return
        if self._parts or not is_last:
            self._parts += octets
            if not is_last:
                return
            octets = bytes(self._parts)
            self._parts.clear()
        if self._is_made and not self._is_closing:
            self._handler.data_received(octets)

    def _change(self, change: Change) -> None:
        match change:
            case Change.UP:
                self.made()
            case Change.SHUT_DOWN:
                self._end(None)
            case Change.RESTARTED:
                self._end(ConnectionResetError(errno.ECONNRESET, "the peer was started anew"))
            case Change.NOT_STARTED | Change.LOST:
                self._end(_explained(self._socket.error()))

    def _let_go(self) -> None:
        """Waits for the end that the peer has begun; nothing that waits would be taken."""
        self._is_shut_down = True
        self._waiting.clear()
        self._unsent_octets = 0
        if not self._is_closing:
            self._is_closing = True
            self._deadline = self._loop.call_later(CLOSE_SECONDS, self.abort)

    def _flush(self) -> None:
        """Sends what can go; says so when something has to wait, and when nothing does any more."""
        while self._waiting and not self._socket.is_closed:
            message = self._waiting[0]
            try:
                if not self._socket.send(message, self._streams.choose(message)):
                    break
            except OSError as error:
                if error.errno not in (errno.EMSGSIZE, errno.EINVAL):
                    self._waiting.clear()
                    self._unsent_octets = 0
                    # What came before the end is heard first, and why it came to that.
                    self._loop.call_soon(self._end, _explained(error.errno))
                    return
                self._loop.call_soon(self._handler.not_sent, message, error)
            self._waiting.popleft()
            self._unsent_octets -= len(message)
        if self._waiting and not self._is_paused:
            self._is_paused = True
            self._handler.pause_writing()
        elif self._is_paused and not self._waiting:
            self._is_paused = False
            self._handler.resume_writing()
        if self._is_closing and not self._waiting and not self._is_shut_down:
            self._is_shut_down = True
            try:
                self._socket.shut_down()
            except OSError as error:
                self._end(error)

    def _end(self, error: OSError | None) -> None:
        """Gives the socket back; an association that is not over yet is aborted.

        What disturbs an end that either side has begun is no fault.
        """
        if self._socket.is_closed:
            return
        if self._is_closing:
            error = None
        self._socket.abort()
        self._is_closing = True
        self._waiting.clear()
        self._unsent_octets = 0
        if self._deadline is not None:
            self._deadline.cancel()
        if self._is_made:
            told = None if error is None else WireFault(error.strerror)
            self._loop.call_soon(self._handler.connection_lost, told)
        if self.opened is not None and not self.opened.done():
            self.opened.set_exception(error or OSError(errno.ECONNABORTED, GIVEN_UP))
        self.on_done()


def _explained(number: int | None) -> OSError:
    number = number or errno.ECONNRESET
    return OSError(number, REASONS.get(number) or os.strerror(number))
