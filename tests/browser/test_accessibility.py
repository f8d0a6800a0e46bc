"""Every page for everybody: axe-core in both themes, the keyboard alone, a phone in the hand."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from dashboard import passwords
from domain.access import Role
from storage.engine import open_engine
from storage.people import People
from tests.browser.conftest import address, port, start
from tests.browser.driver import Screen
from tests.installed import SELF, Installed
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

# Not vendored: the tests do without it where npm can't get it.
AXE = "axe-core@4.14.1"
QUIETLY = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
PASSWORD = "correct horse battery"
STATUS = '[status]\nenabled = true\ntitle = "Shop"\nchecks = { "shop-db" = "Orders" }\n'
DOWN = """
[[check]]
name = "shop-db"
kind = "tcp"
host = "127.0.0.1"
port = 9
interval = "2s"
tags = ["shop"]

[[check]]
name = "shop-api"
kind = "tcp"
host = "127.0.0.1"
port = 9
interval = "2s"
depends_on = ["shop-db", "load"]
"""
# Address → what stands there once the page is whole. `{incident}` is the one that is open.
PAGES = {
    "/": "$$('.tile').length === 3 && $$('.card').length === 1",
    "/wall": "document.querySelector('.wall').dataset.mode !== 'waiting'",
    "/checks": "$$('.chk-row').length === 3",
    "/checks/shop-db": "$$('.results tbody tr').length > 0 && $$('.cv-row').length > 0",
    "/checks/new": "$$('.cf-kind').length > 5",
    "/checks/new?edit=load": "$$('.cf-field').length > 3",
    "/incidents": "$$('.inc-row').some(shows)",
    "/incidents/{incident}": "$$('h1.incident-title').some(shows)",
    "/thresholds": "$$('.threshold-name').length > 3 && $$('.threshold-fields').some(shows)",
    "/business": "$$('.business-empty').some(shows)",
    "/settings": "$$('.set-table').length > 1",
    "/audit": "$$('.audit-changes').length > 0",
    "/status": "$$('h1').some(shows)",
    "/login": "$$('#entrance-name').some(shows)",
    "/api/docs": "$$('.apidocs-route').length > 90",
    "/not/there": "$$('.nothing-page').some(shows)",
}


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, taken from npm into a temporary folder."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if npm is None:
        pytest.skip("there is no npm to get axe-core with")
    try:
        subprocess.run(
            [npm, "install", *QUIETLY, AXE], cwd=folder, capture_output=True, timeout=60, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("axe-core could not be had from npm")
    return Path(folder, "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """An installation with an admin, something that is down, and a status page."""
    folder = tmp_path_factory.mktemp("everybody")
    installed = Installed(folder=folder, port=port(), checks=STATUS + SELF + DOWN)
    engine = open_engine(installed.url)
    try:
        start(installed)
        hashed = passwords.hashed(PASSWORD)
        People(engine).add("ann", Role.ADMIN, hashed, actor="test", now=datetime.now(UTC))
        wait_for(lambda: opened(installed) != "", 60, pause_s=0.5)
        yield installed
    finally:
        engine.dispose()
        installed.close()


@pytest.fixture
def visitor(screen: Screen, made: Installed) -> Screen:
    """Ann, who may see every page; logged in once for all tests."""
    if not screen.driver.get_cookies():
        screen.driver.get(address(made, "/login"))
        screen.until(PAGES["/login"], 30)
        screen.one("#entrance-name").send_keys("ann")
        screen.one("#entrance-password").send_keys(f"{PASSWORD}\n")
        screen.until("document.documentElement.dataset.loaded === 'true'", 30)
    screen.driver.set_script_timeout(60)
    screen.driver.set_page_load_timeout(60)
    return screen


def opened(made: Installed) -> str:
    """The number of the open incident; empty while there is none."""
    found = made.get("/incidents")[1]["incidents"]
    return str(found[0]["id"]) if found else ""


def look(screen: Screen, made: Installed, page: str) -> None:
    """Open a page and wait until it stands there whole."""
    screen.driver.get(address(made, page.format(incident=opened(made))))
    screen.until(PAGES[page], 30)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shuts_nobody_out(visitor: Screen, made: Installed, axe: str, page: str) -> None:
    look(visitor, made, page)
    visitor.driver.execute_script(axe)

    found = violations(visitor)
    visitor.prefer(color_scheme="light")
    found += [each for each in violations(visitor) if each not in found]
    unreached, unseen = by_keyboard(visitor)
    visitor.size(390, 844, phone=True)
    visitor.until("innerWidth === 390")

    assert found == [], json.dumps(found, indent=1)
    assert (unreached, unseen) == ([], []), "not reached with Tab, or without a visible focus"
    assert too_wide(visitor) == [], "wider than a phone"
    assert too_small(visitor) == [], "too small for a thumb"


def violations(screen: Screen) -> list[dict[str, Any]]:
    """What axe-core finds wrong with the page as it stands."""
    found: list[dict[str, Any]] = screen.driver.execute_async_script(
        """const done = arguments[arguments.length - 1];
        axe.run(document, { resultTypes: ["violations"] }).then((result) => done(result.violations.map(
          ({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.slice(0, 4).map(
            (node) => `${node.target} ${node.failureSummary}`) }))));"""
    )
    return found


def by_keyboard(screen: Screen) -> tuple[list[str], list[str]]:
    """What Tab never came to, and where the focus could not be seen; by tag, address and text."""
    stops = screen.js("reach.start()")
    screen.press(*[Keys.TAB] * (int(stops) + 12))
    return screen.js("reach.unreached()"), screen.js("reach.unseen()")


def too_wide(screen: Screen) -> list[str]:
    """What stands beyond the right edge, when the page can be scrolled there."""
    found: list[str] = screen.js(
        """document.documentElement.scrollWidth <= 390 ? [] : $$("body *").filter((node) =>
          shows(node) && node.getBoundingClientRect().right > 391 && !node.closest(".js-plotly-plot"))
          .map((node) => node.outerHTML.slice(0, 120)).concat("the page")"""
    )
    return found


def too_small(screen: Screen) -> list[list[Any]]:
    """What is lower than a thumb needs, its frame included; links inside of sentences are none."""
    found: list[list[Any]] = screen.js("reach.low(43.5)")
    return found
