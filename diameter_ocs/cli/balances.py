"""`balance`: credit and debit."""

from typing import Annotated

import typer

from ..charging.accounts import AccountSummary
from ..charging.catalogue import BalanceType, Catalogue
from ..charging.ledger import Balance
from ..handlers import provisioning
from ..handlers.provisioning import Refusal
from . import database
from .amounts import amount_text, parse_amount
from .database import Rooms
from .options import AsJson, Data, DatabaseUrl, Demo, Tenant, stamp
from .output import command, print_json

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
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Raise the total of a balance."""
    place = database.Place(data, database_url, demo)
    _change(place, (tenant, account, balance_type, balance), amount, 1, as_json)


@app.command("debit")
@command
def debit(
    account: Account,
    amount: Amount,
    balance_type: Type = None,
    balance: Number = None,
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Lower the total of a balance, by what is available at most."""
    place = database.Place(data, database_url, demo)
    _change(place, (tenant, account, balance_type, balance), amount, -1, as_json)


def _change(
    place: database.Place,
    named: tuple[str | None, str, str | None, int | None],
    amount: str,
    sign: int,
    as_json: bool,
) -> None:
    tenant, name, type_name, number = named

    async def work(rooms: Rooms) -> tuple[Balance, BalanceType, Catalogue]:
        account = await provisioning.find_account(rooms.accounts, tenant, name)
        version = (await rooms.accounts.tenants())[account.tenant]
        assert version is not None
        catalogue = await rooms.accounts.read_catalogue(account.tenant, version)
        found = _find_balance(account, catalogue, type_name, number)
        kind = catalogue.balance_types[found.balance_type]
        units = sign * parse_amount(amount, kind.unit_type)
        changed = await provisioning.credit_balance(rooms.accounts, account, found, units, stamp())
        return changed, kind, catalogue

    balance, kind, catalogue = database.run(place, work)
    if as_json:
        print_json(
            {
                "account": name,
                "balance": balance.id,
                "balance_type": balance.balance_type,
                "total": balance.total,
                "used": balance.used,
                "reserved": balance.reserved,
                "available": balance.available,
            }
        )
    else:
        available = amount_text(balance.available, kind.unit_type, catalogue.currency)
        typer.echo(f"{name} has {available} of {balance.balance_type} available.")


def _find_balance(
    account: AccountSummary, catalogue: Catalogue, type_name: str | None, number: int | None
) -> Balance:
    """Returns the one balance that is meant."""
    if number is not None:
        found = [balance for balance in account.balances if balance.id == number]
        if not found:
            raise Refusal("balance_unknown", f"{account.name} has no balance {number}")
        return found[0]
    name = type_name or catalogue.default_monetary_balance_type
    if name not in catalogue.balance_types:
        known = ", ".join(sorted(catalogue.balance_types))
        raise Refusal("balance_type_unknown", f"say --type; there is: {known}")
    found = [balance for balance in account.balances if balance.balance_type == name]
    if not found:
        raise Refusal("balance_unknown", f"{account.name} has no balance of {name}")
    if len(found) > 1:
        ids = ", ".join(str(balance.id) for balance in found)
        raise Refusal(
            "balance_needed", f"{account.name} has several of {name}: say --balance {ids}"
        )
    return found[0]
