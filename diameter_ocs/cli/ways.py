"""Over what clients of the server connect, and whether this machine has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import typer

from ..simulator.secure import client_context
from ..simulator.wires import Connect, over_sctp, over_tcp, over_tls
from ..transport import sctp, sctp_udp
from ..transport.association import Wire
from .bridging import HOST, bridge_to


class Files(NamedTuple):
    """What a client shows over TLS, and whom it believes; None: nothing, and anybody."""

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Way(NamedTuple):
    """Where a client connects, and how."""

    host: str
    port: int
    connect: Connect


class WireMissing(Exception):
    """This machine has not got what is to be connected over; it says what to do."""


def require(over: Wire) -> None:
    """Raises WireMissing where this machine has not got a wire."""
    missing = {Wire.SCTP: sctp.missing, Wire.SCTP_UDP: sctp_udp.missing}.get(over)
    reason = missing and missing()
    if reason is not None:
        raise WireMissing(reason)


@contextmanager
def way_to(host: str, port: int, over: Wire, udp_port: int, files: Files) -> Iterator[Way]:
    """Gives the way to a server; `udp_port` is its own, of SCTP over UDP.

    Raises:
        WireMissing: this machine has not got it.
        SimulatorError: there is none.
    """
    require(over)
    if over is Wire.SCTP_UDP:
        with bridge_to(host, port, udp_port) as bridge:
            yield Way(HOST, bridge.port, over_tcp)
    elif over is Wire.TLS:
        yield Way(host, port, over_tls(client_context(*files)))
    else:
        yield Way(host, port, over_sctp if over is Wire.SCTP else over_tcp)


def files_of(over: Wire, *given: Path | None) -> Files:
    """Returns the files of the options `--ca`, `--certificate` and `--key`."""
    files = Files(*given)
    for option, file in zip(("--ca", "--certificate", "--key"), files, strict=True):
        if file is not None and over is not Wire.TLS:
            raise typer.BadParameter("goes with --over tls", param_hint=option)
    if files.key is not None and files.certificate is None:
        raise typer.BadParameter("goes with --certificate", param_hint="--key")
    return files
