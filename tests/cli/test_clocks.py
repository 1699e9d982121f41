"""`clock`: without a server beside it."""

import psycopg
import pytest

from tests.cli.conftest import Run


@pytest.fixture
def trial(run_anywhere: Run, own_database: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a command on a database that has a test clock."""
    monkeypatch.setenv("OCS_DATABASE_URL", own_database)
    with psycopg.connect(own_database) as connection:
        connection.execute("INSERT INTO test_clock (ahead) VALUES (0)")
    return run_anywhere


def test_a_database_goes_by_the_time_of_the_world(run: Run) -> None:
    assert run("clock", "show").out.endswith("Z, as in the world\n")
    shown = run("clock", "show", "--json").json
    assert (shown["test_clock"], shown["ahead_microseconds"]) == (False, 0)
    refused = run("clock", "advance", "1h", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "test_clock_missing")


def test_a_test_clock_is_moved_and_the_days_to_come_have_partitions(
    trial: Run, own_database: str
) -> None:
    assert trial("clock", "show").out.endswith("Z, by a test clock that was never moved\n")
    moved = trial("clock", "set", "2090-06-01T12:00", "--transaction-id", "x")
    assert moved.out.startswith("2090-06-01T12:00:00.000000Z, by a test clock that is ")
    again = trial("clock", "advance", "1d", "--transaction-id", "y", "--json").json
    assert again["time"].startswith("2090-06-02T12:00:0")
    with psycopg.connect(own_database) as connection:
        for day in ("20900531", "20900616"):
            row = connection.execute("SELECT to_regclass(%s)", (f"edr_{day}",)).fetchone()
            assert row != (None,)


def test_what_commands_date_goes_by_it(trial: Run) -> None:
    trial("clock", "set", "2090-06-01")
    trial("tenant", "create", "acme")
    created, moved = trial("audit", "list", "--json").json
    assert created["time"].startswith("2090-06-01T00:00")
    assert (moved["operation"], moved["before"]["ahead_microseconds"]) == ("clock set", 0)


def test_where_it_cannot_go_is_told(trial: Run) -> None:
    for words, status, code in (
        (("set", "2020-01-01"), 1, "time_past"),
        (("set", "soon"), 2, "invalid_time"),
        (("set", "2200-01-01"), 2, "invalid_time"),
        (("advance", "5 GiB"), 2, "invalid_time"),
    ):
        refused = trial("clock", *words, "--json")
        assert (refused.status, refused.json["error"]["code"]) == (status, code), words


@pytest.mark.parametrize("words", [("advance", "1h"), ("set", "2090-06-01T12:00")])
def test_a_repeat_does_not_move_it_again(words: tuple[str, ...], trial: Run) -> None:
    first, second = [
        trial("clock", *words, "--transaction-id", "x", "--json").json for _ in range(2)
    ]
    assert (first["repeated"], second["repeated"]) == (False, True)
    ahead = trial("clock", "show", "--json").json["ahead_microseconds"]
    assert ahead == first["ahead_microseconds"] == second["ahead_microseconds"]


def test_who_waits_for_a_server_in_vain_is_told_which(trial: Run, own_database: str) -> None:
    with psycopg.connect(own_database) as connection:
        connection.execute(
            "INSERT INTO running_server (id, origin_host, started_at, seen_at, profiles,"
            " configured, connected) VALUES ('one', 'ocs9', now(), now(), '{}', '[]', '[]')"
        )
    late = trial("clock", "advance", "1h", "--wait", "1", "--json")
    assert (late.status, late.json["error"]["code"]) == (3, "server_not_following")
    assert "was done within 1 s by ocs9" in late.json["error"]["messages"][0]
    assert trial("clock", "advance", "1h", "--wait", "0").status == 0
