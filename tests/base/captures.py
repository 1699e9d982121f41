"""Reads the Diameter messages out of packet captures: just enough of pcap, pcapng, TCP and SCTP."""

from collections.abc import Iterator
from pathlib import Path

from diameter_ocs.base.framing import Framer

_TCP, _SCTP = 6, 132
_ETHERNET, _COOKED, _COOKED_2, _RAW = 1, 113, 276, 101
_LINK_OCTETS = {_ETHERNET: 14, _COOKED: 16, _COOKED_2: 20, _RAW: 0}
_DIAMETER_PPIDS = {0, 46}


def messages(path: Path) -> Iterator[bytes]:
    """Yields every Diameter message of a capture."""
    for _, octets in conversation(path):
        yield octets


def conversation(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yields every Diameter message of a capture with its sender: the IPv4 address and the port."""
    octets = path.read_bytes()
    packets = _pcapng(octets) if octets[:4] == b"\n\r\r\n" else _pcap(octets)
    framers: dict[bytes, Framer] = {}
    for link, packet in packets:
        ip = packet[_LINK_OCTETS[link] :]
        if not ip or ip[0] >> 4 != 4:
            continue
        payload = ip[(ip[0] & 15) * 4 : int.from_bytes(ip[2:4])]
        sender = ip[12:16] + payload[:2]
        if ip[9] == _TCP:
            framer = framers.setdefault(ip[12:20] + payload[:4], Framer(1 << 20))
            for message in framer.receive_data(payload[(payload[12] >> 4) * 4 :]):
                yield sender, message
        elif ip[9] == _SCTP:
            for message in _chunks(payload[12:]):
                yield sender, message


def _pcap(octets: bytes) -> Iterator[tuple[int, bytes]]:
    order = "little" if octets[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else "big"
    link = int.from_bytes(octets[20:24], order)
    position = 24
    while position < len(octets):
        length = int.from_bytes(octets[position + 8 : position + 12], order)
        yield link, octets[position + 16 : position + 16 + length]
        position += 16 + length


def _pcapng(octets: bytes) -> Iterator[tuple[int, bytes]]:
    links = []
    position = 0
    while position < len(octets):
        kind = int.from_bytes(octets[position : position + 4], "little")
        length = int.from_bytes(octets[position + 4 : position + 8], "little")
        body = octets[position + 8 : position + length - 4]
        if kind == 1:
            links.append(int.from_bytes(body[:2], "little"))
        elif kind == 6:
            interface = int.from_bytes(body[:4], "little")
            captured = int.from_bytes(body[12:16], "little")
            yield links[interface], body[20 : 20 + captured]
        position += length


def _chunks(chunks: bytes) -> Iterator[bytes]:
    """Yields the user messages of an SCTP packet that hold Diameter whole."""
    while len(chunks) >= 4:
        length = int.from_bytes(chunks[2:4])
        if chunks[0] == 0 and int.from_bytes(chunks[12:16]) in _DIAMETER_PPIDS:
            yield chunks[16:length]
        chunks = chunks[max(4, (length + 3) & -4) :]
