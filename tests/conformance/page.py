"""The conformance page: what a server may be asked for by each clause, and the tests that show it.

`clauses.toml` names the tests; the page says of a clause that it is supported only where all of
them have passed, and there is one. `python -m diameter_ocs test --write-conformance` writes it.
"""

import tomllib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
CLAUSES = FOLDER / "clauses.toml"
PAGE = FOLDER / "gy.md"
_ROOT = FOLDER.parents[1]

_OPENING = """\
# Conformance of the Gy interface

Which clauses that concern a server are supported, and the tests that show it. This page is written
by `python -m diameter_ocs test --write-conformance`, and a run of all tests fails where it is not
what they show: a clause is *supported* only when all tests named here have passed, *partly* when
something is missing, which is said, and *not* when nothing of it is there or a test has failed.
Clauses that concern clients, agents or the authors of service documents alone are left out.
"""


@dataclass(frozen=True, slots=True)
class Clause:
    """What one clause asks of a server."""

    number: str
    title: str
    tests: tuple[str, ...] = ()
    """File and function of each, as `tests/gy/test_decode.py::test_name`."""
    missing: str = ""
    """What is not there."""

    def status(self, passed: Collection[str]) -> str:
        """Return how far it is supported, when some tests have passed."""
        if not self.tests or not all(test in passed for test in self.tests):
            return "not"
        return "partly" if self.missing else "supported"


@dataclass(frozen=True, slots=True)
class Document:
    """A standard."""

    name: str
    title: str
    clauses: tuple[Clause, ...]


def documents(text: str) -> tuple[Document, ...]:
    """Read what is written in `clauses.toml`."""
    return tuple(
        Document(
            document["name"],
            document["title"],
            tuple(
                Clause(
                    clause["number"],
                    clause["title"],
                    tuple(clause.get("tests", ())),
                    clause.get("missing", ""),
                )
                for clause in document["clause"]
            ),
        )
        for document in tomllib.loads(text)["document"]
    )


def named_tests(read: Iterable[Document]) -> set[str]:
    """Return all tests that clauses name."""
    return {test for document in read for clause in document.clauses for test in clause.tests}


def render(read: Iterable[Document], passed: Collection[str]) -> str:
    """Return the page, when some tests have passed."""
    parts = [_OPENING]
    for document in read:
        parts.append("\n".join(_lines(document, passed)))
    return "\n".join(parts)


def _lines(document: Document, passed: Collection[str]) -> Iterator[str]:
    counts = [clause.status(passed) for clause in document.clauses]
    told = ", ".join(f"{counts.count(name)} {name}" for name in ("supported", "partly", "not"))
    yield f"## {document.name}: {document.title}"
    yield ""
    yield f"{len(counts)} clauses: {told}."
    yield ""
    yield "| Clause | Title | Status | Shown by |"
    yield "|---|---|---|---|"
    for clause in document.clauses:
        shown = [_sentence(test) for test in clause.tests]
        if clause.missing:
            shown.append(f"**Missing:** {clause.missing}")
        status = clause.status(passed)
        yield f"| {clause.number} | {clause.title} | {status} | {'<br>'.join(shown)} |"
    yield ""


def _sentence(test: str) -> str:
    """Return a test's name as what it promises, with a link to its file."""
    file, _, function = test.partition("::")
    promise = function.removeprefix("test_").replace("_", " ")
    return f"[{promise}](../../{file})"
