"""Backups: all tables of a database in one snapshot, while servers work on it; and the way back.

Rows travel as PostgreSQL's own COPY text and the schema is made by the migrations: so a backup can
be read into any PostgreSQL and by any later version of this program, roles and rights come with the
schema, and no client program has to fit the database's version. pg_dump has to, and its password
and its faults come by other ways.
"""

import time
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import IO, NamedTuple, cast

import psycopg
import structlog
from psycopg import IsolationLevel, errors, sql
from sqlalchemy.exc import DBAPIError

from . import schema
from .archive import (
    CHUNK_OCTETS,
    BackupInvalid,
    Contents,
    Manifest,
    Partition,
    Reader,
    Sequence,
    Tell,
    Writer,
)
from .database import OWNER_ROLE, renamed_faults
from .logins import Connection, SchemaError, connect, first_line
from .partitions import Partitions

log = structlog.get_logger()

LOCK_TIMEOUT = "20s"
"""How long a migration, or whoever else holds a table, is waited for."""
PROGRAM = "diameter-ocs"
"""How the connections of servers and commands call themselves."""
MADE_BY_MIGRATIONS = frozenset({"schema_version", "alembic_version"})
SESSION = """
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL bytea_output = 'hex';
SET LOCAL client_encoding = 'UTF8';
"""
"""Has values written in one way, whatever the database's settings are."""
_TABLES = """
SELECT relname, greatest(reltuples, 0)::bigint + coalesce((
    SELECT sum(greatest(leaf.reltuples, 0))::bigint
    FROM pg_partition_tree(child.oid) AS tree JOIN pg_class AS leaf ON leaf.oid = tree.relid
    WHERE tree.isleaf), 0)
FROM pg_class AS child
WHERE relnamespace = 'public'::regnamespace AND relowner = to_regrole(%s)
    AND relkind IN ('r', 'p') AND NOT relispartition
ORDER BY relname
"""
_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum
"""
KEPT_BACK = "restored from a backup: `outbox retry` sends it"
"""Why nothing leaves that was to leave when the backup was made."""
_KEEP_BACK = """
UPDATE outbox SET given_up_at = now(), fault = %s, leased_by = NULL, leased_until = NULL
WHERE given_up_at IS NULL
"""
_REFERENCES = """
SELECT child.relname, parent.relname
FROM pg_constraint JOIN pg_class AS child ON child.oid = conrelid
    JOIN pg_class AS parent ON parent.oid = confrelid
WHERE contype = 'f' AND conrelid <> confrelid
"""
_PARTITIONS = """
SELECT parent.relname, child.relname, bound[1], bound[2]
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    JOIN pg_class AS parent ON parent.oid = inhparent,
    regexp_match(pg_get_expr(child.relpartbound, child.oid),
        $$^FOR VALUES FROM \\('([^']+)'\\) TO \\('([^']+)'\\)$$) AS bound
WHERE parent.relname = ANY(%s) AND bound IS NOT NULL
ORDER BY 1, 3
"""
_SEQUENCES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relowner = to_regrole(%s) AND relkind = 'S'
ORDER BY relname
"""
_AT_WORK = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = %s AND pid <> pg_backend_pid()
"""


class RestoreRefused(Exception):
    """A database is not one to restore into; the message says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Restored(NamedTuple):
    """What became of a backup."""

    manifest: Manifest
    kept_back: int
    """What was to leave when it was made, and is listed as given up now."""


class _Table(NamedTuple):
    name: str
    rows: int
    """As PostgreSQL estimates."""


def holds_data(conninfo: str) -> bool:
    """Says whether there is a row in any of our tables."""
    with connect(conninfo) as connection, renamed_faults():
        return _has_rows(connection, _begin(connection))


def write_backup(conninfo: str, file: IO[bytes], tell: Tell) -> Manifest:
    """Writes everything that the database holds, as of one moment.

    The schema stays as it is meanwhile: partitions are neither made nor dropped.

    Raises:
        SchemaError: there is no schema, or the login may not act as its owner.
        CasesUnavailable: the database cannot be reached.
    """
    with connect(conninfo) as connection, renamed_faults():
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        tables = _locked(connection)
        return _write(connection, tables, Writer(file), tell)


