"""`catalogue`: what a tenant sells, as one YAML document."""

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from ..charging.catalogue import AppliedDocument
from ..handlers import catalogue_versions, peers, provisioning
from ..handlers.catalogue import read_document
from ..handlers.catalogue_difference import Difference
from ..handlers.catalogue_document import Document, json_schema
from ..handlers.catalogue_keys import check_servers
from ..handlers.catalogue_text import DOCUMENT_OCTETS_MAX, CatalogueError, Fault
from ..handlers.catalogue_versions import Change, Compared
from ..handlers.commands import Done
from ..handlers.refusals import Refusal
from ..store.catalogue_versions import CatalogueVersions
from ..store.peers import PostgresPeers
from . import database
from .database import Rooms
from .options import AsJson, Data, DatabaseUrl, Demo, Tenant, TransactionId, order
from .output import command, print_done, print_json, print_table

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


@app.command("schema")
@command
def schema(as_json: AsJson = False) -> None:
    """Print a JSON Schema of the document, by which editors help and check; it is JSON anyway."""
    del as_json
    print_json(json_schema())


@app.command("apply")
@command
def apply(
    file: File,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would change, or why it cannot.")
    ] = False,
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

    async def work(rooms: Rooms) -> tuple[Compared, Done | int]:
        versions = CatalogueVersions(rooms.database)
        compared = await catalogue_versions.difference_to(versions, document)
        servers = await peers.seen(PostgresPeers(rooms.database), await rooms.database.ping())
        peers.check_profiles(servers, [peer.profile for peer in document.peers])
        check_servers(document, servers)
        if dry_run:
            version = await provisioning.check_catalogue(rooms.accounts, document)
            return compared, compared.base if compared.is_running else version
        return compared, await provisioning.apply_catalogue(
            rooms.accounts, document, given, compared
        )

    compared, done = database.run(place, work)
    if isinstance(done, Done):
        _print_applied(document.tenant, compared, done, as_json)
        return
    _print_differences(compared.differences, as_json)
    if not as_json and not compared.is_running:
        typer.echo(f"It would be version {done} of the catalogue of {document.tenant}.")


def _print_applied(tenant: str, compared: Compared, done: Done, as_json: bool) -> None:
    is_told = not as_json and not done.is_repeated
    version = done.answer["version"]
    if is_told and version == compared.base:
        typer.echo("Nothing changes: this text is what runs.")
    elif is_told and compared.base:
        _print_differences(compared.differences, as_json)
    print_done(done, f"The catalogue of {tenant} is at version {version}.", as_json)


@app.command("show")
@command
def show(
    version: Annotated[
        int | None,
        typer.Option("--version", min=1, help="An older one than what runs.", metavar="NUMBER"),
    ] = None,
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Print the document as it was applied, with its comments."""

    async def work(rooms: Rooms) -> tuple[str, AppliedDocument]:
        versions = CatalogueVersions(rooms.database)
        name = await provisioning.tenant_named(rooms.accounts, tenant)
        return name, await catalogue_versions.version_of(versions, name, version)

    name, applied = database.run(database.Place(data, database_url, demo), work)
    content = json.loads(applied.document)
    if as_json:
        applied_json = {**_applied_json(applied), "source": applied.source}
        print_json({"tenant": name, **applied_json, "document": content})
    elif applied.source is not None:
        typer.echo(applied.source, nl=not applied.source.endswith("\n"))
    else:
        typer.echo("# Applied when the text was not kept yet; this is what it said.")
        typer.echo(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), nl=False)


@app.command("history")
@command
def show_history(
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, help="How many at most.", metavar="NUMBER")
    ] = 20,
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List the versions, the newest first: when, who, and what it changed."""

    async def work(rooms: Rooms) -> Sequence[Change]:
        versions = CatalogueVersions(rooms.database)
        name = await provisioning.tenant_named(rooms.accounts, tenant)
        return await catalogue_versions.history(versions, name, limit)

    changes = database.run(database.Place(data, database_url, demo), work)
    if as_json:
        print_json([{**_applied_json(each.applied), "summary": each.summary} for each in changes])
        return
    rows = [(each.applied, each.summary) for each in changes]
    print_table(
        ["version", "time", "actor", "summary"],
        [(each.version, _time(each.applied_at), each.actor, text) for each, text in rows],
    )


@app.command("diff")
@command
def show_differences(
    first: Annotated[
        str | None,
        typer.Argument(
            help="A version, or a file to compare what runs with.", metavar="[VERSION|FILE]"
        ),
    ] = None,
    second: Annotated[
        int | None, typer.Argument(min=1, help="A newer version.", metavar="[VERSION]")
    ] = None,
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Say what differs between two versions, or what a file would change.

    Without a version: what the newest one changed. With one version: what has changed since.
    """
    is_version = first is not None and first.isascii() and first.isdigit()
    document = None if first is None or is_version else read_file(Path(first))

    async def work(rooms: Rooms) -> Sequence[Difference]:
        versions = CatalogueVersions(rooms.database)
        if document is not None:
            return (await catalogue_versions.difference_to(versions, document)).differences
        name = await provisioning.tenant_named(rooms.accounts, tenant)
        older = None if first is None else int(first)
        return await catalogue_versions.difference(versions, name, older, second)

    _print_differences(database.run(database.Place(data, database_url, demo), work), as_json)


def _print_differences(found: Sequence[Difference], as_json: bool) -> None:
    if as_json:
        print_json([difference._asdict() for difference in found])
        return
    for difference in found:
        typer.echo(str(difference))
    if not found:
        typer.echo("No difference.")


def _applied_json(applied: AppliedDocument) -> dict[str, Any]:
    return {
        "version": applied.version,
        "applied_at": _time(applied.applied_at),
        "actor": applied.actor,
    }


def _time(at: int) -> str:
    moment = datetime.datetime.fromtimestamp(at // 1_000_000, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def read_file(file: Path) -> Document:
    """Reads and checks a document; its faults are named with the file.

    Raises:
        Refusal: the file cannot be read.
        CatalogueError: it is wrong.
    """
    try:
        with file.open("rb") as opened:
            octets = opened.read(DOCUMENT_OCTETS_MAX + 1)
        return read_document(octets.decode("utf-8"))
    except OSError as error:
        raise Refusal("file_unreadable", f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        reason = f"is not written in UTF-8: {error.reason}"
        raise CatalogueError([Fault(line, None, "", reason)], str(file)) from None
    except CatalogueError as error:
        raise CatalogueError(error.faults, str(file)) from None
