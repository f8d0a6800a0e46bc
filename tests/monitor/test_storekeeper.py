"""The store is put in order by a real child process, on both databases."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError

from domain.facts import Sample
from domain.settings import Storage
from monitor.storekeeper import Storekeeper
from monitor.storekeeper_child import PAUSES_S, Report, patiently
from storage import schema
from storage.journal import Journal
from storage.leadership import Lease
from tests.storage.conftest import engine, url
from tests.storage.stores import lead

__all__ = ["engine", "url"]

HOURS_AGO = timedelta(hours=5)


@pytest.fixture
def lease(engine: Engine) -> Lease:
    return lead(engine, now=datetime.now(UTC))


def fill(engine: Engine, lease: Lease, count: int = 100) -> None:
    """A minute apart, so that they lie in one window or two."""
    start = datetime.now(UTC) - HOURS_AGO
    samples = [
        Sample(name="ms", at=start + timedelta(minutes=each / 10), value=float(each))
        for each in range(count)
    ]
    Journal(engine).commit(lease, [], samples)


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        query = select(func.count()).select_from(getattr(schema, table))
        return int(connection.execute(query).scalar_one())


async def test_a_round_seals_what_is_over_and_tells_what_it_did(
    url: str, engine: Engine, lease: Lease
) -> None:
    fill(engine, lease)

    report = await Storekeeper(lease, os.environ).run(Storage(url=url))

    assert isinstance(report, Report)
    assert (report.series, report.samples) == (report.windows, 100)
    assert count(engine, "samples") == 0
    assert count(engine, "chunks") == report.windows


async def test_in_the_name_of_a_monitor_that_was_succeeded_nothing_is_done(
    url: str, engine: Engine, lease: Lease
) -> None:
    fill(engine, lease)
    lead(engine, "another", now=datetime.now(UTC))

    assert await Storekeeper(lease, os.environ).run(Storage(url=url)) is None

    assert count(engine, "samples") == 100


async def test_a_store_that_is_not_there_is_told_and_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none.db"

    report = await Storekeeper(Lease(boot_id="one", epoch=1), os.environ).run(
        Storage(url=f"sqlite:///{missing}")
    )

    assert isinstance(report, str) and report.startswith("there is no store at")
    assert "there is no store at" in capsys.readouterr().out
    assert not missing.exists()


async def test_a_child_that_is_ended_in_the_middle_leaves_a_whole_store(
    url: str, engine: Engine, lease: Lease
) -> None:
    fill(engine, lease)
    keeper = Storekeeper(lease, os.environ)
    running = asyncio.create_task(keeper.run(Storage(url=url)))
    await asyncio.sleep(0.3)

    await keeper.close()
    await running

    assert isinstance(await keeper.run(Storage(url=url)), Report)
    assert count(engine, "samples") == 0
    with engine.connect() as connection:
        assert connection.scalar(select(func.sum(schema.chunks.c.count))) == 100


async def test_two_rounds_at_once_are_one(url: str, engine: Engine, lease: Lease) -> None:
    keeper = Storekeeper(lease, os.environ)

    reports = await asyncio.gather(keeper.run(Storage(url=url)), keeper.run(Storage(url=url)))

    assert [report is None for report in reports] == [False, True]


async def test_the_days_backup_is_made_once_and_why_it_could_not_be_is_told(
    url: str, engine: Engine, lease: Lease, tmp_path: Path
) -> None:
    keeper = Storekeeper(lease, os.environ)
    taken = tmp_path / "taken"
    taken.touch()

    refused = await keeper.run(Storage(url=url, backup_folder=str(taken / "below")))
    made = await keeper.run(Storage(url=url))
    again = await keeper.run(Storage(url=url))

    assert isinstance(made, Report) and isinstance(again, Report) and isinstance(refused, Report)
    if engine.dialect.name == "postgresql":
        assert (made.backup, refused.backup_error) == (None, None)
        return
    assert made.backup is not None and Path(made.backup).exists()
    assert (made.backup_error, again.backup, again.backup_error) == (None, None, None)
    assert refused.backup is None and str(taken) in str(refused.backup_error)


class Locked(Exception):
    """What the driver raises when the store stays locked."""


def locked_for(tries: int, reason: str = "database is locked") -> Callable[[], str]:
    """Work that fails so often before it succeeds."""
    left = iter(range(tries))

    def work() -> str:
        if next(left, None) is not None:
            raise OperationalError("BEGIN IMMEDIATE", None, Locked(reason))
        return "done"

    return work


def test_a_store_that_is_locked_for_a_while_is_waited_for() -> None:
    pauses: list[float] = []

    assert patiently(locked_for(3), pauses.append) == "done"

    assert pauses == [1.0, 5.0, 15.0]


def test_a_store_that_stays_locked_is_told_in_the_end_and_a_full_disk_at_once() -> None:
    pauses: list[float] = []

    with pytest.raises(OperationalError, match="locked"):
        patiently(locked_for(100), pauses.append)
    assert pauses == list(PAUSES_S)
    with pytest.raises(OperationalError, match="full"):
        patiently(locked_for(1, "database or disk is full"), pauses.append)
    assert pauses == list(PAUSES_S)
