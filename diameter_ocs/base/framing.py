"""Cuts a stream of octets into whole Diameter messages, bounded (RFC 6733 section 3)."""

from .errors import InvalidMessageLength

HEADER_OCTETS = 20


class Framer:
    """Holds the octets of one connection that do not make a whole message yet.

    `octets_max` is the longest message that is accepted. `fault` is None while the stream can
    be followed; afterwards `fault_header` is the header of the message that cannot.
    """

    __slots__ = ("_buffer", "_octets_max", "_wanted", "fault", "fault_header")

    def __init__(self, octets_max: int) -> None:
        self._octets_max = octets_max
        self._buffer = bytearray()
        self._wanted = HEADER_OCTETS
        self.fault: InvalidMessageLength | None = None
        self.fault_header = b""

    def receive_data(self, data: bytes) -> list[bytes]:
        """Takes octets as they come and returns the messages that they complete, in order.

        Messages that stand before a bad length are returned; the next call raises.

        Raises:
            InvalidMessageLength: a length is below the header's, over `octets_max` or not a
                multiple of 4; close the connection.
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
        return self._cut(data)

    def _cut(self, data: bytes) -> list[bytes]:
        messages: list[bytes] = []
        position, end = 0, len(data)
        self._wanted = HEADER_OCTETS
        while end - position >= HEADER_OCTETS:
            length = int.from_bytes(data[position + 1 : position + 4])
            if length < HEADER_OCTETS or length & 3 or length > self._octets_max:
                self.fault = InvalidMessageLength(
                    f"a message of {length} octets cannot be: it has at least {HEADER_OCTETS}, "
                    f"at most {self._octets_max}, and a multiple of 4"
                )
                self.fault_header = data[position : position + HEADER_OCTETS]
                return messages
            if end - position < length:
                self._wanted = length
                break
            messages.append(data[position : position + length])
            position += length
        self._buffer += data[position:]
        return messages
