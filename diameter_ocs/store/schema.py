"""The schema's version, its migrations, and the two roles."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import structlog
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from psycopg import sql
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from .database import APPLICATION_ROLE, OWNER_ROLE, renamed_faults
from .logins import SchemaError, connect, first_line
from .partitions import SCHEMA_LOCK, Partitions

log = structlog.get_logger()

VERSION = 24
"""The schema that this program was written for."""
NEWEST = "head"
"""The revision of the newest migration, in Alembic's words."""


def migrate(conninfo: str, scripts: Path) -> None:
    """Creates the roles, brings the schema up to date and makes the partitions of the next days.

    The login needs CREATEROLE the first time, unless an administrator has made the two roles and
    granted them to it.

    Raises:
        SchemaError: the login may not do it.
        CasesUnavailable: the database cannot be reached.
    """
    try:
        with changing(conninfo) as connection:
            upgrade(connection, scripts, NEWEST)
    except DBAPIError as error:
        reason = first_line(error.orig or error)
        raise SchemaError(f"the schema was not migrated: {reason}") from error
    for reason in Partitions(conninfo).make(time.time_ns() // 1000):
        log.warning("partitions not kept", reason=reason)


@contextmanager
def changing(conninfo: str) -> Iterator[Connection]:
    """Opens a transaction in which the owner may change the schema, and nobody else does.

    Raises:
        CasesUnavailable: the database cannot be reached.
    """
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: connect(conninfo), poolclass=NullPool
    )
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SCHEMA_LOCK})
        _create_roles(connection)
        connection.execute(text(f"SET LOCAL ROLE {OWNER_ROLE}"))
        yield connection


def upgrade(connection: Connection, scripts: Path, revision: str) -> None:
    """Runs the migrations up to a revision."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(scripts))
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise SchemaError(f"the schema was not migrated: {error}") from error


def installed(conninfo: str) -> int | None:
    """Returns the version of the database's schema; None without one.

    Raises:
        CasesUnavailable: the database cannot be reached.
    """
    with (
        connect(conninfo) as connection,
        renamed_faults(),
        suppress(psycopg.errors.UndefinedTable),
    ):
        row = connection.execute("SELECT version FROM schema_version").fetchone()
        return None if row is None else int(row[0])
    return None


def check(conninfo: str) -> int:
    """Makes sure that the schema is one that this program can work with.

    Returns what the database's clock says, in microseconds since 1970.

    Raises:
        SchemaError: it is older, newer, or not there.
        CasesUnavailable: the database cannot be reached.
    """
    row = None
    with connect(conninfo) as connection, suppress(psycopg.errors.UndefinedTable):
        row = connection.execute(
            "SELECT version, compatible_from, extract(epoch FROM clock_timestamp()) * 1000000"
            " FROM schema_version"
        ).fetchone()
    if row is None:
        raise SchemaError("the database has no schema yet: run `db migrate` first")
    version, compatible_from, clock = row
    if version < VERSION:
        raise SchemaError(
            f"the database has schema {version} and this program needs {VERSION}:"
            " run `db migrate` first"
        )
    if compatible_from > VERSION:
        raise SchemaError(
            f"the database has schema {version}, too new for this program, which knows {VERSION}:"
            " install the newer program"
        )
    return int(clock)


def _create_roles(connection: Connection) -> None:
    """Creates the roles that are missing, and lets the login act as both."""
    login = connection.execute(text("SELECT current_user")).scalar_one()
    for role in (OWNER_ROLE, APPLICATION_ROLE):
        exists = text("SELECT count(*) FROM pg_roles WHERE rolname = :role")
        if not connection.execute(exists, {"role": role}).scalar_one():
            connection.execute(text(f"CREATE ROLE {role} NOLOGIN"))
        connection.execute(text(f"GRANT {role} TO {sql.Identifier(login).as_string()}"))
    connection.execute(text(f"GRANT CREATE, USAGE ON SCHEMA public TO {OWNER_ROLE}"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {APPLICATION_ROLE}"))
