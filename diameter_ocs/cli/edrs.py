"""`edr`: the journal."""

from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from typing import Annotated, Any

import typer

from ..charging.announcements import Announcement
from ..charging.catalogue import Catalogue
from ..charging.decisions import EdrKind, EdrName, Grant, Payment, ServiceRecord, parse_edr_name
from ..charging.faults import CatalogueUnreadable
from ..charging.refunds import REFUND
from ..charging.requests import session_id_text
from ..handlers import provisioning
from ..handlers.answers import price_answer
from ..handlers.explanation import explained
from ..handlers.moments import moment_text, parse_optional_moment
from ..handlers.refusals import Refusal
from ..server.numbering import numbering_tables
from ..store.journal import EdrsAsked, ListedEdr, list_edrs
from . import database
from .circumstances import circumstances_json, location_text, place_text
from .database import Rooms
from .edr_explain import Terms, explanation_json, explanation_text
from .edr_text import print_edr, service_text
from .final_unit_text import final_unit_json
from .options import AsJson, Data, DatabaseUrl, Demo, Limit, OfAccount, Since, Tenant
from .output import command, print_json, print_table

app = typer.Typer(help="The journal: one record of each decision.", no_args_is_help=True)

Catalogues = dict[tuple[str, int | None], Catalogue]
"""By tenant and the version that an EDR names; None: it was a command."""
COLUMNS = [
    "edr",
    "time",
    "account",
    "action",
    "outcome",
    "Session-Id",
    "number",
    "place",
    "services",
]
DAY = 86_400_000_000
RESERVED_SINCE = 3 * DAY
"""How long what is used may have been reserved, and some more."""
SESSION_EDRS_MAX = 1000
REFUNDS_MAX = 1000
"""How many refunds of an account are looked through."""


class Kind(StrEnum):
    """The families of EDRs, as they are written on a command line."""

    CHARGING = "charging"
    BILLING = "billing"
    ACCOUNT = "account"
    DEVICE = "device"


@app.command("list")
@command
def show_all(
    account: OfAccount = None,
    tenant: Tenant = None,
    session: Annotated[
        str | None,
        typer.Option("--session", help="Only this Session-Id's.", metavar="SESSION-ID"),
    ] = None,
    kind: Annotated[Kind | None, typer.Option("--kind", help="Only of this kind.")] = None,
    since: Since = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Before this time.", metavar="TIME")
    ] = None,
    days: Annotated[
        int,
        typer.Option(
            "--days", min=1, max=36_500, help="How far to look back without --since.", metavar="N"
        ),
    ] = 7,
    limit: Limit = 100,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List EDRs, the newest first."""
    first, end = parse_optional_moment(since), parse_optional_moment(until)

    async def work(rooms: Rooms) -> tuple[list[ListedEdr], Catalogues]:
        # What a command has just done, by the database's clock, is always among them.
        last = await rooms.database.ping() + DAY if end is None else end
        asked = EdrsAsked(
            last - (days + 1) * DAY if first is None else first,
            last,
            tenant=tenant,
            session_id=None if session is None else session.encode(errors="surrogateescape"),
            kind=None if kind is None else EdrKind[kind.name],
        )
        if account is not None:
            found = await _of_account(rooms, asked, account, limit)
        else:
            found = await list_edrs(rooms.database, asked, limit)
        return found, {} if as_json else await _catalogues(rooms, found)

    edrs, catalogues = database.run(database.Place(data, database_url, demo), work)
    if as_json:
        print_json([edr_json(each) for each in edrs])
        return
    print_table(COLUMNS, [_row(each, catalogues.get(_decided_by(each))) for each in edrs])


async def _of_account(rooms: Rooms, asked: EdrsAsked, name: str, limit: int) -> list[ListedEdr]:
    """Lists EDRs of an account; where none has the name, of those that had it and were deleted."""
    try:
        found = await provisioning.find_account(rooms.accounts, asked.tenant, name)
    except Refusal as refusal:
        if refusal.code != "account_unknown":
            raise
        edrs = await list_edrs(rooms.database, asked._replace(account=name), limit)
        if not edrs:
            raise
        return edrs
    its = asked._replace(group_id=found.group_id, account_id=found.id)
    return await list_edrs(rooms.database, its, limit)


@app.command("show")
@command
def show(
    name: Annotated[str, typer.Argument(help="An EDR's id, as `edr list` says.", metavar="ID")],
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Show all of an EDR, and what gave back what it charged."""

    async def work(rooms: Rooms) -> tuple[dict[str, Any], dict[int, str], Catalogue | None]:
        found = await _find(rooms, name)
        location = location_text(found.edr.circumstances.location)
        places = {} if as_json else {"location": location}
        answer = {**edr_json(found), **places, "refunded_by": await _refunded_by(rooms, found)}
        balances = await rooms.accounts.group_balances(found.group_id)
        types = {balance.id: balance.balance_type for balance in balances}
        catalogues = {} if as_json else await _catalogues(rooms, [found])
        return answer, types, catalogues.get(_decided_by(found))

    answer, balance_types, catalogue = database.run(database.Place(data, database_url, demo), work)
    if as_json:
        print_json(answer)
    else:
        print_edr(answer, balance_types, catalogue)


