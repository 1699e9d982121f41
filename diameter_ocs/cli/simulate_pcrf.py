"""`simulate pcrf`: a policy server that subscribes to counters and prints what it is told."""

import json
import os
from contextlib import ExitStack
from typing import Annotated, Any

import typer

from ..simulator.answers import SUCCESS
from ..simulator.encoding import Identity, Subscriber
from ..simulator.pcrf import Conduct, connect_pcrf, parse_pcrf_script
from ..simulator.spending_limits import SpendingLimitAnswer
from ..transport.association import Wire
from .error_table import REFUSED
from .options import AsJson
from .output import command
from .simulate_options import (
    IMSI,
    MSISDN,
    REALM,
    SERVER,
    UDP_PORT,
    Authorities,
    Certificate,
    DestinationRealm,
    Imsi,
    Key,
    Msisdn,
    OriginHost,
    OriginRealm,
    Over,
    Server,
    UdpPort,
    endpoint,
)
from .ways import files_of, way_to

STEPS_HELP = (
    "What to do: subscribe (an initial SLR), update (an intermediate one), terminate (STR), each"
    " with the result code that is expected after @; wait, wait-snr, reconnect. Without steps:"
    " subscribe wait terminate."
)
HELP = """Connect as a policy server over Sy, subscribe to counters, and print each status.

Every notification (SNR) is answered and printed, until Ctrl-C or for some --seconds; then the
session is terminated. Among the steps counters=NAME,NAME says which counters the requests after it
are for, counters= all; features=1 offers features (the bits of list 1). wait lasts until Ctrl-C,
wait:30s as long as it says; wait-snr waits for a notification, wait-snr:data=low for one that tells
this status, for at most patience=10s. reconnect drops the connection and makes it anew.
snr= says what becomes of notifications: a result code (snr=5002), silent, drop (the connection
ends), still (the session is not ended though the server asks), after a slash the seconds until
then: snr=2001/3s, snr=drop/10s. Under --json each thing that happens is one line, the last one with
what the counters were and what was not as expected."""
EXAMPLES = (
    "Examples: simulate pcrf --seconds 60; simulate pcrf counters=data subscribe@2001"
    " wait-snr:data=low terminate@2001; simulate pcrf subscribe snr=silent wait-snr snr=2001"
    " patience=1min wait-snr terminate"
)
DEFAULT_STEPS = ("subscribe@2001", "wait", "terminate@2001")


@command
def pcrf(
    steps: Annotated[list[str] | None, typer.Argument(help=STEPS_HELP, metavar="STEP")] = None,
    server: Server = SERVER,
    imsi: Imsi = IMSI,
    msisdn: Msisdn = MSISDN,
    counters: Annotated[
        list[str] | None,
        typer.Option("--counter", help="A counter; without any, all.", metavar="NAME"),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds", help="How long to stay subscribed; without it, until Ctrl-C.", min=0
        ),
    ] = None,
    session_id: Annotated[
        str | None,
        typer.Option("--session-id", help="Instead of one that it makes up.", metavar="TEXT"),
    ] = None,
    origin_host: OriginHost = "pcrf.demo.example",
    origin_realm: OriginRealm = REALM,
    destination_realm: DestinationRealm = REALM,
    over: Over = Wire.TCP,
    udp_port: UdpPort = UDP_PORT,
    authorities: Authorities = None,
    certificate: Certificate = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Connect as a policy server over Sy, subscribe, and print each status."""
    words = steps or []
    conduct = Conduct(counters=tuple(counters or ()))
    script = parse_pcrf_script(words, conduct)
    is_usual = not script
    script = script or parse_pcrf_script([*words, *_default_steps(seconds)], conduct)
    host, port = endpoint(server)
    files = files_of(over, authorities, certificate, key)
    identity = Identity(origin_host, origin_realm, destination_realm)
    name = None if session_id is None else os.fsencode(session_id)
    unmet: list[str] = []
    with ExitStack() as stack:
        way = stack.enter_context(way_to(host, port, over, udp_port, files))
        client = connect_pcrf(
            way.host, way.port, identity, Subscriber(imsi, msisdn), name, way.connect
        )
        stack.callback(client.close)
        for event, faults in client.run(script):
            unmet += faults
            if event is not None:
                _say(event.as_dict() if as_json else event.text())
            if is_usual and isinstance(event, SpendingLimitAnswer) and event.result_code != SUCCESS:
                break  # who is not subscribed has nothing to wait for
    if as_json:
        _say(
            {"counters": {name: told.status for name, told in client.view.items()}, "unmet": unmet}
        )
    else:
        for fault in unmet:
            typer.echo(f"diameter-ocs: {fault}", err=True)
    if unmet:
        raise typer.Exit(REFUSED)


def _default_steps(seconds: float | None) -> tuple[str, ...]:
    subscribe, wait, terminate = DEFAULT_STEPS
    return subscribe, wait if seconds is None else f"{wait}:{seconds:g}s", terminate


def _say(what: str | dict[str, Any]) -> None:
    typer.echo(what if isinstance(what, str) else json.dumps(what, ensure_ascii=False))
