"""`audit`: what commands have changed, and who gave them."""

from typing import Annotated, Any

import typer

from ..charging.commands import AuditEntry
from ..handlers.moments import moment_text, parse_optional_moment
from ..store.audit import list_audit
from . import database
from .audit_text import change_text
from .options import AsJson, Data, DatabaseUrl, Demo, Limit, OfAccount, Since
from .output import command, print_json, print_table

app = typer.Typer(help="What commands have changed.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """What commands have changed, and who gave them."""


@app.command("list")
@command
def show_all(
    account: OfAccount = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Only this tenant's.", metavar="NAME")
    ] = None,
    since: Since = None,
    limit: Limit = 100,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List what commands have changed, the newest first; JSON tells all of it."""
    earliest = parse_optional_moment(since)
    place = database.Place(data, database_url, demo)
    entries = database.run(
        place, lambda rooms: list_audit(rooms.database, tenant, account, earliest, limit)
    )
    if as_json:
        print_json([_json(entry) for entry in entries])
        return
    print_table(["time", "actor", "operation", "tenant", "account", "change"], map(_row, entries))


def _json(entry: AuditEntry) -> dict[str, Any]:
    others = entry._asdict()
    return {"time": moment_text(others.pop("at")), **others}


def _row(entry: AuditEntry) -> tuple[object, ...]:
    return (
        moment_text(entry.at),
        entry.actor,
        entry.operation,
        entry.tenant or None,
        entry.account,
        change_text(entry.before, entry.after),
    )
