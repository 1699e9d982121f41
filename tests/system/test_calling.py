"""A server that connects to its peers, which are gateways, relays, or connect to it as well."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from diameter_ocs.simulator.errors import ConnectionLost, SimulatorError
from diameter_ocs.simulator.gateway import Gateway, Identity, connect
from tests.system.conftest import IDENTITY, LISTEN, LOOPBACK, PATIENCE, Configured
from tests.system.listening import Listener, Meeting, own_addresses
from tests.system.policing import ALLOWANCE, DATA, Ears, ask, open_accounts, whose
from tests.system.serving import Server, eventually, run_command
from tests.system.test_relay import CONNECTING, PROGRAM, RELAY, free_port
from tests.transport.udp_ends import RemoteEnd

HOST = "pgw.listens.example"
NOWHERE = 'listen = ""\nmetrics = "127.0.0.1:0"\n'
CALLED = """
[[peers]]
host = "{host}"
connect = ["127.0.0.1:{port}"]
"""
CALLED_IN_UDP = """
[sctp_udp]
listen = "127.0.0.1:0"

[[peers]]
host = "{host}"
transport = "sctp-udp"
connect = ["127.0.0.1:{port}"]
udp_port = {udp_port}
"""
ACCEPTED = "ALLOW_IPSEC *.test.example *.access.example\n"
SECONDS = 10.0


def opened(server: Server, host: str) -> tuple[int, int]:
    """Return how many connections with a peer were opened, and how many of these have ended."""
    lines = [line for line in server.log.splitlines() if f'"peer":"{host}"' in line]
    one, other = (
        sum(f'"event":"peer {what}"' in line for line in lines) for what in ("opened", "closed")
    )
    return one, other


def test_a_gateway_that_only_listens_is_connected_to_charged_and_asked(
    configured: Configured, database: str, folder: Path
) -> None:
    open_accounts(database, folder, accounts=1)
    identity = Identity(HOST, "listens.example", "test.example")
    with Listener(identity) as listener:
        text = IDENTITY + PATIENCE + NOWHERE + LOOPBACK
        server = configured(text + CALLED.format(host=HOST, port=listener.port)).start()
        listener.take(3010)
        pgw = listener.take()
        is_charged_and_asked(pgw, database)
        pgw.close()
        assert server.end() == 0
        assert "3010" in server.log
        assert opened(server, HOST) == (1, 1)


def is_charged_and_asked(pgw: Gateway, database: str) -> None:
    """Have a gateway charged for a session of account 1, during which the server asks it."""
    session, called = pgw.session(whose(1)), Ears(pgw.node)
    answer = ask(session, f"initial:rg={DATA}/request={ALLOWANCE}")
    assert answer.services[0].granted is not None
    run_command("account", "reauthorize", 1, "--database-url", database)
    assert called.hear(SECONDS).command == "RAR"
    ask(session, f"update:rg={DATA}/used=1/request=1")
    ask(session, f"terminate:rg={DATA}/used=1")


@pytest.fixture
def end() -> Iterator[RemoteEnd]:
    """An end of SCTP over UDP."""
    end = RemoteEnd()
    end.start()
    yield end
    assert end.end() == 0


@pytest.mark.ci
@pytest.mark.usrsctp
def test_a_gateway_that_only_listens_over_sctp_in_udp_is_connected_to_and_taken_leave_of(
    configured: Configured, database: str, folder: Path, end: RemoteEnd
) -> None:
    open_accounts(database, folder, accounts=1)
    identity, sctp_port = Identity(HOST, "listens.example", "test.example"), 3868
    with Listener(identity) as listener:
        end.ask("lead", sctp_port, listener.port)
        where = {"host": HOST, "port": sctp_port, "udp_port": end.port}
        text = IDENTITY + PATIENCE + NOWHERE + LOOPBACK
        server = configured(text + CALLED_IN_UDP.format(**where)).start()
        pgw = listener.take()
        assert list(map(own_addresses, listener.asked)) == [{"127.0.0.1"}]
        is_charged_and_asked(pgw, database)
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionLost, match="DPR"):
            pgw.node.next_event(time.monotonic() + SECONDS)
        assert server.end() == 0
    assert end.hear("lost", "accepted 1") == [None]
    assert opened(server, HOST) == (1, 1)
    assert '"wire":"sctp-udp"' in server.log
    assert '"level":"error"' not in server.log


@contextmanager
def free_diameter(folder: Path, host: str, port: int, more: str = "") -> Iterator[Path]:
    """Run freeDiameter as a relay; it connects to nobody, unless there is more. Yields its log."""
    program = shutil.which(PROGRAM)
    if program is None:
        pytest.fail(f"{PROGRAM} is not installed; type: apt-get install -y freediameterd")
    accepted, configuration, log = (folder / f"{host}.{each}" for each in ("acl", "conf", "log"))
    accepted.write_text(ACCEPTED)
    configuration.write_text(RELAY.format(host=host, port=port, accepted=accepted) + more)
    with log.open("wb") as out:
        process = subprocess.Popen([program, "-c", str(configuration)], stdout=out, stderr=out)
    try:
        eventually("the relay listens", lambda: listens(port), SECONDS)
        yield log
    finally:
        process.kill()
        process.wait(SECONDS)
        print(log.read_text())


def listens(port: int) -> bool:
    """Say whether somebody takes connections at a port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def converse(port: int) -> None:
    """Have a gateway behind a relay charged for a short session."""
    identity = Identity("pgw.access.example", "access.example", "test.example")
    with eventually("the relay takes a gateway", lambda: taken(port, identity), SECONDS) as pgw:
        session = pgw.session(whose(1))
        answer = ask(session, f"initial:rg={DATA}/request={ALLOWANCE}")
        assert answer.services[0].granted is not None
        ask(session, f"terminate:rg={DATA}/used=1")


