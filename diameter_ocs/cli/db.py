"""`db`: the database's schema, and its backups."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from ..config import resource
from ..store import schema
from ..store.archive import BackupInvalid, Manifest, Reader
from ..store.backup import restore as restore_backup
from ..store.books import Books, check_books
from . import backup_files, database
from .books import books_json, print_books
from .error_table import NOT_BALANCED, REFUSED, WRONG_INPUT
from .options import AsJson, Data, DatabaseUrl, Demo
from .output import command, fail, print_json
from .progress import Progress

app = typer.Typer(help="The database: its schema and its backups.", no_args_is_help=True)


@app.command("migrate")
@command
def migrate(
    backup: Annotated[
        Path | None,
        typer.Option(
            "--backup",
            help="Where to save a database that holds something, before its schema is changed."
            " An embedded one is saved in its data directory unless this says otherwise.",
            metavar="FILE",
        ),
    ] = None,
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="Change the schema without a backup.")
    ] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Create the roles where they are missing, and bring the schema up to date."""
    if backup is not None and no_backup:
        fail("usage", ["--backup and --no-backup exclude each other"], WRONG_INPUT, as_json)
    with database.found(database.Place(data, database_url, demo), makes=True) as found:
        saved = None
        if not no_backup and backup_files.is_needed(found.conninfo):
            saved = _save_before_migration(found, backup, as_json)
        schema.migrate(found.conninfo, resource("migrations"))
    if as_json:
        print_json({"schema": schema.VERSION, "backup": None if saved is None else str(saved)})
        return
    if saved is not None:
        typer.echo(f"The database was saved in {saved}.")
    typer.echo(f"The schema is at version {schema.VERSION}.")


@app.command("backup")
@command
def backup(
    file: Annotated[Path, typer.Argument(help="A file that is not there yet.", metavar="FILE")],
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Save everything in the database, as of one moment, while servers work on it."""
    with database.found(database.Place(data, database_url, demo)) as found:
        manifest = _save(found.conninfo, file, as_json)
    if as_json:
        print_json({"file": str(file), "octets": file.stat().st_size, **_manifest_json(manifest)})
    else:
        typer.echo(f"Saved {_describe(manifest)} in {file} ({file.stat().st_size:,} octets).")


@app.command("restore")
@command
def restore(
    file: Annotated[Path, typer.Argument(help="What `db backup` wrote.", metavar="FILE")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Drop what the database holds.")
    ] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Fill an empty database from a backup, then compare the books; no server may be running."""
    progress = Progress("restoring")
    try:
        with file.open("rb") as opened:
            reader = Reader(opened)
            with database.found(database.Place(data, database_url, demo), makes=True) as found:
                scripts = resource("migrations")
                tell = _silent if as_json else progress.tell
                restored = restore_backup(found.conninfo, reader, scripts, replace, tell)
                progress.end()
                books = asyncio.run(_books(found.conninfo))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise BackupInvalid(f"{file} cannot be read: {reason}") from None
    except BackupInvalid as error:
        raise BackupInvalid(f"{file}: {error}") from None
    finally:
        progress.end()
    manifest = restored.manifest
    if as_json:
        answer = {**_manifest_json(manifest), "kept_back": restored.kept_back}
        print_json({**answer, "books": books_json(books)})
    else:
        typer.echo(f"Restored {_describe(manifest)}; the schema is at version {schema.VERSION}.")
        if restored.kept_back:
            typer.echo(
                f"{restored.kept_back} messages that were to leave are kept back:"
                " `outbox list --dead` shows them, `outbox retry --all-dead` sends them."
            )
        print_books(books)
    if not books.are_balanced:
        raise typer.Exit(NOT_BALANCED)


def _save_before_migration(found: database.Found, backup: Path | None, as_json: bool) -> Path:
    if backup is not None:
        _save(found.conninfo, backup, as_json)
        return backup
    if found.directory is not None:
        return backup_files.save_before_migration(found.conninfo, found.directory)
    sentence = (
        f"the schema is to be changed from version {schema.installed(found.conninfo)} to"
        f" {schema.VERSION}: have the database saved first with --backup FILE, or say --no-backup"
        " where you have saved it yourself"
    )
    fail("backup_needed", [sentence], REFUSED, as_json)


def _save(conninfo: str, file: Path, as_json: bool) -> Manifest:
    progress = Progress("saving")
    try:
        return backup_files.save(conninfo, file, _silent if as_json else progress.tell)
    finally:
        progress.end()


async def _books(conninfo: str) -> Books:
    async with database.opened(conninfo) as rooms:
        return await check_books(rooms.database)


def _silent(_what: str, _done: int, _total: int) -> None:
    """Tells nothing: programs wait without looking."""


def _describe(manifest: Manifest) -> str:
    rows = sum(table.rows for table in manifest.tables)
    return f"{rows:,} rows in {len(manifest.tables)} tables, as of {manifest.taken_at}"


def _manifest_json(manifest: Manifest) -> dict[str, object]:
    return {
        "taken_at": manifest.taken_at,
        "schema": manifest.schema,
        "rows": {table.name: table.rows for table in manifest.tables},
    }
