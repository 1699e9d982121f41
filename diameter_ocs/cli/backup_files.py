"""The files of backups: whole or not there at all; some are made unasked, before a migration."""

import datetime
import os
from contextlib import suppress
from pathlib import Path

import typer

from ..config import resource
from ..store import schema
from ..store.archive import Manifest, Tell
from ..store.backup import holds_data, write_backup
from .progress import Progress

FOLDER = "backups"
"""Where an embedded database is backed up before a migration, below the data directory."""
KEPT = 5
"""How many of these are kept."""


class NotSaved(Exception):
    """A backup cannot be written; the message says what to do."""


def save(conninfo: str, file: Path, tell: Tell) -> Manifest:
    """Writes a backup beside its place, and moves it there when it is on the disk.

    Raises:
        NotSaved: there is a file of that name, or it cannot be written.
    """
    if file.exists():
        raise NotSaved(f"there is a file {file} already: choose another name, or remove it")
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w+b") as opened:
                manifest = write_backup(conninfo, opened, tell)
                opened.flush()
                os.fsync(opened.fileno())
            beside.rename(file)
        except BaseException:
            with suppress(FileNotFoundError):
                beside.unlink()
            raise
        _sync_folder(file.parent)
    except OSError as error:
        raise NotSaved(
            f"{file} cannot be written ({error.strerror}): choose another place"
        ) from error
    return manifest


def is_needed(conninfo: str) -> bool:
    """Says whether a migration would change a database that holds something."""
    version = schema.installed(conninfo)
    return version is not None and version < schema.VERSION and holds_data(conninfo)


def save_before_migration(conninfo: str, directory: Path) -> Path:
    """Saves an embedded database in its data directory, and drops the oldest such backups.

    Raises:
        NotSaved: the backup cannot be written, so nothing should be migrated.
    """
    folder = directory / FOLDER
    now = datetime.datetime.now(datetime.UTC)
    file = folder / f"{now:%Y%m%dT%H%M%S%f}Z-schema-{schema.installed(conninfo)}.zip"
    progress = Progress("backing up before the schema is changed")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        save(conninfo, file, progress.tell)
    except (NotSaved, OSError) as error:
        raise NotSaved(
            f"the schema is not changed, because the database cannot be backed up first: {error};"
            " make room, or save it elsewhere with `db migrate --backup FILE`"
        ) from error
    finally:
        progress.end()
    for old in sorted(folder.glob("*Z-schema-*.zip"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return file


def migrate_embedded(conninfo: str, directory: Path) -> None:
    """Brings an embedded database up to date; one that holds something is saved first."""
    if is_needed(conninfo):
        file = save_before_migration(conninfo, directory)
        typer.echo(f"diameter-ocs: before its schema is changed, it was saved in {file}", err=True)
    schema.migrate(conninfo, resource("migrations"))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
