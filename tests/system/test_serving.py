"""`serve` with a configuration: who may connect, how it begins and ends, a database that goes."""

import os
import signal
from pathlib import Path

import pytest
from diameter.message import Message

from diameter_ocs.charging.accounts import NewAccount
from diameter_ocs.cli.demo import demo_account
from diameter_ocs.config import resource
from diameter_ocs.embedded import Cluster
from diameter_ocs.simulator.encoding import answer_to_request
from diameter_ocs.simulator.gateway import Identity, SimulatorError, parse_steps
from tests.system.conftest import IDENTITY, LISTEN, LOOPBACK, PATIENCE, Configured
from tests.system.serving import GATEWAY, Server, command, demonstration, eventually, run_command
from tests.system.wire import (
    DISCONNECT_PEER,
    command_code,
    credit_control,
    exchange,
    is_request,
    messages_until_end,
    result_codes,
    subscriber,
    with_avp,
)

KNOWN = Identity("pgw1.known.example", "known.example", "test.example")
STRICT = Identity("strict.known.example", "known.example", "test.example")
PEERS = """
[[peers]]
host = "strict.known.example"
profile = "careful"

[[peers]]
host = "pgw*.known.example"
realm = "known.example"
addresses = ["127.0.0.0/8"]

[[peers]]
host = "far.known.example"
tenant = "nobody"
addresses = ["192.0.2.0/24"]

[profiles.careful]
strict = true
"""


def provision(conninfo: str, accounts: int = 5) -> None:
    """Make the demonstration's tenant in a database, with some of its accounts."""
    place = ("--database-url", conninfo)
    run_command("tenant", "create", "demo", *place)
    run_command("catalogue", "apply", resource("deploy/demo.yaml"), *place)
    for number in range(1, accounts + 1):
        create(demo_account(number, 20_000_000), conninfo)


def met(server: Server, identity: Identity) -> str | None:
    """Return the Result-Code with which a gateway is met; None: it is taken."""
    try:
        server.connect(identity).close()
    except SimulatorError as error:
        return "3010" if "3010" in str(error) else str(error)
    return None


def create(new: NewAccount, conninfo: str) -> None:
    """Open an account by its command."""
    imsi, msisdn = (identity.value for identity in new.identities)
    names = ("--identity", f"imsi:{imsi}", "--identity", f"msisdn:{msisdn}")
    run_command(
        *("account", "create", new.name, "--plan", "demo", *names, "--credit", "20"),
        *("--database-url", conninfo),
    )


def test_peers_are_taken_as_the_configuration_says(configured: Configured, database: str) -> None:
    provision(database, accounts=1)
    server = configured(IDENTITY + LISTEN + PATIENCE + PEERS).start()
    for identity, refusal in (
        (Identity("pgw.demo.example", "demo.example", "test.example"), "3010"),
        (Identity("pgw1.known.example", "other.example", "test.example"), "3010"),
        (Identity("far.known.example", "known.example", "test.example"), "3010"),
    ):
        with pytest.raises(SimulatorError, match=refusal):
            server.connect(identity)
    request, keys = credit_control(KNOWN, subscriber(1), "initial:rg=300", 0, "known;1;1")
    foreign = with_avp(request, 9999, b"\x00\x00\x00\x01", vendor=99_999)
    with server.connect(KNOWN) as gateway:
        assert exchange(gateway, foreign, keys).result_code == 2001
    request, keys = credit_control(STRICT, subscriber(1), "initial:rg=300", 0, "strict;1;1")
    foreign = with_avp(request, 9999, b"\x00\x00\x00\x01", vendor=99_999)
    with server.connect(STRICT) as gateway:
        assert exchange(gateway, foreign, keys).result_code == 5001
        (step,) = parse_steps(["initial:rg=300"])
        assert gateway.session(subscriber(1)).credit_control(step).result_code == 2001
    assert server.end() == 0


@pytest.mark.ci
def test_a_peer_is_accepted_and_removed_while_the_server_runs(
    configured: Configured, database: str
) -> None:
    provision(database, accounts=1)
    server = configured(IDENTITY + LISTEN + "served_realms = '*'\n" + PEERS).start()
    place = ("--database-url", database)
    assert "peers[2].tenant: there is no tenant 'nobody'" in server.log
    assert met(server, GATEWAY) == "3010"
    refused = eventually("it is listed", lambda: run_command("peer", "list", *place)["refused"], 20)
    assert [each["host"] for each in refused] == [GATEWAY.origin_host]
    run_command("peer", "accept", GATEWAY.origin_host, "--tenant", "demo", *place)
    eventually("it may come", lambda: met(server, GATEWAY) is None, 20)
    with server.open() as connection:
        run_command("peer", "remove", GATEWAY.origin_host, *place)
        connection.settimeout(20)
        octets = next(messages_until_end(connection))
        assert (command_code(octets), is_request(octets)) == (DISCONNECT_PEER, True)
    assert met(server, GATEWAY) == "3010"


def test_it_listens_on_ipv6(configured: Configured, database: str) -> None:
    provision(database, accounts=1)
    listen = LISTEN.replace("127.0.0.1:0", "[::1]:0", 1)
    server = configured(IDENTITY + listen + LOOPBACK).start()
    assert server.address.startswith("[::1]:")
    ended = command("simulate", "pgw", "--server", server.address)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_address_in_use_is_told_in_one_sentence(configured: Configured) -> None:
    first = configured(IDENTITY + LISTEN + LOOPBACK).start()
    second = configured(IDENTITY + LOOPBACK + 'metrics = ""\n', ("--listen", first.address))
    second.launch()
    assert second.process.wait(30) == 3
    assert "address already in use" in second.log
    assert "--listen" in second.log
    assert "Traceback" not in second.log
    assert "TaskGroup" not in second.log


