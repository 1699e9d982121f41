"""One socket of libusrsctp, whose misuse raises where the library itself would crash."""

import ctypes
import errno
import os
from enum import IntEnum
from socket import htonl, htons
from typing import NamedTuple, TypeVar

from . import usrsctp
from .association import PathState
from .sctp_settings import SctpSettings
from .sctp_streams import PAYLOAD_PROTOCOL

PATH_OCTETS_MAX = 1400
"""The longest packet: with headers of UDP and IPv6 it still fits into 1500 octets."""
HEADER_OCTETS = 12
"""What the library adds to what it takes for the longest packet."""
COOKIE_SECONDS = 10
"""How long a peer may take to answer an INIT ACK."""
BUFFER_OCTETS = 256 * 1024
"""What is kept of messages on their way, each way, at the least."""

Value = ctypes.c_int | ctypes.Structure
Struct = TypeVar("Struct", bound=ctypes.Structure)


class Change(IntEnum):
    """What became of an association (RFC 6458 section 6.1.1)."""

    UP = usrsctp.SCTP_COMM_UP
    LOST = usrsctp.SCTP_COMM_LOST
    RESTARTED = usrsctp.SCTP_RESTART
    SHUT_DOWN = usrsctp.SCTP_SHUTDOWN_COMP
    NOT_STARTED = usrsctp.SCTP_CANT_STR_ASSOC


class Part(NamedTuple):
    """Octets of a message, and whether they are its last ones."""

    octets: bytes
    is_last: bool


class Ending(NamedTuple):
    """The peer shuts the association down: it takes nothing more."""


Heard = Part | Change | PathState | Ending | None
"""None: of no importance."""

PATH_STATES = {
    1: PathState.AVAILABLE,
    2: PathState.UNREACHABLE,
    3: PathState.REMOVED,
    4: PathState.ADDED,
    5: PathState.MADE_PRIMARY,
    6: PathState.CONFIRMED,
}


