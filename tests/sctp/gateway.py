"""A gateway over the kernel's SCTP, on sockets of the standard library alone (RFC 6458).

It knows nothing of our transport: the numbers below are those of Linux.
"""

import itertools
import random
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from diameter_ocs.simulator.answers import SUCCESS
from diameter_ocs.simulator.capabilities import read_capabilities
from diameter_ocs.simulator.connection import receive_message, send_message
from diameter_ocs.simulator.encoding import capabilities_exchange_request
from diameter_ocs.simulator.gateway import Gateway, Identity
from tests.system.listening import capabilities_answer

SCTP = socket.IPPROTO_SCTP
RTO_INFO, INIT_MESSAGE, NODELAY, PEER_ADDRESS_PARAMETERS, STATUS = 0, 2, 3, 9, 14
RECEIVE_INFORMATION, BIND_ADD, CONNECT = 32, 100, 110
SEND_RECORD, RECEIVE_RECORD = 2, 3
NOTIFICATION = 0x8000
DIAMETER = 46
"""The payload protocol of Diameter that is not encrypted (RFC 6733 section 11.4)."""
STREAMS = 8
RTO_MILLISECONDS = (300, 1000, 200)
HEARTBEAT_MILLISECONDS = 500
PATH_REPEATS = 2
MESSAGE_OCTETS_MAX = 200_000
PATIENCE_SECONDS = 10.0
AT_ONCE = struct.pack("@ii", 1, 0)


class Heard(NamedTuple):
    """A message of the server, and how it came."""

    octets: bytes
    stream: int
    payload_protocol: int


@dataclass
class Association:
    """A socket as the simulator uses one; each message goes out on the next stream."""

    connected: socket.socket
    streams: int
    heard: list[Heard] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rest = b""
        self._next = itertools.cycle(range(self.streams))

    def sendall(self, octets: bytes) -> None:
        """Send one message."""
        self.send_on(next(self._next), octets)

    def send_on(self, stream: int, octets: bytes, payload_protocol: int = DIAMETER) -> None:
        """Send one message on a stream, in order there."""
        record = struct.pack("@HHIIi", stream, 0, socket.htonl(payload_protocol), 0, 0)
        sent = self.connected.sendmsg([octets], [(SCTP, SEND_RECORD, record)])
        assert sent == len(octets)

    def recv(self, size: int) -> bytes:
        """Return what is left of a message that has come, or else of the next one."""
        if not self._rest:
            self._rest = self.hear()
        octets, self._rest = self._rest[:size], self._rest[size:]
        return octets

    def hear(self) -> bytes:
        """Return the next message, which is whole; nothing at the end of the association."""
        octets = bytearray()
        while True:
            part, records, flags, _ = self.connected.recvmsg(MESSAGE_OCTETS_MAX, 256)
            assert not flags & NOTIFICATION
            octets += part
            if not part:
                return b""
            if flags & socket.MSG_EOR:
                break
        (record,) = (
            held for level, kind, held in records if (level, kind) == (SCTP, RECEIVE_RECORD)
        )
        stream, _, _, payload_protocol = struct.unpack_from("@HHHxxI", record)
        assert int.from_bytes(octets[1:4], "big") == len(octets), "one message for each message"
        self.heard.append(Heard(bytes(octets), stream, socket.ntohl(payload_protocol)))
        return bytes(octets)

    def settimeout(self, seconds: float | None) -> None:
        """Bound the wait for the server."""
        self.connected.settimeout(seconds)

    def gettimeout(self) -> float | None:
        """Return how long the server is waited for."""
        return self.connected.gettimeout()

    def abort(self) -> None:
        """End the association at once, with an ABORT; it may have been ended before."""
        if self.connected.fileno() < 0:
            return
        self.connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.connected.close()

    def close(self) -> None:
        """End the association with a SHUTDOWN; an ABORT, if there is something not yet heard."""
        self.connected.close()


class Place(NamedTuple):
    """An address and a port."""

    address: str
    port: int


def associate(here: Sequence[Place], there: Sequence[Place]) -> Association:
    """Open an association between all of these; to be called on the gateway's host."""
    opened = bound(here, is_ipv6=any(":" in each.address for each in (*here, *there)))
    try:
        opened.setsockopt(SCTP, CONNECT, b"".join(map(packed, there)))
        return associated_by(opened)
    except BaseException:
        opened.close()
        raise


def listening(here: Sequence[Place]) -> socket.socket:
    """Return what takes associations at all of these; to be called on the gateway's host."""
    opened = bound(here, is_ipv6=any(":" in each.address for each in here))
    opened.listen()
    opened.settimeout(PATIENCE_SECONDS)
    return opened


def bound(here: Sequence[Place], *, is_ipv6: bool) -> socket.socket:
    """Return a socket that has all of these addresses."""
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM, SCTP)
    options = {
        INIT_MESSAGE: struct.pack("@HHHH", STREAMS, STREAMS, 0, 0),
        NODELAY: struct.pack("@i", 1),
        RECEIVE_INFORMATION: struct.pack("@i", 1),
        RTO_INFO: struct.pack("@iIII", 0, *RTO_MILLISECONDS),
        PEER_ADDRESS_PARAMETERS: struct.pack(
            "=i128xIHIIIIBx", 0, HEARTBEAT_MILLISECONDS, PATH_REPEATS, 0, 0, 1, 0, 0
        ),
        BIND_ADD: b"".join(map(packed, here)),
    }
    try:
        for option, value in options.items():
            opened.setsockopt(SCTP, option, value)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MESSAGE_OCTETS_MAX)
        limit = struct.pack("@ll", int(PATIENCE_SECONDS), 0)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    except BaseException:
        opened.close()
        raise
    return opened


def associated_by(connected: socket.socket) -> Association:
    """Return the association of a socket that is connected."""
    connected.settimeout(PATIENCE_SECONDS)
    (streams,) = struct.unpack_from("@18xH", connected.getsockopt(SCTP, STATUS, 176))
    return Association(connected, streams)


def packed(place: Place) -> bytes:
    """Return an address as the kernel knows it."""
    if ":" in place.address:
        address = socket.inet_pton(socket.AF_INET6, place.address)
        return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI16s4x", place.port, 0, address)
    address = socket.inet_aton(place.address)
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", place.port, address)


def gateway(association: Association, identity: Identity, address: str) -> Gateway:
    """Exchange capabilities on an association, and return the gateway of the simulator on it."""
    send_message(
        association, capabilities_exchange_request(identity, address, random.getrandbits(32))
    )
    assert read_capabilities(receive_message(association)).result_code == SUCCESS
    return Gateway(association, identity)


def called(association: Association, identity: Identity, addresses: Sequence[str]) -> Gateway:
    """Take the server that has opened an association, and return the gateway on it."""
    request = receive_message(association)
    send_message(association, capabilities_answer(identity, request, addresses))
    return Gateway(association, identity)
