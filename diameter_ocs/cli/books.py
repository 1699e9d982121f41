"""`books`: whether everything adds up."""

import typer

from ..store.books import Books, check_books
from . import database
from .error_table import NOT_BALANCED
from .options import AsJson, Data, DatabaseUrl, Demo
from .output import command, print_json, print_table


@command
def books(
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Compare the journal, the balances and the open sessions, in one snapshot."""
    place = database.Place(data, database_url, demo)
    result = database.run(place, lambda rooms: check_books(rooms.database))
    if as_json:
        print_json(books_json(result))
    else:
        print_books(result)
    if not result.are_balanced:
        raise typer.Exit(NOT_BALANCED)


def print_books(result: Books) -> None:
    """Prints the result for people."""
    typer.echo(
        f"{result.balances} balances, {result.edrs} EDRs, {result.sessions} open sessions: "
        + ("balanced." if result.are_balanced else "NOT BALANCED.")
    )
    if result.since is not None:
        typer.echo(f"Summed since {result.since.date()}, from the opening balances of that day.")
    if result.faults:
        print_table(
            ["group", "balance", "field", "stored", "recorded"],
            [tuple(fault) for fault in result.faults],
        )


def books_json(result: Books) -> dict[str, object]:
    """Returns the result for JSON."""
    return {
        "balanced": result.are_balanced,
        "balances": result.balances,
        "edrs": result.edrs,
        "sessions": result.sessions,
        "since": None if result.since is None else f"{result.since:%Y-%m-%dT%H:%M:%SZ}",
        "faults": [fault._asdict() for fault in result.faults],
    }
