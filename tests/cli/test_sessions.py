"""`session`: what it lists, shows and closes."""

import asyncio

import pytest

from diameter_ocs.cli.database import opened
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.provisioning import find_account
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.work import PostgresStore
from tests.cli.conftest import Run
from tests.store.scenario import charged, initial, want

SESSION_ID = "gateway.example;1;2"


@pytest.fixture
def session(shop: Run, database: str) -> str:
    """The id of an open session of alice, who holds 10 MiB."""

    async def story() -> int:
        async with opened(database) as rooms:
            group = (await find_account(rooms.accounts, None, "alice")).group_id
            store = PostgresStore(rooms.database, Catalogues(read_stored))
            usages = (want(10 * 2**20),)
            await charged(store, (group, initial(1, SESSION_ID.encode(), usages=usages)))
            return group

    return f"{asyncio.run(story())}-2"


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
