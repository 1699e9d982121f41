"""Compare the conformance page with the tests of this run, where it was all of them."""

from collections import defaultdict

import pytest

from tests.conformance import page


class Outcomes:
    """Takes down which of the tests that clauses name have passed."""

    def __init__(self, *, writes: bool) -> None:
        self._writes = writes
        self._documents = page.documents(page.CLAUSES.read_text())
        self._named = page.named_tests(self._documents)
        self._outcomes: defaultdict[str, set[str]] = defaultdict(set)
        self._says = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take down a test; what is set up for it counts only where that fails."""
        name = report.nodeid.partition("[")[0]
        if name in self._named and (report.when == "call" or not report.passed):
            self._outcomes[name].add(report.outcome)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the page, or fail where it is another; a part of the tests says nothing."""
        if self._named - self._outcomes.keys():
            if self._writes:
                missing = sorted(self._named - self._outcomes.keys())
                self._says = f"conformance page not written; these did not run: {missing}"
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            return
        passed = {name for name, outcomes in self._outcomes.items() if outcomes == {"passed"}}
        written = page.render(self._documents, passed)
        if self._writes:
            page.PAGE.write_text(written)
            self._says = f"conformance page written: {page.PAGE}"
        elif written != page.PAGE.read_text():
            self._says = "the conformance page is out of date: run with --write-conformance"
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what became of the page."""
        if self._says:
            terminalreporter.write_line(self._says)
