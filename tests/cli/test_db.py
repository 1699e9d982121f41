"""`db`: backups as a person makes and uses them, and the one before a migration."""

import stat
from pathlib import Path

import psycopg
import pytest

from diameter_ocs.config import resource
from diameter_ocs.embedded import Cluster, attached
from diameter_ocs.store import schema
from tests.cli.conftest import Run


def tables(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).fetchone()
    assert row is not None
    return int(row[0])


def make_old(conninfo: str) -> None:
    """Make the schema of long ago, with a tenant in it."""
    with schema.changing(conninfo) as connection:
        schema.upgrade(connection, resource("migrations"), "0001")
    with psycopg.connect(conninfo) as connection:
        connection.execute("INSERT INTO tenant VALUES ('old')")


def test_a_backup_is_restored_with_balanced_books(
    shop: Run, empty_database: str, tmp_path: Path
) -> None:
    file = tmp_path / "ocs.zip"
    saved = shop("db", "backup", file)
    assert saved.status == 0
    assert saved.out.startswith("Saved ")
    assert f"in {file} (" in saved.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    place = ("--database-url", empty_database)
    restored = shop("db", "restore", file, *place)
    assert restored.status == 0, restored.err
    first, second = restored.out.splitlines()
    assert first.endswith(f"; the schema is at version {schema.VERSION}.")
    assert second == "2 balances, 1 EDRs, 0 open sessions: balanced."
    assert shop("account", "show", "alice", *place).out == shop("account", "show", "alice").out

    refused = shop("db", "restore", file, *place, "--json")
    assert refused.status == 1
    assert refused.json["error"]["code"] == "database_not_empty"
    again = shop("db", "restore", file, *place, "--replace", "--json")
    assert again.json["books"]["balanced"] is True
    assert again.json["rows"]["balance"] == 2


def test_a_backup_whose_books_do_not_balance_says_so(
    shop: Run, database: str, empty_database: str, tmp_path: Path
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE balance SET total = total + 1")
    file = tmp_path / "ocs.zip"
    assert shop("db", "backup", file, "--json").json["file"] == str(file)
    restored = shop("db", "restore", file, "--database-url", empty_database)
    assert restored.status == 4
    assert "NOT BALANCED" in restored.out


def test_what_is_no_backup_is_refused_in_one_sentence(
    run_anywhere: Run, empty_database: str, tmp_path: Path
) -> None:
    file = tmp_path / "ocs.zip"
    place = ("--database-url", empty_database)
    for content in (b"", b"PGDMP", b"PK\x05\x06" + bytes(18)):
        file.write_bytes(content)
        ended = run_anywhere("db", "restore", file, *place)
        assert ended.status == 2
        assert f"{file}: this is not a backup of diameter-ocs" in ended.err
        assert ended.err.count("\n") == 1
    missing = run_anywhere("db", "restore", tmp_path / "missing", *place, "--json")
    assert missing.json["error"]["code"] == "backup_invalid"
    assert tables(empty_database) == 0


def test_an_external_database_is_migrated_with_a_backup_or_by_decision(
    run_anywhere: Run, empty_database: str, tmp_path: Path
) -> None:
    make_old(empty_database)
    before = tables(empty_database)
    migrate = ("db", "migrate", "--database-url", empty_database)
    refused = run_anywhere(*migrate)
    assert refused.status == 1
    assert "have the database saved first with --backup FILE, or say --no-backup" in refused.err
    assert run_anywhere(*migrate, "--backup", tmp_path, "--json").status == 3
    assert run_anywhere(*migrate, "--backup", tmp_path / "a", "--no-backup").status == 2
    assert tables(empty_database) == before

    file = tmp_path / "before.zip"
    done = run_anywhere(*migrate, "--backup", file, "--json")
    assert done.json == {"schema": schema.VERSION, "backup": str(file)}
    again = run_anywhere(*migrate, "--backup", file)
    assert again.out == f"The schema is at version {schema.VERSION}.\n"


def test_an_external_database_may_be_migrated_without_a_backup(
    run_anywhere: Run, empty_database: str
) -> None:
    make_old(empty_database)
    done = run_anywhere("db", "migrate", "--no-backup", "--database-url", empty_database, "--json")
    assert done.json == {"schema": schema.VERSION, "backup": None}


def test_an_embedded_database_is_saved_before_it_is_migrated(
    run_anywhere: Run, data_directory: Path
) -> None:
    with attached(data_directory) as (conninfo, _):
        make_old(conninfo)
    listed = run_anywhere("tenant", "list", "--data", data_directory, "--json")
    assert listed.json == [{"tenant": "old", "catalogue_version": None, "suspended_at": None}]
    (file,) = (data_directory / "backups").iterdir()
    assert "schema-1" in file.name
    assert listed.err == f"diameter-ocs: before its schema is changed, it was saved in {file}\n"
    assert run_anywhere("tenant", "list", "--data", data_directory).err == ""


def test_a_database_that_an_older_server_works_on_is_left_as_it_is(
    run_anywhere: Run, data_directory: Path
) -> None:
    server = Cluster(data_directory)
    server.start()
    try:
        make_old(server.conninfo())
        refused = run_anywhere("tenant", "list", "--data", data_directory, "--json")
        assert refused.json["error"]["code"] == "schema_incompatible"
        assert "is older than this program" in refused.json["error"]["messages"][0]
        assert schema.installed(server.conninfo()) == 1
    finally:
        server.stop()


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_no_password_is_shown(
    command: str, run_anywhere: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ocs.zip"
    if command == "restore":
        file.write_bytes(b"")
    monkeypatch.setenv("OCS_DATABASE_URL", "postgresql://ocs:geheim@127.0.0.1:1/ocs")
    ended = run_anywhere("db", command, file)
    assert ended.status != 0
    assert "geheim" not in ended.out + ended.err
    assert [entry for entry in tmp_path.iterdir() if entry != file] == []
