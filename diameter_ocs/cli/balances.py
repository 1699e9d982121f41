"""`balance`: what accounts have."""

from typing import Annotated, Any

import typer

from ..handlers.amounts import amount_text
from ..handlers.answers import unit_type_of
from ..handlers.balances import Credit, Terms, credit_balance, new_balance, set_terms
from ..handlers.commands import Done, Order
from ..handlers.moments import parse_optional_moment
from ..handlers.provisioning import find_account
from ..handlers.refusals import Refusal
from . import database
from .account_text import balances_text
from .accounts import described
from .database import Rooms
from .options import (
    Account,
    AsJson,
    Data,
    DatabaseUrl,
    Demo,
    From,
    Tenant,
    TransactionId,
    Until,
    order,
)
from .output import command, print_done, print_json

app = typer.Typer(help="What accounts have.", no_args_is_help=True)

AMOUNT = "Money as 12.50; units as 100, 6000s or 10GiB."
Amount = Annotated[str, typer.Argument(help=AMOUNT, metavar="AMOUNT")]
Type = Annotated[
    str | None,
    typer.Option("--type", help="The balance type; default: the tenant's money.", metavar="NAME"),
]
Number = Annotated[
    int | None,
    typer.Option(
        "--balance",
        help="The balance's id, where an account has several of a type.",
        metavar="ID",
    ),
]
Priority = Annotated[
    int | None,
    typer.Option(
        "--priority", help="Of balances of one type the highest pays first.", metavar="NUMBER"
    ),
]


@app.command("create")
@command
def create(
    account: Account,
    amount: Amount,
    balance_type: Type = None,
    priority: Priority = None,
    valid_from: From = None,
    valid_until: Until = None,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Give an account one more balance."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    dates = parse_optional_moment(valid_from), parse_optional_moment(valid_until)
    asked = account, Terms(amount, priority, *dates, balance_type)
    done = database.run(place, lambda rooms: new_balance(rooms.accounts, tenant, asked, given))
    _print(done, as_json)


@app.command("credit")
@command
def credit(
    account: Account,
    amount: Amount,
    balance_type: Type = None,
    balance: Number = None,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Raise the total of a balance."""
    place = database.Place(data, database_url, demo)
    asked = Credit(account, amount, False, balance_type, balance)
    _print(_change(place, tenant, asked, order(transaction_id)), as_json)


@app.command("debit")
@command
def debit(
    account: Account,
    amount: Amount,
    balance_type: Type = None,
    balance: Number = None,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Lower the total of a balance, by what is available at most."""
    place = database.Place(data, database_url, demo)
    asked = Credit(account, amount, True, balance_type, balance)
    _print(_change(place, tenant, asked, order(transaction_id)), as_json)


@app.command("set")
@command
def set_to(
    account: Account,
    amount: Annotated[
        str | None,
        typer.Argument(help=f"What it is to have above what was used. {AMOUNT}", metavar="AMOUNT"),
    ] = None,
    balance_type: Type = None,
    balance: Number = None,
    priority: Priority = None,
    valid_from: From = None,
    valid_until: Until = None,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Fix what a balance has left, reservations included; or its priority, or its dates."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    dates = parse_optional_moment(valid_from), parse_optional_moment(valid_until)
    terms = Terms(
        amount,
        priority,
        *dates,
        balance_type,
        balance,
    )
    asked = account, terms
    done = database.run(place, lambda rooms: set_terms(rooms.accounts, tenant, asked, given))
    _print(done, as_json)


@app.command("show")
@command
def show(
    account: Account,
    balance: Annotated[int, typer.Argument(help="The balance's id.", metavar="ID")],
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Show one balance of an account."""
    place = database.Place(data, database_url, demo)
    answer = database.run(place, lambda rooms: _described(rooms, tenant, account))
    found = [each for each in answer["balances"] if each["id"] == balance]
    if not found:
        raise Refusal("balance_unknown", f"{account} has no balance {balance}")
    if as_json:
        print_json({"account": account, **found[0], "currency": answer["currency"]})
    else:
        typer.echo(balances_text(found, answer["currency"]))


@app.command("list")
@command
def show_all(
    account: Account,
    balance_type: Annotated[
        str | None, typer.Option("--type", help="Only balances of this type.", metavar="NAME")
    ] = None,
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List the balances of an account, those that have ended and those to come too."""
    place = database.Place(data, database_url, demo)
    answer = database.run(place, lambda rooms: _described(rooms, tenant, account))
    found = [each for each in answer["balances"] if balance_type in (None, each["balance_type"])]
    if as_json:
        print_json(found)
    else:
        typer.echo(balances_text(found, answer["currency"]))


async def _described(rooms: Rooms, tenant: str | None, name: str) -> dict[str, Any]:
    return (await described(rooms, [await find_account(rooms.accounts, tenant, name)]))[0]


def _change(place: database.Place, tenant: str | None, asked: Credit, given: Order) -> Done:
    return database.run(place, lambda rooms: credit_balance(rooms.accounts, tenant, asked, given))


def _print(done: Done, as_json: bool) -> None:
    answer = done.answer
    unit_type = unit_type_of(answer["unit_type"])
    available = amount_text(answer["available"], unit_type, answer["currency"])
    kind, dates = answer["balance_type"], ""
    if answer["state"] == "ended":
        dates = f", which has ended at {answer['until']}"
    elif answer["state"] == "to come":
        dates = f", from {answer['from']} on"
    sentence = f"{answer['account']} has {available} of {kind} available{dates}."
    print_done(done, sentence, as_json)
