"""While somebody holds the tables of a Postgres store, the web soon answers that it can't read it."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

from tests.installed import Installed
from tests.waiting import wait_for

HELD = ("counters", "leadership", "check_state")


def test_health_answers_within_seconds_while_a_migration_holds_the_tables(
    tmp_path: Path, postgres_url: str, free_port: int
) -> None:
    installed = Installed(folder=tmp_path, port=free_port, store=postgres_url)
    assert installed.app("migrate").returncode == 0

    with psycopg.connect(postgres_url) as other:
        for table in HELD:
            other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        installed.start("web")
        wait_for(lambda: installed.get("/health/live")[0] == 200, 30)
        begun = time.monotonic()
        code, _ = installed.get("/health")
        took_s = time.monotonic() - begun

    print(f"the first /health took {took_s:.1f} s")
    # A second for the lock; the rest is for a busy machine. `get` gives up after five.
    assert code == 503
    installed.start("monitor")
    wait_for(lambda: installed.get("/health/ready")[0] == 200, 30)
    installed.close()
