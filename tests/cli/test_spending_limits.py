"""`sy`: what it lists and shows."""

import asyncio
from pathlib import Path

import pytest

from diameter_ocs.charging.course import Course
from diameter_ocs.charging.spending_limits import ABORT_FEATURE
from diameter_ocs.charging.subscribing import subscribe
from diameter_ocs.cli.database import opened
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.provisioning import find_account
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.work import PostgresStore
from tests.cli.conftest import CATALOGUE, Run
from tests.store.policing import slr
from tests.store.scenario import NOW

SESSION_ID = "pcrf.example;1;2%/"
COUNTERS = """
  - name: data
    unit_type: volume
    counters:
      - {name: data left, states: [{name: low, threshold: 10 MiB}]}
      - {name: data used, of: used, states: [{name: much, threshold: 1 GiB}]}"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    file = tmp_path / "acme.yaml"
    file.write_text(CATALOGUE.replace("\n  - {name: data, unit_type: volume}", COUNTERS))
    return file


def subscribed(database: str, session_id: bytes, *counters: str) -> str:
    """Open a subscription to counters of alice; return its id."""

    async def story() -> str:
        async with opened(database) as rooms:
            group = (await find_account(rooms.accounts, None, "alice")).group_id
            store = PostgresStore(rooms.database, Catalogues(read_stored))
            request = slr(1, session_id, *counters, features=ABORT_FEATURE)
            async with store.work() as work:
                await work.lock([group])
                (case,) = (await work.load_sessions((), NOW, request.identities)).values()
                done = subscribe(request, case)
                course = Course({group: case})
                course.go_on(case, done.after, done.edrs)
                await work.apply(course.changes())
            return f"{group}-{done.edrs[-1].number}"

    return asyncio.run(story())


@pytest.fixture
def session(shop: Run, database: str) -> str:
    """The id of a subscription to all counters of alice."""
    return subscribed(database, SESSION_ID.encode())


def test_sessions_of_policy_servers_are_listed(shop: Run, database: str, session: str) -> None:
    other = subscribed(database, b"another \xff", "data left")
    heading, first, second = shop("sy", "list").out.splitlines()
    assert heading.split()[:4] == ["session", "account", "policy", "server"]
    assert first.split()[:4] == [session, "alice", "pcrf.example", SESSION_ID]
    assert first.split()[-2:] == ["all", "0"]
    assert other in second
    assert "data left" in second
    listed = shop("sy", "list", "--account", "alice", "--json").json
    assert [each["counters"] for each in listed] == [None, ["data left"]]
    assert [each["may_be_aborted"] for each in listed] == [True, True]
    assert shop("sy", "list", "--tenant", "other", "--json").json == []
    assert "more than 1" in shop("sy", "list", "--limit", 1).err


def test_a_session_is_shown_with_what_it_is_told_and_how_counters_stand(
    shop: Run, session: str
) -> None:
    shop("balance", "debit", "alice", "1020 MiB", "--type", "data")
    answer = shop("sy", "show", SESSION_ID, "--json").json
    assert answer["session"] == session
    assert answer["identities"] == ["imsi:001010000000001"]
    assert answer["statuses"] == [
        {"counter": "data left", "told": "low", "state": "low", "pending": []},
        {"counter": "data used", "told": "normal", "state": "normal", "pending": []},
    ]
    assert answer["reports_waiting"] == 1
    shown = shop("sy", "show", session).out
    for words in (SESSION_ID, "alice", "pcrf.example of example", "imsi:0010", "data left", "low"):
        assert words in shown
    entry = shop("edr", "list", "--session", SESSION_ID, "--json").json[0]
    assert (entry["action"], entry["kind"]) == ("spending limit subscription", "ACCOUNT")


def test_what_is_pending_is_shown(shop: Run, database: str) -> None:
    shop("balance", "debit", "alice", "1020 MiB", "--type", "data")
    shop("balance", "create", "alice", "50 MiB", "--type", "data", "--from", "2099-01-01")
    session = subscribed(database, b"s", "data left")
    (status,) = shop("sy", "show", session, "--json").json["statuses"]
    assert status["told"] == "low"
    (pending,) = status["pending"]
    assert pending["status"] == "normal"
    assert pending["change_at"].startswith(("2098-12-31", "2099-01-01"))
    assert "normal from 20" in shop("sy", "show", session).out


def test_a_deleted_account_has_no_counters_any_more(shop: Run, session: str) -> None:
    shop("device", "remove", "alice")
    assert shop("account", "delete", "alice").status == 0, "a session is no reason to refuse it"
    answer = shop("sy", "show", session, "--json").json
    assert [each["state"] for each in answer["statuses"]] == [None, None]
    assert answer["reports_waiting"] == 1


def test_a_session_that_is_not_there_is_refused(shop: Run) -> None:
    ended = shop("sy", "show", "1-2", "--json")
    assert (ended.status, ended.json["error"]["code"]) == (1, "session_unknown")


def test_a_name_of_several_sessions_has_to_be_said_by_its_id(
    shop: Run, database: str, session: str
) -> None:
    shop("account", "create", "bob", "--plan", "basic", "--identity", "imsi:001010000000002")

    async def story() -> None:
        async with opened(database) as rooms, rooms.database.connection() as connection:
            await connection.execute(
                "INSERT INTO spending_limit SELECT a.id, 9, a.id, s.digest, s.session_id,"
                " s.origin_host, s.origin_realm, s.opened_at, s.updated_at, s.counters,"
                " s.features, s.announced, s.announced_version FROM spending_limit s, account a"
                " WHERE a.name = 'bob'"
            )

    asyncio.run(story())
    refused = shop("sy", "show", SESSION_ID, "--json").json["error"]
    assert refused["code"] == "session_needed"
    assert session in refused["messages"][0]
