"""All commands as one program."""

import errno
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from .. import __version__
from . import (
    account_files,
    accounts,
    audit,
    balances,
    bench,
    books,
    catalogues,
    clocks,
    compiling,
    configuration,
    counters,
    db,
    devices,
    edrs,
    enquiry,
    errors,
    identities,
    notices,
    numbering,
    outbox,
    peers,
    serve,
    sessions,
    simulate,
    spending_limits,
    subscriptions,
    tenants,
)
from .error_table import REFUSED, UNAVAILABLE
from .output import command, fail, report

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What a file that standard output goes to may meet."""

SIGNED = "an amount has no sign: `balance credit` adds, `balance debit` takes away"

commands = typer.Typer(
    name="diameter-ocs",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"diameter-ocs {__version__}")
        raise typer.Exit


@commands.callback()
def diameter_ocs(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """An online charging system: Diameter Gy and Sy in front, PostgreSQL behind."""


@command
def test() -> None:
    """Run the tests; in a clone of the project only."""
    # In a clone the bootstrap has become pytest before it comes to this.
    sentence = "the tests are not part of what is installed: run `test` in a clone of the project"
    fail("no_tests_here", [sentence], REFUSED, False)


commands.command("serve")(serve.serve)
commands.add_typer(tenants.app, name="tenant")
commands.add_typer(catalogues.app, name="catalogue")
accounts.app.command("import")(account_files.load)
commands.add_typer(accounts.app, name="account")
commands.add_typer(devices.app, name="device")
commands.add_typer(identities.app, name="identity")
commands.add_typer(subscriptions.app, name="subscription")
commands.add_typer(balances.app, name="balance")
commands.add_typer(counters.app, name="counter")
commands.add_typer(sessions.app, name="session")
commands.add_typer(spending_limits.app, name="sy")
commands.add_typer(outbox.app, name="outbox")
commands.add_typer(notices.app, name="notices")
commands.add_typer(edrs.app, name="edr")
commands.add_typer(enquiry.app, name="enquiry")
commands.add_typer(audit.app, name="audit")
commands.add_typer(peers.app, name="peer")
commands.command("books")(books.books)
commands.add_typer(simulate.app, name="simulate")
commands.command("bench")(bench.bench)
commands.command("compile")(compiling.compile_rules)
commands.add_typer(clocks.app, name="clock")
commands.add_typer(db.app, name="db")
commands.add_typer(configuration.app, name="config")
commands.command("numbering")(numbering.numbering)
commands.command("errors")(errors.errors)
commands.command("test")(test)


def app() -> NoReturn:
    """Is the program: do what this process's command line says, and ends."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Does what a command line says and returns the exit status.

    A command line that cannot be understood is told in one sentence, like every other fault.
    """
    program = serve.program_name(Path(sys.argv[0]))
    command = typer.main.get_command(commands)
    try:
        return command.main(list(arguments), prog_name=program, standalone_mode=False) or 0
    except typer.TyperException as error:
        if reason := error.format_message().rstrip("."):  # none: the help was shown instead
            context = getattr(error, "ctx", None)
            path = program if context is None else context.command_path
            code = "usage"
            if re.match("-[0-9]", getattr(error, "option_name", "")):
                code, reason = "invalid_amount", SIGNED
            report(code, [f"{reason}; `{path} --help` says more"], "--json" in arguments)
        return error.exit_code
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        report("output_failed", [f"the output cannot be written: {error.strerror}"], False)
        return UNAVAILABLE
