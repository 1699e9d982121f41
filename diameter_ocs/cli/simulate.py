"""`simulate`: clients of the server; `pgw` charges a session or events, step by step."""

from typing import Annotated

import typer

from ..simulator.answers import Answer
from ..simulator.conversation import Conversation, parse_script
from ..simulator.encoding import Identity, Subscriber
from ..simulator.gateway import DEFAULT_STEPS, connect
from ..simulator.server_requests import ServerRequest
from ..transport.association import Wire
from . import simulate_pcrf
from .error_table import REFUSED
from .options import AsJson
from .output import command, print_json
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
(3GPP-Charging-Id), sub (CC-Sub-Session-Id) and state (Origin-State-Id, of the gateway).

What the server asks for by itself is done: an update follows a RAR, a termination an ASR. wait
lasts until Ctrl-C, wait:30s as long as it says; wait-rar and wait-asr wait for one, for at most
patience=10s, and may say what follows: wait-rar:rg=300/used=1MiB/request. Otherwise rar= and asr=:
a result code (rar=5002), silent, drop (the connection ends), still (nothing follows), and after a
slash the seconds until then: rar=2001/still, asr=2001/3s, rar=drop/10s."""
EXAMPLES = (
    "Examples: simulate pgw initial:rg=300/request=10MiB location=20801"
    " update:rg=300/used=10MiB/request=1MiB terminate:rg=300/used=1MiB@2001; simulate pgw"
    " context=32276 vlr=33609001234 called=33140000000 initial:rg=100/time=60 terminate; simulate"
    " pgw initial:rg=300/request wait terminate"
)


@app.callback()
def simulate() -> None:
    """Clients of the server."""


@app.command("pgw", help=HELP, epilog=EXAMPLES)
@command
def pgw(
    steps: Annotated[list[str] | None, typer.Argument(help=STEPS_HELP, metavar="STEP")] = None,
    server: Server = SERVER,
    imsi: Imsi = IMSI,
    msisdn: Msisdn = MSISDN,
    origin_host: OriginHost = "pgw.demo.example",
    origin_realm: OriginRealm = REALM,
    destination_realm: DestinationRealm = REALM,
    over: Over = Wire.TCP,
    udp_port: UdpPort = UDP_PORT,
    authorities: Authorities = None,
    certificate: Certificate = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Connect as a packet gateway, run one session, and print each answer."""
    words = steps or []
    script = parse_script(words) or parse_script([*words, *DEFAULT_STEPS])
    host, port = endpoint(server)
    files = files_of(over, authorities, certificate, key)
    identity = Identity(origin_host, origin_realm, destination_realm)
    answers, requests = [], []
    unmet: list[str] = []
    with (
        way_to(host, port, over, udp_port, files) as way,
        connect(way.host, way.port, identity, over=way.connect) as gateway,
    ):
        session = gateway.session(Subscriber(imsi=imsi, msisdn=msisdn))
        for event, faults in Conversation(gateway, session).run(script):
            unmet += faults
            if isinstance(event, Answer):
                answers.append(event.as_dict())
            elif isinstance(event, ServerRequest):
                requests.append(event.as_dict())
            if event is not None and not as_json:
                typer.echo(event.text())
    if as_json:
        print_json({"answers": answers, "requests": requests, "unmet": unmet})
    else:
        for fault in unmet:
            typer.echo(f"diameter-ocs: {fault}", err=True)
    if unmet:
        raise typer.Exit(REFUSED)


app.command("pcrf", help=simulate_pcrf.HELP, epilog=simulate_pcrf.EXAMPLES)(simulate_pcrf.pcrf)
