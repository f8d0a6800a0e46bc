"""`demo`: made-up history in a store of its own, never in a real one."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from domain.facts import Mark, Status
from domain.ladder import DAY, HOUR, TEN_MINUTES
from domain.state import mark_of, reads
from domain.uptime import COLUMNS
from launch.demo.filling import Filled, Scale, fill, steps
from launch.demo.progress import Progress
from launch.demo.scenery import Watched, checks, episodes, gaps
from launch.demo.target import MARK, NotADemo, is_same, open_demo, place
from storage import rollups, schema, uptimes
from storage.changes import Changes
from storage.engine import from_ms, open_engine, reader, to_ms
from storage.incident_readings import IncidentReadings
from storage.leadership import Lease, Process, claim
from storage.presence import mark_of as mark_beside
from storage.readings import Readings
from storage.schema import metadata
from storage.series import BUCKET_MS, WINDOW_MS, find
from storage.series_query import read
from tests.installed import ROOT, Installed
from tests.storage.conftest import empty
from tests.storage.fresh import make_store
from tests.waiting import wait_for

END = datetime(2026, 3, 4, 12, 34, 56, tzinfo=UTC)
SCALE = Scale(days=3, checks=3, seed=7, end=END)
REAL = "sqlite:////nowhere/nocturne.db"
MS = timedelta(milliseconds=1)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def demo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A store filled with a small demo."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('demo') / 'demo.db'}"
    else:
        url = str(request.getfixturevalue("migrated_postgres"))
    engine = open_demo(url, REAL, END)
    fill(engine, SCALE)
    yield engine
    engine.dispose()
    if request.param == "postgres":
        empty(url)


def everything(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, without the times at which a definition or a notice was written."""
    with reader(engine).connect() as connection:
        return {
            table.name: sorted(
                map(tuple, connection.execute(select(table)).all()), key=lambda row: str(row)
            )
            for table in metadata.sorted_tables
        }


def count(engine: Engine, table: Any, *where: Any) -> int:
    with reader(engine).connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(table).where(*where)) or 0)


def world(scale: Scale = SCALE) -> tuple[tuple[Watched, ...], int, int]:
    """The checks of a demo, and its first and last moment in ms."""
    end = to_ms(scale.end)
    return (
        checks(scale.checks, scale.seed),
        (end - scale.days * 86_400_000) // 3_600_000 * (3_600_000),
        end,
    )


def new_store(folder: Path, scale: Scale = SCALE) -> tuple[Engine, Filled]:
    engine = open_demo(f"sqlite:///{folder / 'demo.db'}", REAL, scale.end)
    return engine, fill(engine, scale)


def test_a_demo_has_checks_that_stand_differently(demo: Engine) -> None:
    found = Readings(demo).board(END).checks

    assert {each.name: reads(each.state) for each in found} == {
        "shop-host": Status.HEALTHY,
        "shop-db": Status.CRITICAL,
        "shop-cache": Status.HEALTHY,
    }
    assert all(mark_of(each.state) is Mark.NONE and each.about["unit"] == "ms" for each in found)
    assert all(len(each.state.spark) == 32 and each.state.runs > 8_000 for each in found)


def test_a_demo_is_older_than_two_hours_in_chunks_and_younger_as_it_arrives(demo: Engine) -> None:
    sealed_to = (to_ms(END) - 900_000) // WINDOW_MS

    with reader(demo).connect() as connection:
        newest = connection.scalar(select(func.max(schema.chunks.c.window)))
        oldest_hot = connection.scalar(select(func.min(schema.samples.c.bucket)))

    assert newest == sealed_to - 1
    assert oldest_hot == sealed_to * WINDOW_MS // BUCKET_MS


