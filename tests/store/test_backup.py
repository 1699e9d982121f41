"""A backup holds a whole database as of one moment, and makes it again somewhere else."""

import io
import zipfile
from collections.abc import Iterator

import msgspec
import psycopg
import pytest
from psycopg import sql

from diameter_ocs.config import resource
from diameter_ocs.embedded import Cluster
from diameter_ocs.store import backup, schema
from diameter_ocs.store.archive import MANIFEST, BackupInvalid, Reader, Sequence, Writer
from diameter_ocs.store.backup import KEPT_BACK, RestoreRefused, holds_data, restore, write_backup
from diameter_ocs.store.books import check_books
from diameter_ocs.store.database import APPLICATION_ROLE, OWNER_ROLE, Database
from diameter_ocs.store.logins import SchemaError

SCRIPTS = resource("migrations")
ODD = "tab\tnewline\nbackslash\\ quote'\u20ac"
CONTENT = """
CREATE TABLE edr_20200101 PARTITION OF edr
    FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-01-02 00:00:00+00');
INSERT INTO tenant VALUES ('acme', 1);
INSERT INTO catalogue VALUES ('acme', 1, '{"a":  1}', '2020-01-01Z', $$%s$$);
INSERT INTO account (group_id, id, tenant, name, version, last_at)
    VALUES (7, 7, 'acme', 'alice', 3, '2020-01-01 12:00:00.000001Z');
INSERT INTO audit (at, tenant, operation, actor, transaction_id)
    VALUES ('2020-01-01Z', 'acme', 'x', 'root', '1');
INSERT INTO balance (group_id, id, account_id, balance_type, priority, total, used, reserved)
    VALUES (7, 9, 7, 'money', 0, 100, 0, 0);
INSERT INTO edr (group_id, at, number, account_id, kind, action, outcome, session_id, services,
        posting_balances, posting_totals, posting_useds, posting_reserveds)
    SELECT 7, day, 1, 7, 0, 'x', 0, '\\x00ff0a', '[]', '{9}', '{50}', '{0}', '{0}'
    FROM unnest('{2020-01-01 10:00Z, 2031-01-01 10:00Z}'::timestamptz[]) AS day;
SELECT setval('account_number', 41);
"""
CHARGE = """
WITH posted AS (UPDATE balance SET total = total + 1)
INSERT INTO edr (group_id, at, number, account_id, kind, action, outcome, services,
    posting_balances, posting_totals, posting_useds, posting_reserveds)
VALUES (7, '2031-01-01 11:00Z', 2, 7, 0, 'x', 0, '[]', '{9}', '{1}', '{0}', '{0}')
"""


@pytest.fixture(scope="module")
def filled(cluster: Cluster, migrated: str) -> Iterator[str]:
    """The conninfo of a database with a few rows, one of them of a day long ago."""
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE ocs_saved TEMPLATE {migrated} STRATEGY WAL_LOG")
        with psycopg.connect(cluster.conninfo("ocs_saved")) as inside:
            inside.execute(f"SET ROLE {OWNER_ROLE}")
            inside.execute((CONTENT % ODD).encode())
        yield cluster.conninfo("ocs_saved")
        connection.execute("DROP DATABASE ocs_saved WITH (FORCE)")


@pytest.fixture(scope="module")
def whole(filled: str) -> bytes:
    """A backup of it."""
    file = io.BytesIO()
    write_backup(filled, file, silent)
    return file.getvalue()


@pytest.fixture
def target(cluster: Cluster) -> Iterator[str]:
    """The conninfo of a database with nothing in it."""
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE ocs_restored")
        yield cluster.conninfo("ocs_restored")
        connection.execute("DROP DATABASE ocs_restored WITH (FORCE)")


def silent(_what: str, _done: int, _total: int) -> None:
    pass


def read(conninfo: str, saved: bytes, is_replacing: bool = False) -> None:
    restore(conninfo, Reader(io.BytesIO(saved)), SCRIPTS, is_replacing, silent)


