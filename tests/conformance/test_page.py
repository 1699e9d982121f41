"""What the conformance pages may say."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.page import Clause, Page, pages

ROOT = Path(__file__).parents[2]
PAGES = pages()

of_each_page = pytest.mark.parametrize("page", PAGES, ids=[page.interface for page in PAGES])


def running(file: Path) -> Iterator[str]:
    """Yield the tests of a file that run by default."""
    body = ast.parse(file.read_text()).body
    of_all = " ".join(ast.unparse(node) for node in body if isinstance(node, ast.Assign))
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            marks = " ".join([of_all, *map(ast.unparse, node.decorator_list)])
            if not any(f"pytest.mark.{name}" in marks for name in ("ci", "shared", "skip")):
                yield node.name


@of_each_page
def test_every_test_that_a_clause_names_is_there_and_runs_by_default(page: Page) -> None:
    named = page.named_tests
    there = {
        f"{file}::{function}"
        for file in {name.partition("::")[0] for name in named}
        for function in running(ROOT / file)
    }
    assert not named - there, "renamed, or not run by default? See the .toml beside this file"


@of_each_page
def test_no_clause_stands_twice_and_each_says_what_is_missing_or_who_shows_it(page: Page) -> None:
    for document in page.documents:
        numbers = [clause.number for clause in document.clauses]
        assert len(numbers) == len(set(numbers))
        assert all(clause.tests or clause.missing for clause in document.clauses)


@pytest.mark.parametrize(
    ("tests", "missing", "passed", "status"),
    [
        (("a::b",), "", {"a::b"}, "supported"),
        (("a::b",), "the rest", {"a::b"}, "partly"),
        (("a::b",), "", set(), "not"),
        (("a::b", "a::c"), "", {"a::b"}, "not"),
        ((), "everything", {"a::b"}, "not"),
        ((), "", {"a::b"}, "not"),
    ],
)
def test_a_clause_is_supported_only_by_tests_that_pass(
    tests: tuple[str, ...], missing: str, passed: set[str], status: str
) -> None:
    assert Clause("1", "", tests, missing).status(passed) == status


@of_each_page
def test_the_page_is_what_the_tests_show_when_all_pass(page: Page) -> None:
    assert page.file.read_text() == page.render(page.named_tests)
