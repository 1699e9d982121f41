"""The database that commands work on: external, embedded, missing, too old, too new; `books`."""

from pathlib import Path

import psycopg
import pytest

from diameter_ocs.store.schema import VERSION
from tests.cli.conftest import Run


def change(conninfo: str, statement: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement)


def test_an_external_database_is_migrated_on_demand(run_anywhere: Run, empty_database: str) -> None:
    place = ("--database-url", empty_database)
    refused = run_anywhere("tenant", "list", *place, "--json")
    assert refused.status == 3
    assert refused.json["error"]["code"] == "schema_incompatible"
    assert "run `db migrate` first" in refused.json["error"]["messages"][0]

    migrated = run_anywhere("db", "migrate", *place)
    assert migrated.out == f"The schema is at version {VERSION}.\n"
    assert run_anywhere("db", "migrate", *place, "--json").json == {
        "schema": VERSION,
        "backup": None,
    }
    assert run_anywhere("tenant", "list", *place, "--json").json == []


@pytest.mark.parametrize(
    ("version", "words"),
    [(0, "run `db migrate` first"), (VERSION + 1, "install the newer program")],
)
def test_a_foreign_schema_is_refused(
    version: int, words: str, run_anywhere: Run, own_database: str
) -> None:
    foreign = f"UPDATE schema_version SET version = {version}, compatible_from = {version}"
    change(own_database, foreign)
    ended = run_anywhere("tenant", "list", "--database-url", own_database)
    assert ended.status == 3
    assert words in ended.err
    assert ended.err.count("\n") == 1


def test_a_newer_schema_that_is_compatible_is_used(run_anywhere: Run, own_database: str) -> None:
    change(own_database, f"UPDATE schema_version SET version = {VERSION + 1}")
    assert run_anywhere("tenant", "list", "--database-url", own_database).status == 0


@pytest.mark.parametrize("command", ["tenant list", "books", "db migrate"])
def test_a_database_that_is_not_there_is_told_without_its_password(
    command: str, run_anywhere: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCS_DATABASE_URL", "postgresql://ocs:geheim@127.0.0.1:1/ocs")
    ended = run_anywhere(*command.split(), "--json")
    assert ended.status == 3
    error = ended.json["error"]
    assert error["code"] == "database_unavailable"
    assert "start it" in error["messages"][0]
    assert "geheim" not in ended.out


@pytest.mark.parametrize(
    "url", ["postgresql://ocs:geheim@127.0.0.1:1/ocs", "host=127.0.0.1 password=geheim"]
)
def test_a_password_on_the_command_line_is_refused(url: str, run_anywhere: Run) -> None:
    ended = run_anywhere("tenant", "list", "--database-url", url)
    assert ended.status == 2
    assert "set OCS_DATABASE_URL, or OCS_DATABASE_URL_FILE to a file" in ended.err
    assert ended.err.count("\n") == 1
    assert "geheim" not in ended.err


def test_what_is_no_address_of_a_database_is_told_without_its_words(run_anywhere: Run) -> None:
    ended = run_anywhere("tenant", "list", "--database-url", "mysql://ocs:geheim@host/ocs")
    assert ended.status == 2
    assert "database_url: must be postgresql://" in ended.err
    assert "geheim" not in ended.err


def test_an_embedded_database_runs_for_the_command(run_anywhere: Run, data_directory: Path) -> None:
    assert run_anywhere("db", "migrate", "--data", data_directory).status == 0
    assert run_anywhere("tenant", "create", "acme", "--data", data_directory).status == 0
    ended = run_anywhere("tenant", "list", "--data", data_directory, "--json")
    assert ended.json == [{"tenant": "acme", "catalogue_version": None, "suspended_at": None}]
    assert not (data_directory / "postgres" / "postmaster.pid").exists()


@pytest.mark.parametrize(
    "line",
    [
        "account show alice",
        "audit list",
        "balance credit alice 5",
        "books",
        "catalogue show",
        "db backup saved.zip",
        "edr list",
        "peer list",
        "tenant create acme",
        "tenant list --demo",
    ],
)
def test_only_who_makes_databases_makes_one(line: str, run_anywhere: Run, tmp_path: Path) -> None:
    mistyped = tmp_path / "lib" / "diameter-osc"
    ended = run_anywhere(*line.split(), "--data", mistyped, "--json")
    assert ended.status == 3
    error = ended.json["error"]
    assert error["code"] == "database_missing"
    assert f"no database in {mistyped}" in error["messages"][0]
    assert "`serve" in error["messages"][0]
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_data_directory(run_anywhere: Run, tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("")
    ended = run_anywhere("books", "--data", file)
    assert ended.status == 3
    assert "name another with --data" in ended.err
    assert ended.err.count("\n") == 1


def test_books_add_up(shop: Run) -> None:
    assert shop("books").out == "2 balances, 1 EDRs, 0 open sessions: balanced.\n"
    assert shop("books", "--json").json == {
        "balanced": True,
        "balances": 2,
        "edrs": 1,
        "sessions": 0,
        "since": None,
        "faults": [],
    }


def test_a_balance_changed_by_hand_shows_in_the_books(shop: Run, database: str) -> None:
    change(database, "UPDATE balance SET used = used + 7 WHERE balance_type = 'data'")
    ended = shop("books", "--json")
    assert ended.status == 4
    (fault,) = ended.json["faults"]
    assert (fault["field"], fault["stored"], fault["recorded"]) == ("used", 7, 0)
    text = shop("books")
    assert text.status == 4
    assert "NOT BALANCED" in text.out


def test_a_missing_record_shows_in_the_books(shop: Run, database: str) -> None:
    change(database, "DELETE FROM edr")
    assert shop("books").status == 4


def test_the_books_tell_since_when_they_sum(shop: Run, database: str) -> None:
    before = shop("books", "--json").json
    assert (before["balanced"], before["since"]) == (True, None)
    assert "Summed since" not in shop("books").out
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO opening SELECT group_id, unnest(posting_balances), unnest(posting_totals),"
            " unnest(posting_useds), unnest(posting_reserveds), '2031-05-20Z' FROM edr"
        )
        connection.execute("DELETE FROM edr")
    after = shop("books", "--json").json
    assert after == {**before, "edrs": 0, "since": "2031-05-20T00:00:00Z"}
    assert shop("books").out.splitlines()[1:] == [
        "Summed since 2031-05-20, from the opening balances of that day."
    ]
