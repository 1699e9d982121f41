"""`errors`: what each error's code means, and with which status the program ends."""

import typer

from .error_table import ERRORS, STATUSES
from .options import AsJson
from .output import command, print_json

INTRODUCTION = """\
# Errors

Made by `diameter-ocs errors`: change the table in the program, not this page.

People read an error as sentences on standard error. Under `--json` standard output has
`{"error": {"code": ..., "messages": [...]}}` instead, for wrong command lines too.

| status | |
|---|---|
"""


@command
def errors(as_json: AsJson = False) -> None:
    """Print what each error's code and each exit status mean."""
    if as_json:
        print_json({code: error._asdict() for code, error in sorted(ERRORS.items())})
        return
    statuses = "".join(f"| {status} | {meaning} |\n" for status, meaning in STATUSES.items())
    codes = "".join(
        f"| `{code}` | {error.status} | {error.meaning} |\n"
        for code, error in sorted(ERRORS.items())
    )
    head = "\n| code | status | |\n|---|---|---|\n"
    typer.echo(f"{INTRODUCTION}{statuses}{head}{codes}", nl=False)
