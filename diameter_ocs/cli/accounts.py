"""`account`: who is charged."""

import re
from typing import Annotated, Any

import typer

from ..charging.accounts import AccountSummary, NewAccount
from ..charging.catalogue import Catalogue
from ..charging.requests import Identity, IdentityKind
from ..charging.units import parse_money
from ..gy.identities import nai, sip_uri
from ..handlers import provisioning
from ..handlers.provisioning import Refusal
from . import database
from .amounts import amount_text
from .database import Rooms
from .options import AsJson, Data, DatabaseUrl, Demo, Tenant, stamp
from .output import command, print_json, print_table

app = typer.Typer(help="Who is charged.", no_args_is_help=True)

KINDS = {
    "imsi": (IdentityKind.IMSI, r"[0-9]{6,15}"),
    "msisdn": (IdentityKind.MSISDN, r"[0-9]{3,15}"),
    "sip": (IdentityKind.SIP_URI, r"sips?:[^\s]{1,250}"),
    "nai": (IdentityKind.NAI, r"[^\s]{1,250}"),
    "private": (IdentityKind.PRIVATE, r"[^\s]{1,250}"),
}


@app.command("create")
@command
def create(
    name: Annotated[
        str, typer.Argument(help="1 to 100 characters, unique in the tenant.", metavar="NAME")
    ],
    plan: Annotated[
        list[str],
        typer.Option("--plan", help="A plan of the catalogue; several times.", metavar="PLAN"),
    ],
    identity: Annotated[
        list[str],
        typer.Option(
            "--identity",
            help="imsi:DIGITS, msisdn:DIGITS, sip:URI, nai:NAME or private:NAME; several times.",
            metavar="KIND:VALUE",
        ),
    ] = [],  # noqa: B006 - typer copies it
    credit: Annotated[
        str, typer.Option("--credit", help="Money to begin with, as 20.00.", metavar="AMOUNT")
    ] = "0",
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Open an account with the allowances of its plans."""
    new = NewAccount(
        name,
        tuple(plan),
        tuple(sorted({parse_identity(text) for text in identity})),
        _money(credit),
    )

    async def work(rooms: Rooms) -> tuple[AccountSummary, Catalogue]:
        await provisioning.create_accounts(rooms.accounts, tenant, [new], stamp())
        return await _with_catalogue(rooms, tenant, name)

    account, catalogue = database.run(database.Place(data, database_url, demo), work)
    _print_account(account, catalogue, as_json)


@app.command("show")
@command
def show(
    name: Annotated[str, typer.Argument(help="The account's name.", metavar="NAME")],
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Show an account, its identities and its balances."""
    place = database.Place(data, database_url, demo)
    account, catalogue = database.run(place, lambda rooms: _with_catalogue(rooms, tenant, name))
    _print_account(account, catalogue, as_json)


@app.command("list")
@command
def show_all(
    tenant: Tenant = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, help="How many at most.", metavar="NUMBER")
    ] = 1000,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List accounts in the order in which they were opened."""
    place = database.Place(data, database_url, demo)
    found = database.run(place, lambda rooms: rooms.accounts.find_accounts(tenant, None, limit + 1))
    accounts = found[:limit]
    if as_json:
        print_json([_account_json(account) for account in accounts])
        return
    print_table(
        ["account", "tenant", "plans", "identities"],
        [
            (a.name, a.tenant, ", ".join(a.plans), " ".join(map(identity_text, a.identities)))
            for a in accounts
        ],
    )
    if len(found) > limit:
        typer.echo(f"There are more than {limit}: raise --limit to see them.", err=True)


def parse_identity(text: str) -> Identity:
    """Reads an identity written as KIND:VALUE."""
    kind, _, value = text.partition(":")
    if kind == "sip":
        value = text
    if kind not in KINDS:
        raise Refusal("invalid_identity", f"{text!r}: write KIND:VALUE, KIND is {', '.join(KINDS)}")
    number, pattern = KINDS[kind]
    value = value.removeprefix("+") if number is IdentityKind.MSISDN else value
    if not re.fullmatch(pattern, value):
        raise Refusal("invalid_identity", f"{text!r} is no {kind}")
    as_gateways_say = {IdentityKind.NAI: nai, IdentityKind.SIP_URI: sip_uri}.get(number)
    return as_gateways_say(value)[0] if as_gateways_say else Identity(number, value)


def identity_text(identity: Identity) -> str:
    """Writes an identity as KIND:VALUE."""
    kind = next(name for name, (number, _) in KINDS.items() if number is identity.kind)
    return identity.value if kind == "sip" else f"{kind}:{identity.value}"


def _money(text: str) -> int:
    try:
        amount = parse_money(text)
    except ValueError as error:
        raise Refusal("invalid_amount", str(error)) from None
    if amount < 0:
        raise Refusal("invalid_amount", "--credit cannot be negative")
    return amount


async def _with_catalogue(
    rooms: Rooms, tenant: str | None, name: str
) -> tuple[AccountSummary, Catalogue]:
    account = await provisioning.find_account(rooms.accounts, tenant, name)
    version = (await rooms.accounts.tenants())[account.tenant]
    assert version is not None
    return account, await rooms.accounts.read_catalogue(account.tenant, version)


def _account_json(account: AccountSummary) -> dict[str, Any]:
    return {
        "account": account.name,
        "tenant": account.tenant,
        "id": account.id,
        "plans": list(account.plans),
        "identities": [identity_text(identity) for identity in account.identities],
        "balances": [
            {
                "id": balance.id,
                "balance_type": balance.balance_type,
                "total": balance.total,
                "used": balance.used,
                "reserved": balance.reserved,
                "available": balance.available,
            }
            for balance in account.balances
        ],
    }


def _print_account(account: AccountSummary, catalogue: Catalogue, as_json: bool) -> None:
    if as_json:
        print_json(_account_json(account))
        return
    typer.echo(f"account     {account.name} of tenant {account.tenant}")
    typer.echo(f"plans       {', '.join(account.plans)}")
    typer.echo(f"identities  {' '.join(map(identity_text, account.identities)) or '-'}")
    rows = []
    for balance in account.balances:
        unit_type = catalogue.balance_types[balance.balance_type].unit_type
        amounts = (balance.total, balance.used, balance.reserved, balance.available)
        rows.append(
            (
                balance.id,
                balance.balance_type,
                *(amount_text(amount, unit_type, catalogue.currency) for amount in amounts),
            )
        )
    typer.echo("")
    print_table(["balance", "type", "total", "used", "reserved", "available"], rows)
