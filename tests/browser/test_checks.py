"""The list of checks, over a store that was filled as the monitor fills it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from domain.facts import CheckState, Mark, Status
from storage import definitions
from storage.changes import CHECK, MAINTENANCE
from storage.journal import Entry
from tests.browser import test_accessibility as accessibility
from tests.browser.test_incidents import IMAGE, Beating, Show, show
from tests.dashboard.filled import Filled, about

__all__ = ["show"]

pytestmark = pytest.mark.browser

MANY = 400
BAD = "edge-007"
ROWS = "$$('.chk-row').filter(shows)"
AT_TOP = """$$('.chk-row').filter((row) => row.getBoundingClientRect().top
  >= document.querySelector('.chk-heads').getBoundingClientRect().bottom - 1)
  .map((row) => row.dataset.name)[0]"""
axe = accessibility.axe


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    """400 healthy checks, one of them critical, one with markup for a name; none will be due soon."""
    beating = Beating(tmp_path)
    store = beating.store
    names = [f"edge-{number:03}" for number in range(MANY)]
    store.publish({name: about(tags=["edge"]) for name in names} | {IMAGE: about(tags=["<b>"])})
    read(store, dict.fromkeys((*names, IMAGE), Status.HEALTHY) | {BAD: Status.CRITICAL})
    store.incident(BAD, datetime.now(UTC), Status.CRITICAL)
    yield store
    beating.stop()
    store.engine.dispose()


def read(store: Filled, statuses: dict[str, Status]) -> None:
    """The checks read this now, in one transaction."""
    now = datetime.now(UTC)
    entries = [
        Entry(
            state=CheckState(
                check=name,
                hard=status,
                mark=Mark.NONE,
                since=now - timedelta(hours=1),
                last_at=now,
                last_status=status,
                last_message="fine" if status is Status.HEALTHY else "Connection refused",
            ),
            due=now + timedelta(hours=2),
        )
        for name, status in statuses.items()
    ]
    store.journal.commit(store.lease, entries)


def tables(store: Filled, kind: str = CHECK) -> dict[str, dict[str, Any]]:
    return {each.name: each.in_force for each in definitions.load(store.engine, kind)}


def test_scroll_focus_selection_and_filter_survive_ten_refreshes(show: Show, store: Filled) -> None:
    screen = show("/checks")
    screen.until(f"{ROWS}.length > 20")
    assert screen.count(".chk-row") < 80
    screen.press("/", "edge", Keys.ESCAPE)
    screen.js("document.activeElement.blur()")
    screen.until("location.search === ''")
    screen.press("/", "dge-", Keys.TAB)
    screen.until("document.querySelector('.chk-result').innerText.startsWith('400 of 401')")
    screen.js("document.activeElement.blur()")
    screen.js("window.scrollTo(0, 6000)")
    screen.until(f"{AT_TOP} > 'edge-150'")
    screen.press("j", "x", "j", "j")
    focused = "document.activeElement.closest('.chk-row').dataset.name"
    before = screen.js(f"[{AT_TOP}, {focused}, Math.round(window.scrollY)]")

    for number in range(10):
        # What turns bad goes to the top, above what is looked at, and comes back.
        status = Status.WARNING if number % 2 == 0 else Status.HEALTHY
        read(store, {"edge-398": status})
        screen.js("globalThis.nocturne.poller.ask({ hurry: true })")
        screen.until(
            "nocturne.snapshot.checks.find((each) => each.name === 'edge-398').status"
            " === arguments[0]",
            10,
            status.word,
        )
        wanted = 32 if status is Status.WARNING else 0
        screen.until("Math.round(window.scrollY) === arguments[0]", 3, before[2] + wanted)
        assert screen.js(f"[{AT_TOP}, {focused}]") == before[:2]

    assert screen.path == "/checks?q=dge-"
    assert screen.text(".chk-selected") == "1 selected"
    assert screen.js("$$('.chk-row[data-chosen]').length") == 1
    assert screen.count(".chk-row") < 80


def test_checks_are_paused_by_keys_alone_and_resumed_by_undo(show: Show, store: Filled) -> None:
    screen = show("/checks?q=edge-00&sort=name")
    screen.until(f"{ROWS}.length === 10")

    screen.press("j", "x", "J", "J", "p")
    screen.until("$$('.chk-row[data-state=paused]').length === 3", 2)
    screen.until("document.querySelector('.chk-reply').innerText.includes('Paused 3 checks.')")

    off = [name for name, table in tables(store).items() if table.get("enabled") is False]
    assert off == ["edge-000", "edge-001", "edge-002"]
    screen.press("z")
    screen.until("document.querySelector('.chk-reply').innerText.includes('Undone for 3 checks')")
    assert not any(table.get("enabled") is False for table in tables(store).values())
    screen.press(Keys.ESCAPE)
    assert screen.texts(".chk-bar") == []
    assert screen.js("document.activeElement.closest('.chk-row')?.dataset.name") == "edge-002"


def test_tags_and_maintenance_take_what_is_selected_and_can_be_undone(
    show: Show, store: Filled
) -> None:
    screen = show("/checks?q=edge-01&sort=name")
    screen.until(f"{ROWS}.length === 10")

    screen.press("j", "x", "j", "x", "t")
    screen.until("document.activeElement.matches('.chk-form-tag input')")
    screen.press("rack-7, spare", Keys.ENTER)
    screen.until("document.querySelector('.chk-reply').innerText.includes('Tags changed: 2')")
    assert tables(store)["edge-011"]["tags"] == ["rack-7", "spare"]
    screen.press("m")
    screen.until("document.activeElement.matches('.chk-form-maintenance [type=radio]')")
    screen.press(Keys.ARROW_RIGHT, Keys.ENTER)
    screen.until("document.querySelector('.chk-reply').innerText.includes('in maintenance')")

    ((_, window),) = tables(store, MAINTENANCE).items()
    assert (window["match"], window["duration"]) == ({"name": ["edge-010", "edge-011"]}, "1h")
    screen.js("document.activeElement.blur()")
    screen.press("z")
    screen.until("document.querySelector('.chk-reply').innerText.includes('closed again')")
    assert tables(store, MAINTENANCE) == {}


def test_names_with_markup_stay_text_and_open_their_page(show: Show) -> None:
    screen = show("/checks?tag=%3Cb%3E")
    screen.until(f"{ROWS}.length === 1")

    assert screen.text(".chk-row .chk-cell.chk-name") == IMAGE
    assert screen.text(".chk-tag") == "<b>"
    assert screen.count("#page img, #page b") == 0
    screen.press("j", Keys.ENTER)
    screen.until("document.querySelector('h1.check-title')?.innerText.includes('onerror')")


def test_an_empty_list_names_the_next_action(show: Show) -> None:
    screen = show("/checks?q=nothing-like-it")
    screen.until("$$('.chk-empty').filter(shows).length === 1")

    screen.one(".chk-empty .button").click()

    screen.until(f"{ROWS}.length > 20")
    assert screen.path == "/checks"


def test_a_viewer_is_told_why_nothing_happens(show: Show, store: Filled) -> None:
    screen = show("/checks", anonymous="viewer")
    screen.until(f"{ROWS}.length > 20")

    screen.press("j", "x", "p")

    screen.until("document.querySelector('.chk-reply').innerText.includes('To make changes')")
    assert not any(table.get("enabled") is False for table in tables(store).values())


def test_g_c_leads_to_the_list_from_anywhere_without_a_page_load(show: Show) -> None:
    screen = show("/")
    screen.mark()

    screen.press("g", "c")
    screen.until(f"{ROWS}.length > 20")

    assert screen.path == "/checks"
    assert not screen.reloaded


def test_the_actions_fit_a_phone_and_a_thumb(show: Show) -> None:
    screen = show("/checks")
    screen.size(390, 844, phone=True)
    screen.until(f"{ROWS}.length > 5")

    screen.one(".chk-row .chk-box").click()
    for verb in ("maintenance", "tag"):
        screen.one(f"[data-verb={verb}]").click()
        assert screen.js("document.documentElement.scrollWidth") <= 390
        small = screen.js(
            """$$("#page :is(button, .button, input:not([type=radio], .inc-choose), select, .chk-box)")
              .filter(shows).map((node) => [node.outerHTML.slice(0, 80),
                node.getBoundingClientRect().height]).filter(([, height]) => height < 43.5)"""
        )
        assert small == [], "too small for a thumb"


@pytest.mark.parametrize("form", ["maintenance", "tag"])
def test_axe_finds_nothing_that_shuts_people_out(show: Show, axe: str, form: str) -> None:
    screen = show("/checks")
    screen.until(f"{ROWS}.length > 20")
    screen.press("j", "x")
    screen.one(f"[data-verb={form}]").click()
    screen.driver.set_script_timeout(30)
    screen.driver.execute_script(axe)

    found = accessibility.violations(screen)
    screen.prefer(color_scheme="light")
    found += [each for each in accessibility.violations(screen) if each not in found]

    assert found == [], json.dumps(found, indent=1)
    assert screen.console() == []
