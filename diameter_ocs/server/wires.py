"""Over what this server takes Diameter, and connects: the wires of the configuration."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial

import structlog

from ..config import Configuration
from ..config.peers import PeerEntry
from ..config.wires import SctpTable, SctpUdpTable, TlsTable
from ..observability import Metrics
from ..transport import sctp, sctp_udp, tcp, tls
from ..transport.association import Address, Handler, Listening, Place, Wire
from ..transport.certificates import Certificates, TlsSettings
from ..transport.connector import CONNECT_SECONDS, Open
from ..transport.node import Node
from ..transport.peers import PeerTable
from ..transport.sctp_settings import SctpSettings
from .readiness import AddressUnavailable

log = structlog.get_logger()

NAMES = {
    Wire.TCP: "TCP",
    Wire.TLS: "TLS",
    Wire.SCTP: "SCTP",
    Wire.SCTP_UDP: "SCTP over UDP",
}
"""What the wires are called."""


@dataclass(slots=True)
class Wires:
    """What a server can be reached by, and can reach others by.

    `missing` says in a sentence each why it has not what is configured.
    """

    configuration: Configuration
    listening: list[Listening] = field(default_factory=list)
    missing: dict[Wire, str] = field(default_factory=dict)
    certificates: Certificates | None = None
    stack: sctp_udp.Stack | None = None

    @property
    def unconfigured(self) -> Sequence[Wire]:
        """What nobody has asked for."""
        configuration = self.configuration
        tables = {
            Wire.TCP: configuration.listen,
            Wire.TLS: configuration.tls,
            Wire.SCTP: configuration.sctp,
            Wire.SCTP_UDP: configuration.sctp_udp,
        }
        return [wire for wire, table in tables.items() if table is None]

    def open(self, entry: PeerEntry) -> Open:
        """Returns what opens connections to a peer, over what its entry says.

        Where this machine has not got that, each try says so with OSError.
        """
        match Wire(entry.transport):
            case Wire.TCP:
                return _one(partial(tcp.connect, seconds=CONNECT_SECONDS))
            case Wire.TLS:
                assert self.certificates is not None, "the configuration has its table"
                certificates = self.certificates
                return _one(
                    partial(tls.connect, certificates=certificates, seconds=CONNECT_SECONDS)
                )
            case Wire.SCTP if Wire.SCTP in self.missing:
                return _never(self.missing[Wire.SCTP])
            case Wire.SCTP:
                table = self.configuration.sctp
                assert table is not None, "the configuration has it"
                octets = self.configuration.message_octets_max
                return partial(
                    sctp.connect,
                    settings=_settings(table, octets),
                    seconds=CONNECT_SECONDS,
                    local_addresses=[each for each in table.listen if not each.is_unspecified],
                )
            case Wire.SCTP_UDP:
                if self.stack is None:
                    return _never(self.missing[Wire.SCTP_UDP])
                udp_port = entry.udp_port
                return _one(partial(self.stack.connect, udp_port=udp_port, seconds=CONNECT_SECONDS))


@asynccontextmanager
async def opened(
    configuration: Configuration, node: Node, peers: PeerTable, metrics: Metrics
) -> AsyncIterator[Wires]:
    """Listens on every wire that is configured and that this machine has.

    Who leaves the context has let the connections go before.

    Raises:
        AddressUnavailable: an address cannot be used.
        CertificatesUnusable: a file of `[tls]` cannot be used.
    """
    wires = Wires(configuration)
    try:
        if configuration.listen is not None:
            endpoint = configuration.listen
            with _available(str(endpoint)):
                wires.listening.append(await tcp.listen(node.accept, *endpoint))
        if configuration.tls is not None:
            await _open_tls(wires, configuration.tls, node, metrics)
        if configuration.sctp is not None:
            await _open_sctp(wires, configuration.sctp, node)
        if configuration.sctp_udp is not None:
            await _open_sctp_udp(wires, configuration.sctp_udp, node, peers, metrics)
        for wire, reason in wires.missing.items():
            log.warning("wire missing", wire=wire, reason=reason)
        if not wires.listening and not any(entry.connect for entry in configuration.peers):
            raise AddressUnavailable("; ".join(wires.missing.values()) or "nowhere to listen")
        yield wires
    finally:
        for each in wires.listening:
            each.close()
        if wires.stack is not None:
            await wires.stack.aclose()


async def _open_tls(wires: Wires, table: TlsTable, node: Node, metrics: Metrics) -> None:
    settings = TlsSettings(
        table.certificate,
        table.key,
        table.authorities,
        table.revocations,
        table.client_certificates == "required",
    )
    wires.certificates = Certificates(settings, metrics)
    if table.listen is not None:
        with _available(str(table.listen)):
            listening = await tls.listen(node.accept, *table.listen, wires.certificates)
            wires.listening.append(listening)


async def _open_sctp(wires: Wires, table: SctpTable, node: Node) -> None:
    reason = sctp.missing()
    if reason is not None:
        wires.missing[Wire.SCTP] = reason
        return
    settings = _settings(table, wires.configuration.message_octets_max)
    places = ", ".join(str(Place(address, table.port)) for address in table.listen)
    with _available(places):
        listening = await sctp.listen(node.accept, table.listen, table.port, settings)
        wires.listening.append(listening)


async def _open_sctp_udp(
    wires: Wires, table: SctpUdpTable, node: Node, peers: PeerTable, metrics: Metrics
) -> None:
    reason = sctp_udp.missing()
    if reason is not None:
        wires.missing[Wire.SCTP_UDP] = reason
        return
    settings = _settings(table, wires.configuration.message_octets_max)
    place = Place(*table.listen)

    def is_named(address: Address) -> bool:
        return peers.names(address, Wire.SCTP_UDP)

    with _available(f"UDP {place}"):
        wires.stack = await sctp_udp.Stack.start(place, is_named, settings, metrics)
    wires.listening.append(wires.stack.listen(node.accept, table.port))


def _settings(table: SctpTable | SctpUdpTable, message_octets_max: int) -> SctpSettings:
    return SctpSettings(
        streams=table.streams,
        rto_initial_seconds=table.rto_initial_seconds,
        rto_max_seconds=table.rto_max_seconds,
        rto_min_seconds=table.rto_min_seconds,
        heartbeat_seconds=table.heartbeat_seconds,
        path_retransmissions_max=table.path_retransmissions_max,
        association_retransmissions_max=table.association_retransmissions_max,
        message_octets_max=message_octets_max,
    )


def _one(connect: Callable[[Handler, Place], Awaitable[None]]) -> Open:
    """Returns what opens a connection to the only place that it is given."""

    async def open_one(handler: Handler, places: Sequence[Place]) -> None:
        (place,) = places
        await connect(handler, place)

    return open_one


def _never(reason: str) -> Open:
    async def refuse(handler: Handler, places: Sequence[Place]) -> None:
        raise OSError(reason)

    return refuse


@contextmanager
def _available(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AddressUnavailable(f"cannot listen on {where}: {error}") from error
