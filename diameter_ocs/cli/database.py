"""The database that a command works on."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from ..config import Configuration, load
from ..embedded import DatabaseMissing, attached, default_directory, holds_database
from ..handlers import catalogue
from ..observability import configure_logging
from ..store import schema
from ..store.accounts import PostgresAccounts
from ..store.catalogues import Catalogues
from ..store.database import Database
from ..store.logins import SchemaError
from . import backup_files

T = TypeVar("T")

COMMAND_SECONDS = 3600.0
"""What one statement of a command may take: the books of a year are long."""
DEMO_FOLDER = "demo"
"""Where `serve --demo` keeps its database, below the data directory."""


class Place(NamedTuple):
    """Where a command finds its database: the options that all commands have."""

    data: Path | None
    database_url: str | None
    demo: bool


class Found(NamedTuple):
    """A database that answers."""

    conninfo: str
    directory: Path | None
    """The data directory of an embedded database; None of an external one."""
    is_served: bool = True
    """Servers may be at work on it."""


class Rooms(NamedTuple):
    """An open database, and what commands do with it."""

    database: Database
    accounts: PostgresAccounts


def data_directory(configuration: Configuration, demo: bool) -> Path:
    """Returns the directory of the embedded database."""
    directory = configuration.data or default_directory(os.environ)
    return directory / DEMO_FOLDER if demo else directory


@contextmanager
def found(place: Place, makes: bool = False) -> Iterator[Found]:
    """Gives the database as it is; an embedded one that does not run is started meanwhile.

    Only a command that makes one is given a new one: elsewhere a mistyped directory is told.
    """
    configure_logging("warning", "auto")
    configuration = load(None, data=place.data, database_url=place.database_url)
    if configuration.database_url is not None and not place.demo:
        yield Found(configuration.database_url.get_secret_value(), None)
        return
    directory = data_directory(configuration, place.demo)
    if not makes and not holds_database(directory):
        makers = "`serve --demo` makes" if place.demo else "`serve` or `db migrate` makes"
        raise DatabaseMissing(
            f"there is no database in {directory}: {makers} one, --data names another directory"
        )
    with attached(directory) as (conninfo, is_served):
        yield Found(conninfo, directory, is_served)


@contextmanager
def conninfo_of(place: Place) -> Iterator[str]:
    """Gives the connection string of a database that can be worked with.

    The schema of an embedded database is brought up to date, that of an external one is checked.

    Raises:
        SchemaError: a server that is older than this program might not be able to go on.
    """
    with found(place) as (conninfo, directory, is_served):
        if directory is None:
            schema.check(conninfo)
        elif is_served and backup_files.is_needed(conninfo):
            raise SchemaError(
                f"the server that is at work in {directory} is older than this program, which"
                f" needs schema {schema.VERSION}: end it, then start this version"
            )
        else:
            backup_files.migrate_embedded(conninfo, directory)
        yield conninfo


@asynccontextmanager
async def opened(conninfo: str) -> AsyncIterator[Rooms]:
    """Opens a database for commands."""
    database = Database(conninfo, pool_size=2, statement_seconds=COMMAND_SECONDS)
    catalogues = Catalogues(catalogue.read_stored)
    try:
        yield Rooms(database, PostgresAccounts(database, catalogues))
    finally:
        await database.close()


def run(place: Place, work: Callable[[Rooms], Awaitable[T]]) -> T:
    """Does a command's work on its database."""

    async def work_on(conninfo: str) -> T:
        async with opened(conninfo) as rooms:
            return await work(rooms)

    with conninfo_of(place) as conninfo:
        return asyncio.run(work_on(conninfo))
