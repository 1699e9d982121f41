"""SCTP sockets as Linux lays them out: options, control messages, notifications (RFC 6458).

The numbers and layouts are those of linux/sctp.h; other systems have others.
"""

import ctypes
import os
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from .association import Address, PathState, Place
from .sctp_settings import SctpSettings
from .sctp_streams import PAYLOAD_PROTOCOL

IPPROTO_SCTP = 132
MSG_NOTIFICATION = 0x8000

SCTP_RTOINFO = 0
SCTP_ASSOCINFO = 1
SCTP_INITMSG = 2
SCTP_NODELAY = 3
SCTP_PEER_ADDR_PARAMS = 9
SCTP_EVENTS = 11
SCTP_STATUS = 14
SCTP_SOCKOPT_BINDX_ADD = 100
SCTP_GET_PEER_ADDRS = 108
SCTP_GET_LOCAL_ADDRS = 109
SCTP_SOCKOPT_CONNECTX = 110
SCTP_SNDINFO = 2
SPP_HB_ENABLE = 1
SO_SNDBUFFORCE = 32
SO_RCVBUFFORCE = 33

ASSOC_CHANGE = 0x8001
PEER_ADDR_CHANGE = 0x8002
PARTIAL_DELIVERY_EVENT = 0x8006
ENDS = {
    1: "the peer has aborted the association",
    2: "the peer has started anew and knows nothing of this association",
    3: None,
    4: "the peer has not taken the association",
}
"""What COMM_LOST, RESTART, SHUTDOWN_COMP and CANT_STR_ASSOC mean to its user."""
SUBSCRIBED = bytes([0, 1, 1, 0, 0, 1, 1])
"""Notifications of: data, association, addresses, failed sends, errors, shutdown, parts of data.

That of a shutdown says nothing that the end of data does not say, but it wakes who waits for it.
"""
PATH_STATES = (
    PathState.AVAILABLE,
    PathState.UNREACHABLE,
    PathState.REMOVED,
    PathState.ADDED,
    PathState.MADE_PRIMARY,
    PathState.CONFIRMED,
    PathState.POTENTIALLY_FAILED,
)
NOTIFICATION_HEADER = struct.Struct("@HHI")
RECEIVED_MESSAGES = 8
"""Messages of the greatest length that fit: the kernel offers the peer half of that room."""
STORAGE_OCTETS = 128
"""A sockaddr_storage."""
ADDRESSES_OCTETS = 16384
"""Room for all addresses of one end."""

Ancillary = list[tuple[int, int, bytes]]
_libc = ctypes.CDLL(None, use_errno=True)


class Status(NamedTuple):
    """What the kernel says of an association."""

    association: int
    outgoing_streams: int
    primary: Place
    """The peer's address that is used first."""


class PathChanged(NamedTuple):
    """The kernel has heard something of one of the peer's addresses."""

    place: Place
    state: PathState


class Ended(NamedTuple):
    """The association is over, or of no use any more; None: in order."""

    reason: str | None


def create_socket(family: int, settings: SctpSettings) -> socket.socket:
    """Returns a socket for one association, or for listening: what is accepted inherits all.

    Raises:
        OSError: this kernel has no SCTP, or does not take a setting.
    """
    sock = socket.socket(family, socket.SOCK_STREAM, IPPROTO_SCTP)
    try:
        sock.setblocking(False)
        _set_up(sock, settings)
    except OSError:
        sock.close()
        raise
    return sock


def _set_up(sock: socket.socket, settings: SctpSettings) -> None:
    streams = settings.streams
    rto = (settings.rto_initial_seconds, settings.rto_max_seconds, settings.rto_min_seconds)
    options = (
        (SCTP_NODELAY, struct.pack("@i", 1)),
        (SCTP_INITMSG, struct.pack("@HHHH", streams, streams, 0, 0)),
        (SCTP_RTOINFO, struct.pack("@iIII", 0, *map(_milliseconds, rto))),
        (
            SCTP_ASSOCINFO,
            struct.pack("@iHHIII", 0, settings.association_retransmissions_max, 0, 0, 0, 0),
        ),
        (
            SCTP_PEER_ADDR_PARAMS,
            struct.pack(
                "=i128xIHIIIIBx",
                0,
                _milliseconds(settings.heartbeat_seconds),
                settings.path_retransmissions_max,
                0,
                0,
                SPP_HB_ENABLE,
                0,
                0,
            ),
        ),
        (SCTP_EVENTS, SUBSCRIBED),
    )
    for option, value in options:
        sock.setsockopt(IPPROTO_SCTP, option, value)
    _make_room(sock, settings.message_octets_max)


def _milliseconds(seconds: float) -> int:
    return max(round(seconds * 1000), 1)


def _make_room(sock: socket.socket, message_octets: int) -> None:
    """Has the socket hold messages of this size, as far as the system lets it.

    One that exceeds the whole room for sending is refused. Where the room for receiving holds but
    parts of messages of several streams, the association all but stands still.
    """
    for option, forced, octets in (
        (socket.SO_SNDBUF, SO_SNDBUFFORCE, message_octets),
        (socket.SO_RCVBUF, SO_RCVBUFFORCE, RECEIVED_MESSAGES * message_octets),
    ):
        for each in (option, forced):
            if sock.getsockopt(socket.SOL_SOCKET, option) < octets:
                with suppress(PermissionError):
                    sock.setsockopt(socket.SOL_SOCKET, each, octets)


