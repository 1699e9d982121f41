"""Compare the conformance pages with the tests of this run, where it was all that they name."""

from collections import defaultdict

import pytest

from tests.conformance.page import Page, pages


class Outcomes:
    """Takes down which of the tests that clauses name have passed."""

    def __init__(self, *, writes: bool) -> None:
        self._writes = writes
        self._pages = pages()
        self._named = set().union(*(page.named_tests for page in self._pages))
        self._outcomes: defaultdict[str, set[str]] = defaultdict(set)
        self._says: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take down a test; what is set up for it counts only where that fails."""
        name = report.nodeid.partition("[")[0]
        if name in self._named and (report.when == "call" or not report.passed):
            self._outcomes[name].add(report.outcome)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the pages, or fail where one is another; a part of its tests says nothing."""
        passed = {name for name, outcomes in self._outcomes.items() if outcomes == {"passed"}}
        for page in self._pages:
            if not self._is_right(page, passed):
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _is_right(self, page: Page, passed: set[str]) -> bool:
        missing = sorted(page.named_tests - self._outcomes.keys())
        if missing:
            if self._writes:
                self._says.append(f"{page.file} not written; these did not run: {missing}")
            return not self._writes
        written = page.render(passed)
        if self._writes:
            page.file.write_text(written)
            self._says.append(f"conformance page written: {page.file}")
        elif written != page.file.read_text():
            self._says.append(f"{page.file} is out of date: run with --write-conformance")
            return False
        return True

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what became of the pages."""
        for line in self._says:
            terminalreporter.write_line(line)