def test_the_roll_ups_of_a_demo_are_those_of_its_samples(demo: Engine) -> None:
    with reader(demo).connect() as connection:
        key = find(connection, "ping.avg_ms", {"check": "shop-host"})
        assert key is not None
        at, values = read(connection, key, 0, (to_ms(END) - 900_000) // WINDOW_MS * WINDOW_MS)
        for step in (TEN_MINUTES, HOUR, DAY):
            table = schema.rollups
            mine = (table.c.step == step, table.c.series_id == key)
            rows = connection.execute(select(table).where(*mine).order_by(table.c.bucket)).all()
            expected = rollups.roll(at, values, step, None)

            assert [(row.bucket, row._mapping["count"]) for row in rows] == [
                (each.bucket, each.count) for each in expected
            ]
            for name, column in (("min", "low"), ("max", "high"), ("last", "last"), ("sum", "sum")):
                there = [getattr(row, name) for row in rows]
                assert np.allclose(there, [getattr(each, column) for each in expected])
    assert len(at) > 8_000


def test_the_uptime_of_a_demo_is_that_of_its_timelines(demo: Engine) -> None:
    first = (to_ms(END) - 3 * 86_400_000) // 3_600_000
    last = to_ms(END - uptimes.GRACE) // 3_600_000
    lines, unmeasured = uptimes._lines(demo, from_ms(0))
    table = schema.uptime

    with reader(demo).connect() as connection:
        rows = connection.execute(select(table).where(table.c.step == HOUR)).all()

    assert {(row.bucket, row.check_id) for row in rows} == {
        (hour, key) for hour in range(first, last) for key in lines
    }
    for row in rows:
        start = from_ms(row.bucket * 3_600_000)
        expected = lines[row.check_id].spent(start, start + timedelta(hours=1), unmeasured)
        assert row[3:] == tuple(getattr(expected, name) for name in COLUMNS)


def test_a_demo_has_an_incident_for_what_is_still_down_with_its_timeline(demo: Engine) -> None:
    (told,) = IncidentReadings(demo).standing()

    assert told.incident.component == "shop-db"
    assert told.lines[0].action == "opened"
    assert told.lines[0].reason == "Connection refused by shop.demo.example"


def test_a_demo_has_results_of_the_last_day_in_which_the_failures_stand(demo: Engine) -> None:
    table = schema.results
    down = next(each for each in Readings(demo).board(END).checks if each.name == "shop-db")

    with reader(demo).connect() as connection:
        oldest = connection.scalar(select(func.min(table.c.at)))
        bad = connection.execute(
            select(table.c.at, table.c.message)
            .where(table.c.check_id == down.id, table.c.status > 0)
            .order_by(table.c.at.desc())
        ).all()

    assert oldest is not None and timedelta() <= oldest - (END - timedelta(days=1)) < timedelta(
        hours=1
    )
    assert bad[0].message == "Connection refused by shop.demo.example"
    assert len(bad) >= down.state.consecutive_failures > 10


def test_what_came_before_the_samples_is_kept_as_roll_ups_only(tmp_path: Path) -> None:
    engine, _ = new_store(tmp_path, Scale(days=400, checks=1, seed=7, end=END))
    table, oldest = schema.rollups, {}
    with reader(engine).connect() as connection:
        for step in (TEN_MINUTES, HOUR, DAY):
            bucket = connection.scalar(select(func.min(table.c.bucket)).where(table.c.step == step))
            oldest[step] = (END - from_ms((bucket or 0) * step * 1000)) / timedelta(days=1)
        window = connection.scalar(select(func.min(schema.chunks.c.window)))
    engine.dispose()

    assert oldest == {
        TEN_MINUTES: pytest.approx(90, abs=0.1),
        HOUR: pytest.approx(365, abs=0.1),
        DAY: pytest.approx(400, abs=1.1),
    }
    assert (END - from_ms((window or 0) * WINDOW_MS)) / timedelta(days=1) == pytest.approx(
        30, abs=0.1
    )


def test_what_befalls_checks_lies_apart_and_a_dead_host_blocks_its_service() -> None:
    scale = Scale(days=365, checks=60, seed=1, end=END)
    watched, start, end = world(scale)

    befell = episodes(watched, start, end, scale.seed)

    every = [each for found in befell.values() for each in found]
    assert all(a.end <= b.start for found in befell.values() for a, b in pairwise(found))
    assert {each.status for each in every} == {*Status}
    assert {each.mark for each in every} == {Mark.NONE, Mark.BLOCKED, Mark.MAINTENANCE}
    blocked = [each for each in befell[watched[1].index] if each.mark is Mark.BLOCKED]
    assert all(each.blocked_by == "shop-host" for each in blocked)
    assert 5 <= len(gaps(start, end, scale.seed)) <= 30


def test_the_same_seed_makes_up_the_same_history(tmp_path: Path) -> None:
    stores = []
    for name in ("one", "two"):
        engine, _ = new_store(tmp_path / name)
        stores.append(everything(engine))
        engine.dispose()

    assert stores[0] == stores[1]


def test_another_seed_makes_up_another_history(tmp_path: Path) -> None:
    stores = []
    for seed in (1, 2):
        engine, _ = new_store(tmp_path / str(seed), Scale(days=1, checks=2, seed=seed, end=END))
        stores.append(everything(engine)["samples"])
        engine.dispose()

    assert stores[0] != stores[1]


def test_a_demo_is_made_anew_over_the_one_before(tmp_path: Path) -> None:
    engine, _ = new_store(tmp_path, Scale(days=2, checks=9, seed=1, end=END))
    engine.dispose()

    engine, filled = new_store(tmp_path)

    assert filled.checks == len(Readings(engine).board(END).checks) == 3
    engine.dispose()


def test_a_real_store_is_not_touched(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'real.db'}"
    make_store(url)
    engine = open_engine(url)
    Changes(engine).monitor(False, actor="anna", now=END)
    before = everything(engine)

    with pytest.raises(NotADemo, match="is not empty and no demo: nothing was changed"):
        open_demo(url, REAL, END)

    assert everything(engine) == before
    engine.dispose()


def test_a_real_postgres_is_not_touched(postgres_url: str) -> None:
    make_store(postgres_url)
    engine = open_engine(postgres_url)
    Changes(engine).monitor(False, actor="anna", now=END)

    with pytest.raises(NotADemo, match="is not empty and no demo"):
        open_demo(postgres_url, REAL, END)

    assert count(engine, schema.definitions) == 1
    engine.dispose()


def test_the_configured_store_is_refused_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    one = f"sqlite:///{tmp_path / 'data' / 'demo.db'}"
    other = f"sqlite:///{tmp_path / 'data' / '..' / 'data' / 'demo.db'}"

    with pytest.raises(NotADemo, match="is the store that is configured"):
        open_demo(one, other, END)

    assert not (tmp_path / "data" / "demo.db").exists()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("postgresql://a@db/n", "postgresql://b:pw@db:5432/n", True),
        ("postgresql://a@db/n", "postgresql+psycopg://a@db/n", True),
        ("postgresql://a@db/n", "postgresql://a@db/m", False),
        ("postgresql://a@db/n", "sqlite:////tmp/n", False),
    ],
)
def test_stores_are_told_apart_by_where_they_are(one: str, other: str, same: bool) -> None:
    assert is_same(one, other) is same


