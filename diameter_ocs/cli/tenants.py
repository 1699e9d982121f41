"""`tenant`: the operators that share a server."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from ..handlers import tenants
from ..handlers.commands import Accounts, Done, Order
from . import database
from .options import AsJson, Data, DatabaseUrl, Demo, TransactionId, order
from .output import command, print_done, print_json, print_table

app = typer.Typer(help="The operators that share a server.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The tenant's name.", metavar="NAME")]


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
    done = _change(place, tenants.create_tenant, name, order(transaction_id))
    print_done(done, f"Tenant {name} is there. Next: catalogue apply FILE", as_json)


@app.command("show")
@command
def show(
    name: Name,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Show a tenant."""
    place = database.Place(data, database_url, demo)
    answer = database.run(place, lambda rooms: tenants.show_tenant(rooms.accounts, name))
    if as_json:
        print_json(answer)
        return
    version, since = answer["catalogue_version"], answer["suspended_at"]
    typer.echo(f"tenant     {name}")
    typer.echo(f"catalogue  {'none yet' if version is None else f'version {version}'}")
    typer.echo(f"state      {'active' if since is None else f'suspended since {since}'}")


@app.command("list")
@command
def show_all(
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List the tenants, the versions of their catalogues, and who is suspended."""

    async def work(rooms: database.Rooms) -> list[dict[str, Any]]:
        return [tenants.tenant_answer(each) for each in await rooms.accounts.find_tenants(None)]

    listed = database.run(database.Place(data, database_url, demo), work)
    if as_json:
        print_json(listed)
    else:
        columns = ["tenant", "catalogue version", "suspended since"]
        print_table(columns, [tuple(tenant.values()) for tenant in listed])


@app.command("suspend")
@command
def suspend(
    name: Name,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Serve none of a tenant's accounts until it is resumed; nothing of them is lost."""
    place = database.Place(data, database_url, demo)
    done = _change(place, tenants.suspend_tenant, name, order(transaction_id))
    print_done(done, f"Tenant {name} is suspended. `tenant resume {name}` ends it.", as_json)


@app.command("resume")
@command
def resume(
    name: Name,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Serve a suspended tenant's accounts again."""
    place = database.Place(data, database_url, demo)
    done = _change(place, tenants.resume_tenant, name, order(transaction_id))
    print_done(done, f"Tenant {name} is served again.", as_json)


def _change(
    place: database.Place,
    change: Callable[[Accounts, str, Order], Awaitable[Done]],
    name: str,
    given: Order,
) -> Done:
    return database.run(place, lambda rooms: change(rooms.accounts, name, given))
