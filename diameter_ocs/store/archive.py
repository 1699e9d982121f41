"""The file of a backup: a ZIP with each table's rows as PostgreSQL's COPY text, and a manifest.

The manifest is written last, and every member has its checksum: a file that was cut off or altered
shows it before anything is read into a database.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Literal
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

import msgspec

MANIFEST = "manifest.json"
ROWS = "{}.copy"
COMPRESSION = 1
"""COPY text shrinks to a fifth at once; more effort takes much time and saves little."""
CHUNK_OCTETS = 256 * 1024

Tell = Callable[[str, int, int], None]
"""Takes what is worked on, how much of it is done, and about how much there is."""


class BackupInvalid(Exception):
    """A file is no backup, or not a whole one; the message says what to do."""


class Contents(msgspec.Struct, frozen=True):
    """A table in a backup."""

    name: str
    columns: tuple[str, ...]
    rows: int


class Partition(msgspec.Struct, frozen=True):
    """A partition by range, with its bounds as PostgreSQL writes them."""

    table: str
    name: str
    first: str
    end: str


class Sequence(msgspec.Struct, frozen=True):
    """A sequence, and where it stood."""

    name: str
    last_value: int
    is_called: bool


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds; a table comes after those that it refers to."""

    format: Literal["diameter-ocs backup 1"]
    taken_at: str
    schema: int
    revision: str
    """The migration that the schema stood at."""
    tables: tuple[Contents, ...]
    partitions: tuple[Partition, ...]
    sequences: tuple[Sequence, ...]


class Writer:
    """Writes a backup to a file, table by table."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = ZipFile(file, "w", ZIP_DEFLATED, compresslevel=COMPRESSION)

    def add(self, table: str, chunks: Iterable[bytes]) -> None:
        """Writes the rows of a table."""
        with self._zip.open(ROWS.format(table), "w", force_zip64=True) as member:
            for chunk in chunks:
                member.write(chunk)

    def finish(self, manifest: Manifest) -> None:
        """Writes the manifest and the end of the file."""
        self._zip.writestr(MANIFEST, msgspec.json.encode(manifest))
        self._zip.close()


class Reader:
    """Reads a backup; BackupInvalid when the file is none."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._zip = ZipFile(file)
            self.manifest = msgspec.json.decode(self._zip.read(MANIFEST), type=Manifest)
            self._members = {
                table.name: self._zip.getinfo(ROWS.format(table.name))
                for table in self.manifest.tables
            }
        except (BadZipFile, KeyError, msgspec.MsgspecError, zlib.error, RuntimeError) as error:
            raise BackupInvalid(
                "this is not a backup of diameter-ocs, or it was cut off: name another file"
            ) from error

    def verify(self, tell: Tell) -> None:
        """Reads everything once; BackupInvalid when something was altered or is missing."""
        total = sum(member.file_size for member in self._members.values())
        done = 0
        try:
            for table in self.manifest.tables:
                for chunk in self.chunks(table.name):
                    done += len(chunk)
                    tell("the file", done, total)
        except (BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise BackupInvalid(
                "this backup was damaged after it was made: name another file"
            ) from error

    def chunks(self, table: str) -> Iterator[bytes]:
        """Yields the rows of a table."""
        with self._zip.open(self._members[table]) as member:
            while chunk := member.read(CHUNK_OCTETS):
                yield chunk
