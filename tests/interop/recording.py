"""Stands between a gateway and the server and writes down what they say, as a packet capture."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

SERVER_PORT = 3868
"""In captures: tshark knows by it what Diameter is."""
GATEWAY_PORT = 40000
HEADER_OCTETS = 20
RAW_LINK = 101
LOOPBACK = bytes([127, 0, 0, 1])
TCP, PUSH_AND_ACK = 6, 0x18


class Spoken(NamedTuple):
    """One Diameter message."""

    at: int
    """When it came, in Unix microseconds."""
    connection: int
    is_from_gateway: bool
    octets: bytes


class Recorder:
    """Takes connections on a port of its own and passes on to the server what comes."""

    def __init__(self, server_port: int) -> None:
        self.spoken: list[Spoken] = []
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    @contextmanager
    def recording(self) -> Iterator["Recorder"]:
        """Pass on while the context lasts, and until the last connection has ended."""
        accepting = threading.Thread(target=self._accept)
        accepting.start()
        try:
            yield self
        finally:
            self._listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in self._threads:
                thread.join()
            self._listener.close()

    def write(self, path: Path) -> None:
        """Write what was said as a capture, one message a packet."""
        path.write_bytes(capture(self.spoken))

    def _accept(self) -> None:
        connection = 0
        while True:
            try:
                gateway, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            for ends in ((gateway, server, connection, True), (server, gateway, connection, False)):
                self._threads.append(threading.Thread(target=self._pass_on, args=ends))
                self._threads[-1].start()
            connection += 1

    def _pass_on(
        self, source: socket.socket, target: socket.socket, connection: int, is_from_gateway: bool
    ) -> None:
        held = b""
        while octets := _received(source):
            held += octets
            while len(held) >= HEADER_OCTETS and len(held) >= int.from_bytes(held[1:4]):
                length = int.from_bytes(held[1:4])
                at = time.time_ns() // 1000
                self.spoken.append(Spoken(at, connection, is_from_gateway, held[:length]))
                held = held[length:]
            target.sendall(octets)
        with suppress(OSError):  # the other side has ended it already
            target.shutdown(socket.SHUT_WR)


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except ConnectionResetError:
        return b""


def capture(spoken: list[Spoken]) -> bytes:
    """Return messages as a pcap file, each a TCP segment over IPv4."""
    written = [b"\xd4\xc3\xb2\xa1\2\0\4\0" + bytes(8) + _little(1 << 18) + _little(RAW_LINK)]
    sent: dict[tuple[int, bool], int] = {}
    for each in spoken:
        key, other = (
            (each.connection, is_from_gateway)
            for is_from_gateway in (each.is_from_gateway, not each.is_from_gateway)
        )
        packet = _packet(each, sent.get(key, 1), sent.get(other, 1))
        sent[key] = sent.get(key, 1) + len(each.octets)
        seconds, microseconds = divmod(each.at, 1_000_000)
        written.append(_little(seconds) + _little(microseconds) + 2 * _little(len(packet)) + packet)
    return b"".join(written)


def _packet(spoken: Spoken, sequence: int, acknowledged: int) -> bytes:
    ports = [(GATEWAY_PORT + spoken.connection).to_bytes(2), SERVER_PORT.to_bytes(2)]
    segment = b"".join(ports if spoken.is_from_gateway else reversed(ports))
    segment += sequence.to_bytes(4) + acknowledged.to_bytes(4)
    segment += bytes([5 << 4, PUSH_AND_ACK]) + b"\xff\xff" + bytes(4) + spoken.octets
    header = b"\x45\0" + (20 + len(segment)).to_bytes(2) + b"\0\0\x40\0\x40" + bytes([TCP])
    ends = LOOPBACK + LOOPBACK
    return header + _checksum(header + bytes(2) + ends).to_bytes(2) + ends + segment


def _checksum(header: bytes) -> int:
    total = sum(int.from_bytes(header[at : at + 2]) for at in range(0, len(header), 2))
    return ~(total + (total >> 16)) & 0xFFFF


def _little(number: int) -> bytes:
    return number.to_bytes(4, "little")
