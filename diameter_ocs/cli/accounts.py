"""`account`: who is charged."""

import re
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ..charging.accounts import AccountSummary, NewAccount
from ..charging.requests import Identity, IdentityKind
from ..charging.units import parse_money
from ..gy.identities import nai, sip_uri
from ..handlers import provisioning
from ..handlers.amounts import amount_text
from ..handlers.answers import KINDS, account_answer, unit_type_of
from ..handlers.refusals import Refusal
from . import database
from .database import Rooms
from .options import AsJson, Data, DatabaseUrl, Demo, Tenant, TransactionId, order
from .output import command, print_done, print_json, print_table, table_text

app = typer.Typer(help="Who is charged.", no_args_is_help=True)

PATTERNS = {
    IdentityKind.IMSI: r"[0-9]{6,15}",
    IdentityKind.MSISDN: r"[0-9]{3,15}",
    IdentityKind.SIP_URI: r"sips?:[^\s]{1,250}",
    IdentityKind.NAI: r"[^\s]{1,250}",
    IdentityKind.PRIVATE: r"[^\s]{1,250}",
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
    transaction_id: TransactionId = None,
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

    place, given = database.Place(data, database_url, demo), order(transaction_id)
    done = database.run(
        place, lambda rooms: provisioning.create_account(rooms.accounts, tenant, new, given)
    )
    print_done(done, _account_text(done.answer), as_json)


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

    async def work(rooms: Rooms) -> dict[str, Any]:
        account = await provisioning.find_account(rooms.accounts, tenant, name)
        return await _described(rooms, account)

    answer = database.run(place, work)
    if as_json:
        print_json(answer)
    else:
        typer.echo(_account_text(answer))


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

    async def work(rooms: Rooms) -> list[dict[str, Any]]:
        found = await rooms.accounts.find_accounts(tenant, None, limit + 1)
        return [await _described(rooms, account) for account in found]

    found = database.run(place, work)
    accounts = found[:limit]
    if as_json:
        print_json(accounts)
        return
    print_table(
        ["account", "tenant", "plans", "identities"],
        [
            (a["account"], a["tenant"], ", ".join(a["plans"]), " ".join(a["identities"]))
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
    number = KINDS[kind]
    value = value.removeprefix("+") if number is IdentityKind.MSISDN else value
    if not re.fullmatch(PATTERNS[number], value):
        raise Refusal("invalid_identity", f"{text!r} is no {kind}")
    as_gateways_say = {IdentityKind.NAI: nai, IdentityKind.SIP_URI: sip_uri}.get(number)
    return as_gateways_say(value)[0] if as_gateways_say else Identity(number, value)


def _money(text: str) -> int:
    try:
        amount = parse_money(text)
    except ValueError as error:
        raise Refusal("invalid_amount", str(error)) from None
    if amount < 0:
        raise Refusal("invalid_amount", "--credit cannot be negative")
    return amount


async def _described(rooms: Rooms, account: AccountSummary) -> dict[str, Any]:
    version = (await rooms.accounts.tenants())[account.tenant]
    assert version is not None
    catalogue = await rooms.accounts.read_catalogue(account.tenant, version)
    return account_answer(account, catalogue, time.time_ns() // 1000)


def _account_text(answer: Mapping[str, Any]) -> str:
    rows = [
        (
            balance["id"],
            balance["balance_type"],
            *(
                amount_text(balance[name], unit_type_of(balance["unit_type"]), answer["currency"])
                for name in ("total", "used", "reserved", "available")
            ),
        )
        for balance in answer["balances"]
    ]
    return (
        f"account     {answer['account']} of tenant {answer['tenant']}\n"
        f"plans       {', '.join(answer['plans'])}\n"
        f"identities  {' '.join(answer['identities']) or '-'}\n\n"
        + table_text(["balance", "type", "total", "used", "reserved", "available"], rows)
    )
