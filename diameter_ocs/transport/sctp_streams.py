"""Which stream of an SCTP association carries a message (RFC 6733 section 2.1.1)."""

from itertools import cycle

PAYLOAD_PROTOCOL = 46
"""The payload protocol identifier of Diameter in clear text."""
BASE_STREAM = 0
BASE_APPLICATION = bytes(4)
APPLICATION_ID = slice(8, 12)
"""Where a message's header has its application (RFC 6733 section 3)."""


class Streams:
    """The streams that an association may send on.

    The base protocol's messages keep to one stream, so that none of them overtakes another. What a
    lost packet holds up is one stream: all other messages take turns over all of them.
    """

    __slots__ = ("_turns",)

    def __init__(self, count: int) -> None:
        self._turns = cycle(range(count))

    def choose(self, message: bytes) -> int:
        """Returns the stream that a message goes out on."""
        if message[APPLICATION_ID] == BASE_APPLICATION:
            return BASE_STREAM
        return next(self._turns)
