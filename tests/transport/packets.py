"""Packets of SCTP as a test writes and reads them (RFC 9260 section 3), without our code."""

from collections.abc import Iterator
from struct import pack, pack_into, unpack_from
from typing import NamedTuple

DATA, INIT, INIT_ACK, SACK, HEARTBEAT, HEARTBEAT_ACK = 0, 1, 2, 3, 4, 5
ABORT, SHUTDOWN, COOKIE_ECHO, COOKIE_ACK = 6, 7, 10, 11
COOKIE = 7
"""A parameter of an INIT ACK."""


class Data(NamedTuple):
    """A DATA chunk: part of a message."""

    stream: int
    ppid: int
    octets: bytes


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


TABLE = _table()


def sealed(packet: bytes) -> bytes:
    """Return a packet with its right checksum (CRC32c)."""
    octets = bytearray(packet)
    octets[8:12] = b"\0\0\0\0"
    crc = 0xFFFFFFFF
    for octet in octets:
        crc = crc >> 8 ^ TABLE[(crc ^ octet) & 0xFF]
    pack_into("<I", octets, 8, crc ^ 0xFFFFFFFF)
    return bytes(octets)


def packet(source: int, destination: int, tag: int, kind: int, value: bytes = b"") -> bytes:
    """Return a packet of one chunk, sealed."""
    chunk = pack(">BBH", kind, 0, 4 + len(value)) + value + bytes(-len(value) % 4)
    return sealed(pack(">HHI4x", source, destination, tag) + chunk)


def init(source: int, destination: int, tag: int) -> bytes:
    """Return the INIT of an association whose sender wants to be sent `tag`."""
    return packet(source, destination, 0, INIT, pack(">IIHHI", tag, 65536, 1, 1, 1))


def init_ack(source: int, destination: int, to: int, tag: int) -> bytes:
    """Return an INIT ACK with a cookie of nothing."""
    value = pack(">IIHHIHH4x", tag, 65536, 1, 1, 1, 7, 8)
    return packet(source, destination, to, INIT_ACK, value)


def parameters(value: bytes) -> dict[int, bytes]:
    """Return the parameters of an INIT or INIT ACK."""
    position, found = 16, {}
    while position < len(value):
        kind, length = unpack_from(">HH", value, position)
        found[kind] = value[position + 4 : position + length]
        position += length + -length % 4
    return found


def chunks(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the value of each chunk of a packet."""
    position = 12
    while position + 4 <= len(octets):
        kind, _, length = unpack_from(">BBH", octets, position)
        yield kind, octets[position + 4 : position + length]
        position += length + -length % 4


def data(octets: bytes) -> list[Data]:
    """Return the DATA chunks of a packet."""
    return [
        Data(*unpack_from(">H", value, 4), *unpack_from(">I", value, 8), value[12:])
        for kind, value in chunks(octets)
        if kind == DATA
    ]