@app.command("explain")
@command
def explain(
    name: Annotated[str, typer.Argument(help="An EDR's id, as `edr list` says.", metavar="ID")],
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Say why a request was decided as it was: place, services, price, rounding, codes."""

    async def work(rooms: Rooms) -> tuple[ListedEdr, Catalogue | None, dict[int, str]]:
        found = await _find(rooms, name)
        catalogue = (await _catalogues(rooms, [found])).get(_decided_by(found))
        return found, catalogue, await _reserved_by(rooms, found)

    found, catalogue, reserved_by = database.run(database.Place(data, database_url, demo), work)
    why = explained(found.edr.considered, catalogue)
    if as_json:
        print_json({**edr_json(found), **explanation_json(found.edr, why, reserved_by)})
    else:
        terms = Terms(catalogue, numbering_tables().operators, reserved_by)
        typer.echo(explanation_text(found, why, terms))


async def _reserved_by(rooms: Rooms, found: ListedEdr) -> dict[int, str]:
    """Returns, by rating group, the EDR that granted what this one reports as used."""
    edr, reserved_by = found.edr, dict[int, str]()
    used = {each.rating_group for each in edr.services if each.settlement.reported}
    if edr.session_number is None or not used:
        return reserved_by
    since = edr.at - RESERVED_SINCE
    asked = EdrsAsked(since, edr.at + 1, found.group_id, session_id=edr.session_id)
    for before in await list_edrs(rooms.database, asked, SESSION_EDRS_MAX):
        is_its = before.edr.session_number == edr.session_number
        for each in before.edr.services if is_its and before.edr.number < edr.number else ():
            number = each.rating_group
            if number is not None and number in used and each.grant is not None:
                reserved_by.setdefault(number, edr_name(before))
    return reserved_by


async def _refunded_by(rooms: Rooms, found: ListedEdr) -> list[str]:
    """Returns the EDRs that gave back something of what one charged, the oldest first."""
    edr = found.edr
    if not any(each.settlement.charged > 0 for each in edr.services):
        return []
    until = await rooms.database.ping() + DAY
    asked = EdrsAsked(edr.at, until, found.group_id, edr.account_id, action=REFUND)
    refunds = await list_edrs(rooms.database, asked, REFUNDS_MAX)
    return [
        edr_name(each)
        for each in reversed(refunds)
        if any(
            payment.charge is not None and payment.charge[:2] == edr.stored
            for record in each.edr.services
            for payment in record.paid
        )
    ]


async def _find(rooms: Rooms, name: str) -> ListedEdr:
    asked = parse_edr_name(name)
    if asked is None:
        raise Refusal("edr_unknown", f"{name!r} is no EDR's id; `edr list` says them")
    span = EdrsAsked(asked.at, asked.at + 1, asked.group_id)
    for each in await list_edrs(rooms.database, span, 100_000):
        if each.edr.number == asked.number:
            return each
    raise Refusal("edr_unknown", f"there is no EDR {name!r}, or it is not kept any more")


async def _catalogues(rooms: Rooms, edrs: Iterable[ListedEdr]) -> Catalogues:
    """Reads what says in which units EDRs are; of a command's, the catalogue that runs says it."""
    running = await rooms.accounts.tenants()
    read: Catalogues = {}
    for tenant, decided_by in {_decided_by(each) for each in edrs}:
        version = running.get(tenant) if decided_by is None else decided_by
        if version is not None:
            with suppress(CatalogueUnreadable):
                read[tenant, decided_by] = await rooms.accounts.read_catalogue(tenant, version)
    return read


def _decided_by(listed: ListedEdr) -> tuple[str, int | None]:
    return listed.tenant, listed.edr.catalogue_version


def _row(listed: ListedEdr, catalogue: Catalogue | None) -> tuple[object, ...]:
    edr = listed.edr
    return (
        edr_name(listed),
        moment_text(edr.at),
        listed.account,
        edr.action if edr.reason is None else f"{edr.action} ({edr.reason})",
        edr.outcome.name.lower().replace("_", " "),
        None if edr.session_id is None else session_id_text(edr.session_id),
        "" if edr.request_number is None else str(edr.request_number),
        place_text(edr.circumstances.location),
        ", ".join([service_text(service, catalogue) for service in edr.services]),
    )


def edr_name(listed: ListedEdr) -> str:
    """Returns the EDR's id, (group, time, number), as one word."""
    return str(EdrName(listed.group_id, listed.edr.at, listed.edr.number))


def edr_json(listed: ListedEdr) -> dict[str, Any]:
    """Describes an EDR with all that it says."""
    edr = listed.edr
    return {
        "edr": edr_name(listed),
        "time": moment_text(edr.at),
        "account": listed.account,
        "tenant": listed.tenant,
        "account_id": edr.account_id,
        "kind": edr.kind.name,
        "action": edr.action,
        "reason": edr.reason,
        "outcome": edr.outcome.name,
        "session_id": None if edr.session_id is None else session_id_text(edr.session_id),
        "session_number": edr.session_number,
        "request_number": edr.request_number,
        "origin_host": edr.origin_host,
        "charging_id": edr.charging_id,
        "end_to_end_id": edr.end_to_end_id,
        "catalogue_version": edr.catalogue_version,
        "actor": edr.actor,
        **circumstances_json(edr.circumstances),
        "services": [_service_json(service, listed.group_id) for service in edr.services],
        "postings": [posting._asdict() for posting in edr.postings],
        "told": None if edr.told is None else edr.told._asdict(),
    }


def _service_json(service: ServiceRecord, group_id: int) -> dict[str, Any]:
    return {
        "rating_group": service.rating_group,
        "service_identifiers": list(service.service_identifiers),
        "outcome": service.outcome.name,
        **service.settlement._asdict(),
        "grant": None if service.grant is None else _grant_json(service.grant),
        "announcements": [_announcement_json(each) for each in service.announcements],
        "paid": [_payment_json(each, group_id) for each in service.paid],
        "is_in_money": service.is_in_money,
    }


def _payment_json(payment: Payment, group_id: int) -> dict[str, Any]:
    """Describes by what units were paid, or of which EDR they were given back."""
    charge, price = payment.charge, payment.price
    return {
        "units": payment.units,
        "amounts": [{"balance_id": number, "amount": amount} for number, amount in payment.amounts],
        "price": None if price is None else price_answer(price),
        "refund_of": None if charge is None else str(EdrName(group_id, charge.at, charge.number)),
    }


def _grant_json(grant: Grant) -> dict[str, Any]:
    final_unit = None if grant.final_unit is None else final_unit_json(grant.final_unit)
    return {**grant._asdict(), "unit_type": grant.unit_type.name, "final_unit": final_unit}


def _announcement_json(announcement: Announcement) -> dict[str, Any]:
    parts = [part._asdict() for part in announcement.variable_parts]
    return {**announcement._asdict(), "variable_parts": parts}
