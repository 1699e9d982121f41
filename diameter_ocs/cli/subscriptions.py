"""`subscription`: the plans that accounts have."""

from typing import Annotated, Any

import typer

from ..handlers.commands import Done
from ..handlers.moments import parse_optional_moment
from ..handlers.provisioning import find_account
from ..handlers.subscriptions import NewSubscription, add_subscription, cancel_subscription
from . import database
from .account_text import balances_text, subscriptions_text
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

app = typer.Typer(help="The plans that accounts have.", no_args_is_help=True)


@app.command("add")
@command
def add(
    account: Account,
    plan: Annotated[str, typer.Argument(help="A plan of the catalogue.", metavar="PLAN")],
    valid_from: From = None,
    valid_until: Until = None,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Give an account a plan; its allowances are balances that count as long as the plan does."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    dates = parse_optional_moment(valid_from), parse_optional_moment(valid_until)
    asked = NewSubscription(account, plan, *dates)
    done = database.run(place, lambda rooms: add_subscription(rooms.accounts, tenant, asked, given))
    _print(done, f"Account {account} has the plan {plan}", as_json)


@app.command("cancel")
@command
def cancel(
    account: Account,
    subscription: Annotated[
        int, typer.Argument(help="The id that `subscription list` shows.", metavar="ID")
    ],
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """End a plan and its balances now; what sessions have reserved of them can still be used."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    asked = account, subscription
    done = database.run(
        place, lambda rooms: cancel_subscription(rooms.accounts, tenant, asked, given)
    )
    _print(done, f"Account {account} has lost the plan {done.answer['plan']}", as_json)


@app.command("list")
@command
def show_all(
    account: Account,
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List the plans that an account has, had and will have."""
    place = database.Place(data, database_url, demo)

    async def work(rooms: Rooms) -> list[dict[str, Any]]:
        found = await find_account(rooms.accounts, tenant, account)
        (answer,) = await described(rooms, [found])
        return list(answer["subscriptions"])

    subscriptions = database.run(place, work)
    if as_json:
        print_json(subscriptions)
    else:
        typer.echo(subscriptions_text(subscriptions))


def _print(done: Done, sentence: str, as_json: bool) -> None:
    answer = done.answer
    text = f"{sentence} (subscription {answer['id']})."
    if answer["balances"]:
        text += f"\n\n{balances_text(answer['balances'], answer['currency'])}"
    print_done(done, text, as_json)
