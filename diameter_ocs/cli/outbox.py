"""`outbox`: what gateways, policy servers and others have not been told yet."""

from typing import Annotated, Any

import typer

from ..handlers import outbox
from ..handlers.commands import Done
from ..handlers.refusals import Refusal
from . import database
from .options import (
    AsJson,
    Data,
    DatabaseUrl,
    Demo,
    Limit,
    OfAccount,
    Tenant,
    TransactionId,
    order,
)
from .output import command, print_cut, print_done, print_json, print_table

app = typer.Typer(help="What others are to be told: notices, reports, calls.", no_args_is_help=True)

Kind = Annotated[
    str | None,
    typer.Option("--kind", help=f"Only this kind: {', '.join(outbox.KINDS)}.", metavar="KIND"),
]


@app.command("list")
@command
def show_all(
    kind: Kind = None,
    account: OfAccount = None,
    dead: Annotated[
        bool, typer.Option("--dead", help="Only what was given up; it is kept for 30 days.")
    ] = False,
    tenant: Tenant = None,
    limit: Limit = 100,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List what has not left yet, and why, and what was given up."""

    async def work(rooms: database.Rooms) -> list[dict[str, Any]]:
        asked = await outbox.asked_for(rooms.accounts, tenant, account, kind, dead)
        listed = await rooms.accounts.find_outbox(asked, limit + 1)
        return [outbox.outbox_answer(each) for each in listed]

    found = database.run(database.Place(data, database_url, demo), work)
    listed = found[:limit]
    if as_json:
        print_json(listed)
        return
    print_table(
        ["id", "kind", "account", "target", "since", "attempts", "next", "why"],
        [
            (
                each["id"],
                each["kind"],
                each["account"],
                each["target"] or None,
                each["created_at"],
                each["attempts"],
                "given up" if each["given_up_at"] is not None else each["due_at"],
                each["fault"],
            )
            for each in listed
        ],
    )
    if len(found) > limit:
        print_cut(limit)


@app.command("retry")
@command
def retry(
    name: Annotated[
        str | None,
        typer.Argument(help="What is tried again, as `outbox list` calls it.", metavar="ID"),
    ] = None,
    all_dead: Annotated[
        bool, typer.Option("--all-dead", help="Everything that was given up.")
    ] = False,
    kind: Kind = None,
    account: OfAccount = None,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Have it tried again at once, as if it were new.

    With --all-dead --kind and --account say of what.
    """
    if (name is None) != all_dead:
        raise Refusal("usage", "say either an ID, as `outbox list` shows it, or --all-dead")
    given = order(transaction_id)

    async def work(rooms: database.Rooms) -> Done:
        if name is not None:
            asked = outbox.one(tenant, name)
        else:
            asked = await outbox.asked_for(rooms.accounts, tenant, account, kind, True)
        return await outbox.retry(rooms.accounts, asked, given)

    done = database.run(database.Place(data, database_url, demo), work)
    print_done(done, f"{len(done.answer['retried'])} to be tried again.", as_json)
