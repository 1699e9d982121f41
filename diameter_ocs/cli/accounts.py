"""`account`: who is charged."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Literal

import typer

from ..charging.accounts import AccountSummary, Narrowed, NewAccount
from ..charging.case import AccountState
from ..charging.catalogue import Catalogue
from ..handlers import provisioning
from ..handlers.accounts import (
    create_child,
    delete_account,
    move_account,
    reauthorize_account,
    resume_account,
    suspend_account,
)
from ..handlers.amounts import parse_amount
from ..handlers.answers import account_answer
from ..handlers.commands import Done
from ..handlers.counters import change_thresholds
from ..store.accounts import PostgresAccounts
from . import database
from .account_text import account_text, balances_text, thresholds_text, zone_text
from .database import Rooms
from .identity_text import IDENTITY_FORMS, parse_identities
from .options import AsJson, Data, DatabaseUrl, Demo, Limit, Tenant, TransactionId, order
from .output import command, print_cut, print_done, print_json, print_table

app = typer.Typer(help="Who is charged.", no_args_is_help=True)

AS_TENANT = "tenant"

Name = Annotated[str, typer.Argument(help="The account's name.", metavar="NAME")]


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
            help=f"{IDENTITY_FORMS}; several times.",
            metavar="KIND:VALUE",
        ),
    ] = [],  # noqa: B006 - typer copies it
    credit: Annotated[
        str, typer.Option("--credit", help="Money to begin with, as 20.00.", metavar="AMOUNT")
    ] = "0",
    parent: Annotated[
        str | None,
        typer.Option(
            "--parent",
            help="The account below which it is opened, and whose balances pay after its own.",
            metavar="NAME",
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            "--time-zone",
            help="By which it lives, as Europe/Berlin or +01:00; without it, by its tenant's.",
            metavar="ZONE",
        ),
    ] = None,
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
        parse_identities(identity),
        parse_amount(credit, None, at_least=0),
        time_zone,
    )

    place, given = database.Place(data, database_url, demo), order(transaction_id)
    done = _change(
        place,
        lambda accounts: (
            provisioning.create_account(accounts, tenant, new, given)
            if parent is None
            else create_child(accounts, tenant, (new, parent), given)
        ),
    )
    print_done(done, account_text(done.answer), as_json)


@app.command("show")
@command
def show(
    name: Name,
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
        return (await described(rooms, [account]))[0]

    answer = database.run(place, work)
    if as_json:
        print_json(answer)
    else:
        typer.echo(account_text(answer))


@app.command("list")
@command
def show_all(
    tenant: Tenant = None,
    parent: Annotated[
        str | None, typer.Option("--parent", help="Only this account's children.", metavar="NAME")
    ] = None,
    state: Annotated[
        Literal["active", "suspended"] | None,
        typer.Option("--state", help="Only accounts in this state."),
    ] = None,
    plan: Annotated[
        str | None, typer.Option("--plan", help="Only accounts that have it now.", metavar="PLAN")
    ] = None,
    limit: Limit = 1000,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List accounts in the order in which they were opened."""
    place = database.Place(data, database_url, demo)
    narrowed = Narrowed(parent, None if state is None else AccountState[state.upper()], plan)

    async def work(rooms: Rooms) -> list[dict[str, Any]]:
        if parent is not None:
            await provisioning.find_account(rooms.accounts, tenant, parent)
        found = await rooms.accounts.find_accounts(tenant, None, limit + 1, narrowed)
        return await described(rooms, found)

    found = database.run(place, work)
    accounts = found[:limit]
    if as_json:
        print_json(accounts)
        return
    columns = ("account", "tenant", "parent", "state")
    print_table(
        [*columns, "plans", "identities"],
        [
            (*(a[name] for name in columns), ", ".join(a["plans"]), " ".join(a["identities"]))
            for a in accounts
        ],
    )
    if len(found) > limit:
        print_cut(limit)


