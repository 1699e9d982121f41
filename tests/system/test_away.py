"""A PostgreSQL that stops and starts again: what was reported meanwhile is charged exactly once."""

import json
import time
from pathlib import Path

import pytest

from diameter_ocs.embedded import Cluster
from diameter_ocs.simulator.answers import Answer
from diameter_ocs.simulator.gateway import Gateway
from tests.system.conftest import IDENTITY, LISTEN, LOOPBACK, Configured
from tests.system.serving import GATEWAY, Server, eventually, run_command
from tests.system.test_serving import provision
from tests.system.wire import credit_control, exchange, subscriber

BUDGET_SECONDS = 0.5
ANSWER_SECONDS = 3.0
MIB = 1024 * 1024
REPEATS, REPORTS_MORE, REPORTS_LESS, ENDS, IS_SILENT = range(1, 6)
"""The accounts, by what their gateways do."""
REPEATED = "update:rg=300/used=10MiB/request=10MiB"


def ask(gateway: Gateway, account: int, step: str, number: int) -> Answer:
    """Send one request of an account's session."""
    octets, keys = credit_control(GATEWAY, subscriber(account), step, number, f"away;{account}")
    return exchange(gateway, octets, keys)


def used_octets(conninfo: str, account: int) -> int:
    shown = run_command("account", "show", f"demo-{account}", "--database-url", conninfo)
    balances = {balance["balance_type"]: balance for balance in shown["balances"]}
    return int(balances["data"]["used"])


def spooled(folder: Path) -> set[int]:
    """Return the numbers of the requests in the spool that are not settled."""
    kept: set[int] = set()
    for file in (folder / "spool").glob("*.spool"):
        for record in map(json.loads, file.read_text().splitlines()):
            if record["type"] == "kept":
                kept.add(record["number"])
            else:
                kept -= set(record["numbers"])
    return kept


def serving(configured: Configured, outside: Cluster) -> Server:
    server = configured(
        IDENTITY + f"answer_budget_seconds = {BUDGET_SECONDS}\n" + LISTEN + LOOPBACK
    )
    server.environment["OCS_DATABASE_URL"] = outside.conninfo()
    server.start()
    eventually("ready", server.is_ready)
    return server


@pytest.mark.ci
def test_usage_of_an_outage_is_charged_once_whichever_way_gateways_go_on(
    configured: Configured, outside: Cluster, folder: Path
) -> None:
    conninfo = outside.conninfo()
    provision(conninfo, accounts=IS_SILENT)
    server = serving(configured, outside)
    with server.connect() as gateway:
        for account in range(1, IS_SILENT + 1):
            assert ask(gateway, account, "initial:rg=300", 0).result_code == 2001
        outside.stop()
        began = time.monotonic()
        for account in range(1, IS_SILENT):
            assert ask(gateway, account, REPEATED, 1).result_code == 3004
        ending = "terminate:rg=300/used=10MiB"
        assert ask(gateway, IS_SILENT, ending, 1).result_code == 3004
        assert time.monotonic() - began < IS_SILENT * ANSWER_SECONDS
        assert len(spooled(folder)) == IS_SILENT
        outside.start()
        eventually("ready again", server.is_ready)
        assert ask(gateway, REPEATS, REPEATED, 1).result_code == 2001
        more = "update:rg=300/used=15MiB/request=10MiB"
        assert ask(gateway, REPORTS_MORE, more, 2).result_code == 2001
        less = "update:rg=300/used=5MiB/request=10MiB"
        assert ask(gateway, REPORTS_LESS, less, 2).result_code == 2001
        assert ask(gateway, ENDS, "terminate:rg=300/used=10MiB", 2).result_code == 2001
    assert server.end() == 0
    assert len(spooled(folder)) == 1
    server.start()
    eventually("the silent session is charged", lambda: used_octets(conninfo, IS_SILENT))
    charged = [used_octets(conninfo, account) // MIB for account in range(1, IS_SILENT + 1)]
    assert charged == [10, 15, 15, 10, 10]
    assert server.end() == 0
    assert list((folder / "spool").iterdir()) == []
    assert run_command("books", "--database-url", conninfo)["balanced"] is True
    assert "Traceback" not in server.log


@pytest.mark.ci
def test_usage_outlives_a_server_that_is_killed_while_the_database_is_away(
    configured: Configured, outside: Cluster, folder: Path
) -> None:
    conninfo = outside.conninfo()
    provision(conninfo, accounts=1)
    server = serving(configured, outside)
    with server.connect() as gateway:
        assert ask(gateway, 1, "initial:rg=300", 0).result_code == 2001
        outside.stop()
        assert ask(gateway, 1, REPEATED, 1).result_code == 3004
    server.kill()
    outside.start()
    server.start()
    eventually("ready", server.is_ready)
    with server.connect() as gateway:
        assert ask(gateway, 1, "terminate:rg=300/used=1MiB", 2).result_code == 2001
    assert used_octets(conninfo, 1) == 11 * MIB
    assert server.end() == 0
    assert run_command("books", "--database-url", conninfo)["balanced"] is True
