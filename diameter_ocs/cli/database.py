"""The database that a command works on, and `db migrate`."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import typer

from ..config import Configuration, load, resource
from ..embedded import attached, default_directory
from ..handlers import catalogue
from ..observability import configure_logging
from ..store import schema
from ..store.accounts import PostgresAccounts
from ..store.catalogues import Catalogues
from ..store.database import Database
from .options import AsJson, Data, DatabaseUrl, Demo
from .output import command, print_json

app = typer.Typer(help="The database's schema.", no_args_is_help=True)
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


class Rooms(NamedTuple):
    """An open database, and what commands do with it."""

    database: Database
    accounts: PostgresAccounts


def data_directory(configuration: Configuration, demo: bool) -> Path:
    """Returns the directory of the embedded database."""
    directory = configuration.data or default_directory(os.environ)
    return directory / DEMO_FOLDER if demo else directory


@contextmanager
def conninfo_of(place: Place) -> Iterator[str]:
    """Gives the connection string; an embedded database that does not run is started meanwhile.

    The schema of an embedded database is brought up to date, that of an external one is checked.
    """
    configure_logging("warning", "auto")
    configuration = load(None, data=place.data, database_url=place.database_url)
    if configuration.database_url is not None and not place.demo:
        conninfo = configuration.database_url.get_secret_value()
        schema.check(conninfo)
        yield conninfo
        return
    with attached(data_directory(configuration, place.demo)) as conninfo:
        schema.migrate(conninfo, resource("migrations"))
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


@app.command("migrate")
@command
def migrate(
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Create the roles where they are missing, and bring the schema up to date."""
    configure_logging("warning", "auto")
    configuration = load(None, data=data, database_url=database_url)
    if configuration.database_url is not None and not demo:
        schema.migrate(configuration.database_url.get_secret_value(), resource("migrations"))
    else:
        with attached(data_directory(configuration, demo)) as conninfo:
            schema.migrate(conninfo, resource("migrations"))
    if as_json:
        print_json({"schema": schema.VERSION})
    else:
        typer.echo(f"The schema is at version {schema.VERSION}.")
