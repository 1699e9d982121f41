"""Cuts what comes into whole Diameter messages, bounded (RFC 6733 sections 2.1 and 3)."""

from .errors import InvalidMessageLength

HEADER_OCTETS = 20
TLS_HANDSHAKE = b"\x16\x03"
"""How TLS begins (RFC 8446 section 5.1)."""
VERSION = b"\x01"
"""How Diameter begins (RFC 6733 section 3)."""


class Framer:
    """Holds the octets of one connection that do not make a whole message yet.

    `octets_max` is the longest message that is accepted. What is no stream, as SCTP, keeps the
    boundaries of messages: none goes on in what comes next. `fault` is None while the octets can
    be followed; afterwards `fault_header` is the header of the message that cannot.
    """

    __slots__ = ("_buffer", "_is_stream", "_octets_max", "_wanted", "fault", "fault_header")

    def __init__(self, octets_max: int, *, is_stream: bool = True) -> None:
        self._octets_max = octets_max
        self._is_stream = is_stream
        self._buffer = bytearray()
        self._wanted = HEADER_OCTETS
        self.fault: InvalidMessageLength | None = None
        self.fault_header = b""

    def receive_data(self, data: bytes) -> list[bytes]:
        """Takes octets as they come and returns the messages that they complete, in order.

        Messages that stand before a bad length are returned; the next call raises.

        Raises:
            InvalidMessageLength: a length is below the header's, over `octets_max` or not a
                multiple of 4, or the wire has brought another; close the connection.
        """
        messages = [] if self.fault else self._take(data)
        if self.fault and not messages:
            raise self.fault
        return messages

    def _take(self, data: bytes) -> list[bytes]:
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._wanted:
                return []
            data = bytes(self._buffer)
            self._buffer.clear()
        messages = self._cut(data)
        if self._buffer and not self._is_stream and self.fault is None:
            self.fault = InvalidMessageLength("a message came that is shorter than it says")
            self.fault_header = bytes(self._buffer[:HEADER_OCTETS]).ljust(HEADER_OCTETS, b"\0")
        return messages

    def _cut(self, data: bytes) -> list[bytes]:
        messages: list[bytes] = []
        position, end = 0, len(data)
        self._wanted = HEADER_OCTETS
        while end - position >= HEADER_OCTETS:
            length = int.from_bytes(data[position + 1 : position + 4])
            if length < HEADER_OCTETS or length & 3 or length > self._octets_max:
                self.fault_header = data[position : position + HEADER_OCTETS]
                self.fault = self._misfit(length)
                return messages
            if end - position < length:
                self._wanted = length
                break
            messages.append(data[position : position + length])
            position += length
        self._buffer += data[position:]
        return messages

    def _misfit(self, length: int) -> InvalidMessageLength:
        if self.fault_header.startswith(TLS_HANDSHAKE):
            return InvalidMessageLength(
                "this is the beginning of TLS, not of Diameter: have the peer speak without TLS "
                "here, or connect to the port for TLS"
            )
        if not self.fault_header.startswith(VERSION):
            return InvalidMessageLength(
                "what came is not Diameter: is the port the right one, and is it Diameter's there?"
            )
        return InvalidMessageLength(
            f"a message of {length} octets cannot be: it has at least {HEADER_OCTETS}, "
            f"at most {self._octets_max}, and a multiple of 4"
        )
