"""kill -9 of a writing process at random: what was committed is there, and nothing by halves."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from domain.facts import CheckState
from storage.engine import open_engine
from storage.schema import decisions, results, samples, transitions
from tests.storage.stores import NOW, Store, lead

ROOT = Path(__file__).parents[2]
KILLS = 5


def write_and_kill(url: str, first: int, lines: int) -> list[int]:
    """Let a process commit until it has printed so many numbers, kill it; the numbers it printed."""
    command = [sys.executable, "-m", "tests.storage.writer", url, str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        printed += process.stdout.readlines()
    return [int(text) for text in printed if text.endswith("\n")]


def test_what_was_committed_survives_every_kill_and_nothing_is_there_by_halves(
    store: Store, url: str
) -> None:
    chance = random.Random(20260301)
    committed: list[int] = []

    for _ in range(KILLS):
        first = committed[-1] + 2 if committed else 1
        committed += write_and_kill(url, first, chance.randint(1, 40))

    engine = open_engine(url)
    # On Postgres, the commit of a killed process may still be under way: this waits for it.
    lead(engine, "reader")
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        moments = set(connection.scalars(select(results.c.at)))
        others = [
            set(connection.scalars(select(table.c.at)))
            for table in (transitions, decisions, samples)
        ]
    engine.dispose()
    found = {round((moment - NOW).total_seconds()) for moment in moments}
    assert others == [moments] * 3
    assert found >= set(committed)
    # A commit may have been done and not been told: one per kill at most.
    assert len(found - set(committed)) <= KILLS
    state = store.readings.board(NOW).checks[0].state
    assert isinstance(state, CheckState)
    assert state.runs == max(found)
