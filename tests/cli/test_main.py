"""What all commands share: help, usage, and how errors are told."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer

from diameter_ocs import __version__
from diameter_ocs.cli.main import commands as program
from tests.cli.conftest import Run


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each command with the words that one types for it."""
    members = getattr(command, "commands", {})
    if not members:
        yield path, command
    for name, member in members.items():
        yield from commands(member, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(program)))


def test_there_are_the_promised_commands() -> None:
    assert {" ".join(path) for path in COMMANDS} == {
        "account create",
        "account import",
        "account list",
        "account suspend",
        "account reauthorize",
        "account resume",
        "account set",
        "account delete",
        "account thresholds",
        "counter list",
        "counter reset",
        "counter set",
        "device add",
        "device list",
        "device remove",
        "device show",
        "identity add",
        "identity list",
        "identity remove",
        "subscription add",
        "subscription cancel",
        "subscription list",
        "balance create",
        "balance list",
        "balance set",
        "balance show",
        "account show",
        "audit list",
        "balance credit",
        "balance debit",
        "bench",
        "compile",
        "books",
        "catalogue apply",
        "catalogue check",
        "catalogue diff",
        "catalogue history",
        "catalogue schema",
        "catalogue show",
        "config reference",
        "db backup",
        "db migrate",
        "db restore",
        "edr explain",
        "edr list",
        "edr show",
        "clock advance",
        "clock set",
        "clock show",
        "enquiry ccr",
        "errors",
        "numbering",
        "peer accept",
        "peer list",
        "peer remove",
        "serve",
        "session close",
        "session list",
        "session show",
        "simulate pcrf",
        "simulate pgw",
        "notices schema",
        "notices tail",
        "outbox list",
        "outbox retry",
        "sy list",
        "sy show",
        "tenant create",
        "tenant list",
        "tenant resume",
        "tenant show",
        "tenant suspend",
        "test",
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_explained(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    unexplained = [parameter.name for parameter in command.params if not parameter.help]
    assert unexplained == []


def test_the_version_is_printed(run_anywhere: Run) -> None:
    ended = run_anywhere("--version")
    assert (ended.status, ended.out, ended.err) == (0, f"diameter-ocs {__version__}\n", "")


def test_the_help_lists_every_command(run_anywhere: Run) -> None:
    listed = run_anywhere("--help").out
    assert [path[0] for path in COMMANDS if f" {path[0]} " not in listed] == []


def test_no_help_shows_what_the_environment_holds(
    run_anywhere: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCS_DATABASE_URL", "postgresql://ocs:geheim@db/ocs")
    assert "geheim" not in run_anywhere("books", "--help").out
    assert "geheim" not in run_anywhere("config", "reference").out


def test_where_the_program_is_installed_there_are_no_tests(run_anywhere: Run) -> None:
    ended = run_anywhere("test")
    assert ended.status == 1
    assert ended.err == (
        "diameter-ocs: the tests are not part of what is installed:"
        " run `test` in a clone of the project\n"
    )


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_is_shown(path: tuple[str, ...], run_anywhere: Run) -> None:
    ended = run_anywhere(*path, "--help")
    assert ended.status == 0
    assert f"Usage: diameter-ocs {' '.join(path)}" in ended.out
    assert ended.err == ""


READING = {
    "list",
    "show",
    "tail",
    "explain",
    "check",
    "diff",
    "history",
    "schema",
    "reference",
    "ccr",
}
"""Last words of commands that change nothing."""
WITHOUT_AUDIT = {
    "serve",
    "test",
    "books",
    "bench",
    "compile",
    "simulate",
    "db",
    "errors",
    "numbering",
}
"""First words of those that work on no tenant's affairs, or on the database as a whole."""


@pytest.mark.parametrize("path", sorted(COMMANDS), ids=" ".join)
def test_what_changes_something_can_be_done_once(path: tuple[str, ...]) -> None:
    takes_one = any("--transaction-id" in parameter.opts for parameter in COMMANDS[path].params)
    assert takes_one == (path[0] not in WITHOUT_AUDIT and path[-1] not in READING)


WITHOUT_JSON = {("serve",), ("test",)}


@pytest.mark.parametrize("path", sorted(COMMANDS.keys() - WITHOUT_JSON), ids=" ".join)
def test_every_command_but_serve_and_test_speaks_json(path: tuple[str, ...]) -> None:
    assert any("--json" in parameter.opts for parameter in COMMANDS[path].params)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("frobnicate", "No such command 'frobnicate'; `diameter-ocs --help` says more"),
        ("tenant frobnicate", "`diameter-ocs tenant --help` says more"),
        ("balance credit alice", "Missing argument 'AMOUNT'; `diameter-ocs balance credit --help`"),
        ("books --frobnicate", "No such option: --frobnicate"),
        ("edr list --limit 0", "'--limit'"),
        ("account create bob", "Missing option '--plan'"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_sentence(
    line: str, words: str, run_anywhere: Run
) -> None:
    ended = run_anywhere(*line.split())
    assert ended.status == 2
    assert ended.out == ""
    assert words in ended.err
    assert ended.err.startswith("diameter-ocs: ")
    assert ended.err.count("\n") == 1


def test_a_wrong_command_line_is_told_in_json(run_anywhere: Run) -> None:
    ended = run_anywhere("balance", "credit", "--json")
    assert ended.status == 2
    assert ended.err == ""
    assert ended.json["error"]["code"] == "usage"
    assert "ACCOUNT" in ended.json["error"]["messages"][0]


ERRORS = [
    ("tenant create acme", 1, "tenant_exists", "there is a tenant 'acme' already"),
    ("catalogue apply missing.yaml", 2, "file_unreadable", "missing.yaml cannot be read: No such"),
    ("catalogue check missing.yaml", 2, "file_unreadable", "missing.yaml cannot be read: No such"),
    ("account create bob --plan gold", 1, "plan_unknown", "there is no plan 'gold'"),
    ("account create alice --plan basic", 1, "exists", "already: alice"),
    ("account create bob --plan basic --identity 1", 2, "invalid_identity", "KIND:VALUE"),
    ("account create bob --plan basic --identity imsi:x", 2, "invalid_identity", "no imsi"),
    ("account create bob --plan basic --credit much", 2, "invalid_amount", "'much'"),
    ("account create bob --plan basic --tenant other", 1, "tenant_unknown", "no tenant 'other'"),
    ("account show bob", 1, "account_unknown", "there is no account 'bob'"),
    ("account show alice --tenant other", 1, "account_unknown", "no account 'alice'"),
    ("balance credit bob 1", 1, "account_unknown", "there is no account 'bob'"),
    ("balance credit alice 1.2.3", 2, "invalid_amount", "1.2.3"),
    ("balance credit alice 0", 2, "invalid_amount", "write an amount of more than 0"),
    (
        "balance credit alice 1 --type gold",
        1,
        "balance_type_unknown",
        "there is no balance type 'gold'; there is: data, money",
    ),
    ("balance credit alice 1 --balance 77", 1, "balance_unknown", "alice has no balance 77"),
    ("balance credit alice -5.00", 2, "invalid_amount", "`balance debit` takes away"),
    ("balance debit alice -5", 2, "invalid_amount", "`balance credit` adds"),
    ("balance debit alice 20.01", 1, "insufficient_balance", "`account show` says how much"),
    ("edr list --account bob", 1, "account_unknown", "there is no account 'bob'"),
    ("simulate pgw --server localhost", 2, "usage", "HOST:PORT"),
    ("simulate pgw hello", 2, "step_invalid", "check, price, refund, wait, wait-rar or wait-asr"),
    ("simulate pgw --server 127.0.0.1:1", 3, "simulator_stopped", "start the server there"),
]


@pytest.mark.parametrize(
    ("line", "status", "code", "words"), ERRORS, ids=[line for line, *_ in ERRORS]
)
def test_an_error_has_a_status_a_code_and_a_sentence(
    line: str, status: int, code: str, words: str, shop: Run
) -> None:
    for_people = shop(*line.split())
    assert for_people.status == status
    assert for_people.out == ""
    assert words in for_people.err
    assert for_people.err.startswith("diameter-ocs: ")
    assert for_people.err.count("\n") == 1

    for_programs = shop(*line.split(), "--json")
    assert for_programs.status == status
    assert for_programs.err == ""
    error = json.loads(for_programs.out)["error"]
    assert error["code"] == code
    assert words in " ".join(error["messages"])


def test_an_output_that_finds_no_room_is_told(
    monkeypatch: pytest.MonkeyPatch, run_anywhere: Run
) -> None:
    with suppress(OSError), Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        ended = run_anywhere("errors")
    assert ended.status == 3
    assert ended.err == "diameter-ocs: the output cannot be written: No space left on device\n"


INTERRUPTED_EARLY = """
import signal, sys

def interrupt(event, details):
    if event == "import" and details[0] == "typer":
        signal.raise_signal(signal.SIGINT)

sys.argv = ["diameter-ocs", "--version"]
sys.addaudithook(interrupt)
from diameter_ocs import __main__, _bootstrap
_bootstrap.enter = lambda arguments: None
__main__.main()
"""


def test_ctrl_c_while_the_program_starts_ends_it_without_a_word() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_EARLY], capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