def test_a_demo_store_in_which_a_monitor_runs_is_refused(tmp_path: Path) -> None:
    engine, _ = new_store(tmp_path, Scale(days=1, checks=1, seed=1, end=END))
    me = Process(boot_id="one", host="host", pid=1, process_start=END)
    assert isinstance(claim(engine, me, END, lambda _: True), Lease)
    engine.dispose()

    with pytest.raises(NotADemo, match="a monitor runs on"):
        new_store(tmp_path)


def test_a_demo_does_not_take_the_place_of_a_store_that_was_lost(tmp_path: Path) -> None:
    mark_beside(tmp_path / "demo.db").write_text("")

    with pytest.raises(NotADemo, match="is missing, though there was a store"):
        new_store(tmp_path)

    assert not (tmp_path / "demo.db").exists()


def test_a_filling_that_was_cut_off_can_be_repeated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'demo.db'}"

    class Cut(Exception):
        pass

    def cut() -> None:
        raise Cut

    engine = open_demo(url, REAL, END)
    with pytest.raises(Cut):
        fill(engine, SCALE, cut)
    engine.dispose()
    engine, _ = new_store(tmp_path)

    assert len(Readings(engine).board(END).checks) == 3
    engine.dispose()


def test_the_password_of_a_store_is_not_printed() -> None:
    assert "secret" not in place("postgresql://a:secret@db/n")