def test_what_was_to_leave_is_kept_back(own_database: str, target: str) -> None:
    row = (
        "INSERT INTO outbox (group_id, number, part, account_id, kind, stream, target, content,"
        " created_at, due_at, given_up_at, fault, leased_by, leased_until)"
        " VALUES (1, {}, 0, 1, 1, 's', 'crm', '{{}}', now(), now(), {}, {}, 'one', now())"
    )
    ask(own_database, row.format(1, "NULL", "NULL"))
    ask(own_database, row.format(2, "'2020-01-01'", "'gone'"))
    ask(own_database, "INSERT INTO peer_connection VALUES ('a', 'b', 'c', false, '{}', now())")
    file = io.BytesIO()
    write_backup(own_database, file, silent)
    restored = restore(target, Reader(file), SCRIPTS, False, silent)
    assert restored.kept_back == 1
    kept = ask(target, "SELECT number, fault, leased_by FROM outbox ORDER BY number")
    assert kept == [(1, KEPT_BACK, None), (2, "gone", "one")]
    assert ask(target, "SELECT given_up_at IS NULL FROM outbox") == [(False,)] * 2
    assert ask(target, "SELECT * FROM peer_connection") == []


def contents(conninfo: str) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table and partition, and where the sequences stand."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("SET timezone = 'UTC'")
        names = connection.execute(
            "SELECT relname, relkind = 'S' FROM pg_class WHERE relkind IN ('r', 'S')"
            " AND relnamespace = 'public'::regnamespace AND relowner = to_regrole(%s)",
            [OWNER_ROLE],
        ).fetchall()
        rows = sql.SQL("SELECT whole::text FROM {} AS whole ORDER BY 1")
        state = sql.SQL("SELECT last_value, is_called FROM {}")
        return {
            name: connection.execute(
                (state if is_sequence else rows).format(sql.Identifier(name))
            ).fetchall()
            for name, is_sequence in names
        }


