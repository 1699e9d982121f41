"""The table of errors has every code that the program may print, each with its status."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from diameter_ocs.cli import error_table
from diameter_ocs.cli.error_table import ERRORS, STATUSES
from diameter_ocs.config import resource
from tests.cli.conftest import Run

PACKAGE = Path(error_table.__file__).resolve().parent.parent
PAGE = resource("deploy/errors.md")
RAISED = {"Refusal": None, "RestoreRefused": "REFUSED", "BenchError": "UNAVAILABLE"}
"""What is raised with a code, and the exit status that it leads to; None: as the table says."""
NAMED_BY_KIND = {"device_unknown", "identity_unknown"}
"""Codes that are put together of words."""


class Said(NamedTuple):
    """A code in the source, and the name of its status where that stands beside it."""

    code: str
    status: str | None


def said() -> Iterator[Said]:
    """Yield the codes that stand in the source."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                yield from said_by(node.func.id, node.args)
            elif isinstance(node, ast.Assign):
                yield from assigned(node)


def said_by(function: str, arguments: list[ast.expr]) -> Iterator[Said]:
    code = arguments[0]
    if not isinstance(code, ast.Constant) or not isinstance(code.value, str):
        return
    if function in RAISED:
        yield Said(code.value, RAISED[function])
    elif function == "fail":
        status = arguments[2]
        yield Said(code.value, status.id if isinstance(status, ast.Name) else None)
    elif function == "report":
        yield Said(code.value, None)


def assigned(node: ast.Assign) -> Iterator[Said]:
    """Yield what is assigned to `code`, first of several names."""
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        target, value = target.elts[0], value.elts[0]
    is_code = isinstance(target, ast.Name) and target.id == "code"
    if is_code and isinstance(value, ast.Constant) and value.value:
        yield Said(str(value.value), None)


def test_every_code_of_the_source_is_in_the_table_and_no_other() -> None:
    assert {each.code for each in said()} | NAMED_BY_KIND == ERRORS.keys()


def test_every_code_has_the_status_that_the_table_says() -> None:
    for each in said():
        if each.status is not None:
            assert ERRORS[each.code].status == getattr(error_table, each.status), each.code


def test_what_is_wrong_in_what_was_given_is_one_status() -> None:
    invalid = {code: each.status for code, each in ERRORS.items() if "invalid" in code}
    assert len(invalid) > 10
    assert set(invalid.values()) == {error_table.WRONG_INPUT}


def test_every_status_is_explained() -> None:
    assert {error.status for error in ERRORS.values()} <= STATUSES.keys()


def test_the_page_is_current(run_anywhere: Run) -> None:
    printed = run_anywhere("errors")
    assert (printed.status, printed.err) == (0, "")
    assert PAGE.read_text() == printed.out, f"type: diameter-ocs errors > {PAGE}"
    assert run_anywhere("errors", "--json").json["usage"]["status"] == 2
