"""Diameter over TCP (RFC 6733 section 2.1): connections of peers, and to them."""

import asyncio
import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from socket import SHUT_RDWR, socket

from .association import Accept, Handler, Place, Wire, address_of
from .stream import READ_OCTETS, Stream

BACKLOG = 1024
"""Connections that the system keeps until they are taken."""
TAKEN_AT_ONCE = 16
"""Connections taken before those taken earlier are read again."""


class TcpListening:
    """Takes connections until it is closed; `wire` is what runs over them."""

    def __init__(self, server: asyncio.Server, wire: Wire) -> None:
        self._server = server
        self.wire = wire
        self.places: Sequence[Place] = [
            Place(address_of(host), port)
            for host, port, *_ in (each.getsockname() for each in server.sockets)
        ]

    def close(self) -> None:
        """Takes no connection any more."""
        self._server.close()


async def listen(accept: Accept, host: str, port: int, wire: Wire = Wire.TCP) -> TcpListening:
    """Takes connections at all addresses of a host; port 0 lets the system choose one.

    Raises:
        OSError: the address cannot be used.
    """
    loop = asyncio.get_running_loop()
    stream = partial(Stream, accept, bytearray(READ_OCTETS))
    server = await loop.create_server(stream, host, port, backlog=TAKEN_AT_ONCE)
    for each in server.sockets:
        with socket(fileno=os.dup(each.fileno())) as same:
            same.listen(BACKLOG)
    return TcpListening(server, wire)


async def connect(handler: Handler, place: Place, seconds: float) -> None:
    """Opens a connection for a handler.

    Raises:
        OSError: it cannot be opened.
        TimeoutError: nothing came back in so many seconds.
    """
    loop = asyncio.get_running_loop()
    stream = partial(Stream, lambda: handler, bytearray(READ_OCTETS))
    async with asyncio.timeout(seconds):
        _, made = await loop.create_connection(stream, str(place.address), place.port)
    if not made.peer_places:  # it has ended already, and the handler has not heard of it
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


def shut(number: int) -> None:
    """Ends a socket, by its number, for whoever has it open; he closes it himself."""
    with suppress(OSError), socket(fileno=os.dup(number)) as same:
        same.shutdown(SHUT_RDWR)
