"""The command palette, the keys and the time zone, where anybody may act."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from selenium.webdriver.common.keys import Keys
from werkzeug.serving import make_server

from dashboard.application import create_app
from domain.facts import Status
from tests.browser import test_accessibility as accessibility
from tests.browser.driver import ActionChains, Screen
from tests.dashboard.filled import about, fill

pytestmark = pytest.mark.browser
axe = accessibility.axe

MARKED = "document.querySelector('.palette-row[aria-selected=true] .palette-name')?.textContent"
OPEN = "document.querySelector('dialog.palette')?.open === true"
SHUT = f"!({OPEN})"
PAGES = {"o": "/", "c": "/checks", "i": "/incidents", "t": "/thresholds", "a": "/audit"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of two checks that were measured for a while, which anybody may pause."""
    now, done = datetime.now(UTC), threading.Event()
    store = fill(tmp_path_factory.mktemp("desk"), now)
    store.publish({"load": about(), "shop-edge": about(group="Shop", tags=["shop"], position=1)})
    for name in ("load", "shop-edge"):
        store.results(name, [Status.HEALTHY] * 40, now, {"http.total_ms": 12.0})

    def beat() -> None:
        while not done.wait(1):
            store.beat(datetime.now(UTC))

    app = create_app(store.settings(anonymous="operator"), store.engine)
    server = make_server("127.0.0.1", 0, app.server, True)
    threads = [threading.Thread(target=each, daemon=True) for each in (server.serve_forever, beat)]
    for thread in threads:
        thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    done.set()
    server.shutdown()
    server.server_close()
    for thread in threads:
        thread.join()
    store.engine.dispose()


@pytest.fixture(autouse=True)
def _forgotten(screen: Screen, desk: str) -> Iterator[None]:
    """Each test begins with a browser in which nothing was chosen."""
    yield
    screen.js("localStorage.clear()")


def call(screen: Screen) -> None:
    """Press Ctrl-K."""
    ActionChains(screen.driver).key_down(Keys.CONTROL).send_keys("k").key_up(Keys.CONTROL).perform()


def opened(screen: Screen, text: str = "") -> None:
    """Open the palette and type."""
    call(screen)
    screen.until(OPEN, 30)
    if text:
        screen.press(text)


def test_a_check_is_found_and_opened_by_keys_alone_and_escape_gives_the_focus_back(
    screen: Screen, desk: str
) -> None:
    screen.open(desk)
    screen.one("#filter-text").click()

    opened(screen, "shoed")
    screen.until(f"{MARKED} === 'shop-edge'", 30)
    screen.press(Keys.ESCAPE)
    screen.until(SHUT, 30)
    assert screen.js("document.activeElement.id") == "filter-text"
    assert screen.js("document.querySelector('#filter-text').value") == ""
    opened(screen, "shop-edge")
    screen.until(f"{MARKED} === 'shop-edge'", 30)
    screen.press(Keys.ENTER)

    screen.until("location.pathname === '/checks/shop-edge'", 30)
    assert screen.console() == []


def test_the_palette_is_a_combobox_over_a_list_and_arrows_go_round(
    screen: Screen, desk: str
) -> None:
    screen.open(f"{desk}/checks")
    opened(screen)
    rows = screen.count(".palette-row")

    active = "document.activeElement.getAttribute('aria-activedescendant')"
    told = f"$$('.palette-row').findIndex((row) => row.id === {active})"
    places = [screen.js(told)]
    for key in (Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.ARROW_UP, Keys.ARROW_DOWN, Keys.TAB):
        screen.press(key)
        places.append(screen.js(told) if screen.js("document.activeElement.role") else None)

    assert rows > 8
    assert places == [0, 1, 0, rows - 1, 0, None]
    assert screen.js("document.activeElement.closest('dialog') !== null")
    assert screen.js("$$('.palette-list [role=option]').length") == rows


def test_axe_finds_nothing_wrong_with_the_open_palette(screen: Screen, desk: str, axe: str) -> None:
    screen.open(f"{desk}/checks")
    opened(screen, "shop")
    screen.until(f"{MARKED} === 'shop-edge'", 30)
    screen.driver.set_script_timeout(30)
    screen.driver.execute_script(axe)

    found = accessibility.violations(screen)
    screen.prefer(color_scheme="light")
    found += [each for each in accessibility.violations(screen) if each not in found]

    assert found == [], json.dumps(found, indent=1)


def test_nothing_found_says_what_to_do_and_nothing_scrolls_sideways_on_a_phone(
    screen: Screen, desk: str
) -> None:
    screen.size(390, 844, phone=True)
    screen.open(desk)

    screen.one(".palette-open").click()
    screen.until(OPEN, 30)
    screen.press("qqqq")
    screen.until("$$('.palette-row').length === 0", 30)

    assert "Try fewer letters" in screen.text(".palette-none-more")
    assert screen.js("document.documentElement.scrollWidth") <= 390
    assert (
        screen.js("document.querySelector('dialog.palette').getBoundingClientRect().width") <= 390
    )


