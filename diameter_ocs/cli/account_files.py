"""`account import`: a file of accounts, as comma-separated values."""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from ..charging.accounts import NewAccount
from ..handlers.commands import Done
from ..handlers.importing import ImportFile, Row, import_accounts
from ..handlers.refusals import Refusal
from . import database
from .identity_text import parse_identities
from .options import AsJson, Data, DatabaseUrl, Demo, Tenant, TransactionId, order
from .output import command, print_done
from .progress import Progress

COLUMNS = ["id", "plan", "identities"]
MORE_COLUMNS = [*COLUMNS, "time_zone"]
LINE_OCTETS_MAX = 65_536
BYTE_ORDER_MARK = "\ufeff"
CHUNK_OCTETS = 2**20


@command
def load(
    file: Annotated[
        Path,
        typer.Argument(
            help="Comma-separated values in UTF-8, one account a line: id,plan,identities. The"
            " identities are separated by spaces, as imsi:001010000000001 msisdn:15550100001. A"
            " fourth field may say a time zone. A first line with these headings is passed over.",
            metavar="FILE",
        ),
    ],
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Open all accounts of a file, or none; every line that is wrong is told."""
    digest, lines = _survey(file)
    progress = Progress("import")
    listed = ImportFile(file.name, digest, lambda: _rows_of(file))

    async def work(rooms: database.Rooms) -> Done:
        return await import_accounts(
            rooms.accounts,
            tenant,
            listed,
            order(transaction_id),
            lambda done: progress.tell("accounts", done, lines),
        )

    try:
        done = database.run(database.Place(data, database_url, demo), work)
    finally:
        progress.end()
    count = done.answer["accounts"]
    print_done(done, f"{count:,} accounts of {done.answer['tenant']} are opened.", as_json)


def _survey(file: Path) -> tuple[str, int]:
    """Returns the SHA-256 of a file, and how many lines it has."""
    digest, lines = hashlib.sha256(), 0
    with _opened(file) as opened:
        while octets := opened.read(CHUNK_OCTETS):
            digest.update(octets)
            lines += octets.count(b"\n")
    return digest.hexdigest(), lines


def _rows_of(file: Path) -> Iterator[Row]:
    with _opened(file) as opened:
        yield from read_rows(opened)


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        raise Refusal("file_unreadable", f"{file} cannot be read: {error.strerror}") from None


def read_rows(file: BinaryIO) -> Iterator[Row]:
    """Yields what each line says; after one that hides where the next begins, no more."""
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    is_first = True
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeDecodeError, LineTooLong) as error:
            yield Row(lines.number, None, f"{_reason(error)}; what follows was not read")
            return
        headings = [field.strip().lower() for field in fields]
        if fields and not (is_first and headings in (COLUMNS, MORE_COLUMNS)):
            yield _row(lines.number, fields)
        is_first = is_first and not fields


class LineTooLong(Exception):
    """A line has more octets than one of accounts can have."""


class _Lines:
    """The lines of a file as text; counts them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        octets = self._file.readline(LINE_OCTETS_MAX + 1)
        if not octets:
            raise StopIteration
        self.number += 1
        if len(octets) > LINE_OCTETS_MAX:
            raise LineTooLong
        text = octets.decode()
        return text.removeprefix(BYTE_ORDER_MARK) if self.number == 1 else text


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"it is not written in UTF-8: {error.reason}"
    if isinstance(error, LineTooLong):
        return f"it is longer than {LINE_OCTETS_MAX} octets"
    return f"it cannot be read as comma-separated values: {error}"


def _row(line: int, fields: list[str]) -> Row:
    if len(fields) not in (len(COLUMNS), len(MORE_COLUMNS)):
        expected = ",".join(COLUMNS)
        return Row(line, None, f"it has {len(fields)} fields and not {len(COLUMNS)}: {expected}")
    name, plan, identities, *more = (field.strip() for field in fields)
    if not plan:
        return Row(line, None, "it names no plan")
    try:
        parsed = parse_identities(identities.split())
    except Refusal as refusal:
        return Row(line, None, str(refusal))
    time_zone = "".join(more) or None
    return Row(line, NewAccount(name, (plan,), parsed, time_zone=time_zone))
