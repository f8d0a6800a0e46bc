"""Logins in a browser: in, act, out; a key that is shown once; screens whose login or token ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus

import pytest

from dashboard import passwords
from domain.access import KeyKind, Role
from storage import keys
from storage.engine import open_engine
from storage.logins import Logins
from storage.people import People
from tests.browser.conftest import address, port
from tests.browser.driver import Screen
from tests.installed import SELF, Installed
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"
DOWN = """
[[check]]
name = "shop-db"
kind = "tcp"
host = "127.0.0.1"
port = 9
interval = "2s"
"""


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """An installation that shows nothing without a login, with an admin and something that is down."""
    made = Installed(folder=tmp_path_factory.mktemp("closed"), port=port(), checks=SELF + DOWN)
    text = made.config.read_text(encoding="utf-8")
    made.config.write_text(text.replace("[web]\n", '[web]\nanonymous = "none"\n'), encoding="utf-8")
    engine = open_engine(made.url)
    try:
        made.migrate()
        People(engine).add(
            "ann", Role.ADMIN, passwords.hashed(PASSWORD), actor="test", now=datetime.now(UTC)
        )
        made.start("web")
        made.start("monitor")
        made.wait_for_result("shop-db", 60)
        wait_for(lambda: made.get("/health")[0] == HTTPStatus.OK, 60, pause_s=0.2)
        yield made
    finally:
        engine.dispose()
        made.close()


def log_in(screen: Screen, made: Installed, path: str) -> None:
    """Ask for a page without a login, and log in where that leads."""
    screen.driver.delete_all_cookies()
    screen.driver.get(address(made, path))
    screen.until("location.pathname === '/login'")
    screen.one("#entrance-name").send_keys("ann")
    screen.one("#entrance-password").send_keys(f"{PASSWORD}\n")
    screen.until("document.documentElement.dataset.loaded === 'true'", 30)


def test_somebody_logs_in_acts_by_that_name_and_logs_out(screen: Screen, closed: Installed) -> None:
    log_in(screen, closed, "/?state=critical")
    assert screen.path == "/?state=critical"
    assert screen.text(".account-name") == "ann"

    screen.until("$$('.acknowledge').some(shows)", 60)
    screen.one(".acknowledge:not([hidden])").click()
    screen.until("$$('.who-name').filter(shows).some((node) => node.innerText === 'ann')", 20)

    screen.one(".account-leave").click()
    screen.until("document.documentElement.dataset.freshness === 'stale'", 20)
    assert "You are logged out" in screen.text(".slab-reason")
    assert screen.greens() == []
    back = screen.js("document.querySelector('.slab-login').getAttribute('href')")
    assert back == "/login?next=%2F%3Fstate%3Dcritical"


def test_a_key_is_shown_once_and_opens_the_wall_until_it_is_revoked(
    screen: Screen, closed: Installed
) -> None:
    log_in(screen, closed, "/settings")
    screen.until("$$('[name=key-name]').some(shows)")
    screen.js("$$('[name=key-kind][value=wall]')[0].click()")
    screen.one("[name=key-name]").send_keys("lobby\n")
    screen.until("$$('.set-once .secret').some(shows)")
    shown = screen.text(".set-once .secret")
    assert shown.startswith(address(closed, "/wall?token=noc_"))

    screen.js("$$('.rail-link[href$=\"/audit\"]')[0].click()")
    screen.until("$$('.audit-root tbody tr').length > 0")
    assert shown not in screen.js("document.documentElement.outerHTML")
    screen.js("$$('.rail-link[href$=\"/settings\"]')[0].click()")
    screen.until("$$('[aria-label=\"Revoke lobby\"]').some(shows)")
    assert shown not in screen.js("document.documentElement.outerHTML")

    screen.driver.delete_all_cookies()
    screen.open(shown)
    screen.until("document.documentElement.dataset.freshness === 'fresh'", 20)
    assert screen.path == "/wall"
    engine = open_engine(closed.url)
    [token] = [each for each in keys.listed(engine, KeyKind.WALL) if each.revoked_at is None]
    keys.revoke(engine, token.id, actor="test", now=datetime.now(UTC))
    engine.dispose()
    screen.until("$$('.wall-slab').some(shows)", 20)
    assert "revoked" in screen.text(".wall-slab-reason")


def test_a_screen_whose_login_ended_says_so_and_is_back_after_the_next_one(
    screen: Screen, closed: Installed
) -> None:
    log_in(screen, closed, "/checks")
    engine = open_engine(closed.url)
    person = People(engine).listed()[0]
    Logins(engine).close_others(person.id, "", "test", datetime.now(UTC))
    engine.dispose()

    screen.until("$$('.slab-login').some(shows)", 20)
    screen.one(".slab-login").click()
    screen.until("location.pathname === '/login'")
    screen.one("#entrance-name").send_keys("ann")
    screen.one("#entrance-password").send_keys(f"{PASSWORD}\n")

    screen.until("document.documentElement.dataset.freshness === 'fresh'", 30)
    assert screen.path == "/checks"
