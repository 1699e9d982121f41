"""The options that several commands have."""

import getpass
import os
from pathlib import Path
from typing import Annotated

import typer

from ..handlers.commands import Order
from ..store.logins import has_password

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Directory of the embedded database.", metavar="DIR"),
]


def _without_password(value: str | None) -> str | None:
    if value is not None and has_password(value):
        raise typer.BadParameter(
            "other users see a password on the command line: set OCS_DATABASE_URL, or"
            " OCS_DATABASE_URL_FILE to a file that holds the address"
        )
    return value


DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        help="An external PostgreSQL instead; with a password only in the environment, as"
        " OCS_DATABASE_URL, or in a file that OCS_DATABASE_URL_FILE names.",
        metavar="URL",
        callback=_without_password,
    ),
]
Demo = Annotated[bool, typer.Option("--demo", help="Use the database of `serve --demo`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, errors too.")]
Tenant = Annotated[
    str | None,
    typer.Option(
        "--tenant", help="The tenant; not needed where there is only one.", metavar="NAME"
    ),
]
Account = Annotated[str, typer.Argument(help="The account's name.", metavar="ACCOUNT")]
OfAccount = Annotated[
    str | None, typer.Option("--account", help="Only this account's.", metavar="NAME")
]
Limit = Annotated[
    int, typer.Option("--limit", min=1, max=100_000, help="How many at most.", metavar="NUMBER")
]
Since = Annotated[
    str | None,
    typer.Option("--since", help="From this time on, as 2026-11-20T18:30.", metavar="TIME"),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="When it begins, as 2026-12-01 or 2026-12-01T12:00; default: now.",
        metavar="TIME",
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        help="The first moment when it has ended; default: it has no end.",
        metavar="TIME",
    ),
]
TransactionId = Annotated[
    str | None,
    typer.Option(
        "--transaction-id",
        help="Do it once, however often it is given with this id: a repeat within 7 days prints"
        " the first answer.",
        metavar="ID",
    ),
]


def order(transaction_id: str | None = None) -> Order:
    """Returns who gives a command, and under which name it is done once."""
    try:
        actor = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        actor = f"user {os.getuid()}"
    return Order(actor, transaction_id)
