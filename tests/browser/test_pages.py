"""Journeys through the pages over a store that was filled as the monitor fills it (dash_duo)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dashboard.application import create_app
from domain.facts import Mark, Status
from tests.browser.driver import Screen
from tests.dashboard.filled import Filled, about, fill
from tests.installed import Installed

pytestmark = pytest.mark.browser

IMAGE = "<img src=x onerror=alert(1)>"
SCRIPT = "</script><script>alert(2)</script>"
LONG = "very-long-" * 20
HOSTILE = (IMAGE, SCRIPT, LONG, "%2e%2e/..\\?q=1#x", "$&{{constructor}}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    """An empty store whose leader beats on."""
    filled, done = fill(tmp_path, datetime.now(UTC)), threading.Event()

    def beat() -> None:
        while not done.wait(1):
            filled.beat(datetime.now(UTC))

    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    yield filled
    done.set()
    heart.join()
    filled.engine.dispose()


@pytest.fixture
def show(dash_duo: Any, store: Filled) -> Callable[[str], Screen]:
    """Serve the store and open a page of it in dash.testing's browser."""

    def shown(path: str) -> Screen:
        if not dash_duo.server.started:
            dash_duo.start_server(create_app(store.settings(), store.engine))
        dash_duo.driver.implicitly_wait(0)
        screen = Screen(dash_duo.driver)
        screen.open(f"{dash_duo.server.url}{path}")
        return screen

    return shown


def test_hostile_names_are_shown_as_they_are_written(
    show: Callable[[str], Screen], store: Filled, dash_duo: Any
) -> None:
    store.publish({name: about(position=at) for at, name in enumerate(HOSTILE)})
    for name in HOSTILE:
        status = Status.CRITICAL if name == IMAGE else Status.HEALTHY
        store.results(name, [status] * 3, datetime.now(UTC), {"http.total_ms": 12.0})

    screen = show("/")

    assert set(screen.texts(".tile-name")) >= {IMAGE, SCRIPT, "$&{{constructor}}"}
    assert screen.text(".card-name") == IMAGE
    assert screen.js("document.querySelector('.card-sentence').childElementCount") == 0
    assert screen.count("#page img") == 0
    for name in HOSTILE:
        link = "$$('.tile').find((tile) => tile.querySelector('.tile-name').textContent === arguments[0])"
        screen.js(f"{link}.click()", name)
        screen.until(
            "document.querySelector('.check-title')?.textContent === arguments[0]", 10, name
        )
        screen.driver.back()
        screen.until("$$('.tile').filter(shows).length === arguments[0]", 10, len(HOSTILE))
    screen.size(390, 844, phone=True)
    screen.until("document.documentElement.scrollWidth <= 390", 5)
    assert dash_duo.get_logs() == []


def test_a_name_that_turns_the_reading_direction_is_refused(tmp_path: Path) -> None:
    turned = '[[check]]\nname = "shop\\u202egnp.exe"\nkind = "system"\nresource = "load"\n'
    made = Installed(folder=tmp_path, port=8050, checks=turned)

    answer = made.app("check-config")

    assert answer.returncode == 2
    assert "name" in answer.stdout + answer.stderr


def test_what_is_not_known_to_be_healthy_is_never_green(
    show: Callable[[str], Screen], store: Filled
) -> None:
    marks = {"paused": Mark.PAUSED, "blocked": Mark.BLOCKED, "pending": Mark.PENDING}
    store.publish({name: about() for name in ("fine", *marks)})
    store.results("fine", [Status.HEALTHY] * 3, datetime.now(UTC))
    for name, mark in marks.items():
        store.mark(name, mark, "fine" if name == "blocked" else None, datetime.now(UTC))

    screen = show("/")
    screen.until("$$('.tile').length === 4")

    states = screen.js(
        """Object.fromEntries($$(".tile").map((tile) =>
          [tile.querySelector(".tile-name").textContent, tile.dataset.state]))"""
    )
    assert states == {"fine": "healthy", **{name: name for name in marks}}
    green = screen.greens()
    assert any("fine" in each for each in green)
    for name in marks:
        assert [each for each in green if f"tile: {name}" in each] == []
        screen.js("$$('.tile').find((tile) => tile.innerText.includes(arguments[0])).click()", name)
        screen.until(
            "document.querySelector('.check-line')?.dataset.state === arguments[0]", 10, name
        )
        assert [each for each in screen.greens() if "check-head" in each] == []
        screen.driver.back()
        screen.until("$$('.tile').length === 4")


def test_an_empty_store_says_how_to_add_the_first_check(
    show: Callable[[str], Screen], store: Filled
) -> None:
    store.publish({})

    screen = show("/")

    assert "No checks yet" in screen.text(".empty")
    assert "[[check]]" in screen.text(".empty-example")
    assert screen.greens() == [] or all(
        "pulse" in each or "beat" in each for each in screen.greens()
    )


def test_two_hundred_checks_become_hexes_and_few_of_them_tiles_again(
    show: Callable[[str], Screen], store: Filled
) -> None:
    names = [f"host-{number:03}" for number in range(200)]
    store.publish({name: about(position=at) for at, name in enumerate(names)})
    for name in names[:3]:
        store.results(name, [Status.HEALTHY] * 2, datetime.now(UTC))

    screen = show("/")
    screen.until("$$('.hex').length === 200")

    screen.one("#filter-text").send_keys("host-00")
    screen.until("$$('.hex').length === 0 && $$('.tile').length === 10")
    assert screen.path == "/?q=host-00"
