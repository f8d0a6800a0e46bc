"""The page of a check: what it tells, and that it follows the check while somebody looks closer."""

from __future__ import annotations

import pytest

from tests.browser.conftest import address
from tests.browser.driver import Screen
from tests.installed import Installed
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

RANGE = "document.querySelector('.js-plotly-plot').layout.xaxis.range.map(String)"
# The points of all lines that have a value.
POINTS = """$$(".js-plotly-plot").flatMap((plot) => plot.data)
  .reduce((sum, line) => sum + (line.y ? Array.from(line.y).filter(Number.isFinite).length : 0), 0)"""


def open_check(screen: Screen, made: Installed, name: str, query: str = "") -> None:
    """Open the page of a check and wait until all its pieces are there."""
    screen.open(address(made, f"/checks/{name}{query}"))
    screen.until("document.querySelector('.check-why') && $$('.results tbody tr').length > 0")
    screen.until("document.querySelector('.js-plotly-plot')?.data?.length > 0")


def newest(screen: Screen) -> str:
    """When the newest listed result was, in UTC."""
    return str(screen.js("document.querySelector('.results tbody time').dateTime"))


def test_a_tile_opens_its_check_without_a_page_load(screen: Screen, shipped: Installed) -> None:
    screen.open(address(shipped))
    screen.mark()

    screen.js("$$('.tile').find((tile) => tile.innerText.includes('loopback')).click()")
    screen.until("document.querySelector('.check-title')?.innerText.includes('loopback')")

    assert screen.path == "/checks/loopback"
    assert not screen.reloaded


def test_the_page_tells_why_shows_the_day_the_chart_and_the_raw_results(
    screen: Screen, shipped: Installed
) -> None:
    open_check(screen, shipped, "quick", "?range=1h")
    screen.until(f"({POINTS}) > 0", 20)

    assert screen.text(".check-why").endswith(".")
    assert screen.count(".day-strip .segment") >= 1
    assert "Last 24 h" in screen.text("#check-timeline .piece-title")
    assert "per_core" in screen.text(".chart-head .piece-title")
    times = screen.texts(".results tbody .result-time")
    assert times and all(len(each) == len("12:34:56") for each in times)
    assert {"Uptime", "Dependencies", "Audit"} <= set(screen.texts("#check-side .piece-title"))


def test_the_latency_of_an_http_check_is_told_by_phase(screen: Screen, shipped: Installed) -> None:
    open_check(screen, shipped, "nocturne-web", "?range=1h")

    screen.until(f"({POINTS}) > 0", 20)
    assert "Latency by phase" in screen.text(".chart-head .piece-title")
    assert screen.count(".legend .swatch") >= 2


def test_a_new_result_appears_without_a_reload(screen: Screen, shipped: Installed) -> None:
    open_check(screen, shipped, "quick")
    screen.mark()
    before = newest(screen)

    screen.until(
        "document.querySelector('.results tbody time').dateTime > arguments[0]", 10, before
    )

    assert not screen.reloaded


def test_a_zoom_survives_new_points(screen: Screen, shipped: Installed) -> None:
    open_check(screen, shipped, "quick", "?range=1h")
    screen.until(f"({POINTS}) > 0", 20)
    whole = screen.js(RANGE)

    wait_for(lambda: is_zoomed_or_dragged(screen), 30, pause_s=1.0)
    zoomed, points = screen.js(RANGE), screen.js(POINTS)
    screen.until(f"({POINTS}) > arguments[0]", 25, points)

    assert screen.js(RANGE) == zoomed
    assert zoomed != whole


def is_zoomed_or_dragged(screen: Screen) -> bool:
    """Whether somebody has zoomed in; else drag. New points that come meanwhile can undo a drag."""
    if screen.js("location.search.includes('from=')"):
        return True
    screen.drag(".js-plotly-plot .nsewdrag", (200, 60), 260)
    return False


def test_the_range_stands_in_the_address_and_is_kept_by_a_reload(
    screen: Screen, shipped: Installed
) -> None:
    open_check(screen, shipped, "quick")

    screen.one("button[data-range='24h']").click()
    screen.until(
        "document.querySelector('.chart-head .piece-title')?.innerText.includes('last 24 h')"
    )
    assert screen.path == "/checks/quick?range=24h"
    screen.driver.refresh()

    screen.until(
        "document.querySelector('.chart-head .piece-title')?.innerText.includes('last 24 h')"
    )
    assert screen.js("document.querySelector('[aria-pressed=true]').dataset.range") == "24h"


def test_a_name_that_no_check_has_says_so_and_leads_back(
    screen: Screen, shipped: Installed
) -> None:
    screen.open(address(shipped, "/checks/no-such-check"))
    screen.until("document.querySelector('.check-unknown')")

    assert "No check has this name" in screen.text(".check-unknown h1")
    screen.one(".check-unknown .button").click()
    screen.until("location.pathname === '/checks' && $$('[role=row]').length > 8")


def test_a_viewer_sees_no_buttons_that_would_be_refused(screen: Screen, shipped: Installed) -> None:
    open_check(screen, shipped, "quick")

    assert screen.count("[data-operate]") == 0
