"""Gateways that are called to ask again and do not: they lose nothing, and hold up nobody."""

from pathlib import Path

import pytest

from diameter_ocs.simulator.gateway import Gateway
from diameter_ocs.simulator.reactions import USUAL_REACTIONS, Reaction
from tests.system.conftest import IDENTITY, LISTEN, LOOPBACK, PATIENCE, Configured
from tests.system.policing import (
    ALLOWANCE,
    DATA,
    SILENT,
    STILL,
    UNKNOWN,
    Ears,
    ask,
    change,
    gateway,
    open_accounts,
    use_up,
    waiting,
    whose,
)
from tests.system.serving import eventually, run_command

SOON = 3.0
CLOSED_SECONDS = 15.0
GATEWAYS = ("well", "still", "silent", "forgetful", "late")
REACTIONS = {"still": STILL, "silent": SILENT, "forgetful": UNKNOWN, "late": UNKNOWN}


@pytest.mark.ci
def test_gateways_that_do_nothing_when_they_are_called_hold_up_nobody(
    configured: Configured, database: str, folder: Path
) -> None:
    open_accounts(database, folder, accounts=len(GATEWAYS))
    server = configured(IDENTITY + PATIENCE + LISTEN + LOOPBACK).start()
    eventually("it is ready", server.is_ready)
    gateways = {name: gateway([server], f"{name}.pgw.example") for name in GATEWAYS}
    ears = {name: Ears(gateways[name].node) for name in GATEWAYS}
    sessions = {
        name: gateways[name].session(whose(account)) for account, name in enumerate(GATEWAYS, 1)
    }
    for session in sessions.values():
        use_up(session)
    for name, reaction in REACTIONS.items():
        behaves(gateways[name], reaction)
    for account in range(len(GATEWAYS), 0, -1):
        change(database, "credit", account, ALLOWANCE)
    calls = {name: ears[name].hear(SOON) for name in GATEWAYS}
    answer = sessions["well"].follow(calls["well"], None)
    assert answer.services[0].granted is not None
    assert ask(sessions["late"], f"update:rg={DATA}/request").services[0].granted is not None
    assert ask(sessions["silent"], f"update:rg={DATA}/request").result_code == 2001
    again = ears["silent"].hear()
    assert (again.is_repeat, again.end_to_end) == (True, calls["silent"].end_to_end)
    listed = eventually("a session is closed", lambda: open_sessions(database, 4), CLOSED_SECONDS)
    assert listed == {sessions[name].session_id for name in GATEWAYS if name != "forgetful"}
    assert ears["late"].listen() == [], "it has asked by itself"
    (left,) = waiting(database)
    assert (left.target, left.is_given_up) == ("silent.pgw.example", False)
    behaves(gateways["silent"], USUAL_REACTIONS["RAR"])
    eventually("it takes the call", lambda: ears["silent"].listen() and not waiting(database), 20)
    answer = ask(sessions["still"], f"terminate:rg={DATA}/used={ALLOWANCE}")
    assert answer.result_code == 2001, "what was credited is there whenever it asks"
    for connected in gateways.values():
        connected.close()
    assert run_command("books", "--database-url", database)["balanced"] is True
    assert server.end() == 0
    assert "Traceback" not in server.log


def behaves(connected: Gateway, reaction: Reaction) -> None:
    """Have a gateway react to calls in some way from now on."""
    connected.node.reactions = {**USUAL_REACTIONS, "RAR": reaction}


def open_sessions(conninfo: str, most: int) -> set[str]:
    """Return the Session-Ids of the sessions that are open, once there are no more than so many."""
    listed = run_command("session", "list", "--database-url", conninfo)
    return {each["session_id"] for each in listed} if len(listed) <= most else set()
