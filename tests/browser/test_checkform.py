"""A check is made through its form, tried before, changed and deleted, as an operator does it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.keys import Keys

from tests.browser import test_accessibility as accessibility
from tests.browser.conftest import QUICK, address, port, running
from tests.browser.driver import Screen
from tests.browser.shop import Server, services
from tests.installed import Installed
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

NAME = "<b>shop</b> a/b"
VERDICT = "document.querySelector('.cf-verdict .word')?.innerText"
axe = accessibility.axe


@pytest.fixture(scope="module")
def service() -> Iterator[Server]:
    with services(1) as (made,):
        yield made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Real processes; whoever opens a page is an operator."""
    folder = tmp_path_factory.mktemp("form")
    made = Installed(folder=folder, port=port(), checks=QUICK)
    text = made.config.read_text(encoding="utf-8")
    opened = text.replace("[web]", '[web]\nanonymous = "operator"', 1)
    made.config.write_text(opened, encoding="utf-8")
    yield from running(made)


def fill(screen: Screen, key: str, text: str) -> None:
    """Type into a field. A form that was just opened may be laid out once more: then again."""

    def typed() -> bool:
        with contextlib.suppress(StaleElementReferenceException):
            field = screen.one(f"#cf-{key}")
            field.clear()
            field.send_keys(text)
        return bool(screen.js(f"document.querySelector('#cf-{key}')?.value === {json.dumps(text)}"))

    wait_for(typed, 10, pause_s=0.2)


def test_a_check_is_tried_saved_watched_edited_deleted_and_brought_back(
    screen: Screen, made: Installed, service: Server
) -> None:
    screen.open(address(made, "/checks"))
    screen.until("$$('.chk-new').some(shows)", 20)
    screen.one(".chk-new").click()
    screen.until("$$('.cf-kind').length > 10", 20)
    screen.press("http end", Keys.ENTER)
    screen.until("document.activeElement?.id === 'cf-name'", 20)

    fill(screen, "name", NAME)
    fill(screen, "url", "ftp://nowhere")
    screen.one(".cf-buttons [data-primary]").click()
    screen.until(
        "document.querySelector('[data-key=url] .cf-wrong').innerText.includes('begin')", 20
    )
    assert screen.js("document.activeElement.id") == "cf-url"
    fill(screen, "url", f"{service.url}")
    fill(screen, "interval", "1s")
    screen.one(".cf-buttons button").click()
    screen.until(f"{VERDICT} === 'healthy'", 20)
    assert "http.total_ms" in screen.text(".cf-metrics")
    screen.one(".cf-buttons [data-primary]").click()

    screen.until(
        "document.querySelector('#check-page .check-line')?.innerText.includes('healthy')", 30
    )
    assert NAME in screen.text(".check-title")
    screen.until("$$('.cd-table').some(shows)", 20)
    assert service.url in screen.text(".cd-table")
    screen.one(".cd-actions [data-do=edit]").click()
    screen.until("document.querySelector('#cf-interval')?.value === '1s'", 20)
    fill(screen, "interval", "2s")
    screen.one(".cf-buttons [data-primary]").click()
    screen.until("document.querySelector('.cd-table')?.innerText.includes('2s')", 20)

    screen.js("document.querySelector('.cd-changes [data-do=delete]').focus()")
    screen.press(Keys.ENTER)
    screen.until("document.activeElement.innerText === 'Really delete?'", 20)
    screen.press(Keys.ENTER)
    screen.until("$$('.cd-undo').some(shows)", 20)
    screen.one(".cd-undo button").click()
    screen.until("document.querySelector('.cd-reply').innerText.includes('back')", 20)
    screen.until("$$('.cd-changes [data-do=delete]').some(shows)", 20)
    # The browser tells of the one that was refused.
    assert [each for each in screen.console() if "status of 422" not in each] == []


@pytest.mark.parametrize("path", ["/checks/new", "/checks/new?kind=http", "/checks/new?edit=quick"])
def test_the_form_shuts_nobody_out_and_fits_a_phone(
    screen: Screen, made: Installed, axe: str, path: str
) -> None:
    screen.open(address(made, path))
    screen.until("$$('.cf-title').some(shows)", 20)
    screen.js("$$('.cf-fold').map((each) => each.open = true)")
    screen.driver.set_script_timeout(30)
    screen.driver.execute_script(axe)

    found = accessibility.violations(screen)
    screen.prefer(color_scheme="light")
    found += [each for each in accessibility.violations(screen) if each not in found]
    screen.size(390, 844, phone=True)

    assert found == [], json.dumps(found, indent=1)
    assert screen.js("document.documentElement.scrollWidth") <= 390
    assert screen.console() == []
