"""The check of one's own that stands in the docs, run exactly as it is written there."""

from __future__ import annotations

import os
import time
import tomllib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.facts import Measurement, Status
from domain.settings import Settings
from launch.config import read_whole
from monitor.definitions import build
from monitor.foreign import ForeignRunner
from tests.installed import Installed
from tests.test_docs import CHECKS, FENCED

ORDERS = "/srv/shop/orders"


def blocks() -> dict[str, str]:
    """The Python and the TOML of the section, by language."""
    own = (
        CHECKS.read_text(encoding="utf-8")
        .split("### `custom`\n")[1]
        .split("\n## ")[0]
        .split("\n### ")[0]
    )
    return {language: text for language, text in FENCED.findall(own) if language}


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    folder = tmp_path / "orders"
    folder.mkdir()
    return folder


@pytest.fixture
def written(tmp_path: Path, orders: Path) -> str:
    """The file of the docs beside the configuration, and its check with a folder that is there."""
    table = tomllib.loads(blocks()["toml"])["check"][0]
    code = tmp_path / table["path"]
    code.parent.mkdir()
    code.write_text(blocks()["python"])
    assert table["config"]["folder"] == ORDERS
    return blocks()["toml"].replace(ORDERS, str(orders))


def add(folder: Path, count: int, age_s: float = 0) -> None:
    for number in range(count):
        order = folder / f"{number}.json"
        order.touch()
        os.utime(order, (time.time() - age_s, time.time() - age_s))


def test_a_monitor_runs_it_and_keeps_its_numbers_as_series(
    installed: Installed, written: str, orders: Path
) -> None:
    add(orders, 3, age_s=60)
    installed.write(written)
    assert installed.app("check-config").returncode == 0

    installed.start("monitor")
    installed.wait_for_result("orders", 30)

    row = installed.check("orders")
    assert (row.state.last_status, row.state.last_message) == (Status.HEALTHY, "3 orders wait")
    assert row.metrics["custom.waiting"] == 3
    assert 60 <= row.metrics["custom.oldest_s"] < 120
    assert row.about["headline"] == "custom.waiting"
    now = datetime.now(UTC)
    points = installed.readings().points(
        "custom.waiting", {"check": "orders"}, now - timedelta(hours=1), now
    )
    assert set(points.values) == {3}


@pytest.fixture
async def runner() -> AsyncIterator[ForeignRunner]:
    runner = ForeignRunner()
    yield runner
    await runner.close()


async def test_it_says_what_is_wrong_as_it_is_written(
    runner: ForeignRunner, written: str, orders: Path, tmp_path: Path
) -> None:
    async def run() -> Measurement:
        (tmp_path / "config.toml").write_text(written)
        configuration = read_whole(str(tmp_path / "config.toml"), {})
        (watched,) = build(configuration.checks, Settings(), {})
        return await runner.run(watched.check, "custom", 10)

    empty = await run()
    add(orders, 1, age_s=7200)
    old = await run()
    add(orders, 51)
    many = await run()
    orders.rename(tmp_path / "elsewhere")
    orders.touch()
    wrong = await run()

    assert (empty.status, empty.message) == (Status.HEALTHY, "0 orders wait")
    assert (old.status, old.message) == (Status.WARNING, "An order has waited for too long")
    assert (many.status, many.message) == (
        Status.CRITICAL,
        "51 orders wait, expected at most 50",
    )
    assert wrong.metrics["custom.waiting"] == 0


async def test_a_relative_path_lies_beside_the_configuration_wherever_that_is(
    written: str, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(written)

    tables: Any = read_whole(str(tmp_path / "config.toml"), {}).checks

    assert tables[0]["path"] == str(tmp_path / "checks" / "queue.py")
