"""`edr`: the journal."""

import datetime
from typing import Annotated, Any

import typer

from ..charging.decisions import Edr, Grant, ServiceRecord
from ..handlers import provisioning
from ..handlers.moments import moment_text
from ..store.edrs import list_edrs
from . import database
from .database import Rooms
from .options import AsJson, Data, DatabaseUrl, Demo, Tenant
from .output import command, print_json, print_table

app = typer.Typer(help="The journal: one record of each decision.", no_args_is_help=True)


@app.callback()
def edr() -> None:
    """The journal: one record of each decision."""


@app.command("list")
@command
def show_all(
    account: Annotated[
        str | None, typer.Option("--account", help="Only this account's.", metavar="NAME")
    ] = None,
    tenant: Tenant = None,
    days: Annotated[
        int,
        typer.Option("--days", min=1, max=36_500, help="How far to look back.", metavar="NUMBER"),
    ] = 7,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, help="How many at most.", metavar="NUMBER")
    ] = 100,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List EDRs, the newest first."""

    async def work(rooms: Rooms) -> list[tuple[int, Edr]]:
        group = None
        if account is not None:
            found = await provisioning.find_account(rooms.accounts, tenant, account)
            group = found.group_id
        now = datetime.datetime.now(datetime.UTC)
        since = now - datetime.timedelta(days=days)
        until = now + datetime.timedelta(days=1)
        return await list_edrs(rooms.database, group, since, until, limit)

    edrs = database.run(database.Place(data, database_url, demo), work)
    if as_json:
        print_json([_edr_json(group, edr) for group, edr in edrs])
        return
    print_table(
        ["edr", "time", "action", "outcome", "session", "number", "services"],
        [_row(group, edr) for group, edr in edrs],
    )


def edr_name(group: int, edr: Edr) -> str:
    """Returns the EDR's id, (group, time, number), as one word."""
    return f"{group}-{edr.at}-{edr.number}"


def _row(group: int, edr: Edr) -> tuple[object, ...]:
    return (
        edr_name(group, edr),
        moment_text(edr.at),
        edr.action if edr.reason is None else f"{edr.action} ({edr.reason})",
        edr.outcome.name.lower(),
        None if edr.session_id is None else edr.session_id.decode(errors="backslashreplace"),
        "" if edr.request_number is None else str(edr.request_number),
        ", ".join(map(_service_text, edr.services)),
    )


def _service_text(service: ServiceRecord) -> str:
    parts = [f"{service.rating_group}: {service.outcome.name.lower()}"]
    if service.settlement.reported:
        parts.append(f"used {service.settlement.reported}")
    if service.grant is not None:
        parts.append(f"granted {service.grant.units}")
    return " ".join(parts)


def _edr_json(group: int, edr: Edr) -> dict[str, Any]:
    return {
        "edr": edr_name(group, edr),
        "time": moment_text(edr.at),
        "account_id": edr.account_id,
        "kind": edr.kind.name,
        "action": edr.action,
        "reason": edr.reason,
        "outcome": edr.outcome.name,
        "session_id": None
        if edr.session_id is None
        else edr.session_id.decode(errors="backslashreplace"),
        "session_number": edr.session_number,
        "request_number": edr.request_number,
        "origin_host": edr.origin_host,
        "end_to_end_id": edr.end_to_end_id,
        "catalogue_version": edr.catalogue_version,
        "actor": edr.actor,
        "services": [_service_json(service) for service in edr.services],
        "postings": [posting._asdict() for posting in edr.postings],
    }


def _service_json(service: ServiceRecord) -> dict[str, Any]:
    return {
        "rating_group": service.rating_group,
        "service_identifiers": list(service.service_identifiers),
        "outcome": service.outcome.name,
        **service.settlement._asdict(),
        "grant": None if service.grant is None else _grant_json(service.grant),
    }


def _grant_json(grant: Grant) -> dict[str, Any]:
    return {**grant._asdict(), "unit_type": grant.unit_type.name}
