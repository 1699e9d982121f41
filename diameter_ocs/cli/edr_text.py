"""EDRs in words."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import typer

from ..charging.catalogue import Catalogue
from ..charging.decisions import ServiceRecord
from ..charging.units import UnitType, format_money
from ..handlers.amounts import amount_text
from .final_unit_text import final_unit_text
from .output import table_text

HEADINGS = {
    "edr": "edr",
    "time": "time",
    "account": "account",
    "tenant": "tenant",
    "kind": "kind",
    "action": "action",
    "reason": "reason",
    "outcome": "outcome",
    "actor": "given by",
    "session_id": "Session-Id",
    "session_number": "session",
    "request_number": "number",
    "origin_host": "gateway",
    "end_to_end_id": "End-to-End-Id",
    "catalogue_version": "catalogue",
    "location": "location",
    "direction": "direction",
    "calling": "calling",
    "called": "called",
    "apn": "access point",
    "access": "access",
}
"""What the fields of an EDR are called, in the order in which they are printed."""
AMOUNTS = {
    "reported": "reported",
    "used": "believed",
    "charged": "charged units",
    "charged_amount": "charged amount",
    "tax_amount": "of it tax",
    "overrun": "above the grant",
    "overrun_amount": "its price",
    "shortfall": "not covered",
}
"""What the fields of a settlement are called."""
MONEY = {"charged_amount", "tax_amount", "overrun_amount"}


def service_text(service: ServiceRecord, catalogue: Catalogue | None) -> str:
    """Writes what became of a service in a few words."""
    settlement = service.settlement
    parts = [f"{service.rating_group}: {service.outcome.name.lower().replace('_', ' ')}"]
    if settlement.reported:
        write = _writer(service.is_in_money, service.rating_group, catalogue)
        parts.append(f"used {write(settlement.reported)}")
    if settlement.charged < 0:
        write = _writer(service.is_in_money, service.rating_group, catalogue)
        parts.append(f"gave back {write(-settlement.charged)}")
        if settlement.charged_amount:
            parts.append(f"for {money_text(-settlement.charged_amount, catalogue)}")
        return " ".join(parts)
    if settlement.charged_amount:
        parts.append(f"for {money_text(settlement.charged_amount, catalogue)}")
    grant = service.grant
    if grant is not None and grant.units:
        parts.append(f"granted {amount_text(grant.units, grant.unit_type, '')}")
    elif grant is not None and grant.final_unit is not None:
        parts.append(f"then {grant.final_unit.action.name.lower().replace('_', ' ')}")
    return " ".join(parts)


def print_edr(
    answer: Mapping[str, Any], balance_types: Mapping[int, str], catalogue: Catalogue | None
) -> None:
    """Prints all of an EDR, given the types of the balances that its group has.

    `catalogue` says in which units; None: that by which it was decided cannot be read.
    """
    for name, heading in HEADINGS.items():
        if answer[name] is not None:
            value = answer[name]
            is_word = name in ("kind", "outcome", "direction")
            typer.echo(f"{heading:14} {value.lower().replace('_', ' ') if is_word else value}")
    for refund in answer["refunded_by"]:
        typer.echo(f"{'refunded by':14} {refund}")
    if answer["told"] is not None:
        _print_told(answer["told"], catalogue)
    for service in answer["services"]:
        typer.echo("")
        _print_service(service, catalogue)
    if answer["postings"]:
        typer.echo("")
        typer.echo(postings_text(answer["postings"], balance_types, catalogue))


def postings_text(
    postings: Iterable[Mapping[str, Any]],
    balance_types: Mapping[int, str],
    catalogue: Catalogue | None,
) -> str:
    """Writes what was changed on balances, given their types."""
    columns = ["balance", "type", "total", "used", "reserved"]
    rows = [_posting(each, balance_types.get(each["balance_id"]), catalogue) for each in postings]
    return table_text(columns, rows)


def _posting(
    posting: Mapping[str, Any], balance_type: str | None, catalogue: Catalogue | None
) -> tuple[object, ...]:
    """Writes by how much a balance was changed, with signs."""
    known = None if catalogue is None else catalogue.balance_types.get(balance_type or "")
    texts = []
    for amount in (posting["total"], posting["used"], posting["reserved"]):
        text = str(amount)
        if catalogue is not None and known is not None:
            text = amount_text(amount, known.unit_type, catalogue.currency)
        texts.append(f"+{text}" if amount > 0 else text)
    return posting["balance_id"], balance_type, *texts


def _print_told(told: Mapping[str, Any], catalogue: Catalogue | None) -> None:
    """Prints what the answer said besides."""
    if told["has_enough"] is not None:
        typer.echo(f"{'enough':14} {'yes' if told['has_enough'] else 'no'}")
    if told["cost"] is not None:
        typer.echo(f"{'cost told':14} {money_text(told['cost'], catalogue)}")


def _print_service(service: Mapping[str, Any], catalogue: Catalogue | None) -> None:
    identifiers = "".join(f", service {each}" for each in service["service_identifiers"])
    outcome = service["outcome"].lower().replace("_", " ")
    typer.echo(f"rating group {service['rating_group']}{identifiers}: {outcome}")
    write = _writer(service["is_in_money"], service["rating_group"], catalogue)
    for name, heading in AMOUNTS.items():
        amount = service[name]
        if amount and name in MONEY:
            typer.echo(f"  {heading:14} {money_text(amount, catalogue)}")
        elif amount:
            typer.echo(f"  {heading:14} {write(amount)}")
    grant = service["grant"]
    if grant is not None:
        units = "nothing"
        if grant["units"]:
            units = amount_text(grant["units"], UnitType[grant["unit_type"]], "")
        validity = grant["validity_seconds"]
        valid = "" if validity is None else f", valid for {validity} s"
        final = ", final" if grant["is_final"] else ""
        typer.echo(f"  {'granted':14} {units}{valid}{final}")
        if grant["final_unit"] is not None:
            typer.echo(f"  {'then':14} {final_unit_text(grant['final_unit'])}")
    for payment in service["paid"]:
        if payment["refund_of"] is not None:
            units = write(payment["units"])
            typer.echo(f"  {'given back':14} {units} of {payment['refund_of']}")
    for announcement in service["announcements"]:
        typer.echo(f"  {'announced':14} {announcement['identifier']}")


def _writer(
    is_in_money: bool, rating_group: int | None, catalogue: Catalogue | None
) -> Callable[[int], str]:
    """Returns how the units are written that a service was charged."""
    if is_in_money:
        return lambda amount: money_text(amount, catalogue)
    return lambda amount: units_text(amount, rating_group, catalogue)


def units_text(amount: int, rating_group: int | None, catalogue: Catalogue | None) -> str:
    """Writes units of a rating group; of one that nobody knows, their number."""
    if catalogue is None or rating_group is None or rating_group not in catalogue.rating_groups:
        return str(amount)
    return amount_text(amount, catalogue.rating_groups[rating_group].unit_type, "")


def money_text(amount: int, catalogue: Catalogue | None) -> str:
    """Writes an amount of money; of a catalogue that cannot be read, without its currency."""
    if catalogue is None:
        return format_money(amount)
    return amount_text(amount, None, catalogue.currency)
