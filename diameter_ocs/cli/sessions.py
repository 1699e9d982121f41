"""`session`: what gateways have open."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ..charging.commands import SessionsAsked
from ..handlers import provisioning, sessions
from ..handlers.amounts import amount_text
from ..handlers.answers import unit_type_of
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

app = typer.Typer(help="What gateways have open.", no_args_is_help=True)

Session = Annotated[
    str,
    typer.Argument(help="A session's id, as `session list` says, or Session-Id.", metavar="ID"),
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
    """List open sessions and the quotas that gateways hold."""

    async def work(rooms: database.Rooms) -> list[dict[str, Any]]:
        asked = SessionsAsked(tenant)
        if account is not None:
            found = await provisioning.find_account(rooms.accounts, tenant, account)
            asked = asked._replace(account=(found.group_id, found.id))
        listed = await rooms.accounts.find_sessions(asked, limit + 1)
        return [sessions.session_answer(each) for each in listed]

    found = database.run(database.Place(data, database_url, demo), work)
    listed = found[:limit]
    if as_json:
        print_json(listed)
        return
    print_table(
        ["session", "account", "Session-Id", "opened", "last request", "reserved"],
        [
            (
                each["session"],
                each["account"],
                _name(each),
                each["opened_at"],
                each["last_request_at"],
                ", ".join(map(_quota, each["reservations"])) or None,
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
    """Show an open session: its usage, its quotas, and what it holds of balances."""
    place = database.Place(data, database_url, demo)
    answer = database.run(
        place, lambda rooms: sessions.show_session(rooms.accounts, tenant, session)
    )
    if as_json:
        print_json(answer)
    else:
        _print(answer)


@app.command("close")
@command
def close(
    session: Session,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Close a session: what it holds is released. Its gateway learns of it with its next request,
    and what that reports is charged once."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    done = database.run(
        place, lambda rooms: sessions.close_session(rooms.accounts, tenant, session, given)
    )
    answer = done.answer
    sentence = f"Session {answer['session']} of {answer['account']} is closed."
    print_done(done, sentence, as_json)


def _name(answer: Mapping[str, Any]) -> str:
    """Writes the name that the gateway has for a session."""
    sub_session_id = answer["sub_session_id"]
    of = "" if sub_session_id is None else f" (sub-session {sub_session_id})"
    return f"{answer['session_id']}{of}"


def _quota(reservation: Mapping[str, Any]) -> str:
    """Writes a quota as 300: 10 MiB."""
    identifiers = "".join(f"/{each}" for each in reservation["service_identifiers"])
    name = f"{reservation['rating_group']}{identifiers}"
    return f"{name}: {_granted(reservation)}"


def _granted(reservation: Mapping[str, Any]) -> str:
    """Writes the units of a quota, and whether others follow them."""
    units = amount_text(reservation["granted"], unit_type_of(reservation["unit_type"]), "")
    return f"{units}, final" if reservation["is_final"] else units


def _print(answer: Mapping[str, Any]) -> None:
    answer = {**answer, "country": " ".join(answer["countries"]) or None}
    for heading, name in (
        ("session", "session"),
        ("account", "account"),
        ("tenant", "tenant"),
        ("Session-Id", "session_id"),
        ("sub-session", "sub_session_id"),
        ("context", "service_context"),
        ("gateway", "origin_host"),
        ("opened", "opened_at"),
        ("last request", "last_request_at"),
        ("given up", "given_up_at"),
        ("number", "request_number"),
        ("catalogue", "catalogue_version"),
        ("network", "network"),
        ("country", "country"),
        ("APN", "apn"),
        ("charging id", "charging_id"),
        ("origin state", "origin_state_id"),
    ):
        if answer[name] is not None:
            typer.echo(f"{heading:12}  {answer[name]}")
    typer.echo("")
    print_table(
        ["rating group", "service identifiers", "granted", "since", "until", "price changes"],
        [
            (
                str(each["rating_group"]),
                " ".join(map(str, each["service_identifiers"])) or None,
                _granted(each),
                each["granted_at"],
                each["expires_at"],
                each["price_changes_at"],
            )
            for each in answer["reservations"]
        ],
    )
    typer.echo("")
    print_table(
        ["line", "rating group", "zone", "used", "charged", "service"],
        [
            (
                each["line"],
                str(each["rating_group"]),
                each["zone"],
                *(
                    amount_text(each[name], unit_type_of(each["unit_type"]), "")
                    for name in ("used", "settled")
                ),
                ", ".join(dict.fromkeys(hold["service"] for hold in each["holds"])) or None,
            )
            for each in answer["lines"]
        ],
    )
    typer.echo("")
    print_table(
        ["balance", "type", "reserved"],
        [
            (each["balance"], each["balance_type"], _reserved(each, answer["currency"]))
            for each in answer["held"]
        ],
    )


def _reserved(held: Mapping[str, Any], currency: str) -> str:
    unit_name, amount = held["unit_type"], held["reserved"]
    if unit_name is None:
        return str(amount)
    return amount_text(amount, unit_type_of(unit_name), currency)
