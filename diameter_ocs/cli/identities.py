"""`identity`: what networks call the devices of accounts."""

from typing import Annotated

import typer

from ..handlers.answers import identity_texts
from ..handlers.devices import add_identities, remove_identity
from ..handlers.groups import Find, named, with_device, with_identity
from . import database
from .database import Rooms
from .identity_text import IDENTITY_FORMS, parse_identities, parse_identity
from .options import AsJson, Data, DatabaseUrl, Demo, Tenant, TransactionId, order
from .output import command, print_done, print_json, print_table

app = typer.Typer(help="What networks call the devices of accounts.", no_args_is_help=True)

Name = Annotated[
    str,
    typer.Argument(help=f"{IDENTITY_FORMS}.", metavar="KIND:VALUE"),
]


@app.command("add")
@command
def add(
    device: Annotated[
        str,
        typer.Argument(
            help="The device's name; an account's first device has that of the account.",
            metavar="DEVICE",
        ),
    ],
    identity: Annotated[
        list[str],
        typer.Argument(
            help=f"{IDENTITY_FORMS}.",
            metavar="KIND:VALUE...",
        ),
    ],
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Have a device called by more identities."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    asked = device, parse_identities(identity)
    done = database.run(place, lambda rooms: add_identities(rooms.accounts, tenant, asked, given))
    print_done(done, f"Device {device} is {' '.join(done.answer['identities'])}.", as_json)


@app.command("remove")
@command
def remove(
    identity: Name,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Have nobody called by an identity; sessions that are open go on."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    gone = parse_identity(identity)
    done = database.run(place, lambda rooms: remove_identity(rooms.accounts, tenant, gone, given))
    print_done(done, f"Device {done.answer['device']} is {identity} no more.", as_json)


@app.command("list")
@command
def show_all(
    account: Annotated[
        str | None, typer.Argument(help="Those of this account.", metavar="[ACCOUNT]")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="Those of this device.", metavar="NAME")
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option("--with", help="Those of the account that has this.", metavar="KIND:VALUE"),
    ] = None,
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List the identities of an account or a device."""
    place = database.Place(data, database_url, demo)
    if device is not None:
        find: Find = with_device(device)
    elif identity is not None:
        find = with_identity(parse_identity(identity))
    elif account is not None:
        find = named(account)
    else:
        raise typer.BadParameter("name an account, or say --device or --with")

    async def work(rooms: Rooms) -> list[dict[str, str]]:
        found = await find(rooms.accounts, tenant)
        return [
            {"identity": text, "device": each.name, "account": found.name, "tenant": found.tenant}
            for each in found.devices
            if device in (None, each.name)
            for text in identity_texts(each.identities)
        ]

    identities = database.run(place, work)
    if as_json:
        print_json(identities)
        return
    columns = ["identity", "device", "account", "tenant"]
    print_table(columns, [[each[name] for name in columns] for each in identities])
