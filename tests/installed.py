"""An installation in a folder of its own: its config, its store, and the real processes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app import main
from storage.check_rows import CheckRow
from storage.engine import open_engine
from storage.readings import Board, Readings
from tests.waiting import wait_for

ROOT = Path(__file__).parent.parent
SELF = """
[[check]]
name = "load"
kind = "system"
resource = "load"
interval = "1s"
# Healthy however busy the machine is that runs the tests.
warning = 1000
critical = 2000
"""


@dataclass
class Installed:
    """One Nocturne under test. Every process started here is ended by `close`.

    `store` is the URL of its store; a file in the folder when there is none.
    """

    folder: Path
    port: int
    checks: str = SELF
    plain: str = ""
    store: str = ""
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.write(self.checks)

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def url(self) -> str:
        return self.store or f"sqlite:///{self.folder / 'nocturne.db'}"

    def write(self, checks: str) -> None:
        """Write the configuration with these checks."""
        plain = f'[web]\nport = {self.port}\n[storage]\nurl = "{self.url}"\n{self.plain}'
        self.config.write_text(plain + checks)

    def migrate(self) -> None:
        """Make its store by the sub-command, without the second that a process of its own takes."""
        assert main(["--config", str(self.config), "migrate"]) == 0

    def app(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a sub-command to its end."""
        return subprocess.run(
            [sys.executable, "app.py", "--config", str(self.config), *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, command: str) -> subprocess.Popen[str]:
        """Start a sub-command; its output goes to `<command>.log` in the folder."""
        return self.launch(command, "app.py", "--config", str(self.config), command)

    def launch(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Start Python with these arguments; its output goes to `<name>.log` in the folder."""
        log = (self.folder / f"{name}.log").open("a")
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        log.close()
        self.processes.append(process)
        return process

    def log(self, command: str) -> str:
        return (self.folder / f"{command}.log").read_text()

    def readings(self) -> Readings:
        return Readings(open_engine(self.url))

    def board(self) -> Board:
        return self.readings().board(datetime.now(UTC))

    def check(self, name: str) -> CheckRow:
        found = self.readings().check(name)
        assert found is not None, f"{name} is not in the store"
        return found

    def results(self, name: str) -> list[datetime]:
        """When a check ran, oldest first, as far as it is committed."""
        readings = self.readings()
        row = readings.check(name)
        if row is None:
            return []
        start = datetime.now(UTC) - timedelta(days=1)
        return [run.at for run in readings.results(row.id, start=start, limit=100_000)][::-1]

    def wait_for_result(self, name: str, seconds: float, after: datetime | None = None) -> None:
        """Wait until a check has a result (newer than `after`)."""

        def there() -> bool:
            times = self.results(name)
            return bool(times) and (after is None or times[-1] > after)

        wait_for(there, seconds, pause_s=0.1)

    def get(self, path: str) -> tuple[int, Any]:
        """GET a path of the web: status and decoded body."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as reply:
                return reply.status, json.loads(reply.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")
        except OSError:
            return 0, None

    def close(self) -> None:
        """End every process, thawed first."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes:
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
