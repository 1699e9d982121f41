"""`peer`: who may connect, who is connected, and who was refused."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from ..charging.peers import Acceptance, AcceptedPeer, ConfiguredPeer, RefusedPeer, RunningServer
from ..config import PeerEntry, faults_of
from ..handlers import peers
from ..handlers.moments import moment_text, optional_moment_text, parse_moment
from ..handlers.refusals import Refusal
from ..store.peers import PostgresPeers
from . import database
from .options import AsJson, Data, DatabaseUrl, Demo, TransactionId, order
from .output import command, print_done, print_json, print_table

app = typer.Typer(help="The gateways that may connect.", no_args_is_help=True)

REFUSALS = {
    "unknown": "nothing names it",
    "address": "it comes from an address that is not among its own",
    "transport": "it comes over a wire that is not among its own",
    "certificate": "its certificate proves another name",
}
"""What the reason of a refusal means."""
AVAILABLE = "available"
"""A path of a connection that is as it should be."""
OPTIONS = {
    "host": "HOST",
    "realm": "--realm",
    "tenant": "--tenant",
    "profile": "--profile",
    "addresses": "--address",
    "transports": "--transport",
    "certificate": "--certificate",
}
"""What a setting of a peer is called on the command line."""

Host = Annotated[
    str,
    typer.Argument(help="An Origin-Host, or a pattern such as pgw*.example.", metavar="HOST"),
]


@app.command("accept")
@command
def accept(
    host: Host,
    realm: Annotated[
        str | None,
        typer.Option("--realm", help="Its Origin-Realm; without it, any.", metavar="REALM"),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(
            "--tenant",
            help="Whose gateway it is: only its subscribers are found. Without it, any tenant's.",
            metavar="NAME",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            help="How it is treated: the name of a profile in the servers' configuration.",
            metavar="NAME",
        ),
    ] = None,
    address: Annotated[
        list[str] | None,
        typer.Option(
            "--address",
            help="An address or network that it may come from; several times for several.",
            metavar="NET",
        ),
    ] = None,
    transport: Annotated[
        list[str] | None,
        typer.Option(
            "--transport",
            help="What it may come over: tcp, tls, sctp or sctp-udp; several times for several.",
            metavar="NAME",
        ),
    ] = None,
    certificate: Annotated[
        str | None,
        typer.Option(
            "--certificate",
            help="What its certificate must prove over TLS, a name or a pattern; without it, HOST.",
            metavar="NAME",
        ),
    ] = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Let a peer connect; servers that run notice within seconds.

    What was said of the same host before is replaced.
    A profile counts from the next connection on.
    What a server's own configuration names stays as that says.
    """
    peer = _checked(
        {
            "host": host,
            "realm": realm,
            "tenant": tenant,
            "profile": profile,
            "addresses": address or (),
            "transports": transport or (),
            "certificate": certificate,
        }
    )
    place = database.Place(data, database_url, demo)
    given = order(transaction_id)
    done = database.run(
        place,
        lambda rooms: peers.accept(rooms.accounts, PostgresPeers(rooms.database), peer, given),
    )
    print_done(done, "\n".join(_accepted(peer, done.answer)), as_json)


