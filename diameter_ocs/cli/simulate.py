"""`simulate pgw`: a gateway that charges a session or events, step by step."""

from typing import Annotated

import typer

from ..config import parse_endpoint
from ..simulator.encoding import Identity, Subscriber
from ..simulator.gateway import DEFAULT_STEPS, connect, parse_steps, unmet_expectation
from .error_table import REFUSED
from .options import AsJson
from .output import command, print_json

app = typer.Typer(help="Clients of the server.", no_args_is_help=True)

STEPS_HELP = (
    "Requests to send, as KIND:SERVICE,SERVICE... with the KIND initial, update, terminate or"
    " event, which is a text message. A SERVICE is rg=NUMBER and, after slashes, what is asked and"
    " used: request=10MiB, time=60 or units=1; used=10MiB, used-time=60 or used-units=1; si=NUMBER"
    " names a service, reason=FINAL says why usage is reported. After @ stand the result codes that"
    " are expected. Without steps:"
    " a short data session."
)
EXAMPLE = (
    "Example: simulate pgw initial:rg=300/request=10MiB update:rg=300/used=10MiB/request=1MiB"
    " terminate:rg=300/used=1MiB@2001"
)


@app.callback()
def simulate() -> None:
    """Clients of the server."""


@app.command("pgw", epilog=EXAMPLE)
@command
def pgw(
    steps: Annotated[list[str] | None, typer.Argument(help=STEPS_HELP, metavar="STEP")] = None,
    server: Annotated[
        str, typer.Option("--server", help="Where the server listens.", metavar="HOST:PORT")
    ] = "127.0.0.1:3868",
    imsi: Annotated[
        str, typer.Option("--imsi", help="The subscriber's IMSI.", metavar="DIGITS")
    ] = "001010000000001",
    msisdn: Annotated[
        str, typer.Option("--msisdn", help="The subscriber's MSISDN.", metavar="DIGITS")
    ] = "15550100001",
    origin_host: Annotated[
        str, typer.Option("--origin-host", help="Who the gateway says it is.", metavar="NAME")
    ] = "pgw.demo.example",
    origin_realm: Annotated[
        str, typer.Option("--origin-realm", help="The gateway's realm.", metavar="NAME")
    ] = "demo.example",
    destination_realm: Annotated[
        str, typer.Option("--destination-realm", help="The realm that it asks.", metavar="NAME")
    ] = "demo.example",
    as_json: AsJson = False,
) -> None:
    """Connect as a packet gateway, run one session, and print each answer."""
    script = parse_steps(steps or DEFAULT_STEPS)
    try:
        host, port = parse_endpoint(server)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--server") from None
    identity = Identity(origin_host, origin_realm, destination_realm)
    answers, unmet = [], []
    with connect(host, port, identity) as gateway:
        session = gateway.session(Subscriber(imsi=imsi, msisdn=msisdn))
        for step in script:
            answer = session.credit_control(step)
            answers.append(answer.as_dict())
            if not as_json:
                typer.echo(answer.text())
            fault = unmet_expectation(step, answer)
            unmet += [fault] if fault else []
            unmet += answer.faults
    if as_json:
        print_json({"answers": answers, "unmet": unmet})
    else:
        for fault in unmet:
            typer.echo(f"diameter-ocs: {fault}", err=True)
    if unmet:
        raise typer.Exit(REFUSED)
