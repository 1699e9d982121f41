"""`simulate pgw`: a gateway that charges a session, step by step."""

from typing import Annotated

import typer

from ..config import parse_endpoint
from ..simulator.encoding import Identity, Subscriber
from ..simulator.gateway import DEFAULT_STEPS, connect, parse_steps, unmet_expectation
from .options import AsJson
from .output import REFUSED, command, print_json

app = typer.Typer(help="Clients of the server.", no_args_is_help=True)

STEPS_HELP = """\b
KIND:SERVICE,... with KIND initial, update or terminate, for example
  initial:rg=300/request=10MiB  update:rg=300/used=10MiB/request=10MiB  terminate:rg=300/used=1MiB
Time is time=60 and used-time=60, messages are units=1 and used-units=1. After @ stand the
result codes expected: update:rg=300/request=1MiB@2001/4012. Default: a short data session."""


@app.callback()
def simulate() -> None:
    """Clients of the server."""


@app.command("pgw")
@command
def pgw(
    steps: Annotated[list[str] | None, typer.Argument(help=STEPS_HELP)] = None,
    server: Annotated[str, typer.Option("--server", metavar="HOST:PORT")] = "127.0.0.1:3868",
    imsi: Annotated[str, typer.Option("--imsi")] = "001010000000001",
    msisdn: Annotated[str, typer.Option("--msisdn")] = "15550100001",
    origin_host: Annotated[str, typer.Option("--origin-host")] = "pgw.demo.example",
    origin_realm: Annotated[str, typer.Option("--origin-realm")] = "demo.example",
    destination_realm: Annotated[str, typer.Option("--destination-realm")] = "demo.example",
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