@app.command("remove")
@command
def remove(
    host: Host,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Take an accepted peer back; servers that run disconnect it within seconds."""
    place = database.Place(data, database_url, demo)
    given = order(transaction_id)
    done = database.run(
        place,
        lambda rooms: peers.remove(rooms.accounts, PostgresPeers(rooms.database), host, given),
    )
    print_done(done, f"{host} is not accepted any more.", as_json)


@app.command("list")
@command
def show_all(
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List peers: who may connect, who is connected, who is not and why, who was refused."""
    place = database.Place(data, database_url, demo)

    async def work(rooms: database.Rooms) -> peers.Peers:
        return await peers.all_peers(PostgresPeers(rooms.database), await rooms.database.ping())

    found = database.run(place, work)
    if as_json:
        print_json(
            {
                "configured": [
                    {"server": server.origin_host, **asdict(each)}
                    for server in found.servers
                    for each in server.configured
                ],
                "accepted": [_acceptance(each) for each in found.accepted],
                "connected": list(_connected(found.servers)),
                "absent": list(_absent(found.servers)),
                "refused": [_refused(each) for each in found.refused],
            }
        )
        return
    _print_known(found)
    _print_connected(found.servers)
    _print_absent(found.servers)
    _print_refused(found.refused)


def _accepted(peer: AcceptedPeer, answer: Mapping[str, Any]) -> Iterable[str]:
    """Yields what somebody should know who has accepted a peer."""
    where = f"from {', '.join(peer.addresses)}" if peer.addresses else "from any address"
    yield f"{peer.host} may connect {where}."
    if not peer.addresses:
        yield "Whoever knows that name may use it; --address limits it to a network."
    if not answer["servers"]:
        yield "No server runs on this database now; one that starts will take it."
    for name in answer["configured_on"]:
        yield f"The configuration of {name} names it already, and that counts there."


def _checked(values: dict[str, Any]) -> AcceptedPeer:
    """Holds what was said to the rules of the configuration's `[[peers]]`."""
    try:
        entry = PeerEntry(**values)
    except ValidationError as error:
        (key, *_), _, reason = next(faults_of(error))
        raise Refusal("invalid_peer", f"{OPTIONS[str(key)]}: {reason}") from None
    assert entry.host is not None, "it was given"
    networks = tuple(str(each) for each in entry.addresses)
    return AcceptedPeer(
        entry.host.lower(),
        entry.realm,
        entry.tenant,
        entry.profile,
        networks,
        entry.transports,
        entry.certificate,
    )


def _print_known(found: peers.Peers) -> None:
    rows: dict[tuple[object, ...], None] = {}
    for server in found.servers:
        for each in server.configured:
            rows[*_known(each), None] = None
    for acceptance in found.accepted:
        by = f"{acceptance.actor}, {moment_text(acceptance.at)}"
        rows[*_known(acceptance.peer), by] = None
    if rows:
        columns = ["may connect", "realm", "tenant", "profile", "addresses", "over", "certificate"]
        print_table([*columns, "accepted by"], rows)
    else:
        typer.echo("No peer is configured on a server that runs, and none was accepted.")


def _known(peer: ConfiguredPeer | AcceptedPeer) -> tuple[object, ...]:
    whose = peer.host, peer.realm, peer.tenant, peer.profile
    return *whose, _words(peer.addresses), _words(peer.wires), peer.certificate


def _print_connected(servers: Sequence[RunningServer]) -> None:
    rows = [
        (
            each["host"],
            each["realm"],
            _words(map(_path, each["paths"])) or each["address"],
            each["wire"],
            each["opened_by"],
            each["server"],
            each["since"],
            each["state"],
            each["requests"],
            each["refusals"],
        )
        for each in _connected(servers)
    ]
    if rows:
        typer.echo()
        columns = ["connected", "realm", "address", "over", "opened by", "server", "since", "state"]
        print_table([*columns, "requests", "refused requests"], rows)


def _print_absent(servers: Sequence[RunningServer]) -> None:
    rows = [
        (
            each["host"] or "whoever it is",
            each["address"],
            each["wire"],
            each["server"],
            each["last_at"],
            each["times"],
            _next_try(each),
            each["reason"],
        )
        for each in _absent(servers)
    ]
    if rows:
        typer.echo()
        columns = ["not connected", "address", "over", "server", "last", "times", "next try", "why"]
        print_table(columns, rows)


def _print_refused(refused: Sequence[RefusedPeer]) -> None:
    if not refused:
        return
    rows = [
        (
            each.host,
            each.realm,
            each.address,
            each.product_name,
            _words(map(str, each.application_ids)),
            each.times,
            moment_text(each.first_at),
            moment_text(each.last_at),
            REFUSALS.get(each.reason, each.reason),
        )
        for each in refused
    ]
    typer.echo()
    columns = ["refused", "realm", "address", "product", "applications", "times", "first", "last"]
    print_table([*columns, "why"], rows)
    typer.echo(
        "`peer accept HOST` lets one in; what the configuration of a server names, is mended in its"
        " [[peers]]."
    )


def _connected(servers: Sequence[RunningServer]) -> Iterable[dict[str, Any]]:
    for server in servers:
        for each in server.connected:
            fields = asdict(each)
            fields["since"] = moment_text(fields.pop("opened_at"))
            yield {"server": server.origin_host, **fields}


def _absent(servers: Sequence[RunningServer]) -> Iterable[dict[str, Any]]:
    """Yields who is nowhere, and whom a server cannot reach that is to connect to him itself."""
    here = {each.host for server in servers for each in server.connected}
    for server in servers:
        for each in server.absent:
            if each.state is not None or each.host not in here:
                fields = asdict(each)
                fields["last_at"] = moment_text(fields.pop("ended_at"))
                fields["due_at"] = optional_moment_text(each.due_at)
                yield {"server": server.origin_host, **fields}


def _acceptance(acceptance: Acceptance) -> dict[str, Any]:
    return {
        **peers.peer_answer(acceptance.peer),
        "accepted_at": moment_text(acceptance.at),
        "actor": acceptance.actor,
    }


def _refused(refused: RefusedPeer) -> dict[str, Any]:
    return {
        **asdict(refused),
        "first_at": moment_text(refused.first_at),
        "last_at": moment_text(refused.last_at),
    }


def _path(path: Mapping[str, str]) -> str:
    place, state = path["place"], path["state"]
    return place if state == AVAILABLE else f"{place} ({state})"


def _next_try(absent: Mapping[str, Any]) -> str | None:
    """Returns what a server does to have a peer here; None: the peer has to come by itself."""
    if absent["due_at"] is None:
        return "now" if absent["state"] else None
    seconds = max(parse_moment(absent["due_at"]) - time.time_ns() // 1000, 0) / 1e6
    told = f"in {seconds:.0f} s"
    return told if absent["state"] == "waiting" else f"{absent['state']}, {told}"


def _words(words: Iterable[str]) -> str | None:
    return " ".join(words) or None
