"""`catalogue`: what a tenant sells, as one YAML document."""

from pathlib import Path
from typing import Annotated

import typer

from ..handlers import provisioning
from ..handlers.catalogue import read_document
from ..handlers.catalogue_document import Document
from ..handlers.catalogue_text import DOCUMENT_OCTETS_MAX, CatalogueError, Fault
from . import database
from .options import AsJson, Data, DatabaseUrl, Demo, TransactionId, order
from .output import command, print_done, print_json

app = typer.Typer(help="What a tenant sells.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="A whole catalogue in YAML.", metavar="FILE")]


@app.command("check")
@command
def check(file: File, as_json: AsJson = False) -> None:
    """Say everything that is wrong in a document, with lines; needs no database."""
    document = read_file(file)
    if as_json:
        print_json({"tenant": document.tenant, "faults": []})
    else:
        typer.echo(f"{file} is a catalogue of {document.tenant}.")


@app.command("apply")
@command
def apply(
    file: File,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Make a document the next version of its tenant's catalogue; servers use it at once."""
    document = read_file(file)
    place = database.Place(data, database_url, demo)
    given = order(transaction_id)
    done = database.run(
        place, lambda rooms: provisioning.apply_catalogue(rooms.accounts, document, given)
    )
    sentence = f"The catalogue of {document.tenant} is at version {done.answer['version']}."
    print_done(done, sentence, as_json)


def read_file(file: Path) -> Document:
    """Reads and checks a document; its faults are named with the file.

    Raises:
        CatalogueError: the file cannot be read, or is wrong.
    """
    try:
        with file.open("rb") as opened:
            octets = opened.read(DOCUMENT_OCTETS_MAX + 1)
        return read_document(octets.decode("utf-8"))
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise CatalogueError([Fault(None, None, "", reason)], str(file)) from None
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        reason = f"is not written in UTF-8: {error.reason}"
        raise CatalogueError([Fault(line, None, "", reason)], str(file)) from None
    except CatalogueError as error:
        raise CatalogueError(error.faults, str(file)) from None