def restore(
    conninfo: str, backup: Reader, scripts: Path, is_replacing: bool, tell: Tell
) -> Restored:
    """Fills a database from a backup and brings its schema up to date, in one transaction.

    What was to leave then does not leave by itself: it may have left, and the database may be a
    copy for trials. Whom servers were connected with is forgotten.

    Raises:
        BackupInvalid: the file is damaged, or newer than this program.
        RestoreRefused: the database is in use, or holds something and is not to be replaced.
        SchemaError: the login may not do it.
        CasesUnavailable: the database cannot be reached.
    """
    manifest = backup.manifest
    if manifest.schema > schema.VERSION:
        raise BackupInvalid(
            f"the backup has schema {manifest.schema}, too new for this program, which knows"
            f" {schema.VERSION}: install the newer program"
        )
    backup.verify(tell)
    try:
        with schema.changing(conninfo) as changing:
            connection = cast(Connection, changing.connection.driver_connection)
            _prepare(connection)
            _refuse_unless_empty(connection, is_replacing)
            _drop_everything(connection)
            schema.upgrade(changing, scripts, manifest.revision)
            _make_partitions(connection, manifest)
            _fill(connection, backup, tell)
            schema.upgrade(changing, scripts, schema.NEWEST)
            kept_back = connection.execute(_KEEP_BACK, (KEPT_BACK,)).rowcount
            connection.execute("DELETE FROM peer_connection")
    except (DBAPIError, psycopg.Error) as error:
        reason = first_line(getattr(error, "orig", None) or error)
        raise SchemaError(f"nothing was restored: {reason}") from error
    for reason in Partitions(conninfo).make(time.time_ns() // 1000):
        log.warning("partitions not kept", reason=reason)
    return Restored(manifest, kept_back)


def _become_owner(connection: Connection) -> None:
    """Acts as the owner of the tables until the transaction ends."""
    try:
        connection.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    except errors.InvalidParameterValue:
        raise SchemaError("the database has no schema yet: run `db migrate` first") from None
    except errors.InsufficientPrivilege:
        raise SchemaError(
            f"the login {connection.info.user} may not act as {OWNER_ROLE}: grant it that role,"
            " or take a login that has it"
        ) from None


def _tables(connection: Connection) -> list[_Table]:
    return [_Table(*row) for row in connection.execute(_TABLES, (OWNER_ROLE,))]


def _has_rows(connection: Connection, tables: list[_Table]) -> bool:
    return any(
        connection.execute(
            sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table.name))
        ).fetchone()
        == (True,)
        for table in tables
        if table.name not in MADE_BY_MIGRATIONS
    )


def _locked(connection: Connection) -> list[_Table]:
    """Begins the snapshot, with every table locked before it against changes of the schema.

    Which tables and partitions there are is not part of a snapshot.
    """
    before = _begin(connection)
    connection.rollback()
    if not before:
        raise SchemaError("the database has no schema yet: there is nothing to back up")
    tables = _begin(connection, [table.name for table in before])
    if [table.name for table in tables] != [table.name for table in before]:
        raise SchemaError("the schema was changed meanwhile: try again")
    return _in_order_of_reference(connection, tables)


def _begin(connection: Connection, locked: Iterable[str] = ()) -> list[_Table]:
    """Begins a transaction, locks tables as its first deed, and returns which ones there are."""
    _become_owner(connection)
    _prepare(connection)
    try:
        if locked:
            lock = sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(_names(locked))
            connection.execute(lock)
        return _tables(connection)
    except errors.LockNotAvailable:
        raise SchemaError("others change the schema: try again when they are done") from None


def _prepare(connection: Connection) -> None:
    """Makes the settings of the transaction our own."""
    connection.execute(SESSION)
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))


def _in_order_of_reference(connection: Connection, tables: list[_Table]) -> list[_Table]:
    order: TopologicalSorter[str] = TopologicalSorter({table.name: () for table in tables})
    for child, parent in connection.execute(_REFERENCES):
        order.add(child, parent)
    named = {table.name: table for table in tables}
    return [named[name] for name in order.static_order() if name in named]