class Socket:
    """A one-to-one socket that never waits, made by `open_socket` or `Socket.accept`.

    After `close` or `abort` everything but these raises OSError (EBADF), and these do nothing.
    """

    __slots__ = ("_flags", "_handle", "_information", "_library")

    def __init__(self, library: ctypes.CDLL, handle: int) -> None:
        self._library = library
        self._handle: int | None = handle
        self._flags = ctypes.c_int()
        self._information = usrsctp.SndInfo(snd_ppid=htonl(PAYLOAD_PROTOCOL))

    @property
    def is_closed(self) -> bool:
        """Whether `close` or `abort` was called."""
        return self._handle is None

    def watch(self, upcall: "ctypes._FuncPointer", number: int) -> None:
        """Has a number told whenever something happens."""
        self._check(self._library.usrsctp_set_non_blocking(self._open(), 1))
        self._check(self._library.usrsctp_set_upcall(self._open(), upcall, number))

    def configure(self, settings: SctpSettings) -> None:
        """Sets what its associations, and those of sockets accepted from it, go by."""
        octets = ctypes.c_int(max(BUFFER_OCTETS, 2 * settings.message_octets_max))
        self._set(usrsctp.SO_SNDBUF, octets, usrsctp.SOL_SOCKET)
        self._set(usrsctp.SO_RCVBUF, octets, usrsctp.SOL_SOCKET)
        self._set(usrsctp.SCTP_NODELAY, ctypes.c_int(1))
        for event in (
            usrsctp.SCTP_ASSOC_CHANGE,
            usrsctp.SCTP_PEER_ADDR_CHANGE,
            usrsctp.SCTP_SHUTDOWN_EVENT,
        ):
            self._set(usrsctp.SCTP_EVENT, usrsctp.Event(se_type=event, se_on=1))
        rto_max = _milliseconds(settings.rto_max_seconds)
        initial = usrsctp.InitMsg(
            settings.streams,
            settings.streams,
            settings.association_retransmissions_max,
            min(rto_max, 0xFFFF),
        )
        self._set(usrsctp.SCTP_INITMSG, initial)
        waits = usrsctp.RtoInfo(
            srto_initial=_milliseconds(settings.rto_initial_seconds),
            srto_max=rto_max,
            srto_min=_milliseconds(settings.rto_min_seconds),
        )
        self._set(usrsctp.SCTP_RTOINFO, waits)
        limits = usrsctp.AssocParams(
            sasoc_cookie_life=_milliseconds(COOKIE_SECONDS),
            sasoc_asocmaxrxt=settings.association_retransmissions_max,
        )
        self._set(usrsctp.SCTP_ASSOCINFO, limits)
        path = usrsctp.PaddrParams(
            spp_hbinterval=_milliseconds(settings.heartbeat_seconds),
            spp_pathmtu=PATH_OCTETS_MAX - HEADER_OCTETS,
            spp_flags=usrsctp.SPP_HB_ENABLE | usrsctp.SPP_PMTUD_DISABLE,
            spp_pathmaxrxt=settings.path_retransmissions_max,
        )
        self._set(usrsctp.SCTP_PEER_ADDR_PARAMS, path)

    def bind(self, number: int, port: int) -> None:
        """Takes a port, for packets with one address, or, for 0, with any."""
        self._name(self._library.usrsctp_bind, number, port)

    def listen(self, backlog: int) -> None:
        """Lets peers connect."""
        self._check(self._library.usrsctp_listen(self._open(), backlog))

    def accept(self) -> "tuple[Socket, int] | None":
        """Returns an association that a peer has opened, and its address; None: there is none.

        Raises:
            ConnectionError: one was opened, but is over already.
        """
        name = usrsctp.SockaddrConn()
        length = ctypes.c_uint32(ctypes.sizeof(name))
        handle = self._library.usrsctp_accept(
            self._open(), ctypes.byref(name), ctypes.byref(length)
        )
        if handle:
            return Socket(self._library, handle), name.sconn_addr or 0
        if ctypes.get_errno() in (errno.EAGAIN, errno.EINVAL):
            return None
        raise _error()

    def connect(self, number: int, port: int) -> None:
        """Begins to open an association with a port of an address."""
        try:
            self._name(self._library.usrsctp_connect, number, port)
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise

    def streams(self) -> int:
        """Returns how many streams the peer allows this end to send on."""
        status = usrsctp.Status()
        self._get(usrsctp.SCTP_STATUS, status)
        return int(status.sstat_outstrms)

    def error(self) -> int:
        """Returns the number of what has ended the association, 0 if nothing has."""
        number = ctypes.c_int()
        self._get(usrsctp.SO_ERROR, number, usrsctp.SOL_SOCKET)
        return number.value

    def send(self, message: bytes, stream: int) -> bool:
        """Sends a whole message; False: it has to wait until something happens.

        Raises:
            OSError: it cannot be sent; EMSGSIZE if it is too long, EINVAL if there is nothing in
                it, else the association is over.
        """
        self._information.snd_sid = stream
        sent = self._library.usrsctp_sendv(
            self._open(),
            message,
            len(message),
            None,
            0,
            ctypes.byref(self._information),
            ctypes.sizeof(self._information),
            usrsctp.SCTP_SENDV_SNDINFO,
            0,
        )
        if sent >= 0:
            return True
        if ctypes.get_errno() == errno.EAGAIN:
            return False
        raise _error()

    def receive(self, buffer: "ctypes.Array[ctypes.c_char]") -> Heard:
        """Returns what comes next, of a message as much as fits into the buffer.

        Raises:
            BlockingIOError: nothing is there.
            OSError: the association is over.
        """
        self._flags.value = 0
        kind = ctypes.c_uint()
        length = ctypes.c_uint32()
        count = self._library.usrsctp_recvv(
            self._open(),
            buffer,
            len(buffer),
            None,
            None,
            None,
            ctypes.byref(length),
            ctypes.byref(kind),
            ctypes.byref(self._flags),
        )
        if count < 0:
            raise _error()
        octets = ctypes.string_at(buffer, count)
        if self._flags.value & usrsctp.MSG_NOTIFICATION:
            return _heard(octets)
        is_last = bool(self._flags.value & usrsctp.MSG_EOR)
        if not count and not is_last:
            raise ConnectionResetError(errno.ECONNRESET, "the association is over")
        return Part(octets, is_last)

    def shut_down(self) -> None:
        """Begins to end the association in order: what was sent arrives, nothing more is."""
        self._check(self._library.usrsctp_shutdown(self._open(), usrsctp.SHUT_WR))

    def close(self) -> None:
        """Gives the socket back."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            self._library.usrsctp_close(handle)

    def abort(self) -> None:
        """Gives the socket back; the peer of an association that is not over gets an ABORT."""
        if self._handle is not None:
            linger = usrsctp.Linger(1, 0)
            self._library.usrsctp_setsockopt(
                self._handle,
                usrsctp.SOL_SOCKET,
                usrsctp.SO_LINGER,
                ctypes.byref(linger),
                ctypes.sizeof(linger),
            )
            self.close()

    def _open(self) -> int:
        if self._handle is None:
            raise OSError(errno.EBADF, "the association is closed")
        return self._handle

    def _name(self, function: "ctypes._FuncPointer", number: int, port: int) -> None:
        name = usrsctp.SockaddrConn(usrsctp.AF_CONN, htons(port), number or None)
        self._check(function(self._open(), ctypes.byref(name), ctypes.sizeof(name)))

    def _set(self, option: int, value: Value, level: int = usrsctp.IPPROTO_SCTP) -> None:
        result = self._library.usrsctp_setsockopt(
            self._open(), level, option, ctypes.byref(value), ctypes.sizeof(value)
        )
        if result < 0:
            raise _error(f"option {option}")

    def _get(self, option: int, value: Value, level: int = usrsctp.IPPROTO_SCTP) -> None:
        length = ctypes.c_uint32(ctypes.sizeof(value))
        result = self._library.usrsctp_getsockopt(
            self._open(), level, option, ctypes.byref(value), ctypes.byref(length)
        )
        if result < 0:
            raise _error(f"option {option}")

    @staticmethod
    def _check(result: int) -> None:
        if result < 0:
            raise _error()


def open_socket(library: ctypes.CDLL) -> Socket:
    """Makes a socket.

    Raises:
        OSError: the library refuses.
    """
    handle = library.usrsctp_socket(
        usrsctp.AF_CONN, usrsctp.SOCK_STREAM, usrsctp.IPPROTO_SCTP, None, None, 0, None
    )
    if not handle:
        raise _error()
    return Socket(library, handle)


def _heard(octets: bytes) -> Heard:
    match _read(usrsctp.Notification, octets).sn_type:
        case usrsctp.SCTP_ASSOC_CHANGE:
            return Change(_read(usrsctp.AssocChange, octets).sac_state)
        case usrsctp.SCTP_PEER_ADDR_CHANGE:
            return PATH_STATES.get(_read(usrsctp.PaddrChange, octets).spc_state)
        case usrsctp.SCTP_SHUTDOWN_EVENT:
            return Ending()
    return None


def _read(struct: type[Struct], octets: bytes) -> Struct:
    """Reads a structure; what is not there is 0."""
    return struct.from_buffer_copy(octets.ljust(ctypes.sizeof(struct), b"\0"))


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _error(what: str = "") -> OSError:
    number = ctypes.get_errno()
    text = os.strerror(number)
    return OSError(number, f"{what}: {text}" if what else text)