def bind(sock: socket.socket, places: Sequence[Place]) -> None:
    """Gives a socket all its addresses at once."""
    sock.setsockopt(IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, pack_places(places))


def begin_connecting(sock: socket.socket, places: Sequence[Place]) -> None:
    """Begins to connect to all addresses of one peer; the socket becomes writable at the end."""
    with suppress(BlockingIOError):
        sock.setsockopt(IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, pack_places(places))


def abort(sock: socket.socket) -> None:
    """Closes a socket with an ABORT of its association, if there is one."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
    sock.close()


def take_error(sock: socket.socket) -> OSError | None:
    """Returns the error that waits for the socket's next call, and clears it."""
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return OSError(number, os.strerror(number)) if number else None


def sending_on(stream: int) -> Ancillary:
    """Returns what goes with a message: it is ordered, on this stream, and it is Diameter."""
    values = struct.pack("@HHIIi", stream, 0, socket.htonl(PAYLOAD_PROTOCOL), 0, 0)
    return [(IPPROTO_SCTP, SCTP_SNDINFO, values)]


def read_status(sock: socket.socket) -> Status:
    """Returns what the kernel says of a socket's association.

    Raises:
        OSError: there is none any more.
    """
    octets = _ask(sock, SCTP_STATUS, 0, 176)
    association, _, _, _, _, _, outgoing = struct.unpack_from("@iiIHHHH", octets)
    return Status(association, outgoing, unpack_place(octets, 28))


def read_peer_places(sock: socket.socket, association: int) -> list[Place]:
    """Returns where an association's peer is."""
    return _read_places(sock, SCTP_GET_PEER_ADDRS, association)


def read_local_places(sock: socket.socket, association: int) -> list[Place]:
    """Returns where this end of an association is."""
    return _read_places(sock, SCTP_GET_LOCAL_ADDRS, association)


def _read_places(sock: socket.socket, option: int, association: int) -> list[Place]:
    octets = _ask(sock, option, association, ADDRESSES_OCTETS)
    _, count = struct.unpack_from("@iI", octets)
    places = []
    offset = 8
    for _ in range(count):
        places.append(unpack_place(octets, offset))
        offset += 28 if _family(octets, offset) == socket.AF_INET6 else 16
    return places


def _ask(sock: socket.socket, option: int, association: int, octets: int) -> bytes:
    """Reads an option of one association.

    `socket.getsockopt` cannot name the association, and the kernel reads what lies there. Of a
    list of addresses the kernel may say that it is shorter than it is.
    """
    value = ctypes.create_string_buffer(struct.pack("@i", association), octets)
    length = ctypes.c_uint(octets)
    if _libc.getsockopt(sock.fileno(), IPPROTO_SCTP, option, value, ctypes.byref(length)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return value.raw


def pack_places(places: Sequence[Place]) -> bytes:
    """Returns socket addresses, one after the other, each as long as its family's.

    Raises:
        OSError: an address is that of a link which is not there.
    """
    packed = bytearray()
    for address, port in places:
        if address.version == 6:
            packed += struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0)
            packed += address.packed + struct.pack("=I", _scope(address))
        else:
            packed += struct.pack("=H", socket.AF_INET) + struct.pack("!H", port)
            packed += address.packed + bytes(8)
    return bytes(packed)


def _scope(address: IPv6Address) -> int:
    """Returns the number of the interface that an address is of; 0: of any."""
    scope = address.scope_id
    if scope is None:
        return 0
    return int(scope) if scope.isdecimal() else socket.if_nametoindex(scope)


def unpack_place(octets: bytes, offset: int) -> Place:
    """Returns the place that a socket address stands for; IPv4 in IPv6 is IPv4."""
    (port,) = struct.unpack_from("!H", octets, offset + 2)
    if _family(octets, offset) != socket.AF_INET6:
        return Place(IPv4Address(octets[offset + 4 : offset + 8]), port)
    address = IPv6Address(octets[offset + 8 : offset + 24])
    return Place(address.ipv4_mapped or address, port)


def _family(octets: bytes, offset: int) -> int:
    family: int = struct.unpack_from("=H", octets, offset)[0]
    return family


def usable(places: Sequence[Place]) -> tuple[Address, ...]:
    """Returns the addresses that other machines can use, or all where there are none such."""
    addresses = tuple(place.address for place in places)
    return (
        tuple(each for each in addresses if not (each.is_link_local or each.is_unspecified))
        or addresses
    )


def read_notification(octets: bytes) -> PathChanged | Ended | None:
    """Returns what the kernel tells of an association; None: nothing that matters here."""
    kind, _, _ = NOTIFICATION_HEADER.unpack_from(octets)
    if kind == PEER_ADDR_CHANGE:
        state, _ = struct.unpack_from("@ii", octets, NOTIFICATION_HEADER.size + STORAGE_OCTETS)
        if state < len(PATH_STATES):
            return PathChanged(unpack_place(octets, NOTIFICATION_HEADER.size), PATH_STATES[state])
    elif kind == ASSOC_CHANGE:
        (state,) = struct.unpack_from("@H", octets, NOTIFICATION_HEADER.size)
        if state in ENDS:
            return Ended(ENDS[state])
    elif kind == PARTIAL_DELIVERY_EVENT:
        return Ended("the rest of a message does not come")
    return None
