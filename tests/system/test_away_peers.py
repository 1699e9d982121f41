"""Policy servers and gateways that go, keep silent or know nothing: nobody else is held up."""

import time
from pathlib import Path

import pytest

from tests.system.conftest import IDENTITY, LISTEN, LOOPBACK, PATIENCE, Configured
from tests.system.policing import (
    ALLOWANCE,
    DATA,
    LOW,
    SILENT,
    UNKNOWN,
    USUAL,
    PolicyServer,
    ask,
    change,
    gateway,
    open_accounts,
    subscribers,
    told,
    waiting,
    whose,
)
from tests.system.serving import Server, eventually

SOON = 3.0
AWAY, WELL = "pcrf.away.example", "pcrf.well.example"
SETTLED_SECONDS = 10.5
"""So long after its answer a policy server knows its session, if it ever will."""


def serving(configured: Configured) -> Server:
    server = configured(IDENTITY + PATIENCE + LISTEN + LOOPBACK).start()
    eventually("it is ready", server.is_ready)
    return server


@pytest.mark.ci
def test_a_policy_server_that_was_away_hears_once_how_counters_stand(
    configured: Configured, database: str, folder: Path
) -> None:
    open_accounts(database, folder, accounts=3)
    server = serving(configured)
    away, well = PolicyServer([server], AWAY), PolicyServer([server], WELL)
    for account in (1, 2):
        away.subscribe(account)
    well.subscribe(3)
    for leave, verb, state in (
        (away.node.close, "debit", "low"),
        (away.line.cut, "credit", "normal"),
    ):
        leave()
        for account in (1, 2, 3):
            change(database, verb, account, ALLOWANCE - LOW + 1)
        assert told(well.ears.hear(SOON)) == {"data left": state}
        change(database, "debit", 2, LOW - 1)
        change(database, "credit", 2, LOW - 1)
        eventually("nobody else is told of it", lambda: set(targets(database)) == {AWAY}, SOON)
        came = eventually("both are told", away.ears.listen, SOON) + away.ears.listen(1)
        assert sorted(each.session_id for each in came) == sorted(map(away.session_id, (1, 2)))
        assert [told(each) for each in came] == [{"data left": state}] * 2
        eventually("all is delivered", lambda: waiting(database) == [], SOON)
    for policy in (away, well):
        policy.node.close()
    assert server.end() == 0
    assert "Traceback" not in server.log


@pytest.mark.ci
def test_policy_servers_that_say_nothing_or_know_nothing_hold_up_nobody(
    configured: Configured, database: str, folder: Path
) -> None:
    open_accounts(database, folder, accounts=4)
    server = serving(configured)
    forgetful, silent, well = (
        PolicyServer([server], f"pcrf.{name}.example") for name in ("forgetful", "silent", "well")
    )
    for policy, account in ((forgetful, 1), (silent, 3), (well, 4)):
        policy.subscribe(account)
    answered = time.monotonic()
    silent.behaves(SILENT)
    for account in (3, 4):
        change(database, "debit", account, ALLOWANCE)
    assert told(well.ears.hear(SOON)) == {"data left": "none"}
    first = silent.ears.hear(SOON)
    with gateway([server], "pgw.access.example") as pgw:
        assert ask(pgw.session(whose(4)), f"initial:rg={DATA}/request").result_code == 2001
    again = silent.ears.hear()
    assert (again.is_repeat, again.end_to_end) == (True, first.end_to_end)
    silent.behaves(USUAL)
    change(database, "credit", 3, ALLOWANCE)
    time.sleep(max(answered + SETTLED_SECONDS - time.monotonic(), 0))
    forgetful.subscribe(2)
    forgetful.behaves(UNKNOWN)
    for account in (1, 2):
        change(database, "debit", account, ALLOWANCE)
    eventually("both are told", lambda: forgetful.ears.listen() and len(forgetful.ears.heard) > 1)
    eventually("what it does not know ends", lambda: "1" not in subscribers(database), SOON)
    assert subscribers(database) == {"2", "3", "4"}, "it may come to know the newest yet"
    forgetful.behaves(USUAL)
    assert told(forgetful.ears.hear()) == {"data left": "none"}
    newest = eventually("it hears the newest", silent.ears.listen, 20)[-1]
    assert (told(newest), newest.is_repeat) == ({"data left": "normal"}, False)
    eventually("all is delivered", lambda: waiting(database) == [], SOON)
    assert server.end() == 0
    assert "Traceback" not in server.log


def targets(conninfo: str) -> list[str]:
    """Return whom the outbox is for."""
    return [each.target for each in waiting(conninfo)]
