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
    "Requests to send, as KIND:SERVICE,SERVICE... with the KIND initial, update, terminate, event,"
    " check, price or refund (of an event: the last one; in its SERVICE refund=ID names another,"
    " refund alone the one that the last answer to an event told). A SERVICE is"
    " rg=NUMBER and, after slashes, what is asked and used: request=10MiB, time=60 or units=1;"
    " used=10MiB, used-time=60 or used-units=1, used-after=1MiB what came after a change of price;"
    " request-money=12.50"
    " and used-money=12.50EUR; si=NUMBER names a service, reason=FINAL says why"
    " usage is reported. After @ stand the result codes that are expected."
    " Without steps: a short data session."
)
HELP = """Connect as a packet gateway, run one session, and print each answer.

Among the steps NAME=VALUE says what the requests after it tell of the service; NAME= leaves it out.
What it is: context=32251 data, 32260 a call in the IMS, 32275 one by its telephony server, 32276 a
circuit-switched one, 32274 a text (as events are), 32270 a picture message. Where the subscriber
is: location=26201 (MCC and MNC; with /TYPE, or as 0x..., of 3GPP-User-Location-Info), network,
sgsn, access, transfer, cellular, visited, vlr, msc, sccp; data and calls in the IMS are at home if
nothing is said, and nowhere after location= network= sgsn= access=. With whom: role=terminating,
calling=NUMBER, called=NUMBER,NUMBER. How: apn, rat, size; bearer
(3GPP-Charging-Id), sub (CC-Sub-Session-Id) and state (Origin-State-Id, of the gateway)."""
EXAMPLES = (
    "Examples: simulate pgw initial:rg=300/request=10MiB location=20801"
    " update:rg=300/used=10MiB/request=1MiB terminate:rg=300/used=1MiB@2001; simulate pgw"
    " context=32276 vlr=33609001234 called=33140000000 initial:rg=100/time=60 terminate"
)


@app.callback()
def simulate() -> None:
    """Clients of the server."""


@app.command("pgw", help=HELP, epilog=EXAMPLES)
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
    words = steps or []
    script = parse_steps(words) or parse_steps([*words, *DEFAULT_STEPS])
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
