"""The wall: order and room for problems, turning pages, a new critical, stale and back, at any size."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from werkzeug.serving import BaseWSGIServer, make_server

from dashboard.application import create_app
from domain.facts import Status
from domain.operating import Order, Verb
from storage.incident_changes import IncidentChanges
from tests.browser.conftest import QUICK, address, port, running
from tests.browser.driver import Screen
from tests.dashboard.filled import about, fill
from tests.installed import Installed
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

DOWN = """
[[check]]
name = "shop-db"
kind = "tcp"
host = "127.0.0.1"
port = {port}
interval = "1s"
failures = 1
group = "Shop"
"""
STALE = "document.documentElement.dataset.freshness === 'stale'"
FRESH = "document.documentElement.dataset.freshness === 'fresh'"
# Promised are 15 s and 5 s; the tolerance is for a machine that is busy with other tests.
STALE_WITHIN, RECOVERED_WITHIN = 15.0, 7.0
TILES = "$$('.wall-tile').filter(shows)"
LABEL = "document.querySelector('.wall-label').innerText"
# How many pixels of the hexagons are green, which no computed style tells.
GREEN = """(() => {
  const canvas = document.querySelector('.wall-canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let green = 0;
  for (let at = 0; at < data.length; at += 4 * 97) {
    if (probe.isGreen(`rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`)) green += 1;
  }
  return green;
})()"""
SPILLED = """(() => {
  const { innerWidth: width, innerHeight: height } = window;
  const frame = document.querySelector('.wall-frame').getBoundingClientRect();
  return $$('.wall-frame *').filter(shows).filter((node) => !node.closest('.wall-slab')).filter((node) => {
    const box = node.getBoundingClientRect();
    const clipped = node.closest('.wall-names, .wall-more-parts, .wall-name, .wall-notice');
    return !clipped && (box.right > width + 1 || box.bottom > height + 1 || box.left < -1 || box.top < -1);
  }).map((node) => node.className || node.tagName);
})()"""
Show = Callable[..., Screen]


class Shop:
    """A store whose leader beats on, served; 45 checks were healthy."""

    def __init__(self, folder: Path) -> None:
        self.store = fill(folder, datetime.now(UTC))
        self.begun = datetime.now(UTC)
        self.done = threading.Event()
        self.publish(45)
        app = create_app(self.store.settings(), self.store.engine)
        self.server: BaseWSGIServer = make_server("127.0.0.1", 0, app.server, threaded=True)
        self.threads = [threading.Thread(target=each) for each in (self.serve, self.beat)]
        for each in self.threads:
            each.start()

    def publish(self, count: int) -> None:
        """So many healthy checks, the last of which stand in a group of their own."""
        self.store.publish(
            {
                f"check-{index:02}": about(
                    position=index, group="Edge" if index >= count - 2 else "Shop", tags=["shop"]
                )
                for index in range(count)
            }
        )
        for index in range(count):
            self.store.results(f"check-{index:02}", [Status.HEALTHY] * 2, self.begun)

    def fail(self, index: int, minutes: float, status: Status = Status.CRITICAL) -> str:
        """One check fails since so long; the id of its incident."""
        name, now = f"check-{index:02}", datetime.now(UTC)
        # A result each 30 s, of which the third confirms it.
        self.store.results(name, [status] * (3 + int(minutes * 2)), now)
        return self.store.incident(name, now - timedelta(minutes=minutes), status).id

    def acknowledge(self, incident: str, actor: str) -> None:
        changes = IncidentChanges(self.store.engine)
        order = Order(verb=Verb.ACKNOWLEDGE)
        changes.carry_out(incident, order, actor=actor, now=datetime.now(UTC))

    def serve(self) -> None:
        self.server.serve_forever(0.05)

    def beat(self) -> None:
        while not self.done.wait(0.5):
            self.store.beat(datetime.now(UTC))

    def close(self) -> None:
        self.done.set()
        self.server.shutdown()
        for each in self.threads:
            each.join()
        self.server.server_close()
        self.store.engine.dispose()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


@pytest.fixture
def wall(screen: Screen, shop: Shop) -> Iterator[Show]:
    """Open the wall with a query, 1920 × 1080."""

    def shown(query: str = "") -> Screen:
        screen.size(1920, 1080)
        screen.open(f"http://127.0.0.1:{shop.server.server_port}/wall{query}")
        return screen

    yield shown
    # The page goes first: it would go on asking.
    screen.reset()


def names(screen: Screen) -> list[str]:
    """The names of the problem tiles, as they are read."""
    return screen.texts(".wall-name")


def test_the_oldest_critical_that_nobody_has_stands_first_and_says_so(
    wall: Show, shop: Shop
) -> None:
    shop.fail(1, 1, Status.WARNING)
    shop.acknowledge(shop.fail(2, 20), "Mara Lind")
    shop.fail(3, 2)
    shop.fail(4, 9)

    screen = wall("?theme=light")
    screen.until(f"{TILES}.length === 4")

    assert names(screen) == ["check-04", "check-03", "check-02", "check-01"]
    assert screen.count(".wall-tile[data-urgent]") == 2
    assert "ML" in screen.text(".wall-owner")
    assert "nobody has 2" in screen.texts(".wall-count")[0]
    assert "41" in screen.text(".wall-healthy")
    assert screen.js("document.querySelector('.rail').checkVisibility()") is False
    assert screen.js(GREEN) > 50
    assert screen.js("probe.rgba(getComputedStyle(document.body).backgroundColor)[0]") > 200
    screen.press("g", "w")
    assert screen.path == "/wall?theme=light"
    assert screen.console() == []


@pytest.mark.parametrize("distance", ["3", "8"])
def test_forty_problems_need_no_scrollbar_and_the_rest_is_counted(
    wall: Show, shop: Shop, distance: str
) -> None:
    for index in range(40):
        shop.fail(index, 5 - index // 10, Status.CRITICAL if index < 30 else Status.WARNING)

    screen = wall(f"?distance={distance}")
    screen.until(
        "document.querySelector('.wall-more') && shows(document.querySelector('.wall-more'))"
    )
    for width, height in ((1920, 1080), (3840, 2160), (1080, 1920)):
        screen.size(width, height)
        # The next drawing takes the new size; it tells its own.
        screen.until("document.querySelector('.wall-canvas').clientWidth < innerWidth")
        screen.until(
            "(() => { const list = document.querySelector('.wall-tiles');"
            " return list.scrollHeight <= list.clientHeight + 1; })()"
        )
        shown = len(names(screen))

        assert shown >= 1
        assert f"+{40 - shown} more" in screen.text(".wall-more")
        assert names(screen)[0] == "check-00"
        document = screen.js(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        assert document == [width, height]
        assert screen.js(SPILLED) == []


def test_pages_turn_until_a_critical_is_there_that_nobody_has(wall: Show, shop: Shop) -> None:
    screen = wall("?pages=tag:shop,group:Edge&every=5")
    screen.until(f"{LABEL} === 'Edge'", 15)
    assert "of 2 checks" in screen.text(".wall-calm-side")
    screen.until(f"{LABEL} === '#shop'", 15)
    screen.until(f"{LABEL} === 'Edge'", 15)

    incident = shop.fail(5, 0)
    screen.until(f"{LABEL} === '#shop' && {TILES}.length === 1", 10)
    stayed = datetime.now(UTC)
    wait_for(lambda: datetime.now(UTC) - stayed > timedelta(seconds=7), 20, pause_s=0.2)
    assert screen.js(LABEL) == "#shop"
    assert screen.text(".wall-held") == "held"

    shop.acknowledge(incident, "Mara Lind")
    screen.until(f"{LABEL} === 'Edge'", 15)
    assert screen.console() == []


def test_a_new_critical_pulses_and_sounds_once_and_keeps_still_for_those_who_asked(
    wall: Show, shop: Shop
) -> None:
    shop.fail(1, 10)
    screen = wall()
    screen.until(f"{TILES}.length === 1")
    seen = "globalThis.seen"
    screen.js(
        "(() => { globalThis.seen = []; document.addEventListener('animationstart', (event) =>"
        " seen.push(event.animationName)); })()"
    )
    assert "Sound blocked" in screen.text(".wall-sound")
    screen.one(".wall-tile").click()
    screen.until("document.querySelector('.wall-sound').dataset.sound === 'on'")

    shop.fail(2, 0)
    screen.until(f"{TILES}.length === 2", 10)
    screen.until(f"{seen}.includes('wall-alarm')", 5)
    screen.until("$$('.wall-tile[data-alarm]').length === 0", 10)
    assert screen.js(f"{seen}.filter((each) => each === 'wall-alarm').length") == 1

    screen.prefer(reduced_motion="reduce")
    screen.js("seen.splice(0)")
    shop.fail(3, 0)
    screen.until("$$('.wall-tile[data-alarm]').length === 1", 10)
    screen.until("$$('.wall-tile[data-alarm]').length === 0", 10)
    assert screen.js(seen) == []
    assert screen.console() == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    checks = QUICK + DOWN.format(port=port())
    yield from running(
        Installed(folder=tmp_path_factory.mktemp("wall"), port=port(), checks=checks)
    )


def test_a_frozen_monitor_and_a_dead_server_turn_the_wall_stale_and_it_recovers(
    screen: Screen, made: Installed
) -> None:
    screen.size(1920, 1080)
    screen.open(address(made, "/wall"))
    screen.until(f"{FRESH} && {TILES}.length === 1 && {GREEN} > 0", 20)
    screen.mark()

    monitor = made.processes[1]
    monitor.send_signal(signal.SIGSTOP)
    try:
        screen.within(STALE, STALE_WITHIN)
        screen.until(f"shows(document.querySelector('.wall-slab')) && {GREEN} === 0", 3)
        assert_stale(screen, "The monitor is silent")
        screen.prefer(color_scheme="light")
        screen.until(f"{GREEN} === 0", 3)
        assert screen.greens() == []
        screen.prefer()
    finally:
        monitor.send_signal(signal.SIGCONT)
    screen.until(f"{FRESH} && {GREEN} > 0", RECOVERED_WITHIN)

    web = made.processes.pop(0)
    web.kill()
    web.wait()
    screen.within(f"{STALE} && {GREEN} === 0", STALE_WITHIN)
    assert_stale(screen, "The server does not answer")
    made.processes.insert(0, made.start("web"))
    made.processes.pop()
    wait_for(lambda: made.get("/health/live")[0] == 200, 15, pause_s=0.1)
    screen.until(f"{FRESH} && {GREEN} > 0", RECOVERED_WITHIN)
    assert not screen.texts(".wall-slab")
    assert not screen.reloaded


def assert_stale(screen: Screen, reason: str) -> None:
    """The slab says since when and why, old problems are told in the past, nothing is green."""
    assert screen.text(".wall-slab-main").startswith("STALE")
    assert "Last known" in screen.text(".wall-slab-side")
    assert screen.text(".wall-slab-reason") == reason
    slab = screen.js("document.querySelector('.wall-slab-row').getBoundingClientRect().height")
    assert slab == pytest.approx(0.176 * 1080, abs=1)
    assert screen.text(".wall-tile .word") == "was critical"
    assert screen.js("getComputedStyle(document.querySelector('.wall-tile')).opacity") == "0.86"
    assert screen.greens() == []
    assert screen.title == "⚠ STALE · Nocturne"
