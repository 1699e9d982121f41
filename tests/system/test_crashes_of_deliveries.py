"""Kills between a commit and the delivery of what it causes: nothing is lost, all is in its order.

Gateways use what they get and wait to be called for more, an operator credits, and policy servers
are told how counters stand, while the server, and its connections to the database, are killed at
random moments.
"""

import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event

import psycopg
import pytest

from diameter_ocs.simulator.answers import Answer
from diameter_ocs.simulator.errors import SimulatorError
from diameter_ocs.simulator.server_requests import ServerRequest
from tests.system.conftest import IDENTITY, LISTEN, LOOPBACK, PATIENCE, Configured
from tests.system.policing import (
    ALLOWANCE,
    DATA,
    MIB,
    Ears,
    PolicyServer,
    change,
    gateway,
    open_accounts,
    states,
    told,
    waiting,
    whose,
)
from tests.system.repeating import Exchange, read, repeated
from tests.system.serving import Server, eventually, run_command
from tests.system.wire import credit_control, hop_by_hop

ACCOUNTS = range(1, 7)
KILLS = 5
RUN_SECONDS = 0.2, 0.8
BREAKS = 5
BREAK_SECONDS = 0, 0.05
AWAY_SECONDS = 0.1, 0.4
QUIET_SECONDS = 60.0
"""A stream that a killed server had is another's after 30 s."""
SUCCESS, TOO_BUSY = 2001, 3004
NOTICES = "notices: {files: [{name: all}]}\n"


class Caller:
    """A gateway that uses what it is granted, and asks again when it is called, and only then."""

    def __init__(self, server: Server, account: int, is_ending: Event) -> None:
        self.account = account
        self.used = 0
        self.is_waiting = False
        self._gateway = gateway([server], f"pgw{account}.access.example")
        self.ears = Ears(self._gateway.node)
        self._is_ending = is_ending
        self._name = f"{self._gateway.identity.origin_host};{time.time_ns()}"
        self._requests = 0

    def run(self) -> None:
        """Have one session until the end."""
        self._gateway.node.open_sessions.add(self._name.encode())
        answer = self._ask("initial:rg={}/request", 0)
        while not self._is_ending.is_set():
            granted = answer.services[0].granted
            units = granted.total_octets or 0 if granted else 0
            self.is_waiting = not units
            if units or self._is_called():
                answer = self._ask("update:rg={}/used={}/request", units)
        self._ask("terminate:rg={}", 0)

    def close(self) -> None:
        """Take leave of the server."""
        self._gateway.close()

    def _is_called(self) -> bool:
        """Listen for a moment, unless it was called meanwhile."""
        return any(each.command == "RAR" for each in self.ears.listen())

    def _ask(self, step: str, used: int) -> Answer:
        """Send a request until it is answered."""
        request, _ = credit_control(
            self._gateway.identity,
            whose(self.account),
            step.format(DATA, used),
            self._requests,
            self._name,
        )
        self._requests += 1
        exchange = Exchange(request, None)
        while True:
            try:
                octets = self._gateway.exchange(exchange.request, hop_by_hop(exchange.request))
            except SimulatorError:
                self._gateway.node.reconnect()
                exchange = repeated(exchange)
                continue
            answer = read(exchange, octets)
            if answer.result_code != TOO_BUSY:
                assert (answer.result_code, answer.faults) == (SUCCESS, ()), answer.text()
                self.used += used
                return answer
            exchange = repeated(exchange)


class Operator:
    """An operator who credits accounts without a pause."""

    def __init__(self, conninfo: str, is_resting: Event) -> None:
        self._conninfo = conninfo
        self._is_resting = is_resting
        self._lot = random.Random(1)

    def run(self) -> None:
        """Credit until it is time to rest."""
        while not self._is_resting.is_set():
            account = self._lot.choice(ACCOUNTS)
            change(self._conninfo, "credit", account, self._lot.randint(1, ALLOWANCE))


@contextmanager
def at_work(is_ending: Event, *works: Callable[[], None]) -> Iterator[None]:
    """Do works beside each other, and have them end; raise what one has stumbled over."""
    with ThreadPoolExecutor(len(works)) as threads:
        running = [threads.submit(work) for work in works]
        try:
            yield
        finally:
            is_ending.set()
            wait(running)
        for each in running:
            each.result()


def listen(policy: PolicyServer, is_ending: Event) -> None:
    """Have a policy server listen until the end."""
    while not is_ending.is_set():
        policy.ears.listen()


