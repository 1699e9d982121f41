"""`sy`: which policy servers subscribe to the counters of whom."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ..charging.commands import SessionsAsked
from ..handlers import provisioning
from ..handlers.open_spending_limits import show_spending_limit, spending_limit_answer
from . import database
from .options import AsJson, Data, DatabaseUrl, Demo, Limit, OfAccount, Tenant
from .output import command, print_cut, print_json, print_table

app = typer.Typer(help="Who subscribes to counters over Sy.", no_args_is_help=True)

Session = Annotated[
    str, typer.Argument(help="A session's id, as `sy list` says, or Session-Id.", metavar="ID")
]


@app.command("list")
@command
def show_all(
    account: OfAccount = None,
    tenant: Tenant = None,
    limit: Limit = 100,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List the sessions of policy servers, and the counters that they are for."""

    async def work(rooms: database.Rooms) -> list[dict[str, Any]]:
        asked = SessionsAsked(tenant)
        if account is not None:
            found = await provisioning.find_account(rooms.accounts, tenant, account)
            asked = asked._replace(account=(found.group_id, found.id))
        listed = await rooms.accounts.find_spending_limits(asked, limit + 1)
        return [spending_limit_answer(each) for each in listed]

    found = database.run(database.Place(data, database_url, demo), work)
    listed = found[:limit]
    if as_json:
        print_json(listed)
        return
    print_table(
        [
            "session",
            "account",
            "policy server",
            "Session-Id",
            "last request",
            "counters",
            "waiting",
        ],
        [
            (
                each["session"],
                each["account"],
                each["origin_host"],
                each["session_id"],
                each["last_request_at"],
                _counters(each),
                each["reports_waiting"],
            )
            for each in listed
        ],
    )
    if len(found) > limit:
        print_cut(limit)


@app.command("show")
@command
def show(
    session: Session,
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Show a session of a policy server: what it is told, and how the counters stand."""

    async def work(rooms: database.Rooms) -> dict[str, Any]:
        now = await rooms.database.ping()
        return await show_spending_limit(rooms.accounts, tenant, session, now)

    answer = database.run(database.Place(data, database_url, demo), work)
    if as_json:
        print_json(answer)
    else:
        _print(answer)


def _counters(answer: Mapping[str, Any]) -> str:
    return "all" if answer["counters"] is None else ", ".join(answer["counters"])


def _print(answer: Mapping[str, Any]) -> None:
    told = {
        "session": answer["session"],
        "account": answer["account"],
        "tenant": answer["tenant"],
        "subscriber": ", ".join(answer["identities"]) or None,
        "Session-Id": answer["session_id"],
        "policy server": f"{answer['origin_host']} of {answer['origin_realm']}",
        "opened": answer["opened_at"],
        "last request": answer["last_request_at"],
        "counters": _counters(answer),
        "may be aborted": "yes" if answer["may_be_aborted"] else "no",
        "reports waiting": answer["reports_waiting"],
        "stale since": answer["stale_at"],
    }
    for heading, value in told.items():
        if value is not None:
            typer.echo(f"{heading:15}  {value}")
    typer.echo("")
    print_table(
        ["counter", "told", "stands", "then"],
        [
            (
                each["counter"],
                each["told"],
                each["state"],
                ", ".join(f"{p['status']} from {p['change_at']}" for p in each["pending"]) or None,
            )
            for each in answer["statuses"]
        ],
    )
