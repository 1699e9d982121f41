"""The Diameter node as its peers meet it: all its connections, over whichever wire they came."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from random import getrandbits

import structlog

from ..base.capabilities import LocalNode
from ..base.events import RequestReceived
from ..base.peer import DisconnectCause
from ..observability import Metrics, SparingLog
from .absences import Absences
from .admission import Admission, Places
from .association import Listening
from .connection import OVERTAKEN, Connection
from .connector import Connector, Reach, Target
from .peers import PeerTable
from .rim import Rim

log = structlog.get_logger()


class Node:
    """Makes the connections and knows them until they end.

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
            SparingLog("connection refused"),
            Absences(),
        )
        self._connections: set[Connection] = set()
        self._connectors: dict[Connector, asyncio.Task[None]] = {}
        self._all_gone: asyncio.Event | None = None

    @property
    def opened(self) -> Sequence[Connection]:
        """The connections of peers."""
        return [each for each in self._connections if each.facts is not None]

    @property
    def absences(self) -> Absences:
        """Why peers are not here."""
        return self._rim.absences

    @property
    def connectors(self) -> Sequence[Connector]:
        """Who connects to peers."""
        return tuple(self._connectors)

    def next_identifier(self) -> int:
        """Returns an end-to-end id that no other request of this node has."""
        return self._rim.next_identifier()

    def accept(self) -> Connection:
        """Returns who drives a connection that a peer opens."""
        connection = Connection(self._rim, self._forget)
        self._connections.add(connection)
        return connection

    async def call(self, host: str, reach: Reach) -> Connection:
        """Opens a connection to the peer of an Origin-Host: its CER is sent, or it has ended.

        Raises:
            OSError: it cannot be opened.
        """
        connection = Connection(self._rim, self._forget, host)
        if not self._rim.peers.call(host, connection):
            connection.ending = OVERTAKEN
            return connection
        self._connections.add(connection)
        try:
            await reach(connection)
        except BaseException:
            connection.abandon()
            raise
        return connection

    def keep(self, target: Target) -> Connector:
        """Connects to a peer whenever it is not here, until the node stops."""
        connector = Connector(target, self._rim.peers, self.absences, self.call)
        self._connectors[connector] = asyncio.create_task(connector.run())
        return connector

    async def stop(self, listening: Iterable[Listening], seconds: float) -> None:
        """Opens and takes no new connection, sends DPRs, and waits until all are gone.

        Those that are there when the time is over are given up.
        """
        for each in listening:
            each.close()
        for task in self._connectors.values():
            task.cancel()
        await asyncio.gather(*self._connectors.values(), return_exceptions=True)
        self._all_gone = asyncio.Event()
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

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._note_gone()

    def _note_gone(self) -> None:
        if self._all_gone is not None and not self._connections:
            self._all_gone.set()
