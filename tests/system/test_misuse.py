"""What a server bears: noise, halves, floods, and gateways that do not behave."""

import json
import os
import resource
import socket

import pytest

from diameter_ocs.simulator.encoding import Identity, capabilities_exchange_request
from diameter_ocs.simulator.gateway import SimulatorError, open_connection, parse_steps
from tests.system.serving import GATEWAY, Demonstration, command, eventually
from tests.system.wire import (
    DISCONNECT_PEER,
    command_code,
    credit_control,
    is_request,
    messages_until_end,
    result_codes,
    subscriber,
)

CAPABILITIES = capabilities_exchange_request(GATEWAY, "127.0.0.1", 1)
CLOSED = b""


def is_served(demo: Demonstration) -> bool:
    """Say whether a gateway is answered."""
    with demo.server.connect() as gateway:
        (step,) = parse_steps(["initial:rg=300"])
        return gateway.session(subscriber(1)).credit_control(step).result_code == 2001


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\nHost: ocs\r\n\r\n",
        b"\x01\x00\x00\x13" + bytes(16),
        b"\x01\xff\xff\xfc" + bytes(16),
        bytes(4096),
        CAPABILITIES[:4] + b"\x00" + CAPABILITIES[5:],
        credit_control(GATEWAY, subscriber(1), "initial:rg=300", 0, "early;1;1")[0],
    ],
    ids=["http", "too short", "too long", "zeros", "an answer first", "a request first"],
)
def test_noise_before_the_capabilities_ends_the_connection_only(
    noise: bytes, demo: Demonstration
) -> None:
    with socket.create_connection((demo.server.host, demo.server.port), 10) as connection:
        connection.sendall(noise)
        connection.settimeout(15)
        try:
            while connection.recv(4096) != CLOSED:
                pass
        except ConnectionResetError:
            pass
    assert is_served(demo)


def test_a_half_message_at_the_end_harms_nobody(demo: Demonstration) -> None:
    request, _ = credit_control(GATEWAY, subscriber(1), "initial:rg=300", 0, "half;1;1")
    with demo.server.open() as connection:
        connection.sendall(request[: len(request) // 2])
    eventually("the gateway may come back", lambda: _may_connect(demo))
    assert is_served(demo)


def test_a_message_is_read_byte_by_byte(demo: Demonstration) -> None:
    request, _ = credit_control(GATEWAY, subscriber(2), "initial:rg=300", 0, "bytes;1;1")
    with demo.server.open() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(len(request)):
            connection.sendall(request[number : number + 1])
        answer = next(messages_until_end(connection))
    assert result_codes([answer]) == [2001]


def test_what_is_above_the_limit_of_a_gateway_is_refused_with_3004(demo: Demonstration) -> None:
    flood = Identity("pgw-flood.demo.example", "demo.example", "demo.example")
    requests = [
        credit_control(flood, subscriber(50 + n % 50), "initial:rg=300/request=1KiB", 0, name)[0]
        for n, name in enumerate(f"flood;{n};1" for n in range(1500))
    ]
    with demo.server.open(flood) as connection:
        connection.sendall(b"".join(requests))
        arriving = messages_until_end(connection)
        codes = result_codes(next(arriving) for _ in requests)
    assert set(codes) <= {2001, 3004}
    assert codes.count(2001) >= 1024
    assert is_served(demo)
    assert demo.command("books")["balanced"] is True


def test_a_gateway_gets_in_beside_a_crowd_that_says_nothing(demo: Demonstration) -> None:
    process = demo.server.process.pid
    files_max, _ = resource.prlimit(process, resource.RLIMIT_NOFILE)
    before = len(os.listdir(f"/proc/{process}/fd"))
    crowd = [socket.create_connection((demo.server.host, demo.server.port), 10) for _ in range(2)]
    try:
        for number in range(files_max // 4):
            crowd.append(socket.create_connection((demo.server.host, demo.server.port), 10))
            crowd[-1].sendall(CAPABILITIES[: number % 20])
        assert is_served(demo)
        assert len(os.listdir(f"/proc/{process}/fd")) - before < files_max // 4
        _, metrics = demo.server.page("/metrics")
        assert 'ocs_connections_refused_total{reason="half_open_max"}' in metrics
        assert demo.server.log.count("connection refused") < 100
    finally:
        for connection in crowd:
            connection.close()


@pytest.mark.parametrize(
    "step",
    [
        "initial:rg=300/request=18446744073709551615",
        "initial:rg=4294967295/request=1",
        "initial",
        "initial:rg=300/request=0",
        "update",
        "terminate:rg=300/used=18446744073709551615",
    ],
)
def test_a_strange_request_is_answered(step: str, demo: Demonstration) -> None:
    with demo.server.connect() as gateway:
        answer = gateway.session(subscriber(3)).credit_control(parse_steps([step])[0])
    assert answer.result_code in (2001, 5002, 5004, 5031)
    assert answer.faults == ()
    assert demo.command("books")["balanced"] is True


def test_absurd_usage_is_bounded_and_recorded(demo: Demonstration) -> None:
    with demo.server.connect() as gateway:
        session = gateway.session(subscriber(4))
        for step in parse_steps(["initial:rg=300", "terminate:rg=300/used=18446744073709551615"]):
            assert session.credit_control(step).result_code == 2001
    balances = demo.balances("demo-4")
    assert all(balance["available"] >= 0 for balance in balances.values())
    (edr,) = demo.command("edr", "list", "--account", "demo-4", "--limit", 1)
    assert edr["services"][0]["reported"] == 2**63 - 1  # what the journal can hold
    assert edr["services"][0]["overrun"] > 0
    assert demo.command("books")["balanced"] is True


@pytest.mark.ci
def test_an_expectation_that_is_not_met_is_a_fault_of_simulate(demo: Demonstration) -> None:
    words = ("simulate", "pgw", "--server", demo.server.address, "initial:rg=999@2001/2001")
    ended = command(*words)
    assert ended.returncode == 1
    assert "5031" in ended.stdout
    assert ended.stderr.startswith("diameter-ocs: ")
    printed = json.loads(command(*words, "--json").stdout)
    assert printed["answers"][0]["result_code"] == 5031
    assert printed["unmet"]


@pytest.mark.ci
def test_a_gateway_that_ignores_the_end_does_not_hinder_it(demo: Demonstration) -> None:
    deaf = Identity("pgw-deaf.demo.example", "demo.example", "demo.example")
    connection = open_connection(demo.server.host, demo.server.port, deaf, 10.0)
    try:
        assert demo.server.end() == 0
        (octets,) = messages_until_end(connection)
        assert is_request(octets)
        assert command_code(octets) == DISCONNECT_PEER
    finally:
        connection.close()
        demo.server.start()


def _may_connect(demo: Demonstration) -> bool:
    try:
        demo.server.connect().close()
    except SimulatorError:
        return False
    return True
