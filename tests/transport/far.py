"""Peers that this node connects to, which do what a test tells them, without any socket."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from diameter_ocs.base.message import Message
from diameter_ocs.observability import create_metrics
from diameter_ocs.transport.admission import Places
from diameter_ocs.transport.association import Handler, Place
from diameter_ocs.transport.association import Wire as Kind
from diameter_ocs.transport.connection import Connection
from diameter_ocs.transport.connector import Target
from diameter_ocs.transport.node import Node
from diameter_ocs.transport.peer_rules import PeerRule
from diameter_ocs.transport.peers import PeerTable
from tests.base.wire import ORIGIN_HOST, avp, cer, message, number
from tests.transport.bench import LOCAL, reply
from tests.transport.wires import Wire, send

HOST = "gw.example"
PLACES = Places(16, 16)


class FarWire(Wire):
    """An association that tells its handler of its end, as those of sockets do."""

    def __init__(self, protocol: Connection, places: Sequence[Place]) -> None:
        super().__init__(protocol)
        self.peer_places = tuple(places)

    def abort(self) -> None:
        if not self.is_aborted:
            super().abort()
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    close = abort


def cea(asked: Message, *more: bytes, code: int = 2001, host: bytes = HOST.encode()) -> bytes:
    """Return the CEA to a CER."""
    whose = avp(264, host)
    told = cer(
        whose, avp(268, number(code)), *more, without=ORIGIN_HOST, hop_by_hop=asked.hop_by_hop
    )
    return told[:4] + b"\0" + told[5:]


def dpr(cause: int) -> bytes:
    whose = ORIGIN_HOST, avp(296, b"example")
    return message(282, *whose, avp(273, number(cause)), application=0, flags=0x80)


@dataclass
class Far:
    """A peer that can be reached, or not, as the next of `answers` says; it takes its time."""

    answers: list[OSError | float | Callable[[FarWire], None] | None] = field(default_factory=list)
    """For each try: an error, seconds of silence, what is done with the new wire, or nothing."""
    tries: list[tuple[float, list[str]]] = field(default_factory=list)
    wires: list[FarWire] = field(default_factory=list)

    async def open(self, handler: Handler, places: Sequence[Place]) -> None:
        assert isinstance(handler, Connection)
        self.tries.append((asyncio.get_running_loop().time(), [str(each) for each in places]))
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, OSError):
            raise answer
        if isinstance(answer, float):
            await asyncio.sleep(answer)
        wire = FarWire(handler, places)
        self.wires.append(wire)
        handler.connection_made(wire)
        if callable(answer):
            answer(wire)

    @property
    def waits(self) -> list[float]:
        """How long it was between the tries."""
        times = [when for when, _ in self.tries]
        return [after - before for before, after in itertools.pairwise(times)]

    async def take(self, *more: bytes, host: bytes = HOST.encode()) -> FarWire:
        """Answer the CER of the connection that was opened last with success."""
        wire = self.wires[-1]
        asked = (await wire.messages())[0]
        assert (asked.command_code, asked.is_request) == (257, True)
        send(wire, cea(asked, *more, host=host))
        await asyncio.sleep(0)
        return wire


def new_node(*rules: PeerRule) -> tuple[Node, PeerTable]:
    """Return a node without any wire; without rules it takes any peer."""
    peers = PeerTable(rules or (PeerRule(),), LOCAL.identity.origin_host)
    return Node(LOCAL, peers, reply, PLACES, create_metrics()), peers


def target(far: Far, *places: tuple[str, int], wire: Kind = Kind.TCP, host: str = HOST) -> Target:
    return Target(host, wire, places or (("192.0.2.9", 3868),), far.open)


async def come(node: Node, capabilities: bytes | None = None) -> FarWire:
    """Let a peer connect and send its CER."""
    wire = FarWire(node.accept(), Wire.peer_places)
    wire.protocol.connection_made(wire)
    send(wire, capabilities or cer())
    return wire