def test_a_check_is_paused_from_its_page_and_resumed_from_another(
    screen: Screen, desk: str
) -> None:
    screen.open(f"{desk}/checks/shop-edge")
    opened(screen, "> pause shop")
    screen.until(f"{MARKED} === 'Pause shop-edge'", 30)
    screen.press(Keys.ENTER)
    screen.until("document.querySelector('.palette-said').textContent.includes('Paused')", 30)

    screen.open(f"{desk}/audit")
    paused = "nocturne.snapshot.checks.find((each) => each.name === 'shop-edge').mark === 'paused'"
    screen.until(paused, 30)
    opened(screen, "> resume")
    screen.until(f"{MARKED} === 'Resume …'", 30)
    screen.press(Keys.ENTER)
    screen.until(f"{MARKED} === 'shop-edge'", 30)
    screen.press(Keys.ENTER)

    screen.until("document.querySelector('.palette-said').textContent.includes('Resumed')", 30)
    screen.until(f"!({paused})", 30)


def test_a_chosen_zone_holds_for_every_page_its_charts_and_the_next_visit(
    screen: Screen, desk: str
) -> None:
    screen.open(f"{desk}/checks/load?range=1h")
    screen.one("button.clock").click()
    screen.until(OPEN, 30)
    screen.press("kolkata")
    screen.until(f"{MARKED} === 'Asia/Kolkata'", 30)
    screen.press(Keys.ENTER)

    screen.until("document.querySelector('.clock-zone').textContent === 'IST'", 30)
    screen.until("document.querySelector('.chart-head')?.innerText.includes('times in IST')", 30)
    # The last point lies within the window: 5 h 30 min ahead of what UTC clocks show.
    axis = "document.querySelector('.js-plotly-plot').layout.xaxis.range[1]"
    ahead = f"Date.parse({axis}.replace(' ', 'T') + 'Z') - nocturne.clock.now()"
    screen.until(f"Math.abs({ahead} - 5.5 * 3600000) < 600000", 30)
    screen.open(f"{desk}/wall?zone=Europe/Berlin")
    assert screen.text(".wall-head .clock-zone") in ("CET", "CEST")
    screen.open(f"{desk}/thresholds")
    assert screen.text(".bar-clock .clock-zone") == "IST"


def test_a_zoom_stands_in_the_address_and_is_there_again_for_others(
    screen: Screen, desk: str
) -> None:
    screen.open(f"{desk}/checks/load?range=1h")
    plot = "document.querySelector('.js-plotly-plot')"
    screen.until(f"{plot}?.data?.length > 0", 30)
    shown = f"{plot}.layout.xaxis.range.map((end) => Date.parse(end.replace(' ', 'T') + 'Z'))"
    whole = screen.js(shown)
    ends = [
        datetime.fromtimestamp(whole[0] / 1000 + 1200 * part, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        for part in (1, 2)
    ]

    # As a drag over the chart ends, which a chart that is just drawn anew would let slip.
    screen.until(f"{plot}.on !== undefined && nocturneCheck.plot === {plot}", 30)
    change = {"xaxis.range": ends, "xaxis.autorange": False}
    screen.js(f"void Plotly.relayout({plot}, arguments[0])", change)
    screen.until("location.search.includes('from=')", 30)
    path, zoomed = screen.path, screen.js(shown)
    screen.open(desk + path)

    screen.until(f"{plot}?.data?.length > 0 && {plot}.layout.xaxis.autorange === false", 30)
    # To the second: the address tells no more.
    assert screen.js(shown) == pytest.approx(zoomed, abs=1000)
    assert zoomed[1] - zoomed[0] < whole[1] - whole[0]
    assert screen.path == path


def test_g_and_a_letter_go_to_a_page_from_every_page_and_never_out_of_a_field(
    screen: Screen, desk: str
) -> None:
    screen.open(f"{desk}/wall")

    for letter, path in PAGES.items():
        screen.press("g", letter)
        screen.until("location.pathname === arguments[0]", 30, path)
    screen.press("g", "c")
    screen.until("$$('#filter-text').length === 1", 30)
    screen.one("#filter-text").send_keys("go")

    screen.until("location.search === '?q=go'", 30)
    assert screen.js("location.pathname") == "/checks"


def test_the_help_begins_with_the_keys_of_the_page(screen: Screen, desk: str) -> None:
    screen.open(f"{desk}/checks")

    screen.press("?")

    screen.until("$$('dialog.help .help-section').length > 4", 30)
    assert screen.texts(".help-section h3")[0].startswith("Checks")
    assert "Incidents" in screen.texts(".help-section[data-ways] dd")


@pytest.mark.parametrize("path", ["/login", "/api/docs", "/health/nothing"])
def test_pages_without_dash_tell_the_state_in_title_and_favicon_too(
    screen: Screen, desk: str, path: str
) -> None:
    screen.driver.get(desk + path)

    screen.until("/^. .+ · .+ · Nocturne$/u.test(document.title)", 30)
    screen.until("document.querySelector('link[rel~=icon]').dataset.state !== undefined", 30)
    assert screen.favicon in ("healthy", "waiting", "warning", "critical", "unknown")


def test_a_page_that_does_not_come_is_said_to(screen: Screen, desk: str) -> None:
    screen.driver.execute_cdp_cmd("Network.enable", {})
    blocked = {"urls": ["*_dash-update-component*"]}
    screen.driver.execute_cdp_cmd("Network.setBlockedURLs", blocked)
    try:
        screen.driver.get(f"{desk}/audit")
        screen.until("$$('.nothing-title').length === 1", 30)
    finally:
        screen.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})

    assert "does not come" in screen.text(".nothing-title")
    assert screen.count(".rail-link") > 5
