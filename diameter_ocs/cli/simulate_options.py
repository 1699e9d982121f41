"""Options of all clients of the server: where it is, whose sessions they are, who asks."""

from pathlib import Path
from typing import Annotated

import typer

from ..config import Endpoint, parse_endpoint
from ..transport.association import Wire

Server = Annotated[
    str, typer.Option("--server", help="Where the server listens.", metavar="HOST:PORT")
]
Imsi = Annotated[str, typer.Option("--imsi", help="The subscriber's IMSI.", metavar="DIGITS")]
Msisdn = Annotated[str, typer.Option("--msisdn", help="The subscriber's MSISDN.", metavar="DIGITS")]
OriginHost = Annotated[
    str, typer.Option("--origin-host", help="Who the client says it is.", metavar="NAME")
]
OriginRealm = Annotated[
    str, typer.Option("--origin-realm", help="The client's realm.", metavar="NAME")
]
DestinationRealm = Annotated[
    str, typer.Option("--destination-realm", help="The realm that it asks.", metavar="NAME")
]
Over = Annotated[
    Wire, typer.Option("--over", help="What the connection runs over; `sctp` is the kernel's.")
]
UdpPort = Annotated[
    int,
    typer.Option(
        "--udp-port",
        help="The server's UDP port, for SCTP over UDP; the other one is that of SCTP inside.",
        min=1,
        max=65535,
        metavar="NUMBER",
    ),
]
Authorities = Annotated[
    Path | None,
    typer.Option(
        "--ca", help="Who signs the server's certificate; else any is taken.", metavar="FILE"
    ),
]
Certificate = Annotated[
    Path | None, typer.Option("--certificate", help="The client's, over TLS.", metavar="FILE")
]
Key = Annotated[
    Path | None, typer.Option("--key", help="The key of the certificate.", metavar="FILE")
]
SERVER = "127.0.0.1:3868"
UDP_PORT = 9899
IMSI = "001010000000001"
MSISDN = "15550100001"
REALM = "demo.example"


def endpoint(server: str) -> Endpoint:
    """Returns where the server listens; a wrong text is an error of the option."""
    try:
        return parse_endpoint(server)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--server") from None
