"""A pytest plugin: which cases of each check kind were tried against which real server, as a table.

A test of `tests/monitor/checks/test_<kind>.py` names its case by `@pytest.mark.case("healthy")`, one
elsewhere its kind as well: `case("healthy", kind="push")`. The fixture that starts the server says by
`serve(kind, "Redis 7.0.15")` what it started.
"""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

CASES = ("healthy", "wrong", "refused", "timeout", "hostile")
KIND = re.compile(r"tests/monitor/checks/test_(\w+)\.py::")

_servers: dict[str, list[str]] = defaultdict(list)


def serve(kind: str, server: str) -> None:
    """Note that the tests of a kind run against this server: its name and version."""
    if server not in _servers[kind]:
        _servers[kind].append(server)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and note the cases of this run."""
    text = f"case(name, kind=None): of a check kind, one of {', '.join(CASES)}"
    config.addinivalue_line("markers", text)
    config.pluginmanager.register(Cases(), "cases")


class Cases:
    """How many tests of each kind and case passed, of how many."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
        self._tried: dict[str, list[str]] = defaultdict(list)

    @pytest.hookimpl
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse a case that is none of CASES; hand the others on to the reports."""
        for item in items:
            for mark in item.iter_markers("case"):
                file = KIND.search(item.nodeid)
                kind = mark.kwargs.get("kind", file and file[1])
                if kind is None or mark.args not in {(case,) for case in CASES}:
                    raise pytest.UsageError(f"{item.nodeid}: a case is one of {CASES}, of a kind")
                item.user_properties.append(("case", (kind, mark.args[0])))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> None:
        """Send the servers along with the report: tests may run in several processes."""
        kinds = {value[0] for name, value in item.user_properties if name == "case"}
        for told in [(kind, server) for kind in sorted(kinds) for server in _servers.get(kind, ())]:
            if ("server", told) not in item.user_properties:
                item.user_properties.append(("server", told))

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test that names its case."""
        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name == "case":
                kind, case = value  # type: ignore[misc] # pytest takes any object for a value
                self._found[kind][case].append(report.passed)
            elif name == "server":
                kind, server = value  # type: ignore[misc] # the same
                if server not in self._tried[kind]:
                    self._tried[kind].append(server)

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table: per kind the cases passed, and the servers."""
        if not self._found:
            return
        head = "".join(f"{case:>9}" for case in CASES)
        terminalreporter.write_line(f"check kind  {head}  real server")
        for kind, cases in sorted(self._found.items()):
            row = "".join(f"{_count(cases.get(case, [])):>9}" for case in CASES)
            servers = ", ".join(self._tried[kind]) or "this machine's own"
            terminalreporter.write_line(f"{kind:<12}{row}  {servers}")


def _count(passed: list[bool]) -> str:
    return f"{sum(passed)}/{len(passed)}" if passed else "-"
