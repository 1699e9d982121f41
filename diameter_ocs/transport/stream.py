"""An association on a stream of asyncio, which writes whole messages one after the other."""

import asyncio
from collections.abc import Sequence

from .association import Accept, Address, Handler, Place, Wire, address_of

READ_OCTETS = 256 * 1024


class Stream(asyncio.BufferedProtocol):
    """The protocol of one connection over TCP.

    `accept` makes its handler, once it is known who is there. All streams may read into one
    `buffer`: it is emptied before the next one reads.
    """

    wire = Wire.TCP
    certificate_names: frozenset[str] | None = None

    def __init__(self, accept: Accept, buffer: bytearray) -> None:
        self._accept = accept
        self._buffer = buffer
        self._handler: Handler | None = None
        self._transport: asyncio.Transport | None = None
        self.local_addresses: Sequence[Address] = ()
        self.peer_places: Sequence[Place] = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Gives the connection to its handler."""
        assert isinstance(transport, asyncio.Transport)
        here, there = (transport.get_extra_info(name) for name in ("sockname", "peername"))
        if there is None:  # it has ended already
            transport.abort()
            return
        self._transport = transport
        transport.set_write_buffer_limits(high=0)
        self.local_addresses = (address_of(here[0]),)
        self.peer_places = (Place(address_of(there[0]), there[1]),)
        self._handler = self._accept()
        self._handler.connection_made(self)

    @property
    def unsent_octets(self) -> int:
        """How much waits until the peer reads more."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    @property
    def is_closing(self) -> bool:
        """Whether the connection is over, or is being ended."""
        return self._transport is None or self._transport.is_closing()

    def send(self, messages: Sequence[bytes]) -> None:
        """Writes the messages at once."""
        if self._transport is not None:
            self._transport.write(b"".join(messages))

    def close(self) -> None:
        """Ends the connection after what waits."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Ends the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> bytearray:
        """Gives the place for what comes next."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Gives on what came."""
        assert self._handler is not None
        self._handler.data_received(bytes(memoryview(self._buffer)[:nbytes]))

    def pause_writing(self) -> None:
        """Gives on that something has to wait."""
        if self._handler is not None:
            self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Gives on that nothing waits any more."""
        if self._handler is not None:
            self._handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gives on the end."""
        if self._handler is not None:
            self._handler.connection_lost(exc)