@pytest.mark.ci
def test_a_second_server_on_one_data_directory_is_refused(folder: Path) -> None:
    first = demonstration(folder)
    first.server.start()
    try:
        second = Server(folder / "second", first.server.options)
        second.folder.mkdir()
        second.launch()
        assert second.process.wait(30) == 3
        (sentence,) = second.log.splitlines()
        assert f"in use by process {first.server.process.pid}" in sentence
        assert first.server.end() == 0
    finally:
        first.server.kill()


def test_requests_under_way_are_answered_before_it_ends(
    configured: Configured, database: str
) -> None:
    provision(database)
    server = configured(IDENTITY + LISTEN + LOOPBACK).start()
    requests = [
        credit_control(KNOWN, subscriber(1 + n % 5), "initial:rg=300/request=1MiB", 0, name)[0]
        for n, name in enumerate(f"drained;{n};1" for n in range(300))
    ]
    answers, disconnects = [], 0
    with server.open(KNOWN) as connection:
        connection.sendall(b"".join(requests))
        for octets in messages_until_end(connection):
            if not answers:
                server.process.send_signal(signal.SIGTERM)
            if not is_request(octets):
                answers.append(octets)
                continue
            assert command_code(octets) == DISCONNECT_PEER
            disconnects += 1
            connection.sendall(answer_to_request(KNOWN, octets)[1])
    assert server.process.wait(30) == 0
    assert disconnects == 1
    codes = result_codes(answers)
    assert len(codes) == len(requests)
    assert set(codes) == {2001}
    place = ("--database-url", database)
    assert len(run_command("edr", "list", "--limit", 1000, *place)) == len(requests) + 5
    assert run_command("books", *place)["balanced"] is True


def test_it_ends_at_once_on_an_interrupt_when_nobody_is_there(configured: Configured) -> None:
    server = configured(IDENTITY + LISTEN + LOOPBACK).start()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(30) == 0
    assert "Traceback" not in server.log


def test_a_database_that_goes_and_comes_back_needs_no_restart(
    configured: Configured, outside: Cluster
) -> None:
    provision(outside.conninfo(), accounts=1)
    server = configured(IDENTITY + LISTEN + LOOPBACK)
    server.environment["OCS_DATABASE_URL"] = outside.conninfo()
    server.start()
    eventually("ready", server.is_ready)
    (step,) = parse_steps(["initial:rg=300"])
    with server.connect(KNOWN) as gateway:
        assert gateway.session(subscriber(1)).credit_control(step).result_code == 2001
        outside.stop()
        refused = gateway.session(subscriber(1)).credit_control(step)
        assert refused.result_code == 3004
        assert refused.error_message
        eventually("unready", lambda: server.page("/readyz")[0] == 503)
        assert "database" in server.page("/readyz")[1]
        assert server.page("/healthz")[0] == 200
        outside.start()
        eventually("ready again", server.is_ready)
        assert gateway.session(subscriber(1)).credit_control(step).result_code == 2001
    assert server.end() == 0
    assert "Traceback" not in server.log


def test_a_realm_that_is_not_served_is_told_so_with_the_error_bit(configured: Configured) -> None:
    server = configured(IDENTITY + LISTEN + PEERS).start()
    elsewhere = Identity("pgw1.known.example", "known.example", "elsewhere.example")
    request, keys = credit_control(elsewhere, subscriber(1), "initial:rg=300", 0, "realm;1;1")
    with server.connect(elsewhere) as gateway:
        answer = Message.from_bytes(gateway.exchange(request, keys.hop_by_hop))
    assert answer.result_code == 3003
    assert answer.header.is_error
    assert answer.header.is_proxyable
    assert answer.header.end_to_end_identifier == keys.end_to_end


def test_a_context_of_a_makers_own_is_rated_as_the_configuration_says(
    configured: Configured, database: str
) -> None:
    provision(database, accounts=1)
    contexts = '[service_contexts]\n"gprs@maker.example" = "32251"\n'
    server = configured(IDENTITY + LISTEN + LOOPBACK + contexts).start()
    with server.connect() as gateway:
        for name, code in (("gprs@maker.example", 2001), ("apps@maker.example", 5031)):
            request, keys = credit_control(GATEWAY, subscriber(1), "initial:rg=300", 0, name)
            message = Message.from_bytes(request)
            message.service_context_id = name
            assert exchange(gateway, message.as_bytes(), keys).result_code == code


@pytest.mark.ci
def test_without_an_address_for_metrics_no_port_is_opened(configured: Configured) -> None:
    listen = 'listen = "127.0.0.1:0"\nmetrics = ""\n'
    server = configured(IDENTITY + listen + LOOPBACK)
    server.launch()
    eventually("the server listens", lambda: "Gy and Sy" in server.announcement)
    assert listening_sockets(server.process.pid) == 1


def listening_sockets(process: int) -> int:
    """Return on how many TCP ports a process listens."""
    held = {os.readlink(descriptor) for descriptor in Path(f"/proc/{process}/fd").iterdir()}
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = [line.split()[9] for line in lines if line.split()[3] == "0A"]
    return sum(f"socket:[{inode}]" in held for inode in listening)
