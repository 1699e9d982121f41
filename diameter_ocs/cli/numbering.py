"""`numbering`: which country and which operator the tables know of a PLMN or a number."""

from typing import Annotated

import typer

from ..numbering.tables import Numbering
from ..server.numbering import numbering_tables
from .options import AsJson
from .output import command, print_json, print_table

PLMN_DIGITS_MAX = 6

Asked = Annotated[
    list[str],
    typer.Argument(help="PLMNs (26201, 310410) or numbers (+4930123456).", metavar="PLMN|NUMBER"),
]


@command
def numbering(asked: Asked, as_json: AsJson = False) -> None:
    """Print what the tables say of networks, and of numbers (with a + or over 6 digits)."""
    tables = numbering_tables()
    found = [_found(tables, text) for text in asked]
    if as_json:
        print_json(found)
        return
    rows = [
        (each["asked"], " ".join(each["countries"]) or None, ", ".join(each["operators"]) or None)
        for each in found
    ]
    print_table(("asked", "countries", "operators"), rows)


def _found(tables: Numbering, text: str) -> dict[str, str | list[str]]:
    if text.startswith("+") or len(text) > PLMN_DIGITS_MAX:
        return {"asked": text, "countries": list(tables.countries_of_number(text)), "operators": []}
    return {
        "asked": text,
        "countries": list(tables.countries_of_plmn(text)),
        "operators": list(tables.operators(text)),
    }
