"""A pytest plugin: what fails beside other tests is run once more, alone, and told either way.

Three tests at a time share a machine, and each may start processes, servers and browsers of its own. With
`--second-try N` at most N tests that failed so are run again with nothing beside them. Those that pass
then do not fail the run, but are named in its last lines, with the first failure above: they are to be
mended. Tests of pure decisions start nothing, and have no second try; nor has a run in which more failed.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

PURE = "tests/domain/"
TIME_LIMIT_S = 900

Run = Callable[[Sequence[str]], bool]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--second-try N`."""
    text = "run up to N tests that failed beside others once more, alone"
    parser.addoption("--second-try", type=int, default=0, metavar="N", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Take part in the one process that hears of all tests."""
    if config.getoption("--second-try") and "PYTEST_XDIST_WORKER" not in os.environ:
        run = functools.partial(alone, config.rootpath)
        tries = SecondTry(config.getoption("--second-try"), run)
        config.pluginmanager.register(tries, "second-try")


def alone(folder: Path, tests: Sequence[str]) -> bool:
    """Whether these pass in a run of their own, one after the other. They are named from the folder."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--forbid-skips", *tests]
    return subprocess.run(command, cwd=folder, timeout=TIME_LIMIT_S, check=False).returncode == 0


class SecondTry:
    """The tests of one run that failed, and what became of them alone."""

    def __init__(self, most: int, run: Run) -> None:
        self._most = most
        self._run = run
        self._failed: dict[str, None] = {}
        self._said = ""

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test of which any part failed."""
        if report.failed:
            self._failed[report.nodeid] = None

    # Before all others, so that a skip which is not allowed fails the run all the same.
    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> object:
        """Take back the failure of a run whose few failed tests pass alone."""
        if session.exitstatus == pytest.ExitCode.TESTS_FAILED and self.may_try():
            passed = self._run(list(self._failed))
            self._said = "passed alone" if passed else "failed alone too"
            if passed:
                session.exitstatus = pytest.ExitCode.OK
        return (yield)

    def may_try(self) -> bool:
        """Whether so few failed, and none of pure decisions, that a busy machine may be the reason."""
        few = 0 < len(self._failed) <= self._most
        return few and not any(test.startswith(PURE) for test in self._failed)

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what was tried twice."""
        for test in self._failed if self._said else ():
            terminalreporter.write_line(f"UNSTEADY, failed beside others, {self._said}: {test}")
