"""What happens in the world appears on the Overview within seconds, without a reload."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.browser.conftest import QUICK, address, port, running
from tests.browser.driver import Screen
from tests.browser.shop import Server, services
from tests.installed import Installed

pytestmark = pytest.mark.browser

SHOP = """
[[check]]
name = "shop-db"
kind = "http"
url = "{db}"
interval = "1s"
failures = 2
retry_interval = "200ms"
group = "Shop"

[[check]]
name = "shop-checkout"
kind = "http"
url = "{checkout}"
interval = "1s"
group = "Shop"
depends_on = ["shop-db"]
"""
STATE = "$$('.tile').find((tile) => tile.innerText.includes(arguments[0]))?.dataset.state"


@dataclass
class Shop:
    """An installation that watches two services, one of which needs the other."""

    made: Installed
    db: Server


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with services(2) as (db, checkout):
        checks = QUICK + SHOP.format(db=db.url, checkout=checkout.url)
        made = Installed(folder=tmp_path_factory.mktemp("shop"), port=port(), checks=checks)
        for each in running(made):
            yield Shop(made=each, db=db)


@pytest.fixture
def overview(screen: Screen, shop: Shop) -> Screen:
    """The Overview while all is well, marked so that a reload would show."""
    shop.db.status = 200
    screen.open(address(shop.made))
    screen.until("document.title.includes('All healthy')", 15)
    screen.mark()
    return screen


def test_a_failure_is_shown_with_its_sentence_and_what_it_blocks_and_its_end_too(
    overview: Screen, shop: Shop
) -> None:
    assert overview.texts(".counts") == ["All 3\nhealthy"] or "All 3" in overview.text(".counts")
    assert overview.favicon == "healthy"
    assert overview.texts(".card") == []

    shop.db.status = 503
    overview.until("document.querySelector('.card')?.dataset.state === 'critical'", 8)
    overview.until("$$('.card .child').filter(shows).length === 1", 8)

    assert overview.js("$$('.card').map((card) => card.querySelector('.card-name').innerText)") == [
        "shop-db"
    ]
    assert "503" in overview.text(".card .card-sentence")
    assert overview.text(".card .child .child-name") == "shop-checkout"
    assert "blocked by shop-db" in overview.text(".card .child .child-why")
    overview.until("document.title === '◆ 1 critical · Nocturne'", 4)
    assert overview.favicon == "critical"
    assert overview.js(STATE, "shop-db") == "critical"
    assert overview.js(STATE, "shop-checkout") == "blocked"
    assert "1 problem" in overview.text(".section-heading")
    assert overview.js("document.querySelector('.count').dataset.state") == "critical"
    above = "arguments[0].getBoundingClientRect().top"
    tops = [overview.js(above, overview.one(each)) for each in (".card", ".tile")]
    assert tops[0] < tops[1]

    shop.db.status = 200
    overview.until("document.title.includes('All healthy')", 10)

    assert overview.texts(".card") == []
    assert overview.favicon == "healthy"
    assert not overview.reloaded


def test_the_page_of_the_failing_check_tells_why_and_since_when(
    overview: Screen, shop: Shop
) -> None:
    overview.js("$$('.tile').find((tile) => tile.innerText.includes('shop-db')).click()")
    overview.until("document.querySelector('.check-line')?.dataset.state === 'healthy'")

    shop.db.status = 503
    overview.until("document.querySelector('.check-line')?.dataset.state === 'critical'", 8)

    assert "503" in overview.text(".check-why")
    overview.until("document.querySelector('.day-strip .segment[data-letter=c]')")
    assert overview.texts(".results tbody .told")[0] == "critical"
    shop.db.status = 200
    overview.until("document.querySelector('.check-line')?.dataset.state === 'healthy'", 10)
    assert not overview.reloaded


def test_a_paused_check_is_never_green(overview: Screen, shop: Shop) -> None:
    assert shop.made.app("pause", "quick").returncode == 0
    overview.until(f"({STATE}) === 'paused'", 8, "quick")

    green = [each for each in overview.greens() if "quick" in each and "bar-h" not in each]
    word = "$$('.tile').find((tile) => tile.innerText.includes('quick')).querySelector('.word')"
    assert green == []
    assert overview.js(f"{word}.innerText") == "paused"
    overview.open(address(shop.made, "/checks/quick"))
    overview.until("document.querySelector('.check-line')?.dataset.state === 'paused'")
    assert "paused" in overview.text(".check-line").lower()
    assert [each for each in overview.greens() if "check-head" in each] == []

    assert shop.made.app("resume", "quick").returncode == 0
    overview.until("document.querySelector('.check-line')?.dataset.state === 'healthy'", 8)


def test_a_check_added_to_the_file_appears_by_itself(overview: Screen, shop: Shop) -> None:
    more = '[[check]]\nname = "added"\nkind = "system"\nresource = "memory"\ninterval = "1s"\n'

    shop.made.write(shop.made.checks + more)
    overview.until(f"({STATE}) === 'healthy'", 15, "added")
    shop.made.write(shop.made.checks)
    overview.until("$$('.tile').length === 3", 15)

    assert not overview.reloaded


def test_a_refused_file_says_so_on_the_page(overview: Screen, shop: Shop) -> None:
    shop.made.write('[[check]]\nname = "x"\nkind = "sistem"\n')
    overview.until("$$('.banner').some((banner) => banner.innerText.includes('sistem'))", 15)
    assert overview.count(".tile") == 3

    shop.made.write(shop.made.checks)
    overview.until("!$$('.banner').some((banner) => banner.innerText.includes('sistem'))", 15)


def test_a_page_with_nobody_to_page_says_so(overview: Screen, shop: Shop) -> None:
    assert any("Nobody is paged" in text for text in overview.texts(".banner-text"))
