"""The Overview of the shipped checks: what stands there, and how far it goes without a mouse."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import address
from tests.browser.driver import Screen
from tests.installed import Installed
from tests.waiting import wait_for

pytestmark = pytest.mark.browser


def test_the_overview_shows_a_tile_for_each_component_of_health(
    screen: Screen, shipped: Installed
) -> None:
    _, health = shipped.get("/health")

    screen.open(address(shipped))

    # `system_resources` repeats the figures of checks that stand in a group of their own.
    groups = [group for key, group in health["components"].items() if key != "system_resources"]
    names = [name for group in groups for name in group]
    assert len(names) >= 8
    assert sorted(screen.texts(".tile-name")) == sorted(names)


def test_every_tile_tells_a_state_a_value_with_its_unit_and_its_last_day(
    screen: Screen, shipped: Installed
) -> None:
    screen.open(address(shipped))

    tiles = screen.js(
        """$$(".tile").map((tile) => ({
          name: tile.querySelector(".tile-name").textContent,
          value: tile.querySelector(".tile-value").textContent,
          word: tile.querySelector(".word").textContent,
          shape: tile.querySelector(".shape > *") !== null,
          day: tile.querySelector(".strip > *") !== null,
        }))"""
    )
    told = {tile["name"]: tile["value"] for tile in tiles}
    assert all(tile["word"] and tile["shape"] and tile["day"] for tile in tiles), tiles
    assert told["cpu"].endswith("%") and told["memory"].endswith("%") and told["disk"].endswith("%")
    assert told["loopback"].endswith("ms") and told["nocturne-web"].endswith("ms")
    assert told["nocturne-monitor"].endswith("MB")
    assert all(value and any(letter.isdigit() for letter in value) for value in told.values()), told


def test_the_counts_in_the_bar_add_up_to_the_tiles(screen: Screen, shipped: Installed) -> None:
    screen.open(address(shipped))

    numbers = screen.texts(".count strong")
    counted = sum(int(number.removeprefix("All ").replace(",", "")) for number in numbers)
    assert counted == screen.count(".tile")


def test_tab_reaches_every_tile_with_a_visible_focus_and_enter_opens_it(
    screen: Screen, shipped: Installed
) -> None:
    screen.open(address(shipped))
    tiles = set(screen.texts(".tile-name"))
    reached: dict[str, bool] = {}

    for _ in range(120):
        screen.press(Keys.TAB)
        name, outlined = screen.js(
            """(() => {
              const node = document.activeElement;
              const style = getComputedStyle(node);
              const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
              return [node.querySelector(".tile-name")?.textContent ?? null, seen];
            })()"""
        )
        if name is not None:
            reached[name] = outlined
        if tiles <= set(reached):
            break

    assert tiles == set(reached)
    assert all(reached.values()), reached
    last = screen.js("document.activeElement.querySelector('.tile-name').textContent")
    screen.press(Keys.ENTER)
    screen.until(
        "document.querySelector('.check-title')?.innerText.includes(arguments[0])", 10, last
    )
    assert screen.path == f"/checks/{last}"


def test_slash_focuses_the_filter_and_escape_clears_it(screen: Screen, shipped: Installed) -> None:
    screen.open(address(shipped))

    screen.press("/", "loop")
    screen.until("$$('.tile').length === 1")

    assert screen.texts(".tile-name") == ["loopback"]
    assert screen.path == "/?q=loop"
    screen.press(Keys.ESCAPE)
    screen.until("$$('.tile').length > 8")
    assert screen.path == "/"


def test_question_mark_shows_the_keys_and_escape_closes_them(
    screen: Screen, shipped: Installed
) -> None:
    screen.open(address(shipped))

    screen.press("?")
    screen.until("document.querySelector('dialog.help')?.open")

    assert "Search or filter what is listed" in screen.text("dialog.help")
    screen.press(Keys.ESCAPE)
    screen.until("!document.querySelector('dialog.help').open")


def test_j_walks_through_the_checks_and_g_o_goes_home(screen: Screen, shipped: Installed) -> None:
    screen.open(address(shipped, "/checks/loopback"))
    screen.until("document.querySelector('.check-title')")

    screen.press("g", "o")
    screen.until("location.pathname === '/' && $$('.tile').length > 8")

    screen.press("j")
    first = screen.js("document.activeElement.getAttribute('href')")
    screen.press("j")
    second = screen.js("document.activeElement.getAttribute('href')")
    assert first and second and first != second
    screen.press("k")
    assert screen.js("document.activeElement.getAttribute('href')") == first


def test_back_from_a_check_keeps_filter_and_scroll(screen: Screen, shipped: Installed) -> None:
    screen.size(1440, 420)
    screen.open(address(shipped, "/?group=System"))
    screen.until("$$('.tile').length === 8")
    screen.mark()
    screen.js("window.scrollTo(0, 180)")
    screen.until("window.scrollY > 100")
    before = screen.js("window.scrollY")
    shown = screen.texts(".tile-name")

    screen.js("$$('.tile').find((tile) => tile.getBoundingClientRect().top > 60).click()")
    screen.until("document.querySelector('.check-why')")
    screen.until("location.pathname.startsWith('/checks/')")
    screen.driver.back()

    screen.until("location.search === '?group=System' && $$('.tile').filter(shows).length === 8")
    assert screen.texts(".tile-name") == shown
    # A check of this busy machine may have changed meanwhile, which makes the page shorter or higher.
    room = "document.documentElement.scrollHeight - innerHeight"
    screen.until(f"Math.abs(window.scrollY - Math.min(arguments[0], {room})) < 2", 15, before)
    assert screen.js("window.scrollY") > 0 or screen.js(room) <= 0
    assert not screen.reloaded


def test_the_filter_stands_in_the_address_and_the_back_button_takes_it_back(
    screen: Screen, shipped: Installed
) -> None:
    screen.open(address(shipped))
    everything = screen.count(".tile")

    screen.one("select[data-field=group]").send_keys("Nocturne")
    screen.until("location.search === '?group=Nocturne'")
    assert screen.count(".tile") == 3
    assert screen.text(".filter-result") == f"3 of {everything}"
    screen.one("#filter-text").send_keys("store")
    screen.until("$$('.tile').length === 1")
    assert screen.path == "/?q=store&group=Nocturne" or screen.path == "/?group=Nocturne&q=store"

    screen.driver.back()
    screen.until("location.search === '?group=Nocturne' && $$('.tile').length === 3")
    assert screen.js("document.querySelector('#filter-text').value") == ""
    screen.driver.back()
    screen.until("location.search === '' && $$('.tile').length === arguments[0]", 5, everything)
    assert screen.js("document.querySelector('select[data-field=group]').value") == ""


def test_an_address_with_a_filter_opens_filtered(screen: Screen, shipped: Installed) -> None:
    screen.open(address(shipped, "/?q=nocturne"))

    assert sorted(screen.texts(".tile-name")) == [
        "nocturne-monitor",
        "nocturne-store",
        "nocturne-web",
    ]
    assert screen.js("document.querySelector('#filter-text').value") == "nocturne"


def test_a_filter_that_nothing_matches_says_what_to_do(screen: Screen, shipped: Installed) -> None:
    screen.open(address(shipped, "/?q=" + "zzz"))

    assert "No check matches the filter" in screen.text(".empty")
    screen.js("$$('.empty button').find(shows).click()")
    screen.until("location.search === '' && $$('.tile').length > 8")


def test_the_store_and_the_page_agree_on_every_status(screen: Screen, shipped: Installed) -> None:
    screen.open(address(shipped))
    screen.until("$$('.tile').length > 8")

    def disagreeing() -> dict[str, list[str]]:
        checks = shipped.get("/live/snapshot")[1]["checks"]
        stored = {
            each["name"]: each["status"] if each["mark"] == "none" else each["mark"]
            for each in checks
        }
        page = screen.js(
            """Object.fromEntries($$(".tile").map((tile) =>
              [tile.querySelector(".tile-name").textContent, tile.dataset.state]))"""
        )
        return {
            name: [stored[name], page.get(name)]
            for name in stored
            if stored[name] != page.get(name)
        }

    wait_for(lambda: disagreeing() == {}, 10, pause_s=0.5)
