"""`catalogue`: what a tenant sells, as one YAML document."""

from pathlib import Path
from typing import Annotated

import typer

from ..handlers import provisioning
from ..handlers.catalogue import CatalogueError, Document, read_document
from . import database
from .options import AsJson, Data, DatabaseUrl, Demo, stamp
from .output import command, print_json

app = typer.Typer(help="What a tenant sells.", no_args_is_help=True)


@app.callback()
def catalogue() -> None:
    """What a tenant sells."""


@app.command("apply")
@command
def apply(
    file: Annotated[Path, typer.Argument(help="A whole catalogue in YAML.", metavar="FILE")],
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Make a document the next version of its tenant's catalogue; servers use it at once."""
    document = read_file(file)
    place = database.Place(data, database_url, demo)
    version = database.run(
        place, lambda rooms: provisioning.apply_catalogue(rooms.accounts, document, stamp())
    )
    if as_json:
        print_json({"tenant": document.tenant, "version": version})
    else:
        typer.echo(f"The catalogue of {document.tenant} is at version {version}.")


def read_file(file: Path) -> Document:
    """Reads and checks a document; its faults are named with the file."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogueError([f"{file}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise CatalogueError([f"{file}: is not written in UTF-8: {error.reason}"]) from None
    try:
        return read_document(text)
    except CatalogueError as error:
        raise CatalogueError([f"{file}: {fault}" for fault in error.faults]) from None