def ask(conninfo: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_everything_comes_back(filled: str, whole: bytes, target: str) -> None:
    read(target, whole)
    after = contents(target)
    assert after == contents(filled)
    assert after["account_number"] == [(41, True)]
    assert after["audit_number_seq"] == [(1, True)]
    assert len(after["edr_20200101"]) == 1
    schema.check(target)
    application = f"{target} options='-c role={APPLICATION_ROLE}'"
    ask(application, "UPDATE balance SET priority = 5")
    assert ask(application, "SELECT nextval('account_number')") == [(42,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(application, "DELETE FROM edr")


async def test_a_backup_is_of_one_moment_though_charging_goes_on(
    own_database: str, whole: bytes, target: str
) -> None:
    read(own_database, whole)
    charged = []

    def charge(table: str, _done: int, _total: int) -> None:
        charged.append(table)
        ask(own_database, CHARGE)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            ask(f"{own_database} options='-c lock_timeout=1'", "DROP TABLE edr_20200101")

    file = io.BytesIO()
    write_backup(own_database, file, charge)
    assert {"balance", "edr"} <= set(charged)
    read(target, file.getvalue())
    assert ask(target, "SELECT total FROM balance") == [(100,)]
    pool = Database(target)
    books = await check_books(pool)
    await pool.close()
    assert books.are_balanced
    assert books.edrs == 2


def test_every_table_and_column_is_saved(filled: str, whole: bytes) -> None:
    manifest = Reader(io.BytesIO(whole)).manifest
    written = {(table.name, column) for table in manifest.tables for column in table.columns}
    assert written == set(
        ask(
            filled,
            "SELECT relname, attname FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition AND attnum > 0 AND NOT attisdropped"
            " AND relname NOT IN ('schema_version', 'alembic_version')",
        )
    )


def test_a_file_that_was_cut_off_is_refused(whole: bytes) -> None:
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        with pytest.raises(BackupInvalid, match="not a backup of diameter-ocs"):
            Reader(io.BytesIO(whole[:length]))


def test_a_file_that_was_altered_is_refused(whole: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(whole)) as opened:
        members = [member for member in opened.infolist() if member.compress_size > 2]
    for member in members:
        altered = bytearray(whole)
        altered[member.header_offset + len(member.filename) + 60] ^= 1
        with pytest.raises(BackupInvalid):
            Reader(io.BytesIO(bytes(altered))).verify(silent)


def test_a_zip_of_something_else_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as other:
        other.writestr(MANIFEST, '{"format": "something else"}')
    with pytest.raises(BackupInvalid, match="not a backup of diameter-ocs"):
        Reader(file)


def changed(saved: bytes, **values: object) -> bytes:
    """Return a backup with other words in its manifest."""
    reader, copy = Reader(io.BytesIO(saved)), io.BytesIO()
    writer = Writer(copy)
    for table in reader.manifest.tables:
        writer.add(table.name, reader.chunks(table.name))
    writer.finish(msgspec.structs.replace(reader.manifest, **values))
    return copy.getvalue()


def test_a_backup_that_cannot_be_read_in_changes_nothing(whole: bytes, target: str) -> None:
    with pytest.raises(BackupInvalid, match="install the newer program"):
        read(target, changed(whole, schema=schema.VERSION + 1))
    with pytest.raises(SchemaError, match="nothing was restored"):
        read(target, changed(whole, sequences=(Sequence("balance", 1, True),)))
    with pytest.raises(SchemaError, match="not migrated"):
        read(target, changed(whole, revision="9999"))
    manifest = Reader(io.BytesIO(whole)).manifest
    tables = [msgspec.structs.replace(table, rows=table.rows + 1) for table in manifest.tables]
    with pytest.raises(BackupInvalid, match="rows in"):
        read(target, changed(whole, tables=tuple(tables)))
    assert contents(target) == {}


def test_a_backup_of_an_older_schema_is_brought_up_to_date(own_database: str, target: str) -> None:
    with schema.changing(target) as connection:
        schema.upgrade(connection, SCRIPTS, "0001")
    ask(target, "INSERT INTO tenant VALUES ('old')")
    ask(target, "INSERT INTO account VALUES (7, 7, 'old', 'alice', 1, now())")
    ask(target, "INSERT INTO device VALUES (7, 8, 7)")
    file = io.BytesIO()
    assert write_backup(target, file, silent).schema == 1
    read(own_database, file.getvalue())
    schema.check(own_database)
    assert ask(own_database, "SELECT tenant, name, version FROM account") == [("old", "alice", 1)]
    assert ask(own_database, "SELECT id, account_id FROM device") == [(8, 7)]


async def test_a_database_that_holds_something_is_replaced_only_when_told(
    whole: bytes, target: str
) -> None:
    read(target, whole)
    assert holds_data(target)
    ask(target, "UPDATE balance SET priority = 77")
    ask(target, "CREATE SCHEMA others CREATE TABLE kept (i integer)")
    with pytest.raises(RestoreRefused, match="with --replace"):
        read(target, whole)
    server = Database(target)
    await server.ping()
    with pytest.raises(RestoreRefused, match="stop it first"):
        read(target, whole, is_replacing=True)
    await server.close()
    assert ask(target, "SELECT priority FROM balance") == [(77,)]
    read(target, whole, is_replacing=True)
    assert ask(target, "SELECT priority FROM balance") == [(0,)]
    assert ask(target, "SELECT * FROM others.kept") == []


def test_without_a_schema_there_is_nothing_to_save(target: str) -> None:
    with pytest.raises(SchemaError, match="nothing to back up"):
        write_backup(target, io.BytesIO(), silent)


def test_a_login_that_may_not_act_as_the_owner_is_told_so(roleless: str) -> None:
    with pytest.raises(SchemaError, match=f"ocs_roleless may not act as {OWNER_ROLE}"):
        write_backup(roleless, io.BytesIO(), silent)


def test_a_table_that_others_hold_is_not_waited_for_for_ever(
    filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "LOCK_TIMEOUT", "1ms")
    with psycopg.connect(filled) as other:
        other.execute("LOCK TABLE edr")
        with pytest.raises(SchemaError, match="try again when they are done"):
            write_backup(filled, io.BytesIO(), silent)
