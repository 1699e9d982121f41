"""`device`: what accounts are reached by."""

from typing import Annotated, Any

import typer

from ..handlers.answers import device_answer
from ..handlers.devices import create_device, delete_device
from ..handlers.groups import with_device
from ..handlers.provisioning import find_account
from . import database
from .database import Rooms
from .identity_text import parse_identities
from .options import (
    Account,
    AsJson,
    Data,
    DatabaseUrl,
    Demo,
    OfAccount,
    Tenant,
    TransactionId,
    order,
)
from .output import command, print_cut, print_done, print_json, print_table

app = typer.Typer(help="What accounts are reached by.", no_args_is_help=True)

Device = Annotated[str, typer.Argument(help="The device's name.", metavar="DEVICE")]


@app.command("add")
@command
def add(
    account: Account,
    device: Annotated[
        str, typer.Argument(help="1 to 100 characters, unique in the tenant.", metavar="DEVICE")
    ],
    identity: Annotated[
        list[str],
        typer.Option(
            "--identity", help="As `account create` takes it; several times.", metavar="KIND:VALUE"
        ),
    ] = [],  # noqa: B006 - typer copies it
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Give an account a device."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    identities = parse_identities(identity)
    asked = account, device, identities
    done = database.run(place, lambda rooms: create_device(rooms.accounts, tenant, asked, given))
    print_done(done, f"Account {account} has the device {device}.", as_json)


@app.command("remove")
@command
def remove(
    device: Device,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Take a device away with its identities; open sessions stay with its account."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    done = database.run(place, lambda rooms: delete_device(rooms.accounts, tenant, device, given))
    print_done(done, f"Account {done.answer['account']} has lost the device {device}.", as_json)


@app.command("show")
@command
def show(
    device: Device,
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Show a device, its account and its identities."""
    place = database.Place(data, database_url, demo)

    async def work(rooms: Rooms) -> dict[str, Any]:
        account = await with_device(device)(rooms.accounts, tenant)
        found = next(each for each in account.devices if each.name == device)
        return {"account": account.name, "tenant": account.tenant, **device_answer(found)}

    answer = database.run(place, work)
    if as_json:
        print_json(answer)
        return
    typer.echo(f"device      {device} of account {answer['account']} of tenant {answer['tenant']}")
    typer.echo(f"identities  {' '.join(answer['identities']) or '-'}")


@app.command("list")
@command
def show_all(
    account: OfAccount = None,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", min=1, max=100_000, help="Of how many accounts at most.", metavar="NUMBER"
        ),
    ] = 1000,
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List devices with their accounts, in the order in which these were opened."""
    place = database.Place(data, database_url, demo)

    async def work(rooms: Rooms) -> tuple[list[dict[str, Any]], bool]:
        if account is not None:
            found = [await find_account(rooms.accounts, tenant, account)]
        else:
            found = [*await rooms.accounts.find_accounts(tenant, None, limit + 1)]
        devices = [
            {"account": each.name, "tenant": each.tenant, **device_answer(device)}
            for each in found[:limit]
            for device in each.devices
        ]
        return devices, len(found) > limit

    devices, is_cut = database.run(place, work)
    if as_json:
        print_json(devices)
        return
    print_table(
        ["device", "account", "tenant", "identities"],
        [
            (each["device"], each["account"], each["tenant"], " ".join(each["identities"]))
            for each in devices
        ],
    )
    if is_cut:
        print_cut(limit, " accounts")
