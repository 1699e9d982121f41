"""A relay of another maker between a server and all its peers: freeDiameter."""

import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from diameter_ocs.simulator.errors import SimulatorError
from diameter_ocs.simulator.gateway import Gateway
from tests.system.conftest import IDENTITY, LISTEN, LOOPBACK, PATIENCE, Configured
from tests.system.policing import (
    ALLOWANCE,
    Ears,
    PolicyServer,
    change,
    gateway,
    open_accounts,
    told,
    use_up,
    waiting,
    whose,
)
from tests.system.serving import Server, eventually, run_command

SOON = 3.0
PROGRAM = "freeDiameterd"
PORTS = range(20_000, 30_000)
"""No connection that is made takes one of these by chance."""
RELAY = """
Identity = "{host}";
Realm = "test.example";
Port = {port};
SecPort = 0;
No_SCTP;
No_IPv6;
ListenOn = "127.0.0.1";
LoadExtension = "acl_wl.fdx" : "{accepted}";
"""
CONNECTING = """
ConnectPeer = "ocs.test.example"
    {{ ConnectTo = "127.0.0.1"; Port = {port}; No_TLS; No_SCTP; Prefer_TCP; }};
"""
ACCEPTED = "ALLOW_IPSEC *.access.example *.policy.example\n"


@dataclass(frozen=True, slots=True)
class Relay:
    """Where peers find the relay."""

    port: int
    host: str = "127.0.0.1"
    listens: bool = True


@contextmanager
def relaying(server: Server, folder: Path) -> Iterator[Relay]:
    """Run a relay that is connected to a server."""
    program = shutil.which(PROGRAM)
    if program is None:
        pytest.fail(f"{PROGRAM} is not installed; type: apt-get install -y freediameterd")
    port = free_port()
    accepted, configuration = folder / "accepted.conf", folder / "relay.conf"
    accepted.write_text(ACCEPTED)
    configuration.write_text(
        RELAY.format(host="relay.test.example", port=port, accepted=accepted)
        + CONNECTING.format(port=server.port)
    )
    log = folder / "relay.log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, "-c", str(configuration)], stdout=out, stderr=out)
    try:
        eventually("the relay is there", lambda: "relay.test.example" in server.log, SOON * 3)
        yield Relay(port)
    finally:
        process.kill()
        process.wait(10)
        print(log.read_text())


def free_port() -> int:
    """Return a port that nobody listens on."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def connected(relay: Relay) -> Gateway | None:
    """Connect a gateway to the relay, once it listens."""
    try:
        return gateway([relay], "pgw.access.example")
    except SimulatorError:
        return None


@pytest.mark.ci
def test_reports_and_calls_go_through_a_relay(
    configured: Configured, database: str, folder: Path
) -> None:
    open_accounts(database, folder, accounts=1)
    server = configured(IDENTITY + PATIENCE + LISTEN + LOOPBACK).start()
    eventually("it is ready", server.is_ready)
    with relaying(server, folder) as relay:
        pgw = eventually("the gateway is taken", lambda: connected(relay), SOON)
        policy = PolicyServer([relay], "pcrf.policy.example")
        assert policy.subscribe(1) == {"data left": "normal"}
        session, called = pgw.session(whose(1)), Ears(pgw.node)
        use_up(session)
        heard = eventually("the report", policy.ears.listen, SOON)
        assert told(heard[-1]) == {"data left": "none"}
        change(database, "credit", 1, ALLOWANCE)
        assert told(policy.ears.hear(SOON)) == {"data left": "normal"}
        call = called.hear(SOON)
        assert (call.command, call.session_id.decode()) == ("RAR", session.session_id)
        assert session.follow(call, None).services[0].granted is not None
        run_command("account", "suspend", 1, "--database-url", database)
        assert called.hear(SOON).command == "ASR"
        policy.line.cut()
        change(database, "debit", 1, ALLOWANCE // 2)
        change(database, "debit", 1, ALLOWANCE // 2)
        eventually("it could not be told", lambda: waiting(database)[0].attempts, SOON)
        assert told(policy.ears.hear(20)) == {"data left": "none"}
        eventually("all is delivered", lambda: waiting(database) == [], SOON)
        pgw.close()
    assert server.end() == 0
    assert "Traceback" not in server.log