@pytest.mark.ci
def test_kills_lose_nothing_that_is_to_leave(
    configured: Configured, database: str, folder: Path
) -> None:
    open_accounts(database, folder, len(ACCOUNTS), NOTICES)
    server = configured(IDENTITY + PATIENCE + LISTEN + LOOPBACK)
    server.environment["OCS_NOTICES"] = str(folder / "notices")
    server.start()
    eventually("it is ready", server.is_ready)
    policies = [PolicyServer([server], f"pcrf{n}.policy{n}.example") for n in (0, 1)]
    views = {
        policies[account % 2].session_id(account): policies[account % 2].subscribe(account)
        for account in ACCOUNTS
    }
    is_resting, is_ended, is_over = Event(), Event(), Event()
    callers = [Caller(server, account, is_ended) for account in ACCOUNTS]
    listening = at_work(is_over, *(partial(listen, policy, is_over) for policy in policies))
    lot, left, kills = random.Random(2), [], []
    with listening, at_work(is_ended, *(caller.run for caller in callers)):
        with at_work(is_resting, Operator(database, is_resting).run):
            for _ in range(KILLS):
                time.sleep(lot.uniform(*RUN_SECONDS))
                server.kill()
                time.sleep(lot.uniform(*AWAY_SECONDS))
                left.append(len(waiting(database)))
                kills.append([len(policy.ears.heard) for policy in policies])
                server.start()
        for _ in range(BREAKS):
            for account in ACCOUNTS:
                change(database, "credit", account, MIB)
            time.sleep(lot.uniform(*BREAK_SECONDS))
            eventually("there are connections", lambda: break_connections(database), 10)
        eventually(
            "all that was credited is used, and all is told",
            lambda: all(each.is_waiting for each in callers) and is_quiet(database),
            QUIET_SECONDS,
        )
        is_ended.set()
        for account in ACCOUNTS:
            assert states(database, account) == {"data left": "none"}
            change(database, "credit", account, account * MIB)
        eventually("all is told", lambda: waiting(database) == [], 10)
    for policy, of_kills in zip(policies, zip(*kills, strict=True), strict=True):
        check_reports(policy.ears.heard, of_kills, views)
    for account in ACCOUNTS:
        standing = states(database, account)
        assert views[policies[account % 2].session_id(account)] == standing
    for caller in callers:
        check_repeats(caller.ears.heard)
        assert used_octets(database, caller.account) == caller.used
    assert sum(left) > KILLS, "it was killed while something waited"
    noticed = check_notices(folder / "notices" / "watched.all.jsonl")
    assert noticed == {str(a): states(database, a)["data left"] for a in ACCOUNTS}
    assert run_command("books", "--database-url", database)["balanced"] is True
    for each in (*callers, *(policy.node for policy in policies)):
        each.close()
    assert server.end() == 0
    assert "Traceback" not in server.log


def break_connections(conninfo: str) -> int:
    """End all connections of the server to the database; return how many there were."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return len(
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'diameter-ocs'"
            ).fetchall()
        )


def check_repeats(heard: Iterable[ServerRequest]) -> None:
    """Check that what came twice came under the same id and says so."""
    first: dict[int, ServerRequest] = {}
    for each in heard:
        known = first.setdefault(each.end_to_end, each)
        assert each is known or each.is_repeat
        assert (each.session_id, each.reports) == (known.session_id, known.reports)


def check_reports(
    heard: Sequence[ServerRequest], kills: Sequence[int], views: dict[bytes, dict[str, str]]
) -> None:
    """Check that each report tells something new; make them the view.

    Else it is a repeat, or the server was killed since the last one, and may not know of it; so
    many reports had been heard at each of the kills.
    """
    check_repeats(heard)
    latest: dict[bytes, int] = {}
    for place, report in enumerate(heard):
        view, since = views[report.session_id], latest.get(report.session_id, -1)
        is_news = not told(report).items() <= view.items()
        assert is_news or report.is_repeat or any(since < kill <= place for kill in kills)
        view.update(told(report))
        latest[report.session_id] = place


def check_notices(file: Path) -> dict[str, str]:
    """Check that each account's notices are there in their order, twice only with the same id.

    Return in which state they leave the counter of each.
    """
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    notices = {line["id"]: line for line in lines}
    assert [line for line in lines if line != notices[line["id"]]] == []
    chains: dict[str, list[str]] = defaultdict(list)
    for notice in notices.values():
        if notice["type"] == "counter.changed":
            chain = chains[notice["subject"]]
            assert notice["data"]["previous"] == (chain or ["normal"])[-1]
            chain.append(notice["data"]["state"])
    return {subject: chain[-1] for subject, chain in chains.items()}


def used_octets(conninfo: str, account: int) -> int:
    """Return what the books say an account has used."""
    shown = run_command("account", "show", account, "--database-url", conninfo)
    return sum(each["used"] for each in shown["balances"] if each["balance_type"] == "data")


def is_quiet(conninfo: str) -> bool:
    """Is everything used up that was credited, and everything told?"""
    return waiting(conninfo) == [] and all(
        states(conninfo, account) == {"data left": "none"} for account in ACCOUNTS
    )
