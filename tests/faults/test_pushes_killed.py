"""kill -9 while metrics are pushed: what was answered with success is stored, each number once."""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.error
import urllib.request

import pytest
from sqlalchemy import select

from storage import inbox
from storage.engine import open_engine
from storage.schema import samples, series
from tests.installed import Installed
from tests.waiting import wait_for

pytestmark = [pytest.mark.faults]

KILLS = 15
# So many pushes are accepted before each kill.
EACH = 4
# Both processes together may take a minute to start on a machine that does much else.
START_S = 300
SEED = 8


class Pushing:
    """Pushes one number after the other, and remembers which were answered with success."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}/api/v1/metrics"
        self.accepted: dict[int, float] = {}
        self.failed = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def wait_for(self, count: int) -> None:
        """Until so many were accepted."""
        wait_for(lambda: len(self.accepted) >= count, START_S)

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(0.01):
            number += 1
            at_ms = int(time.time() * 1000)
            entry = {"name": "pushed", "kind": "counter", "value": number, "at": at_ms / 1000}
            if self._push(json.dumps({"metrics": [entry]}).encode()):
                self.accepted[at_ms] = float(number)

    def _push(self, body: bytes) -> bool:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 202)
        except (urllib.error.HTTPError, OSError):
            self.failed += 1
            return False


def test_nothing_that_was_accepted_is_lost_or_doubled_when_processes_are_killed(
    installed: Installed,
) -> None:
    chance = random.Random(SEED)
    # Who is anonymous on this machine may push here.
    text = installed.config.read_text().replace("[web]", '[web]\nanonymous = "operator"')
    installed.config.write_text(text)
    web, monitor = installed.start("web"), installed.start("monitor")
    wait_for(lambda: installed.get("/health/ready")[0] == 200, START_S)
    pushing = Pushing(installed.port)
    pushing.start()

    for kill in range(KILLS):
        # Else a slow machine would kill what has not come back from the last time.
        pushing.wait_for(EACH * (kill + 1))
        time.sleep(chance.uniform(0.2, 2))
        if kill % 5 == 4:
            web.kill()
            web.wait()
            web = installed.start("web")
        else:
            monitor.kill()
            monitor.wait()
            monitor = installed.start("monitor")
    pushing.end()

    engine = open_engine(installed.url)
    wait_for(lambda: installed.get("/health/ready")[0] == 200, START_S)
    wait_for(lambda: not inbox.waiting(engine, "samples"), START_S)
    with engine.connect() as connection:
        query = select(samples.c.at, samples.c.value).join(
            series, series.c.id == samples.c.series_id
        )
        rows = connection.execute(query.where(series.c.name == "pushed")).all()
    engine.dispose()
    stored = {round(row.at.timestamp() * 1000): row.value for row in rows}
    lost = pushing.accepted.items() - stored.items()
    print(
        f"{KILLS} kills: {len(pushing.accepted)} accepted, {len(lost)} lost, {pushing.failed} refused"
    )
    assert len(pushing.accepted) >= EACH * KILLS
    assert not lost
    # One more may be there: committed, and the web killed before it could answer.
    assert len(rows) == len(stored) <= len(pushing.accepted) + pushing.failed
