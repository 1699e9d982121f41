"""`counter`: how the counters of accounts stand, and thresholds that accounts have of their own."""

from typing import Annotated, Any

import typer

from ..handlers.commands import Done
from ..handlers.counters import OwnCounter, counters_answer, override_counter, restore_counter
from ..handlers.provisioning import find_account
from ..handlers.refusals import Refusal
from . import database
from .account_text import Answer, counted_text
from .accounts import with_catalogues
from .database import Rooms
from .options import Account, AsJson, Data, DatabaseUrl, Demo, Tenant, TransactionId, order
from .output import command, print_done, print_json, print_table

app = typer.Typer(help="States of what accounts have.", no_args_is_help=True)

Counter = Annotated[
    str, typer.Argument(help="A counter on a balance type of the catalogue.", metavar="COUNTER")
]


@app.command("set")
@command
def change(
    account: Account,
    counter: Counter,
    threshold: Annotated[
        list[str],
        typer.Option(
            "--threshold",
            help='Where a state begins, as low=500MB, low=5.00 or "low=20 %"; several times.',
            metavar="STATE=AMOUNT",
        ),
    ] = [],  # noqa: B006 - typer copies it
    active: Annotated[
        bool | None,
        typer.Option("--active/--inactive", help="Whether the account has the counter at all."),
    ] = None,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Give an account thresholds of its own; what is not said stays as it is now."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    asked = account, OwnCounter(counter, tuple(map(_threshold, threshold)), active)
    done = database.run(place, lambda rooms: override_counter(rooms.accounts, tenant, asked, given))
    _print(done, f"has counter {counter} of its own", as_json)


@app.command("reset")
@command
def reset(
    account: Account,
    counter: Counter,
    tenant: Tenant = None,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Have a counter of an account be as the catalogue says again."""
    place, given = database.Place(data, database_url, demo), order(transaction_id)
    asked = account, counter
    done = database.run(place, lambda rooms: restore_counter(rooms.accounts, tenant, asked, given))
    _print(done, f"has counter {counter} as the catalogue says", as_json)


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
    """List the counters of an account as they stand, with their thresholds."""
    place = database.Place(data, database_url, demo)

    async def work(rooms: Rooms) -> list[dict[str, Any]]:
        found = await find_account(rooms.accounts, tenant, account)
        ((summary, catalogue, now),) = await with_catalogues(rooms, [found])
        return counters_answer(summary, catalogue, now)

    found = database.run(place, work)
    if as_json:
        print_json(found)
        return
    print_table(
        ["counter", "counts", "state", "states begin", "whose"],
        [
            (
                each["counter"],
                counted_text(each),
                each["state"],
                _beginnings(each),
                "its own" if each.get("is_own") else "catalogue",
            )
            for each in found
        ],
    )


def _threshold(text: str) -> tuple[str, str]:
    state, equals, amount = text.rpartition("=")
    if not equals:
        reason = f"{text!r} is no threshold; write state and amount, as low=500MB"
        raise Refusal("invalid_threshold", reason)
    return state, amount


def _beginnings(counter: Answer) -> str | None:
    """Says where the states of a counter begin."""
    if counter["type"] != "balance":
        return None
    if not counter["active"]:
        return "inactive"
    begin = "more than" if counter["of"] == "used" else "less than"
    limits = [
        f"{state['name']} {state['threshold']}"
        for state in counter["states"]
        if state["threshold"] is not None
    ]
    held = ", reservations count" if counter["reservations"] else ""
    return f"{counter['of']} {begin}: {', '.join(limits)}{held}" if limits else None


def _print(done: Done, sentence: str, as_json: bool) -> None:
    answer = done.answer
    state = f", in state {answer['state']}" if answer["state"] else ""
    begins = f": {_beginnings(answer)}" if _beginnings(answer) else ""
    print_done(done, f"Account {answer['account']} {sentence}{state}{begins}.", as_json)
