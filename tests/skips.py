"""A pytest plugin: every skipped test is counted with its reason, and forbidden where CI says so.

With `--forbid-skips` the run fails when a test was skipped that `allowed_skips.txt` does not name.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ALLOWED = Path(__file__).parent / "allowed_skips.txt"
FAILED = 1


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--forbid-skips`."""
    text = "fail when a test is skipped that tests/allowed_skips.txt does not name"
    parser.addoption("--forbid-skips", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Count the skips of this run."""
    config.pluginmanager.register(Skips(parse(ALLOWED.read_text(encoding="utf-8"))), "skips")


def parse(text: str) -> dict[str, str]:
    """The allowed beginnings of test ids with their reasons. ValueError where one is missing."""
    allowed = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        test, separator, reason = (part.strip() for part in line.partition("|"))
        if not separator or not test or not reason:
            raise ValueError(f"{ALLOWED.name}: {line!r} must read: test id | reason")
        allowed[test] = reason
    return allowed


class Skips:
    """The skipped tests of one run, by id, with their reasons."""

    def __init__(self, allowed: dict[str, str]) -> None:
        self._allowed = tuple(allowed)
        self._skipped: dict[str, str] = {}

    @property
    def forbidden(self) -> list[str]:
        """The skipped tests that the list does not name."""
        return [test for test in self._skipped if not test.startswith(self._allowed)]

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that was skipped; an expected failure is none."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report.nodeid, report.longrepr)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a whole file that was skipped."""
        if report.skipped:
            self._note(report.nodeid, report.longrepr)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run for a forbidden skip."""
        if session.config.getoption("--forbid-skips") and self.forbidden:
            session.exitstatus = session.exitstatus or FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the number of skipped tests, and each with its reason."""
        terminalreporter.write_line(f"{len(self._skipped)} tests skipped")
        for test, reason in self._skipped.items():
            mark = "not allowed" if test in self.forbidden else "allowed"
            terminalreporter.write_line(f"  {test}: {reason} ({mark})")

    def _note(self, test: str, found: object) -> None:
        # pytest gives (file, line, reason) for a skip.
        reason = str(found[2]) if isinstance(found, tuple) else str(found)
        self._skipped[test] = reason.removeprefix("Skipped: ")