def test_progress_in_a_file_is_a_line_every_ten_per_cent() -> None:
    stream = io.StringIO()
    progress = Progress(40, stream)

    for _ in range(40):
        progress.advance()

    assert stream.getvalue().split("\n") == [f"{n} %" for n in range(10, 101, 10)] + [""]


def test_progress_in_a_terminal_is_a_bar_on_one_line() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    progress = Progress(4, stream)
    for _ in range(4):
        progress.advance()

    assert stream.getvalue().count("\n") == 1
    assert re.fullmatch(r"█{40} 100 %\n", stream.getvalue().split("\r")[-1])


def test_progress_reaches_its_end_with_the_filling(tmp_path: Path) -> None:
    scale = Scale(days=9, checks=2, seed=1, end=END)
    engine = open_demo(f"sqlite:///{tmp_path / 'demo.db'}", REAL, END)
    calls: list[None] = []

    fill(engine, scale, lambda: calls.append(None))
    engine.dispose()

    assert len(calls) == steps(scale)


def command(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "--config", str(cwd / "config.toml"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        timeout=120,
    )


def test_the_command_says_how_to_look_at_it_and_the_pages_never_show_it_as_fresh(
    installed: Installed,
) -> None:
    ended = command("demo", "--days", "1", "--checks", "3", cwd=installed.folder)
    url = ended.stdout.partition("NOCTURNE_STORAGE__URL=")[2].split()[0]
    (installed.folder / "demo").mkdir()
    looked = Installed(folder=installed.folder / "demo", port=installed.port, store=url)
    looked.start("web")
    try:
        wait_for(lambda: looked.get("/health/live")[0] == 200, 30, pause_s=0.1)
        status, health = looked.get("/health")
        _, shown = looked.get("/live/snapshot")
    finally:
        looked.close()

    assert ended.returncode == 0, ended.stderr
    assert url == f"sqlite:///{installed.folder / 'data' / 'demo.db'}"
    assert "100 %" in ended.stderr
    assert (status, health["status"], health["monitor"]["state"]) == (503, "critical", "stale")
    assert shown["counts"]["stale"] == 3 and shown["counts"]["healthy"] == 0
    assert shown["notices"][0]["text"].startswith("A demo: all of this was made up")
    # The store of the installation has none of it.
    assert not installed.board().checks


def test_the_command_refuses_the_configured_store(installed: Installed) -> None:
    ended = command("demo", "--days", "1", "--store", installed.url, cwd=installed.folder)

    assert ended.returncode == 1
    assert "is the store that is configured" in ended.stderr


@pytest.mark.parametrize("wrong", [("--days", "0"), ("--checks", "many"), ("--seed", "-1")])
def test_the_command_refuses_what_is_no_number(wrong: tuple[str, str], tmp_path: Path) -> None:
    ended = command("demo", *wrong, cwd=tmp_path)

    assert ended.returncode == 2
    assert "is no number from 1 to 10000" in ended.stderr


def test_the_mark_of_a_demo_is_its_notice(demo: Engine) -> None:
    assert [each.key for each in Readings(demo).board(END).notices] == [MARK]