def taken(port: int, identity: Identity) -> Gateway | None:
    try:
        return connect("127.0.0.1", port, identity)
    except SimulatorError:
        return None


@pytest.mark.ci
def test_a_relay_that_connects_to_nobody_is_connected_to(
    configured: Configured, database: str, folder: Path
) -> None:
    open_accounts(database, folder, accounts=1)
    host, port = "relay.test.example", free_port()
    with free_diameter(folder, host, port):
        text = IDENTITY + PATIENCE + NOWHERE + LOOPBACK + CALLED.format(host=host, port=port)
        server = configured(text).start()
        eventually("the relay is connected", lambda: opened(server, host) == (1, 0), SECONDS)
        converse(port)
        assert server.end() == 0
    assert opened(server, host) == (1, 1)
    assert "Traceback" not in server.log


@pytest.mark.ci
@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("dra.test.example", "Election LOST against peer 'ocs.test.example'"),
        ("relay.test.example", "Election WON against peer 'ocs.test.example'"),
    ],
)
def test_a_relay_and_a_server_that_connect_to_each_other_keep_one_connection(
    host: str, said: str, configured: Configured, database: str, folder: Path
) -> None:
    open_accounts(database, folder, accounts=1)
    port, meeting = free_port(), Meeting()
    text = IDENTITY + PATIENCE + LISTEN + LOOPBACK
    server = configured(text + CALLED.format(host=host, port=meeting.ports[0])).start()
    with free_diameter(folder, host, port, CONNECTING.format(port=meeting.ports[1])) as log:
        meeting.lead(0, port)
        # A relay that has got the winner's CEA before its CER elects nobody.
        meeting.lead(1, server.port, lambda: "LOST" not in said or said in log.read_text())
        eventually("they are connected", lambda: opened(server, host) == (1, 0), SECONDS)
        assert meeting.have_met
        assert said in log.read_text()
        converse(port)
        assert opened(server, host) == (1, 0)
        assert server.end() == 0
    meeting.close()
    assert "Traceback" not in server.log
