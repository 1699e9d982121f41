"""What Diameter runs over besides TCP: `[tls]`, `[sctp]` and `[sctp_udp]`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    model_validator,
)

from .faults import ConfigurationError, Misfit, refuse
from .values import (
    PORT_MAX,
    Address,
    Endpoint,
    Place,
    parse_address,
    parse_endpoint_or_none,
    parse_place,
    split,
)

Wire = Literal["tcp", "tls", "sctp", "sctp-udp"]

TLS_PORT = 5658
ANY_ADDRESS = parse_address("0.0.0.0")
SCTP_UDP_PORT = 9899
"""RFC 6951 section 8."""
Where = TypeVar("Where")
RtoSeconds = Annotated[float, Field(ge=0.1, le=60)]
FILES = ("certificate", "key", "authorities", "revocations")
"""Keys of `[tls]` that name files."""
ADVICE = "name a file that the user which runs the server may read"


class TlsTable(BaseModel):
    """How Diameter is taken, and connected, over TLS."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    listen: Annotated[Endpoint | None, PlainValidator(parse_endpoint_or_none)] = Endpoint(
        "0.0.0.0", TLS_PORT
    )
    """Where it is taken; `""` in the file: nowhere, this node only connects."""
    certificate: Path
    """This node's certificates in PEM: its own first, then who has signed it."""
    key: Path
    """The private key in PEM, without a password."""
    authorities: Path | None = None
    """Who signs the certificates of peers, in PEM; only `client_certificates = "none"` goes
    without."""
    revocations: Path | None = None
    """Lists in PEM, one of each authority, of the certificates that it has taken back."""
    client_certificates: Literal["required", "none"] = "required"
    """Whether a peer that connects must show a certificate."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        refuse(self._misfits())
        return self

    def _misfits(self) -> Iterator[Misfit]:
        if self.authorities is not None:
            return
        if self.client_certificates == "required":
            yield (
                "authorities",
                "needed to check the certificates of peers: name a PEM file of who signs them,"
                ' or set client_certificates = "none"',
            )
        if self.revocations is not None:
            yield "revocations", "needs authorities: nothing else is held against the lists"


class _SctpTable(BaseModel, Generic[Where]):
    """What may be tuned of SCTP (RFC 9260 section 16), each end for what it sends.

    With the defaults a failover takes seconds, while a gateway waits for its answer. With those of
    the RFC it takes minutes: waits double up to 60 seconds, an idle path is tried every 30.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    listen: Where
    port: int = Field(default=3868, ge=0, le=PORT_MAX)
    """The SCTP port; 0 lets the system choose one."""
    streams: int = Field(default=16, ge=1, le=1024)
    """Streams that are asked for and allowed, each way."""
    rto_initial_seconds: RtoSeconds = 0.5
    """How long the first packet waits for its acknowledgement before it is sent again."""
    rto_max_seconds: RtoSeconds = 2.0
    """The longest such wait: it doubles with each repeat, up to this."""
    rto_min_seconds: RtoSeconds = 0.2
    """The shortest; a peer may put an acknowledgement off by 0.2 s (RFC 9260 section 6.2)."""
    heartbeat_seconds: float = Field(default=5.0, ge=0.5, le=300)
    """How often a path that carries nothing is tried."""
    path_retransmissions_max: int = Field(default=2, ge=1, le=20)
    """Repeats without an answer after which a path counts as unreachable."""
    association_retransmissions_max: int = Field(default=6, ge=1, le=40)
    """Repeats without an answer, over all paths, after which the connection is lost: with the
    defaults some 10 seconds."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        refuse(self._misfits())
        return self

    def _misfits(self) -> Iterator[Misfit]:
        if self.rto_min_seconds > self.rto_initial_seconds:
            reason = f"must be at most rto_initial_seconds, {self.rto_initial_seconds:g}"
            yield "rto_min_seconds", reason
        if self.rto_max_seconds < self.rto_initial_seconds:
            reason = f"must be at least rto_initial_seconds, {self.rto_initial_seconds:g}"
            yield "rto_max_seconds", reason
        if self.association_retransmissions_max < self.path_retransmissions_max:
            least = self.path_retransmissions_max
            yield (
                "association_retransmissions_max",
                f"must be at least path_retransmissions_max, {least}: a connection is not lost"
                " before one of its paths",
            )


class SctpTable(_SctpTable[tuple[Address, ...]]):
    """How Diameter is taken, and connected, over the kernel's SCTP."""

    listen: Annotated[
        tuple[Annotated[Address, PlainValidator(parse_address)], ...],
        BeforeValidator(split),
    ] = (ANY_ADDRESS,)
    """The addresses of this node, one multi-homed end; `0.0.0.0`, `::` or both: all there are."""

    def _misfits(self) -> Iterator[Misfit]:
        yield from super()._misfits()
        if not self.listen:
            yield "listen", "needs an address; without the key, all of this machine are taken"
        if len({address.is_unspecified for address in self.listen}) > 1:
            yield "listen", "0.0.0.0 and :: stand for all addresses: name no others beside them"
        if len(set(self.listen)) < len(self.listen):
            yield "listen", "an address is there twice"


class SctpUdpTable(_SctpTable[Place]):
    """How Diameter is taken, and connected, over SCTP in UDP (RFC 6951)."""

    listen: Annotated[Place, PlainValidator(parse_place)] = Place(ANY_ADDRESS, SCTP_UDP_PORT)
    """The UDP port, to listen and to connect; port 0 lets the system choose one; `[::]` takes
    IPv4, too."""
    port: int = Field(default=3868, ge=1, le=PORT_MAX)
    """The SCTP port inside."""


WIRE_TABLES: dict[str, type[BaseModel]] = {
    "tls": TlsTable,
    "sctp": SctpTable,
    "sctp_udp": SctpUdpTable,
}
"""The keys of the configuration that hold these tables."""


def check_readable(table: TlsTable) -> None:
    """Raises ConfigurationError with every file that cannot be read; `serve` alone reads them."""
    faults = list[str]()
    for key in FILES:
        file: Path | None = getattr(table, key)
        try:
            if file is not None:
                file.open("rb").close()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            faults.append(f"tls.{key}: {file}: cannot be read: {reason}; {ADVICE}")
    if faults:
        raise ConfigurationError(faults)
