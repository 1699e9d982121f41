"""`tenant`: the operators that share a server."""

from typing import Annotated

import typer

from ..handlers import provisioning
from . import database
from .options import AsJson, Data, DatabaseUrl, Demo, TransactionId, order
from .output import command, print_done, print_json, print_table

app = typer.Typer(help="The operators that share a server.", no_args_is_help=True)


@app.command("create")
@command
def create(
    name: Annotated[str, typer.Argument(help="1 to 50 characters.", metavar="NAME")],
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Add a tenant."""
    place = database.Place(data, database_url, demo)
    given = order(transaction_id)
    done = database.run(
        place, lambda rooms: provisioning.create_tenant(rooms.accounts, name, given)
    )
    print_done(done, f"Tenant {name} is there. Next: catalogue apply FILE", as_json)


@app.command("list")
@command
def show_all(
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List the tenants and the versions of their catalogues."""
    place = database.Place(data, database_url, demo)
    tenants = sorted(database.run(place, lambda rooms: rooms.accounts.tenants()).items())
    if as_json:
        print_json([{"tenant": name, "catalogue_version": version} for name, version in tenants])
    else:
        print_table(["tenant", "catalogue version"], tenants)
