"""Listening for peers on TCP (RFC 6733 section 2.1)."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from random import getrandbits
from socket import SHUT_RDWR, socket

import structlog

from ..base.capabilities import LocalNode
from ..base.events import RequestReceived
from ..base.peer import DisconnectCause
from ..observability import Metrics, SparingLog
from .admission import Admission, Places
from .connection import READ_OCTETS, Connection, Rim
from .peers import PeerTable

log = structlog.get_logger()

BACKLOG = 1024
"""Connections that the system keeps until they are taken."""
TAKEN_AT_ONCE = 16
"""Connections taken before those taken earlier are read again."""


class Listener:
    """Accepts connections on one address.

    `on_request` takes each request, with the connection whose `answer` it calls exactly once.
    """

    def __init__(
        self,
        local: LocalNode,
        peers: PeerTable,
        on_request: Callable[[Connection, RequestReceived], None],
        places: Places,
        metrics: Metrics,
    ) -> None:
        # RFC 6733 section 3: identifiers that no earlier life of this node has used lately.
        first = (int(time.time()) & 0xFFF) << 20 | getrandbits(20)
        self._rim = Rim(
            local,
            peers,
            Admission(places, peers.expects, metrics),
            on_request,
            count(first),
            metrics,
            bytearray(READ_OCTETS),
            SparingLog("connection refused"),
        )
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._all_gone = asyncio.Event()

    @property
    def opened(self) -> Sequence[Connection]:
        """The connections of peers."""
        return [each for each in self._connections if each.facts is not None]

    def next_identifier(self) -> int:
        """Returns an end-to-end id that no other request of this node has."""
        return self._rim.next_identifier()

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listens; returns the address, with the port that port 0 has become.

        Raises:
            OSError: the address cannot be used.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, host, port, backlog=TAKEN_AT_ONCE)
        for each in self._server.sockets:
            with socket(fileno=os.dup(each.fileno())) as same:
                same.listen(BACKLOG)
        address = self._server.sockets[0].getsockname()
        return address[0], address[1]

    async def stop(self, seconds: float) -> None:
        """Takes no new connection, sends DPRs, and waits until all are gone or the time is over."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.disconnect(DisconnectCause.REBOOTING)
        self._note_gone()
        try:
            async with asyncio.timeout(seconds):
                await self._all_gone.wait()
        except TimeoutError:
            log.warning("connections aborted", connections=len(self._connections))
            for connection in list(self._connections):
                connection.abort()

    def _accept(self) -> asyncio.BaseProtocol:
        connection = Connection(self._rim, self._close)
        self._connections.add(connection)
        return connection

    def _close(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if self._server is not None and not self._server.is_serving():
            self._note_gone()

    def _note_gone(self) -> None:
        if not self._connections:
            self._all_gone.set()


def shut(number: int) -> None:
    """Ends a socket, by its number, for whoever has it open; he closes it himself."""
    with suppress(OSError), socket(fileno=os.dup(number)) as same:
        same.shutdown(SHUT_RDWR)
