"""`peer`: what it prints, and what it refuses."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from diameter_ocs.charging.peers import (
    AbsentPeer,
    ConfiguredPeer,
    ConnectedPeer,
    PeerPath,
    RefusedPeer,
    RunningServer,
)
from diameter_ocs.handlers.catalogue_keys import known_keys
from diameter_ocs.store.database import Database
from diameter_ocs.store.peers import PostgresPeers
from tests.cli.conftest import Run

T = TypeVar("T")
HOST = "pgw.other.example"


def told(database: str) -> None:
    """Tells what a server would have told a moment ago."""
    now = time.time_ns() // 1000
    connected = ConnectedPeer("pgw1.example", "example", "192.0.2.1", "maker", now, "open", 7, 1)
    places = ("192.0.2.1:3868", "available"), ("198.51.100.1:3868", "unreachable")
    paths = tuple(PeerPath(*each) for each in places)
    connected = replace(connected, wire="sctp", opened_by="server", paths=paths)
    configured = ConfiguredPeer("pgw*.example", "example", "acme", "careful", ("192.0.2.0/24",))
    gone = AbsentPeer("pgw2.example", "192.0.2.2", "sctp", "the transport is gone", now, 1)
    stranger = AbsentPeer(None, "192.0.2.8", "tls", "it shows no certificate", now, 7)
    moved = AbsentPeer("pgw1.example", "192.0.2.1", "tcp", "the peer disconnected", now, 1)
    dra = AbsentPeer("dra1.example", "192.0.2.3:3868", "tcp", "connection refused", now, 3)
    waiting = replace(dra, state="waiting", attempts=3, due_at=now + 99_000_000)
    held = replace(waiting, host="dra2.example", state="held back")
    trying = replace(dra, host="dra3.example", state="connecting", attempts=1)
    absent = (gone, stranger, moved, waiting, held, trying)
    keys = known_keys()
    server = RunningServer(
        "a", "ocs.example", now, now, ("careful",), (configured,), (connected,), keys, absent
    )
    refused = RefusedPeer(HOST, "other", "unknown", "192.0.2.9", "maker", (4,), now, now, 3)

    async def tell(register: PostgresPeers) -> None:
        await register.tell(server)
        await register.add_refused([refused])

    asked(database, tell)


def asked(database: str, ask: Callable[[PostgresPeers], Awaitable[T]]) -> T:
    async def work() -> T:
        pool = Database(database)
        try:
            return await ask(PostgresPeers(pool))
        finally:
            await pool.close()

    return asyncio.run(work())


def test_nothing_is_said_to_be_nothing(run: Run) -> None:
    ended = run("peer", "list")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == "No peer is configured on a server that runs, and none was accepted.\n"


def test_all_peers_are_listed(run: Run, database: str) -> None:
    told(database)
    assert run("peer", "accept", "pgw7.example", "--address", "10.0.0.0/8").status == 0
    lines = [line.split() for line in run("peer", "list").out.splitlines()]
    assert ["pgw*.example", "example", "acme", "careful", "192.0.2.0/24", "-", "-", "-"] in lines
    (own,) = [line for line in lines if line[:1] == ["pgw7.example"]]
    assert own[1:5] == ["-", "-", "-", "10.0.0.0/8"]
    (here,) = [line for line in lines if line[:1] == ["pgw1.example"]]
    assert here[1:4] == ["example", "192.0.2.1:3868", "198.51.100.1:3868"]
    assert here[4:8] == ["(unreachable)", "sctp", "server", "ocs.example"]
    assert here[9:] == ["open", "7", "1"]
    (gone,) = [line for line in lines if line[:1] == ["pgw2.example"]]
    assert gone[1:4] == ["192.0.2.2", "sctp", "ocs.example"]
    assert gone[5:] == ["1", "-", "the", "transport", "is", "gone"]
    tries = [" ".join(line[6:]) for line in lines if line and line[0].startswith("dra")]
    assert re.fullmatch(r"in [5-9]\d s connection refused", tries[0])
    assert re.fullmatch(r"held back, in [5-9]\d s connection refused", tries[1])
    assert tries[2] == "now connection refused"
    (nobody,) = [line for line in lines if line[:3] == ["whoever", "it", "is"]]
    assert nobody[3:5] == ["192.0.2.8", "tls"]
    (stranger,) = [line for line in lines if line[:1] == [HOST]]
    assert stranger[1:6] == ["other", "192.0.2.9", "maker", "4", "3"]
    assert stranger[8:] == ["nothing", "names", "it"]
    listed = run("peer", "list", "--json").json
    assert {kind: len(each) for kind, each in listed.items()} == {
        "configured": 1,
        "accepted": 1,
        "connected": 1,
        "absent": 5,
        "refused": 1,
    }
    assert listed["accepted"][0]["addresses"] == ["10.0.0.0/8"]
    (connected,) = listed["connected"]
    assert (connected["server"], connected["opened_by"]) == ("ocs.example", "server")
    assert connected["paths"][1] == {"place": "198.51.100.1:3868", "state": "unreachable"}
    gone, _, waiting, *_ = listed["absent"]
    assert (gone["state"], gone["attempts"], gone["due_at"]) == (None, 0, None)
    assert (waiting["state"], waiting["attempts"]) == ("waiting", 3)
    assert waiting["due_at"] > waiting["last_at"]


def test_a_peer_that_one_server_cannot_reach_is_told_though_another_one_has_it(
    run: Run, database: str
) -> None:
    told(database)
    now = time.time_ns() // 1000
    gone = AbsentPeer("pgw1.example", "192.0.2.1:3868", "tcp", "connection refused", now, 2)
    absent = (replace(gone, state="waiting", attempts=2, due_at=now), gone)
    other = RunningServer("b", "ocs2.example", now, now, (), (), (), known_keys(), absent)
    asked(database, lambda register: register.tell(other))
    listed = run("peer", "list", "--json").json["absent"]
    assert [each["state"] for each in listed if each["server"] == "ocs2.example"] == ["waiting"]


def test_accepting_by_the_host_alone_suffices_and_is_audited(run: Run, database: str) -> None:
    told(database)
    ended = run("peer", "accept", HOST.upper())
    assert ended.out.splitlines() == [
        f"{HOST} may connect from any address.",
        "Whoever knows that name may use it; --address limits it to a network.",
    ]
    listed = run("peer", "list", "--json").json
    assert [each["host"] for each in listed["accepted"]] == [HOST]
    assert listed["refused"] == []
    assert run("peer", "remove", HOST, "--json").json["host"] == HOST
    removed, accepted = run("audit", "list", "--json").json
    assert (accepted["operation"], accepted["after"]["host"]) == ("peer accept", HOST)
    assert (removed["operation"], removed["before"]["host"]) == ("peer remove", HOST)
    assert run("peer", "list", "--json").json["accepted"] == []


def test_a_peer_is_accepted_over_some_wires_and_with_a_certificate(run: Run) -> None:
    wires = ("--transport", "tls", "--transport", "sctp")
    ended = run("peer", "accept", "pgw7.example", *wires, "--certificate", "*.example")
    assert ended.status == 0
    (accepted,) = run("peer", "list", "--json").json["accepted"]
    assert (accepted["wires"], accepted["certificate"]) == (["tls", "sctp"], "*.example")
    (line,) = [
        line for line in run("peer", "list").out.splitlines() if line.startswith("pgw7.example")
    ]
    assert line.split()[5:8] == ["tls", "sctp", "*.example"]


def test_who_accepts_a_peer_while_no_server_runs_is_told(run: Run) -> None:
    ended = run("peer", "accept", HOST, "--address", "10.1.2.3")
    assert ended.out.splitlines() == [
        f"{HOST} may connect from 10.1.2.3/32.",
        "No server runs on this database now; one that starts will take it.",
    ]


def test_who_accepts_what_a_server_has_configured_is_told(run: Run, database: str) -> None:
    told(database)
    ended = run("peer", "accept", "pgw1.example", "--realm", "example", "--address", "10.1.2.3")
    assert "The configuration of ocs.example names it already" in ended.out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("a b",), "invalid_peer", "HOST: must be a host name or a pattern"),
        (("a", "--realm", "x y"), "invalid_peer", "--realm: must be a host name or realm"),
        (("a", "--address", "10.0.0.1/8"), "invalid_peer", "--address: must be an IP address"),
        (("a", "--transport", "udp"), "invalid_peer", "--transport: input should be 'tcp', 'tls'"),
        (("a", "--transport", "sctp-udp"), "invalid_peer", "--address: needed for sctp-udp"),
        (
            ("a", "--transport", "tcp", "--certificate", "a"),
            "invalid_peer",
            '--certificate: needs "tls" among the transports',
        ),
        (("a", "--tenant", "nobody"), "tenant_unknown", "there is no tenant 'nobody'"),
        (("a", "--profile", "carefull"), "profile_unknown", "(did you mean careful?)"),
    ],
)
def test_what_cannot_be_accepted_is_told(
    words: tuple[str, ...], code: str, sentence: str, run: Run, database: str
) -> None:
    told(database)
    ended = run("peer", "accept", *words, "--json")
    assert ended.status == (2 if code == "invalid_peer" else 1)
    assert ended.json["error"]["code"] == code
    assert sentence in ended.json["error"]["messages"][0]
    assert run("peer", "list", "--json").json["accepted"] == []


def test_what_was_not_accepted_is_not_removed(run: Run, database: str) -> None:
    told(database)
    for host, words in (
        ("pgw9.example", "by the configuration of ocs.example"),
        ("elsewhere.net", "`peer list` shows"),
    ):
        ended = run("peer", "remove", host)
        assert ended.status == 1
        assert words in ended.err


def test_the_tenant_of_an_accepted_peer_is_kept(shop: Run) -> None:
    assert shop("peer", "accept", "a.example", "--tenant", "acme").status == 0
    (accepted,) = shop("peer", "list", "--json").json["accepted"]
    assert accepted["tenant"] == "acme"


def test_no_document_is_applied_that_a_running_server_could_not_read(
    shop: Run, database: str, catalogue: Path
) -> None:
    now = time.time_ns() // 1000
    keys = tuple(key for key in known_keys() if key != "peers")
    older = RunningServer("a", "ocs.example", now, now, ("careful",), (), (), keys)
    asked(database, lambda register: register.tell(older))
    catalogue.write_text(catalogue.read_text() + "peers: [{host: pgw*, profile: careful}]\n")
    for option in ("--dry-run", "--json"):
        assert shop("catalogue", "apply", catalogue, option).status == 1
    refused = shop("catalogue", "apply", catalogue, "--json").json["error"]
    assert refused["code"] == "server_outdated"
    assert "ocs.example" in refused["messages"][0]
    assert "does not know peers" in refused["messages"][0]
    assert shop("tenant", "list", "--json").json[0]["catalogue_version"] == 1
