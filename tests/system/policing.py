"""Accounts whose counters turn, and policy servers and gateways that are told of it."""

import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psycopg

from diameter_ocs.simulator.answers import UNKNOWN_SESSION_ID, Answer
from diameter_ocs.simulator.connection import open_connection
from diameter_ocs.simulator.encoding import CREDIT_CONTROL, Identity, Subscriber
from diameter_ocs.simulator.errors import SimulatorError
from diameter_ocs.simulator.gateway import Gateway, Session, parse_steps
from diameter_ocs.simulator.node import Node
from diameter_ocs.simulator.reactions import USUAL_REACTIONS, Reaction
from diameter_ocs.simulator.server_requests import ServerRequest
from diameter_ocs.simulator.spending_limits import (
    INITIAL,
    SY,
    SpendingLimitKeys,
    read_spending_limit_answer,
    spending_limit_request,
)
from tests.system.serving import Server, run_command

MIB = 2**20
DATA = 300
ALLOWANCE = 10 * MIB
LOW = 4 * MIB
CONNECT_SECONDS = 10.0
PATIENCE_SECONDS = 60.0
"""So long a node tries to be connected again."""
LISTEN_SECONDS = 0.05
SECONDS = 15.0
"""What is awaited has happened by then, unless it never does."""
STILL, SILENT = Reaction(2001, is_still=True), Reaction(None)
UNKNOWN = Reaction(UNKNOWN_SESSION_ID)
USUAL = USUAL_REACTIONS["SNR"]
CATALOGUE = """
tenant: watched
currency: EUR
rating_groups: [{id: 300, name: Data, unit_type: volume, default_quota: 2 MiB}]
balance_types:
  - {name: money, unit_type: money}
  - name: data
    unit_type: volume
    counters:
      - name: data left
        of: available
        states:
          - {name: low, threshold: 4 MiB}
          - {name: none, threshold: "1"}
          - {name: normal}
plans:
  - name: data
    services:
      - {name: data, rating_groups: [300], allowance: {balance_type: data, amount: 10 MiB}}
"""
"""An account has 10 MiB; its counter says low below 4 MiB, and none where nothing is left."""


def whose(number: int) -> Subscriber:
    """Return the subscriber of account NUMBER."""
    return Subscriber(imsi=f"00101{number:010d}", msisdn=f"49151{number:08d}")


def open_accounts(conninfo: str, folder: Path, accounts: int, more: str = "") -> None:
    """Make the tenant with accounts 1 and up; `more` stands at the end of its catalogue."""
    place, file = ("--database-url", conninfo), folder / "watched.yaml"
    file.write_text(CATALOGUE + more)
    run_command("tenant", "create", "watched", *place)
    run_command("catalogue", "apply", file, *place)
    for number in range(1, accounts + 1):
        name = f"imsi:{whose(number).imsi}"
        run_command("account", "create", number, "--plan", "data", "--identity", name, *place)


def change(conninfo: str, verb: str, account: int, octets: int) -> None:
    """Credit an account, or debit it."""
    amount = ("--type", "data", "--database-url", conninfo)
    run_command("balance", verb, account, octets, *amount)


def states(conninfo: str, account: int) -> dict[str, str]:
    """Return how the counters of an account stand."""
    listed = run_command("counter", "list", account, "--database-url", conninfo)
    return {each["counter"]: each["state"] for each in listed}


def subscribers(conninfo: str) -> set[str]:
    """Return the accounts that policy servers subscribe to."""
    return {each["account"] for each in run_command("sy", "list", "--database-url", conninfo)}


class Waiting(NamedTuple):
    """Something in the outbox."""

    target: str
    attempts: int
    fault: str | None
    is_given_up: bool


def waiting(conninfo: str) -> list[Waiting]:
    """Return what has not left yet."""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "SELECT target, attempts, fault, given_up_at IS NOT NULL FROM outbox"
            " ORDER BY created_at"
        ).fetchall()
    return [Waiting(*row) for row in rows]


