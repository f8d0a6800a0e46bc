"""The pages of incidents, over a store that was filled as the monitor fills it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys
from werkzeug.serving import BaseWSGIServer, make_server

from dashboard.application import create_app
from domain.facts import Status
from domain.incidents import Incident
from storage.incident_readings import IncidentReadings
from tests.browser import test_accessibility as accessibility
from tests.browser.driver import Screen
from tests.dashboard.filled import Filled, about, fill

pytestmark = pytest.mark.browser

IMAGE = "<img src=x onerror=alert(1)>"
ROWS = "$$('.inc-row').filter(shows)"
STAGE = "$$('.inc-fact-value')[1].innerText"
axe = accessibility.axe
Show = Callable[..., Screen]


class Beating:
    """A store whose leader beats until it is told to stop."""

    def __init__(self, folder: Path) -> None:
        self.store = fill(folder, datetime.now(UTC))
        self.done = threading.Event()
        self.heart = threading.Thread(target=self._beat, daemon=True)
        self.heart.start()

    def _beat(self) -> None:
        while not self.done.wait(0.5):
            self.store.beat(datetime.now(UTC))

    def stop(self) -> None:
        """The last beat."""
        self.done.set()
        self.heart.join()


@pytest.fixture
def beating(tmp_path: Path) -> Iterator[Beating]:
    """shop-db is critical and blocks shop-api; payments is slow; the odd one is critical too."""
    made = Beating(tmp_path)
    store, now = made.store, datetime.now(UTC)
    store.publish({name: about() for name in ("shop-db", "shop-api", "payments", IMAGE)})
    bad = {"shop-db": Status.CRITICAL, "payments": Status.WARNING, IMAGE: Status.CRITICAL}
    for minutes, (name, status) in zip((12, 4, 2), bad.items(), strict=True):
        store.results(name, [status] * 3, now)
        store.incident(name, now - timedelta(minutes=minutes), status)
    store.results("shop-api", [Status.HEALTHY] * 2, now)
    yield made
    made.stop()
    store.engine.dispose()


@pytest.fixture
def store(beating: Beating) -> Filled:
    return beating.store


@pytest.fixture
def show(screen: Screen, store: Filled) -> Iterator[Show]:
    """Serve the store and open a page of it; to an operator unless somebody else is named."""
    started: list[tuple[BaseWSGIServer, threading.Thread]] = []

    def shown(path: str, *, anonymous: str = "operator") -> Screen:
        if not started:
            app = create_app(store.settings(anonymous=anonymous), store.engine)
            server = make_server("127.0.0.1", 0, app.server, threaded=True)
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            started.append((server, thread))
        screen.open(f"http://127.0.0.1:{started[0][0].server_port}{path}")
        return screen

    yield shown
    # The page goes first: it would go on asking.
    screen.reset()
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


def of(store: Filled, component: str) -> Incident:
    """The newest incident of a component as the store has it."""
    return IncidentReadings(store.engine).of(component, 1)[0]


def page_of(store: Filled, component: str = "shop-db") -> str:
    return f"/incidents/{of(store, component).id}"


def titles(screen: Screen) -> list[str]:
    return screen.texts(".inc-row-title")


def test_the_worst_and_oldest_stands_first_and_opens_by_keys(show: Show, store: Filled) -> None:
    screen = show("/incidents")
    screen.until(f"{ROWS}.length === 3")
    screen.mark()

    assert titles(screen) == ["shop-db is critical", f"{IMAGE} is critical", "payments is warning"]
    screen.press("j", "j", Keys.ENTER)
    screen.until("document.querySelector('h1.incident-title')?.innerText.includes('onerror')")
    screen.press("k")
    screen.until("document.querySelector('h1.incident-title').innerText.includes('shop-db')")

    assert screen.path == page_of(store)
    assert not screen.reloaded


def test_an_acknowledgement_shows_at_once_and_is_kept_with_the_name(
    show: Show, store: Filled
) -> None:
    screen = show(page_of(store))
    screen.js("localStorage.setItem('nocturne.name', 'Mara Lind')")
    screen.until(f"{STAGE} === 'new'")

    at_once = screen.js(f"(document.querySelector('[data-action=acknowledge]').click(), {STAGE})")
    screen.until("$$('.inc-entry[data-given]').length === 0")

    assert at_once == "acknowledged"
    assert of(store, "shop-db").acknowledged_by == "Mara Lind"
    assert "You acknowledged" in " ".join(screen.text(".inc-entries").split())
    screen.driver.refresh()
    screen.until(f"{STAGE} === 'acknowledged'")
    assert screen.one("[data-action=acknowledge]").text.startswith("Acknowledged by you")


def test_a_comment_appears_and_stays_text(show: Show, store: Filled) -> None:
    screen = show(page_of(store))
    screen.until(f"{STAGE} === 'new'")

    screen.press("c")
    screen.until("document.activeElement.tagName === 'TEXTAREA'")
    screen.press(f"disk is full {IMAGE}")
    screen.one("[data-form=comment] [type=submit]").click()
    screen.until("$$('.inc-entry-quote').filter(shows).length === 1")
    screen.until("$$('.inc-entry[data-given]').length === 0")

    assert screen.text(".inc-entry-quote") == f"disk is full {IMAGE}"
    assert screen.count("#page img") == 0
    told = IncidentReadings(store.engine).tell(of(store, "shop-db").id)
    assert told is not None
    assert told.lines[-1].reason == f"disk is full {IMAGE}"


def test_resolving_what_is_still_bad_says_so_and_offers_force(show: Show, store: Filled) -> None:
    screen = show(page_of(store))
    screen.until(f"{STAGE} === 'new'")

    screen.press("e")
    screen.one("[data-form=resolve] [type=submit]").click()
    screen.until("document.querySelector('.action-reply').innerText.includes('is still bad')")
    assert screen.js(STAGE) == "new"
    screen.one(".action-force").click()
    screen.until(f"{STAGE} === 'resolved'")
    screen.until("$$('.inc-entry[data-given]').length === 0")

    assert of(store, "shop-db").held


def test_a_silence_needs_a_reason_and_answers_why_nobody_is_paged(
    show: Show, store: Filled
) -> None:
    screen = show(page_of(store, IMAGE))
    screen.until(f"{STAGE} === 'new'")

    screen.press("m")
    screen.one("[data-form=silence] [type=submit]").click()
    screen.until("document.querySelector('[data-form=silence]').innerText.includes('needs a')")
    screen.press("known fault", Keys.ENTER)
    screen.until("document.querySelector('.action-reply').innerText.startsWith('Silenced until')")

    screen.until("document.querySelector('.inc-gates').innerText.includes('known fault')")
    assert "Why is nobody paged now?" in screen.text("#incident-side")


def test_filter_selection_and_focus_survive_news_and_the_filter_a_reload(
    show: Show, store: Filled
) -> None:
    screen = show("/incidents")
    screen.until(f"{ROWS}.length === 3")

    screen.press("j", "x", "/")
    screen.press("shop")
    screen.until(f"{ROWS}.length === 1")
    store.incident("shop-api", datetime.now(UTC), Status.CRITICAL)
    screen.until(f"{ROWS}.length === 2")

    assert screen.path == "/incidents?q=shop"
    assert screen.js("document.activeElement.value") == "shop"
    assert screen.texts(".inc-row[data-chosen] .inc-row-title") == ["shop-db is critical"]
    screen.driver.refresh()
    screen.until(f"{ROWS}.length === 2")
    assert screen.js("document.querySelector('#filter-text').value") == "shop"


def test_those_selected_are_acknowledged_together(show: Show, store: Filled) -> None:
    screen = show("/incidents?severity=critical")
    screen.until(f"{ROWS}.length === 2")

    screen.one("thead .inc-choose").click()
    screen.until("document.querySelector('.selected-bar').innerText.includes('2 selected')")
    screen.press("a")
    screen.until("$$('.inc-row[data-new]').length === 0")

    assert not screen.texts(".selected-bar")
    screen.until("!globalThis.nocturne.incidents.orders.given.length")
    assert {of(store, name).stage.value for name in ("shop-db", IMAGE)} == {"acknowledged"}
    assert of(store, "payments").stage.value == "new"


def test_an_empty_list_names_the_next_action(show: Show) -> None:
    screen = show("/incidents?q=nothing-like-it")
    screen.until("$$('.inc-list-empty').filter(shows).length === 1")

    screen.one(".inc-list-empty .button").click()

    screen.until(f"{ROWS}.length === 3")
    assert screen.path == "/incidents"


def test_a_viewer_sees_why_the_buttons_do_nothing(show: Show, store: Filled) -> None:
    screen = show(page_of(store), anonymous="viewer")
    screen.until(f"{STAGE} === 'new'")

    assert screen.js("$$('.action').filter(shows).every((each) => each.disabled)")
    assert "To make changes, open the link printed" in screen.text(".action-side")
    screen.press("a")
    assert screen.js(STAGE) == "new"


def test_an_unknown_number_says_so_and_leads_back(show: Show) -> None:
    screen = show("/incidents/INC-20200101-0001")
    screen.until("document.querySelector('.incident-unknown')?.checkVisibility()")

    assert "No incident has this number" in screen.text("h1")
    screen.one(".incident-unknown .button").click()
    screen.until(f"{ROWS}.length === 3")


def test_a_problem_on_the_overview_opens_its_incident_without_a_page_load(
    show: Show, store: Filled
) -> None:
    screen = show("/")
    screen.mark()

    card = "$$('.card').find((card) => card.querySelector('.card-name').innerText === 'shop-db')"
    assert (
        screen.js(f"{card}.querySelector('.card-actions a:not([hidden])').innerText")
        == "Open incident"
    )
    screen.js(f"{card}.querySelector('.card-actions a:not([hidden])').click()")
    screen.until("document.querySelector('h1.incident-title')?.innerText.includes('shop-db')")

    assert screen.path == page_of(store)
    assert not screen.reloaded
    screen.driver.back()
    screen.until("$$('.card').length === 3")


def test_nothing_is_green_while_nothing_is_measured(
    show: Show, beating: Beating, store: Filled
) -> None:
    store.incident("payments", datetime.now(UTC), Status.HEALTHY)
    screen = show(page_of(store, "payments"))
    screen.until("$$('.inc-entry[data-state=healthy]').length === 1")
    assert any("incident-timeline" in each for each in screen.greens())

    beating.stop()
    screen.until("document.documentElement.dataset.freshness === 'stale'", 20)

    assert screen.greens() == []
    screen.js("document.querySelector('.rail-link[href=\"/incidents\"]').click()")
    screen.until("$$('.inc-list-section')[0]?.innerText.includes('when last seen')", 10)
    assert screen.greens() == []


def test_a_phone_acknowledges_in_one_tap_without_sideways_scroll(show: Show, store: Filled) -> None:
    for path, ready in (("/incidents", f"{ROWS}.length === 3"), (page_of(store), STAGE)):
        screen = show(path)
        screen.size(390, 844, phone=True)
        screen.until(ready)
        assert screen.js("document.documentElement.scrollWidth") <= 390
        small = screen.js(
            """$$("#page :is(button, .button, input, select, a.pager)").filter(shows)
              .map((node) => [node.outerHTML.slice(0, 80), node.getBoundingClientRect().height])
              .filter(([, height]) => height < 43.5)"""
        )
        assert small == [], "too small for a thumb"

    screen.one("[data-action=acknowledge]").click()

    screen.until(f"{STAGE} === 'acknowledged'")


@pytest.mark.parametrize("page", ["list", "one", "form"])
def test_axe_finds_nothing_that_shuts_people_out(
    show: Show, store: Filled, axe: str, page: str
) -> None:
    store.incident("payments", datetime.now(UTC), Status.HEALTHY)
    screen = show("/incidents" if page == "list" else page_of(store))
    screen.until(f"{ROWS}.length === 3" if page == "list" else f"{STAGE} === 'new'")
    if page == "list":
        screen.press("j", "x")
    if page == "form":
        screen.one("[data-action=acknowledge-for]").click()
    screen.driver.set_script_timeout(30)
    screen.driver.execute_script(axe)

    found = accessibility.violations(screen)
    screen.prefer(color_scheme="light")
    found += [each for each in accessibility.violations(screen) if each not in found]

    assert found == [], json.dumps(found, indent=1)
    assert screen.console() == []
