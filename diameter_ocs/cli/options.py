"""The options that several commands have."""

import getpass
import os
import time
from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Directory of the embedded database.", metavar="DIR"),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        help="An external PostgreSQL instead; better in the environment, as OCS_DATABASE_URL,"
        " where other users do not see it.",
        metavar="URL",
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


def stamp() -> tuple[int, str]:
    """Returns when a command is given, in microseconds since 1970, and by whom."""
    try:
        actor = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        actor = f"user {os.getuid()}"
    return time.time_ns() // 1000, actor