class Line:
    """How a node reaches the first of some servers that takes it, again and again."""

    def __init__(self, servers: Iterable[Server], host: str, application: int) -> None:
        self.servers = list(servers)
        self.identity = Identity(host, host.partition(".")[2], "test.example")
        self._application = application
        self._connected: socket.socket | None = None

    def dial(self) -> socket.socket:
        """Connect; SimulatorError where no server takes it now."""
        for server in self.servers:
            if server.listens:
                try:
                    self._connected = open_connection(
                        *(server.host, server.port, self.identity, CONNECT_SECONDS),
                        self._application,
                    )
                except SimulatorError:
                    continue
                return self._connected
        raise SimulatorError("no server takes it now")

    def cut(self) -> None:
        """End the connection without a word, as when the node is killed."""
        assert self._connected is not None
        self._connected.close()


class Ears:
    """What a node hears of servers; where it has lost its connection it connects again."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.node.patience_seconds = PATIENCE_SECONDS
        self.heard: list[ServerRequest] = []

    def listen(self, seconds: float = LISTEN_SECONDS) -> list[ServerRequest]:
        """Take what comes for a while, and return it."""
        deadline = time.monotonic() + seconds
        came = []
        while (event := self.node.next_event(deadline)) is not None:
            if isinstance(event, ServerRequest):
                assert event.faults == (), event.text()
                came.append(event)
                self.heard.append(event)
        return came

    def hear(self, seconds: float = SECONDS) -> ServerRequest:
        """Wait for something to come, and return it; nothing else comes with it."""
        limit = time.monotonic() + seconds
        while not (came := self.listen()):
            assert time.monotonic() < limit, f"nothing came within {seconds:g} s"
        (one,) = came
        return one


class PolicyServer:
    """A policy server with a session for each account that it subscribes to."""

    def __init__(self, servers: Iterable[Server], host: str) -> None:
        self.line = Line(servers, host, SY)
        self.node = Node(self.line.dial(), self.line.identity, self.line.dial)
        self.ears = Ears(self.node)

    def behaves(self, reaction: Reaction) -> None:
        """Have it react to reports in some way from now on."""
        self.node.reactions = {**USUAL_REACTIONS, "SNR": reaction}

    def session_id(self, account: int) -> bytes:
        """Return the Session-Id for an account; it has what Session-Ids have, and more."""
        return f"{self.line.identity.origin_host};{account};%/ \xe9".encode("latin-1")

    def subscribe(self, account: int) -> dict[str, str]:
        """Subscribe to all counters of an account; return how they stand."""
        session_id = self.session_id(account)
        keys = SpendingLimitKeys(session_id, *self.node.next_identifiers())
        request = spending_limit_request(self.line.identity, keys, INITIAL, whose(account))
        self.node.open_sessions.add(session_id)
        octets = self.node.exchange(request, keys.hop_by_hop)
        answer = read_spending_limit_answer(octets, keys, INITIAL)
        assert (answer.result_code, answer.faults) == (2001, ()), answer.text()
        return {each.counter: each.status for each in answer.reports}


def told(report: ServerRequest) -> dict[str, str]:
    """Return what a report says of each counter."""
    assert report.command == "SNR"
    return {each.counter: each.status for each in report.reports}


def gateway(servers: Iterable[Server], host: str) -> Gateway:
    """Connect a gateway, which connects again where it has lost its connection."""
    line = Line(servers, host, CREDIT_CONTROL)
    return Gateway(line.dial(), line.identity, line.dial)


def ask(session: Session, step: str) -> Answer:
    """Send a step of a session."""
    (parsed,) = parse_steps([step])
    answer = session.credit_control(parsed)
    assert answer.faults == (), answer.text()
    return answer


def use_up(session: Session) -> Answer:
    """Use all that an account has, so that its session is refused more; return the refusal."""
    answer = ask(session, f"initial:rg={DATA}/request={ALLOWANCE}")
    answer = ask(session, f"update:rg={DATA}/used={ALLOWANCE}/request")
    assert answer.services[0].granted is None, answer.text()
    return answer
