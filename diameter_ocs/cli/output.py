"""What commands print: tables for people, JSON for programs, and errors in one sentence."""

import functools
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..charging.faults import BrokenBatch, CasesUnavailable, CatalogueUnreadable
from ..config import ConfigurationError
from ..embedded import DatabaseMissing, EmbeddedError
from ..handlers.catalogue_text import CatalogueError
from ..handlers.commands import Done
from ..handlers.refusals import Refusal
from ..numbering.plmn import PlmnError
from ..simulator.errors import SimulatorError, StepError
from ..store.archive import BackupInvalid
from ..store.backup import RestoreRefused
from ..store.logins import SchemaError
from ..store.spool import SpoolUnusable
from .backup_files import NotSaved
from .error_table import ERRORS, REFUSED, UNAVAILABLE, WRONG_INPUT
from .ways import WireMissing

TABLE_WIDTH_MAX = 1000
"""Lines are as long as they must be: a terminal wraps them, a pipe gets them whole."""

P = ParamSpec("P")
R = TypeVar("R")


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Lets a command end with one sentence and a status where it cannot do what was asked."""

    @functools.wraps(function)
    def guarded(*arguments: P.args, **options: P.kwargs) -> R:
        as_json = bool(options.get("as_json"))
        try:
            return function(*arguments, **options)
        except Refusal as error:
            fail(error.code, error.sentences, ERRORS[error.code].status, as_json)
        except CatalogueError as error:
            faults = [fault._asdict() for fault in error.faults]
            report("catalogue_invalid", error.sentences(), as_json, faults=faults)
            raise typer.Exit(WRONG_INPUT) from None
        except ConfigurationError as error:
            fail("configuration_invalid", error.faults, WRONG_INPUT, as_json)
        except StepError as error:
            fail("step_invalid", [str(error)], WRONG_INPUT, as_json)
        except DatabaseMissing as error:
            fail("database_missing", [str(error)], UNAVAILABLE, as_json)
        except PlmnError as error:
            sentence = f"{error}; mend the file, or put back the one of this version"
            fail("dictionary_invalid", [sentence], WRONG_INPUT, as_json)
        except EmbeddedError as error:
            fail("database_unavailable", [str(error)], UNAVAILABLE, as_json)
        except SchemaError as error:
            fail("schema_incompatible", [str(error)], UNAVAILABLE, as_json)
        except BackupInvalid as error:
            fail("backup_invalid", [str(error)], WRONG_INPUT, as_json)
        except RestoreRefused as error:
            fail(error.code, [str(error)], REFUSED, as_json)
        except NotSaved as error:
            fail("backup_not_saved", [str(error)], UNAVAILABLE, as_json)
        except CasesUnavailable as error:
            sentence = f"the database cannot be reached ({error}): start it, then try again"
            fail("database_unavailable", [sentence], UNAVAILABLE, as_json)
        except CatalogueUnreadable as error:
            fail("catalogue_unreadable", [str(error)], UNAVAILABLE, as_json)
        except BrokenBatch as error:
            fail("database_refused", [f"the database refused it: {error}"], REFUSED, as_json)
        except SpoolUnusable as error:
            fail("spool_unusable", [str(error)], UNAVAILABLE, as_json)
        except WireMissing as error:
            fail("wire_missing", [str(error)], UNAVAILABLE, as_json)
        except SimulatorError as error:
            fail("simulator_stopped", [str(error)], UNAVAILABLE, as_json)

    return guarded


def fail(code: str, sentences: Sequence[str], status: int, as_json: bool) -> NoReturn:
    """Says what is wrong, and ends."""
    report(code, sentences, as_json)
    raise typer.Exit(status)


def report(code: str, sentences: Sequence[str], as_json: bool, **details: Any) -> None:
    """Says what is wrong: people read it on standard error, programs as JSON on standard output.

    Programs are told the details too.
    """
    if as_json:
        print_json({"error": {"code": code, "messages": list(sentences), **details}})
        return
    for sentence in sentences:
        typer.echo(f"diameter-ocs: {sentence}", err=True)


def print_json(value: Any) -> None:
    """Prints a value as JSON, indented; octets of no UTF-8, as were typed, as escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    typer.echo(text.encode(errors="backslashreplace").decode())


def print_done(done: Done, text: str, as_json: bool) -> None:
    """Prints what a command that changes something answers: the text, or all of it as JSON."""
    if as_json:
        print_json(done.as_dict())
        return
    typer.echo(text)
    if done.is_repeated:
        typer.echo(
            f"It was done before, with transaction id {done.transaction_id}; nothing was changed.",
            err=True,
        )


def print_cut(limit: int, of_what: str = "") -> None:
    """Says that a list was cut."""
    typer.echo(f"There are more than {limit}{of_what}: raise --limit to see them.", err=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints rows under their headings."""
    typer.echo(table_text(columns, rows))


def table_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Writes rows under their headings, numbers to the right; long rows are not cut."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    listed = [list(row) for row in rows]
    for index, column in enumerate(columns):
        is_numeric = all(isinstance(row[index], int) for row in listed) and bool(listed)
        table.add_column(column, justify="right" if is_numeric else "left", no_wrap=True)
    for row in listed:
        table.add_row(*(Text("-" if value is None else str(value)) for value in row))
    console = Console(width=TABLE_WIDTH_MAX)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))
