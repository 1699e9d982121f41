"""EDRs in words."""

from collections.abc import Mapping
from typing import Any

import typer

from ..charging.decisions import ServiceRecord
from ..charging.units import UnitType
from ..handlers.amounts import amount_text
from .output import print_table

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
"""What the fields of a settlement are called; amounts of money are micro-units."""


def service_text(service: ServiceRecord) -> str:
    """Writes what became of a service in a few words."""
    parts = [f"{service.rating_group}: {service.outcome.name.lower()}"]
    if service.settlement.reported:
        parts.append(f"used {service.settlement.reported}")
    if service.grant is not None:
        parts.append(f"granted {service.grant.units}")
    return " ".join(parts)


def print_edr(answer: Mapping[str, Any], balance_types: Mapping[int, str]) -> None:
    """Prints all of an EDR, given the types of the balances that its group has."""
    for name, heading in HEADINGS.items():
        if answer[name] is not None:
            value = answer[name]
            is_word = name in ("kind", "outcome")
            typer.echo(f"{heading:14} {value.lower().replace('_', ' ') if is_word else value}")
    for service in answer["services"]:
        typer.echo("")
        _print_service(service)
    if answer["postings"]:
        typer.echo("")
        print_table(
            ["balance", "type", "total", "used", "reserved"],
            [
                (
                    each["balance_id"],
                    balance_types.get(each["balance_id"]),
                    *(f"{each[name]:+d}" for name in ("total", "used", "reserved")),
                )
                for each in answer["postings"]
            ],
        )


def _print_service(service: Mapping[str, Any]) -> None:
    identifiers = "".join(f", service {each}" for each in service["service_identifiers"])
    outcome = service["outcome"].lower().replace("_", " ")
    typer.echo(f"rating group {service['rating_group']}{identifiers}: {outcome}")
    for name, heading in AMOUNTS.items():
        if service[name]:
            typer.echo(f"  {heading:14} {service[name]}")
    grant = service["grant"]
    if grant is not None:
        units = amount_text(grant["units"], UnitType[grant["unit_type"]], "")
        final = ", final" if grant["is_final"] else ""
        typer.echo(f"  {'granted':14} {units}, valid for {grant['validity_seconds']} s{final}")
