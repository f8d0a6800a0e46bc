"""What holds on every page: no errors, nobody else is asked, stillness."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import address
from tests.browser.driver import Screen
from tests.installed import Installed

pytestmark = pytest.mark.browser
# What the pages ask for is looked at here.
REQUESTS = True

OVERVIEW, CHECK, THRESHOLDS = "/", "/checks/nocturne-web", "/thresholds"
CHECKS, WALL, BUSINESS = "/checks", "/wall", "/business"
READY = {
    OVERVIEW: "$$('.tile').length > 8",
    CHECK: "document.querySelector('.js-plotly-plot')?.data?.length > 0 && $$('.results').length",
    CHECKS: "$$('.chk-row').length > 8",
    WALL: "document.querySelector('.wall').dataset.mode !== 'waiting'",
    BUSINESS: "!document.querySelector('.business-empty')?.hidden",
    THRESHOLDS: "document.querySelector('.threshold-line') && $$('.threshold-name').length > 3",
}
PAGES = pytest.mark.parametrize(
    "page",
    [OVERVIEW, CHECK, CHECKS, WALL, BUSINESS, THRESHOLDS],
    ids=["overview", "check", "checks", "wall", "business", "thresholds"],
)
THEMES = pytest.mark.parametrize("theme", ["dark", "light"])


def look(screen: Screen, made: Installed, page: str) -> None:
    """Open a page and wait until it stands there whole."""
    screen.open(address(made, page))
    screen.until(READY[page], 15)


def wait_for_beats(screen: Screen, beats: int) -> None:
    """Wait until the page has shown so many beats of the monitor, which are 2 s apart."""
    screen.js(
        """(() => {
          globalThis.beats = 0;
          globalThis.seen = [];
          new MutationObserver(() => {
            globalThis.beats += 1;
          }).observe(document.querySelector(".pulse"), { attributeFilter: ["data-beat"] });
          const look = () => {
            for (const each of document.getAnimations()) {
              if (each.playState === "running") seen.push(each.animationName ?? each.transitionProperty);
            }
            requestAnimationFrame(look);
          };
          look();
        })()"""
    )
    screen.until("globalThis.beats >= arguments[0]", 15, beats)


@PAGES
@THEMES
def test_no_error_in_the_console_and_no_other_host_is_asked(
    screen: Screen, shipped: Installed, page: str, theme: str
) -> None:
    screen.prefer(color_scheme=theme)

    look(screen, shipped, page)
    wait_for_beats(screen, 1)

    requested = screen.requested()
    hosts = {urlsplit(url).netloc for url in requested}
    assert hosts == {f"127.0.0.1:{shipped.port}"}, requested
    assert screen.console() == []
    ground = screen.js("probe.rgba(getComputedStyle(document.body).backgroundColor)[0]")
    assert (ground > 200) == (theme == "light")


def test_the_switch_changes_the_theme_and_a_reload_keeps_it(
    screen: Screen, shipped: Installed
) -> None:
    look(screen, shipped, CHECK)

    screen.one("#bar-theme button").click()
    screen.until("probe.rgba(getComputedStyle(document.body).backgroundColor)[0] > 200")
    screen.driver.refresh()
    screen.until(READY[CHECK], 15)

    assert screen.js("probe.rgba(getComputedStyle(document.body).backgroundColor)[0]") > 200
    screen.one("#bar-theme button").click()
    screen.until("probe.rgba(getComputedStyle(document.body).backgroundColor)[0] < 60")
    assert screen.console() == []


def test_nothing_moves_for_those_who_asked_for_stillness(
    screen: Screen, shipped: Installed
) -> None:
    look(screen, shipped, OVERVIEW)
    wait_for_beats(screen, 1)
    # Without the wish there is a movement, so what is looked for below can be found.
    assert "beat-a" in screen.js("seen") or "beat-b" in screen.js("seen")

    screen.prefer(reduced_motion="reduce")
    for page in (OVERVIEW, CHECK, CHECKS, THRESHOLDS):
        look(screen, shipped, page)
        wait_for_beats(screen, 1)
        assert screen.js("seen") == []
