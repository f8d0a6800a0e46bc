"""A screen never shows green while nothing is measured: frozen monitor, dead server."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from tests.browser.conftest import QUICK, address, port, running
from tests.browser.driver import Screen
from tests.installed import Installed
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

STALE = "document.documentElement.dataset.freshness === 'stale'"
FRESH = "document.documentElement.dataset.freshness === 'fresh'"
AGED = "/Data [5-9](\\.\\d)? s old/.test(document.querySelector('.age').innerText)"
# Promised are 15 s and 5 s; the tolerance is for a machine that is busy with other tests.
STALE_WITHIN, RECOVERED_WITHIN = 15.0, 7.0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    another = QUICK.replace('"quick"', '"second"')
    checks = QUICK + another
    yield from running(
        Installed(folder=tmp_path_factory.mktemp("stale"), port=port(), checks=checks)
    )


@pytest.fixture
def fresh(screen: Screen, made: Installed) -> Screen:
    """The Overview of an installation in which all is well, marked so that a reload would show."""
    screen.open(address(made))
    screen.until(f"{FRESH} && document.title.includes('All healthy')", 20)
    screen.mark()
    return screen


def assert_stale(screen: Screen) -> None:
    """Everything says that nothing is measured, and nothing is green."""
    assert screen.greens() == []
    assert screen.title == "⚠ STALE · Nocturne"
    assert screen.favicon == "stale"
    assert "STALE" in screen.text(".slab-main")
    assert "Last known" in screen.text(".slab-known")


def timed(screen: Screen, expression: str, seconds: float) -> float:
    """Wait for a condition; how long it took."""
    begun = time.monotonic()
    screen.until(expression, seconds)
    return time.monotonic() - begun


def test_the_probe_finds_the_green_of_a_fresh_page(fresh: Screen) -> None:
    found = fresh.greens()

    assert any(".tile" in each or "tile" in each for each in found), found
    fresh.prefer(color_scheme="light")
    assert any("tile" in each for each in fresh.greens())


def test_a_frozen_monitor_takes_every_green_away_and_a_thawed_one_brings_it_back(
    fresh: Screen, made: Installed
) -> None:
    monitor = made.processes[1]

    monitor.send_signal(signal.SIGSTOP)
    try:
        begun = time.monotonic()
        fresh.until("document.querySelector('.age').dataset.level === 'amber'", 10)
        fresh.until(AGED, 5)
        fresh.within(STALE, STALE_WITHIN)
        took = time.monotonic() - begun
        fresh.until("document.title.includes('STALE')", 2)
        assert_stale(fresh)
        assert "The monitor has stopped reporting" in fresh.text(".slab-reason")
        fresh.prefer(color_scheme="light")
        assert fresh.greens() == []
        fresh.js("document.querySelector('.tile').click()")
        fresh.until("document.querySelector('.check-why')")
        assert_stale(fresh)
        fresh.prefer()
        assert fresh.greens() == []
        # A page that is loaded now was never fresh.
        assert not fresh.reloaded
        for path in ("/checks/quick?range=1h", "/"):
            fresh.open(address(made, path))
            fresh.within(STALE, STALE_WITHIN)
            assert_stale(fresh)
        fresh.mark()
    finally:
        monitor.send_signal(signal.SIGCONT)
    back = timed(fresh, f"{FRESH} && !document.title.includes('STALE')", RECOVERED_WITHIN)

    print(f"frozen to stale: {took:.1f} s; thawed to fresh: {back:.1f} s")
    assert not fresh.texts(".slab")
    assert not fresh.reloaded


def test_a_dead_server_makes_the_page_stale_and_a_new_one_brings_it_back(
    fresh: Screen, made: Installed
) -> None:
    web = made.processes.pop(0)

    web.kill()
    web.wait()
    begun = time.monotonic()
    fresh.within(STALE, STALE_WITHIN)
    took = time.monotonic() - begun
    fresh.until("document.title.includes('STALE')", 2)
    assert_stale(fresh)
    assert "The server does not answer" in fresh.text(".slab-reason")
    made.processes.insert(0, made.start("web"))
    made.processes.pop()
    wait_for(lambda: made.get("/health/live")[0] == 200, 15, pause_s=0.1)
    back = timed(fresh, f"{FRESH} && !document.title.includes('STALE')", RECOVERED_WITHIN)

    print(f"killed to stale: {took:.1f} s; back to fresh: {back:.1f} s")
    assert fresh.count(".tile") == 2
    assert not fresh.reloaded
