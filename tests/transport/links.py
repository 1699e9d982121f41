"""Nodes that connect to each other over associations in memory, as slow as a test wants them."""

import asyncio
import errno
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from ipaddress import ip_address

from diameter_ocs.base.capabilities import Application
from diameter_ocs.base.message import Identity
from diameter_ocs.observability import create_metrics
from diameter_ocs.transport.admission import Places
from diameter_ocs.transport.association import Handler, Place, Wire
from diameter_ocs.transport.connection import Connection
from diameter_ocs.transport.connector import Connector, Target
from diameter_ocs.transport.node import Node
from diameter_ocs.transport.peer_rules import PeerRule
from diameter_ocs.transport.peers import PeerTable
from tests.transport.bench import LOCAL, OnRequest, reply

ADDRESS = ip_address("192.0.2.1")
Delay = Callable[[], float]
"""How long the next thing takes to arrive, in seconds."""


class End:
    """One end of a link; what it sends arrives in order at the other one."""

    wire = Wire.TCP
    certificate_names: frozenset[str] | None = None
    local_addresses = (ADDRESS,)
    peer_places = (Place(ADDRESS, 3868),)
    unsent_octets = 0

    def __init__(self, handler: Handler, delay: Delay) -> None:
        self.handler = handler
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._arrival = 0.0
        self.other: End | None = None
        self.is_made = False
        self.is_closing = False
        self.is_cut = False
        """Whether what it sends is lost."""
        self.sent = 0

    def begin(self) -> None:
        self.is_made = True
        self.handler.connection_made(self)

    def send(self, messages: Sequence[bytes]) -> None:
        for octets in messages:
            self.sent += 1
            self._later(partial(self._arrive, octets))

    def close(self) -> None:
        if not self.is_closing:
            self._hang_up()
            self._later(self._arrive_end)

    abort = close

    def _later(self, act: Callable[[], None]) -> None:
        if not self.is_cut:
            self._arrival = max(self._arrival, self._loop.time() + self._delay())
            self._loop.call_at(self._arrival, act)

    def _arrive(self, octets: bytes) -> None:
        assert self.other is not None
        if not self.other.is_closing:
            self.other.handler.data_received(octets)

    def _arrive_end(self) -> None:
        assert self.other is not None
        if not self.other.is_closing:
            self.other._hang_up()

    def _hang_up(self) -> None:
        self.is_closing = True
        if self.is_made:
            self._loop.call_soon(self.handler.connection_lost, None)


class Links:
    """Nodes by their Origin-Hosts, and every link between them."""

    def __init__(self, delay: Delay = lambda: 0.01) -> None:
        self.nodes: dict[str, Node] = {}
        self.peers: dict[str, PeerTable] = {}
        self.links: list[tuple[End, End]] = []
        self._delay = delay

    def add(
        self, host: str, on_request: OnRequest = reply, application_id: int | None = None
    ) -> Node:
        local = replace(LOCAL, identity=Identity(host, "example", 77))
        if application_id is not None:
            local = replace(local, applications=(Application(application_id, frozenset()),))
        self.peers[host] = PeerTable([PeerRule()], host)
        node = Node(local, self.peers[host], on_request, Places(16, 16), create_metrics())
        self.nodes[host] = node
        return node

    def keep(self, host: str, other: str, delay: Delay | None = None) -> Connector:
        """Have a node connect to another whenever that is not there."""
        reach = partial(self._open, other, delay or self._delay)
        return self.nodes[host].keep(Target(other, Wire.TCP, (("192.0.2.1", 3868),), reach))

    async def _open(
        self, other: str, delay: Delay, handler: Handler, places: Sequence[Place]
    ) -> None:
        await asyncio.sleep(delay())
        own, far = End(handler, self._delay), End(self.nodes[other].accept(), self._delay)
        own.other, far.other = far, own
        self.links.append((own, far))
        far.begin()
        try:
            await asyncio.sleep(delay())
        except asyncio.CancelledError:
            own.close()
            raise
        if own.is_closing:
            raise ConnectionResetError(errno.ECONNRESET, "the far end is gone")
        own.begin()

    def open_between(self, host: str, other: str) -> list[Connection]:
        """Return the connections of a node with another one that are open."""
        return [
            each
            for each in self.nodes[host].opened
            if each.state == "open" and each.facts is not None and each.facts.origin_host == other
        ]

    def cut(self) -> None:
        """End every link that is there."""
        for own, _ in self.links:
            own.close()
        self.links.clear()

    async def stop(self) -> None:
        for node in self.nodes.values():
            await node.stop([], 1)
