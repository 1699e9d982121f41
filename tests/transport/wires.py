"""A connection on a wire whose other end does what a test tells it, without any socket."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from itertools import count

from diameter_ocs.base.message import Message, decode
from diameter_ocs.observability import SparingLog, create_metrics
from diameter_ocs.transport.absences import Absences
from diameter_ocs.transport.admission import Admission, Places
from diameter_ocs.transport.association import Place
from diameter_ocs.transport.association import Wire as Kind
from diameter_ocs.transport.connection import Connection
from diameter_ocs.transport.peer_rules import PeerRule
from diameter_ocs.transport.peers import PeerTable
from diameter_ocs.transport.rim import Rim
from tests.base.wire import cer
from tests.transport.bench import DICTIONARY, LOCAL, reply


class Wire:
    """An association whose other end reads what it is told, and whose system keeps nothing."""

    wire = Kind.TCP
    certificate_names: frozenset[str] | None = None
    local_addresses = (ip_address("127.0.0.1"),)
    peer_places = (Place(ip_address("127.0.0.1"), 1),)

    def __init__(self, protocol: Connection) -> None:
        self.protocol = protocol
        self.unread = 0
        self.written = b""
        self.is_aborted = False

    @property
    def unsent_octets(self) -> int:
        return self.unread

    @property
    def is_closing(self) -> bool:
        return self.is_aborted

    def send(self, messages: Sequence[bytes]) -> None:
        data = b"".join(messages)
        was_empty = not self.unread
        self.unread += len(data)
        self.written += data
        if was_empty:
            self.protocol.pause_writing()

    def read(self, octets: int) -> None:
        self.unread -= min(octets, self.unread)
        if not self.unread:
            self.protocol.resume_writing()

    async def messages(self) -> list[Message]:
        """Return what was written in this turn of the loop and was not looked at yet."""
        await asyncio.sleep(0)
        octets, self.written = self.written, b""
        messages = []
        while octets:
            length = int.from_bytes(octets[1:4])
            messages.append(decode(octets[:length], DICTIONARY))
            octets = octets[length:]
        self.read(self.unread)
        return messages

    def abort(self) -> None:
        self.is_aborted = True

    def close(self) -> None:
        self.is_aborted = True


def new_rim() -> Rim[Connection]:
    """Return what connections share; it takes any peer."""
    peers = PeerTable([PeerRule()], LOCAL.identity.origin_host)
    metrics = create_metrics()
    admission = Admission(Places(16, 16), peers.expects, metrics)
    unopened = SparingLog("connection refused")
    return Rim(LOCAL, peers, admission, reply, count(1), metrics, unopened, Absences())


def opened(rim: Rim[Connection] | None = None, capabilities: bytes | None = None) -> Wire:
    """Return the wire to a peer whose capabilities were exchanged."""
    wire = Wire(Connection(rim or new_rim(), lambda _: None))
    wire.protocol.connection_made(wire)
    send(wire, capabilities or cer())
    return wire


def send(wire: Wire, octets: bytes) -> None:
    wire.protocol.data_received(octets)
