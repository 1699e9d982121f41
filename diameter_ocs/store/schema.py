"""The schema's version, its migrations, the two roles, and the partitions of the journal."""

import datetime
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import structlog
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from ..charging.faults import CasesUnavailable
from .database import APPLICATION_ROLE, OWNER_ROLE

log = structlog.get_logger()

VERSION = 1
"""The schema that this program was written for."""
DAYS_AHEAD = 14
"""Partitions of the journal that are made before they are needed."""
SCHEMA_LOCK = 4_272_868
"""Names the lock under which one process at a time changes the schema."""


class SchemaError(Exception):
    """The database cannot be used as it is; the message says what to do."""


def migrate(conninfo: str, scripts: Path) -> None:
    """Creates the roles, brings the schema up to date and makes the partitions of the next days.

    The login needs CREATEROLE the first time, unless an administrator has made the two roles and
    granted them to it.

    Raises:
        SchemaError: the login may not do it.
        CasesUnavailable: the database cannot be reached.
    """
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: _connect(conninfo), poolclass=NullPool
    )
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SCHEMA_LOCK})
            _create_roles(connection)
            connection.execute(text(f"SET LOCAL ROLE {OWNER_ROLE}"))
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(scripts))
            command.upgrade(config, "head")
    except DBAPIError as error:
        reason = _first_line(error.orig or error)
        raise SchemaError(f"the schema was not migrated: {reason}") from error
    make_partitions(conninfo)


def check(conninfo: str) -> None:
    """Makes sure that the schema is one that this program can work with.

    Raises:
        SchemaError: it is older, newer, or not there.
        CasesUnavailable: the database cannot be reached.
    """
    row = None
    with _connect(conninfo) as connection, suppress(psycopg.errors.UndefinedTable):
        row = connection.execute("SELECT version, compatible_from FROM schema_version").fetchone()
    if row is None:
        raise SchemaError("the database has no schema yet: run `db migrate` first")
    version, compatible_from = row
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


def make_partitions(conninfo: str, today: datetime.date | None = None) -> None:
    """Makes the journal's partitions of yesterday, today and the days ahead, as the owner.

    Where it is not possible now, because EDRs of the day lie in the default partition or because
    that is in use for longer than a second, it is logged: new EDRs go to the default partition, and
    the next call tries again.

    Raises:
        SchemaError: the login may not act as the owner.
        CasesUnavailable: the database cannot be reached.
    """
    today = today or datetime.datetime.now(datetime.UTC).date()
    try:
        with _connect(conninfo) as connection:
            connection.execute(f"SET ROLE {OWNER_ROLE}")
            connection.commit()
            for offset in range(-1, DAYS_AHEAD + 1):
                _try_partition(connection, today + datetime.timedelta(days=offset))
    except psycopg.errors.LockNotAvailable as error:
        log.warning("partitions not made", reason=_first_line(error))
    except psycopg.Error as error:
        raise SchemaError(f"there are no partitions ahead: {_first_line(error)}") from error


def _try_partition(connection: psycopg.Connection[tuple[Any, ...]], day: datetime.date) -> None:
    """Makes the partition of a day, unless EDRs of the day lie in the default partition."""
    try:
        with connection.transaction():
            _make_partition(connection, day)
    except psycopg.errors.CheckViolation as error:
        log.warning("partition not made", day=f"{day}", reason=_first_line(error))


def _make_partition(connection: psycopg.Connection[tuple[Any, ...]], day: datetime.date) -> None:
    """Makes the partition of a day, if it is not there; attaching checks the default partition."""
    name = f"edr_{day:%Y%m%d}"
    connection.execute("SET LOCAL lock_timeout = '1s'")
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
    if connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone() == (True,):
        return
    bounds = [
        sql.Literal(f"{bound:%Y-%m-%d} 00:00:00+00")
        for bound in (day, day + datetime.timedelta(days=1))
    ]
    connection.execute(
        sql.SQL("CREATE TABLE {} (LIKE edr INCLUDING DEFAULTS)").format(sql.Identifier(name))
    )
    connection.execute(
        sql.SQL("ALTER TABLE edr ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            sql.Identifier(name), *bounds
        )
    )


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


def _connect(conninfo: str) -> psycopg.Connection[tuple[Any, ...]]:
    try:
        return psycopg.connect(conninfo, autocommit=False, connect_timeout=5)
    except psycopg.ProgrammingError:
        # Its text would show the address, and with it the password.
        raise SchemaError(
            "the database's address is malformed: write postgresql://USER@HOST/DATABASE"
        ) from None
    except psycopg.Error as error:
        raise CasesUnavailable(_first_line(error)) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]
