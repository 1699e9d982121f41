"""Over what this server takes Diameter: opens the wires of the configuration."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..config import Configuration
from ..transport import tcp
from ..transport.association import Listening, Wire
from ..transport.node import Node
from .readiness import AddressUnavailable

NAMES = {
    Wire.TCP: "TCP",
    Wire.TLS: "TLS",
    Wire.SCTP: "SCTP",
    Wire.SCTP_UDP: "SCTP over UDP",
}
"""What the wires are called."""
NOT_YET = "this version does not take it yet"


class Wires(NamedTuple):
    """What a server has to be reached by."""

    listening: Sequence[Listening]
    missing: Mapping[Wire, str]
    """Why it has not the others, in a sentence each."""


async def opened(configuration: Configuration, node: Node) -> Wires:
    """Listens on every wire that is configured and that this machine has.

    Raises:
        AddressUnavailable: an address cannot be used.
    """
    endpoint, listening = configuration.listen, list[Listening]()
    try:
        if endpoint is not None:
            listening.append(await tcp.listen(node.accept, *endpoint))
    except OSError as error:
        raise AddressUnavailable(f"cannot listen on {endpoint}: {error}") from error
    wanted = {
        Wire.TLS: configuration.tls,
        Wire.SCTP: configuration.sctp,
        Wire.SCTP_UDP: configuration.sctp_udp,
    }
    missing = {wire: NOT_YET for wire, table in wanted.items() if table is not None}
    return Wires(listening, missing)
