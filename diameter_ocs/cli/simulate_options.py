"""Options of all clients of the server: where it is, whose sessions they are, who asks."""

from typing import Annotated

import typer

from ..config import Endpoint, parse_endpoint

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
SERVER = "127.0.0.1:3868"
IMSI = "001010000000001"
MSISDN = "15550100001"
REALM = "demo.example"


def endpoint(server: str) -> Endpoint:
    """Returns where the server listens; a wrong text is an error of the option."""
    try:
        return parse_endpoint(server)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--server") from None
