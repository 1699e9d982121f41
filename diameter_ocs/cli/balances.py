"""`balance`: credit and debit."""

from typing import Annotated

import typer

from ..handlers import balances
from ..handlers.amounts import amount_text
from ..handlers.answers import unit_type_of
from ..handlers.balances import Credit
from ..handlers.commands import Done, Order
from . import database
from .options import AsJson, Data, DatabaseUrl, Demo, Tenant, TransactionId, order
from .output import command, print_done

app = typer.Typer(help="What accounts have.", no_args_is_help=True)

Account = Annotated[str, typer.Argument(help="The account's name.", metavar="ACCOUNT")]
Amount = Annotated[
    str, typer.Argument(help="Money as 12.50; units as 100, 6000s or 10GiB.", metavar="AMOUNT")
]
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


def _change(place: database.Place, tenant: str | None, asked: Credit, given: Order) -> Done:
    return database.run(
        place, lambda rooms: balances.credit_balance(rooms.accounts, tenant, asked, given)
    )


def _print(done: Done, as_json: bool) -> None:
    answer = done.answer
    unit_type = unit_type_of(answer["unit_type"])
    available = amount_text(answer["available"], unit_type, answer["currency"])
    sentence = f"{answer['account']} has {available} of {answer['balance_type']} available."
    print_done(done, sentence, as_json)
