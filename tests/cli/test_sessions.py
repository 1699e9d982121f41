"""`session`: what it lists, shows and closes."""

import asyncio
from datetime import datetime, timedelta

import pytest

from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.information import LocationReport, LocationSource, ServiceInformation
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.cli.database import opened
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.provisioning import find_account
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.work import PostgresStore
from tests.cli.conftest import Run
from tests.store.scenario import charged, initial, want

SESSION_ID = "gateway.example;1;2"


def open_session(database: str, **others: object) -> str:
    """Open a session of alice with 10 MiB; return its id."""

    async def story() -> str:
        async with opened(database) as rooms:
            group = (await find_account(rooms.accounts, None, "alice")).group_id
            store = PostgresStore(rooms.database, Catalogues(read_stored))
            request = initial(1, SESSION_ID.encode(), usages=(want(10 * 2**20),))
            (decision,) = await charged(store, (group, request._replace(**others)))
            assert isinstance(decision, Decision)
            return f"{group}-{decision.edrs[-1].number}"

    return asyncio.run(story())


@pytest.fixture
def session(shop: Run, database: str) -> str:
    """The id of an open session of alice, who holds 10 MiB."""
    return open_session(database)


def test_open_sessions_are_listed(shop: Run, session: str) -> None:
    heading, row = shop("session", "list").out.splitlines()
    assert heading.split()[:3] == ["session", "account", "Session-Id"]
    assert row.split()[:3] == [session, "alice", SESSION_ID]
    assert row.endswith("300: 10 MiB")
    (listed,) = shop("session", "list", "--account", "alice", "--json").json
    assert (listed["session"], listed["session_id"]) == (session, SESSION_ID)
    assert shop("session", "list", "--tenant", "other", "--json").json == []


def test_a_session_is_shown(shop: Run, session: str) -> None:
    shown = shop("session", "show", SESSION_ID)
    assert shown.status == 0
    for words in (SESSION_ID, "gateway.example", "alice", "300", "10 MiB", "data"):
        assert words in shown.out
    answer = shop("session", "show", session, "--json").json
    assert answer["reservations"][0]["granted"] == 10 * 2**20
    assert answer["held"][0]["balance_type"] == "data"
    (line,) = answer["lines"]
    assert (line["zone"], line["price"]) == (None, None)
    assert line["holds"][0]["service"] in shown.out


def test_a_session_tells_of_its_bearer_and_its_place(shop: Run, database: str) -> None:
    france = LocationReport(LocationSource.USER_LOCATION, "20801", countries=("FR",))
    information = ServiceInformation((france,), apn="internet")
    numbers = {"charging_id": 4_000_000_000, "origin_state_id": 77}
    name = open_session(database, information=information, **numbers)
    answer = shop("session", "show", name, "--json").json
    assert (answer["network"], answer["countries"], answer["apn"]) == ("20801", ["FR"], "internet")
    assert {key: answer[key] for key in numbers} == numbers
    opened_at, given_up_at = (
        datetime.fromisoformat(answer[key]) for key in ("opened_at", "given_up_at")
    )
    assert given_up_at - opened_at == timedelta(hours=48)
    (quota,) = answer["reservations"]
    assert (quota["granted_at"], quota["price_changes_at"]) == (answer["opened_at"], None)
    shown = shop("session", "show", name).out
    for words in ("20801", "FR", "internet", "4000000000", "77", answer["given_up_at"]):
        assert words in shown
    (edr, *_) = shop("edr", "list", "--session", SESSION_ID, "--json").json
    assert edr["charging_id"] == 4_000_000_000


def test_sub_sessions_are_told_apart(shop: Run, database: str) -> None:
    names = [
        open_session(database, session_key=SessionKey(SESSION_ID.encode(), number))
        for number in (0, 1)
    ]
    _, *rows = shop("session", "list").out.splitlines()
    for number, row in enumerate(rows):
        assert f"{SESSION_ID} (sub-session {number})" in row
    refused = shop("session", "close", SESSION_ID, "--json")
    assert refused.json["error"]["code"] == "session_needed"
    assert shop("session", "close", names[1]).status == 0
    (left,) = shop("session", "list", "--json").json
    assert (left["session"], left["sub_session_id"]) == (names[0], 0)
    found = shop("edr", "list", "--session", SESSION_ID, "--json").json
    assert [edr["action"] for edr in found] == ["close", "initial", "initial"]


def test_a_session_is_closed_once(shop: Run, session: str) -> None:
    line = ("session", "close", session, "--transaction-id", "one")
    first, again = shop(*line), shop(*line)
    assert first == (0, f"Session {session} of alice is closed.\n", "")
    assert (again.status, again.out) == (0, first.out)
    assert "done before" in again.err
    assert shop("session", "list", "--json").json == []
    assert "balanced" in shop("books").out
    entry, *_ = shop("audit", "list", "--account", "alice", "--json").json
    assert (entry["operation"], entry["before"]["session"]) == ("session close", session)


def test_a_session_that_is_not_open_is_refused(shop: Run) -> None:
    for verb in ("show", "close"):
        ended = shop("session", verb, "1-2", "--json")
        assert ended.status == 1
        assert ended.json["error"]["code"] == "session_unknown"
