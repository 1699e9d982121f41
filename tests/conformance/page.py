"""Conformance pages: what a server may be asked for by each clause, and the tests that show it.

For each interface a file of clauses names the tests; its page says of a clause that it is supported
only where all of them have passed, and there is one. `python -m diameter_ocs test
--write-conformance` writes the pages.
"""

import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
INTERFACES = ("Gy", "Sy")

_OPENING = """\
# Conformance of the {interface} interface

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


@dataclass(frozen=True, slots=True)
class Page:
    """What is said of one interface."""

    interface: str
    documents: tuple[Document, ...]

    @property
    def file(self) -> Path:
        """Where it is written."""
        return FOLDER / f"{self.interface.lower()}.md"

    @property
    def named_tests(self) -> set[str]:
        """All tests that clauses name."""
        clauses = (clause for document in self.documents for clause in document.clauses)
        return {test for clause in clauses for test in clause.tests}

    def render(self, passed: Collection[str]) -> str:
        """Return the page, when some tests have passed."""
        parts = [_OPENING.format(interface=self.interface)]
        parts += ["\n".join(_lines(document, passed)) for document in self.documents]
        return "\n".join(parts)


def pages() -> tuple[Page, ...]:
    """Read the clauses of all interfaces."""
    return tuple(
        Page(interface, _documents((FOLDER / f"{interface.lower()}.toml").read_text()))
        for interface in INTERFACES
    )


def _documents(text: str) -> tuple[Document, ...]:
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