@app.command("suspend")
@command
def suspend(
    name: Name,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Serve an account no more: its sessions are closed, new ones are refused with 4010."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    done = _change(place, lambda accounts: suspend_account(accounts, tenant, name, given))
    closed = sessions_text(done.answer["closed_sessions"])
    print_done(done, f"Account {name} is suspended, {closed}.", as_json)


@app.command("reauthorize")
@command
def reauthorize(
    name: Name,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Have the gateways of an account's open sessions ask again (RAR)."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    done = _change(place, lambda accounts: reauthorize_account(accounts, tenant, name, given))
    count = done.answer["sessions"]
    sessions = "1 session is" if count == 1 else f"{count} sessions are"
    print_done(
        done, f"{sessions} called to ask again: `outbox list` shows what has not left yet.", as_json
    )


@app.command("resume")
@command
def resume(
    name: Name,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Serve an account again that was suspended."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    done = _change(place, lambda accounts: resume_account(accounts, tenant, name, given))
    print_done(done, f"Account {name} is served again.", as_json)


@app.command("set")
@command
def change(
    name: Name,
    time_zone: Annotated[
        str,
        typer.Option(
            "--time-zone",
            help=f"By which it lives, as Europe/Berlin or +01:00; `{AS_TENANT}`: by its tenant's.",
            metavar="ZONE",
        ),
    ],
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Change an account: by which time zone its working hours and dates are read."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    moved = name, None if time_zone == AS_TENANT else time_zone
    done = _change(place, lambda accounts: move_account(accounts, tenant, moved, given))
    print_done(done, f"Account {name} lives by {zone_text(done.answer)}.", as_json)


@app.command("thresholds")
@command
def thresholds(
    name: Name,
    amounts: Annotated[
        list[str] | None,
        typer.Argument(help="Money as 5.00, several; without any: no notices.", metavar="AMOUNT"),
    ] = None,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Have notices tell when an account's money falls below amounts, or rises above them."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    asked = name, tuple(amounts or ())
    done = _change(place, lambda accounts: change_thresholds(accounts, tenant, asked, given))
    text = f"Notices do not tell of the money of account {name}."
    if done.answer["money_thresholds"]:
        text = f"Notices tell when account {name} has less than {thresholds_text(done.answer)}."
    print_done(done, text, as_json)


@app.command("delete")
@command
def delete(
    name: Name,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """End an account that has neither devices nor children: what its balances have is lost."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    done = _change(place, lambda accounts: delete_account(accounts, tenant, name, given))
    answer = done.answer
    closed = sessions_text(answer["closed_sessions"])
    left = balances_text(answer["written_off"], answer["currency"])
    text = f"Account {name} is deleted, {closed}. Its balances were:\n\n{left}"
    print_done(done, text, as_json)


def sessions_text(closed: int) -> str:
    """Says how many sessions a command has closed."""
    return f"{closed or 'no'} open session{'' if closed == 1 else 's'} closed"


def _change(place: database.Place, work: Callable[[PostgresAccounts], Awaitable[Done]]) -> Done:
    return database.run(place, lambda rooms: work(rooms.accounts))


async def described(rooms: Rooms, found: Sequence[AccountSummary]) -> list[dict[str, Any]]:
    """Describes accounts as they are now."""
    return [account_answer(*each) for each in await with_catalogues(rooms, found)]


async def with_catalogues(
    rooms: Rooms, found: Sequence[AccountSummary]
) -> list[tuple[AccountSummary, Catalogue, int]]:
    """Returns accounts with the catalogues of their tenants, and the time that it is."""
    tenants, now = await rooms.accounts.tenants(), await rooms.database.ping()
    catalogues = {}
    for tenant in {account.tenant for account in found}:
        version = tenants[tenant]
        assert version is not None
        catalogues[tenant] = await rooms.accounts.read_catalogue(tenant, version)
    return [(account, catalogues[account.tenant], now) for account in found]