def _write(connection: Connection, tables: list[_Table], writer: Writer, tell: Tell) -> Manifest:
    """Writes the tables, then where the sequences stand: they may be ahead, never behind."""
    ((version,),) = connection.execute("SELECT version FROM schema_version").fetchall()
    ((revision, taken_at),) = connection.execute(
        'SELECT version_num, to_char(now(), \'YYYY-MM-DD"T"HH24:MI:SS"Z"\') FROM alembic_version'
    ).fetchall()
    written = [
        _write_table(connection, table, writer, tell)
        for table in tables
        if table.name not in MADE_BY_MIGRATIONS
    ]
    names = [table.name for table in tables]
    manifest = Manifest(
        format="diameter-ocs backup 1",
        taken_at=taken_at,
        schema=version,
        revision=revision,
        tables=tuple(written),
        partitions=tuple(Partition(*row) for row in connection.execute(_PARTITIONS, (names,))),
        sequences=tuple(_sequences(connection)),
    )
    writer.finish(manifest)
    return manifest


def _write_table(connection: Connection, table: _Table, writer: Writer, tell: Tell) -> Contents:
    columns = tuple(name for (name,) in connection.execute(_COLUMNS, (table.name,)))
    statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(
        _names(columns), sql.Identifier(table.name)
    )
    rows = 0

    def chunks() -> Iterator[bytes]:
        nonlocal rows
        gathered = bytearray()
        with connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for part in copy:
                    gathered += part
                    if len(gathered) >= CHUNK_OCTETS:
                        rows += gathered.count(b"\n")
                        tell(table.name, rows, max(rows, table.rows))
                        yield bytes(gathered)
                        gathered.clear()
            yield bytes(gathered)
            rows = cursor.rowcount

    writer.add(table.name, chunks())
    tell(table.name, rows, rows)
    return Contents(table.name, columns, rows)


def _sequences(connection: Connection) -> Iterator[Sequence]:
    for (name,) in connection.execute(_SEQUENCES, (OWNER_ROLE,)).fetchall():
        ((last_value, is_called),) = connection.execute(
            sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(name))
        ).fetchall()
        yield Sequence(name, last_value, is_called)


def _refuse_unless_empty(connection: Connection, is_replacing: bool) -> None:
    ((others,),) = connection.execute(_AT_WORK, (PROGRAM,)).fetchall()
    if others:
        raise RestoreRefused(
            "database_in_use", "a server or a command works on the database: stop it first"
        )
    if not is_replacing and _has_rows(connection, _tables(connection)):
        raise RestoreRefused(
            "database_not_empty",
            "the database is not empty: restore into an empty one, or have everything in it"
            " replaced with --replace",
        )


def _drop_everything(connection: Connection) -> None:
    """Drops our tables and sequences; what others have made in the database stays."""
    tables = [sql.Identifier(table.name) for table in _tables(connection)]
    if tables:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(tables)))
    for (name,) in connection.execute(_SEQUENCES, (OWNER_ROLE,)).fetchall():
        connection.execute(sql.SQL("DROP SEQUENCE {}").format(sql.Identifier(name)))


def _make_partitions(connection: Connection, manifest: Manifest) -> None:
    for partition in manifest.partitions:
        connection.execute(
            sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
                sql.Identifier(partition.name),
                sql.Identifier(partition.table),
                sql.Literal(partition.first),
                sql.Literal(partition.end),
            )
        )


def _fill(connection: Connection, backup: Reader, tell: Tell) -> None:
    """Reads the rows in; what the migrations put into the tables gives way to the backup's."""
    manifest = backup.manifest
    if manifest.tables:
        every = _names(table.name for table in manifest.tables)
        connection.execute(sql.SQL("TRUNCATE {}").format(every))
    for table in manifest.tables:
        rows = _read_table(connection, backup, table, tell)
        if rows != table.rows:
            raise BackupInvalid(f"the backup has {rows} rows in {table.name}, not {table.rows}")
    for sequence in manifest.sequences:
        name = sql.Identifier(sequence.name).as_string()
        state = (name, sequence.last_value, sequence.is_called)
        connection.execute("SELECT setval(%s::regclass, %s, %s)", state)


def _read_table(connection: Connection, backup: Reader, table: Contents, tell: Tell) -> int:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), _names(table.columns)
    )
    done = 0
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for chunk in backup.chunks(table.name):
                copy.write(chunk)
                done += chunk.count(b"\n")
                tell(table.name, done, table.rows)
        return cursor.rowcount


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
