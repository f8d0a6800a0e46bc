"""The Thresholds page in a real browser: draft, drag, save, undo, two at once, keys, phone, stale."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.serving import make_server

from dashboard.application import create_app
from domain.facts import Sample, Status
from storage import definitions
from storage.changes import RULE, Changes
from storage.series import SeriesIds, append
from tests.browser.driver import ActionChains, Screen
from tests.dashboard.filled import Filled, about, fill

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=alert(1)>"
CPU = "system.cpu.percent"
CTRL, ENTER, UP, DOWN = "\ue009", "\ue007", "\ue013", "\ue015"
WEEK_S = 7 * 86400
STEP_S = 300
# Hours ago at which the series stands at 90 for half an hour.
PEAKS = (20, 60, 130)
FIRED = "document.querySelector('.threshold-fired-text')"
SETTLED = f"{FIRED}.innerText.includes(' in ') && !{FIRED}.hasAttribute('aria-busy')"


@dataclass
class Served:
    """A store, and where its pages are served to operators and to viewers."""

    store: Filled
    operator: str
    viewer: str
    beating: threading.Event


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store, done, beating = prepared(tmp_path_factory), threading.Event(), threading.Event()
    beating.set()

    def beat() -> None:
        while not done.wait(1):
            if beating.is_set():
                store.beat(datetime.now(UTC))

    servers = [
        make_server(
            "127.0.0.1", 0, create_app(store.settings(anonymous=role), store.engine).server, True
        )
        for role in ("operator", "viewer")
    ]
    threads = [threading.Thread(target=each.serve_forever, daemon=True) for each in servers]
    threads.append(threading.Thread(target=beat, daemon=True))
    for thread in threads:
        thread.start()
    operator, viewer = (f"http://127.0.0.1:{each.server_port}/thresholds" for each in servers)
    yield Served(store, operator, viewer, beating)
    done.set()
    for each in servers:
        each.shutdown()
        each.server_close()
    for thread in threads:
        thread.join()
    store.engine.dispose()


def prepared(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Rules over a week of samples, and two checks with levels."""
    now = datetime.now(UTC)
    store = fill(tmp_path_factory.mktemp("thresholds"), now)
    level = {"metric": "http.total_ms", "title": "Response time", "operator": "gte", "unit": "ms"}
    checks = {
        name: about(rules=[{**level, "id": f"{name}:total", "warning": 400.0, "critical": 800.0}])
        for name in ("shop", MARKUP)
    }
    store.publish(checks)
    for name in checks:
        store.results(name, [Status.HEALTHY] * 2, now, {"http.total_ms": 12.0})
    rule = {"metric": CPU, "operator": "gt", "warning": 70, "critical": 95, "interval": "5m"}
    tables = [{"id": f"cpu-{name}", **rule} for name in ("save", "drag", "order", "both", "see")]
    definitions.publish(store.engine, RULE, tables, "config.toml", now, key="id")
    batch = [
        Sample(name=CPU, labels=(), at=now - timedelta(seconds=ago), value=height(ago))
        for ago in range(WEEK_S - STEP_S, 0, -STEP_S)
    ]
    with store.engine.begin() as connection:
        append(connection, SeriesIds(), batch)
    return store


def height(ago: float) -> float:
    if any(hour * 3600 <= ago < hour * 3600 + 1800 for hour in PEAKS):
        return 90.0
    return 40 + 8 * math.sin(ago / 9000)


def look(screen: Screen, address: str, key: str, **query: str) -> None:
    """Open one threshold, and wait until its line and its back-test are there."""
    more = "".join(f"&{name}={value}" for name, value in query.items())
    screen.open(f"{address}?rule={key}{more}")
    screen.until(f"document.querySelector('.threshold-line') && {SETTLED}", 15)


def type_into(screen: Screen, key: str, text: str) -> None:
    """Type a value into one field of the editor."""
    control: Any = screen.one(f"#threshold-{key}")
    control.clear()
    control.send_keys(text)


def value(screen: Screen, key: str) -> str:
    return str(screen.js(f"document.querySelector('#threshold-{key}').value"))


def in_force(served: Served, name: str) -> dict[str, Any]:
    found = {each.name: each for each in definitions.load(served.store.engine, RULE)}
    return found[name].in_force


def test_a_draft_tells_what_it_would_have_done_is_saved_and_taken_back(
    screen: Screen, served: Served
) -> None:
    look(screen, served.operator, "rule/cpu-save")
    assert screen.text(".threshold-fired-text").startswith(
        "As it stands: 3 times in 7 days, 1 h 30 min"
    )

    type_into(screen, "warning", "92")
    screen.until(f"{FIRED}.innerText.startsWith('Would not have fired') && {SETTLED}")

    assert screen.text(".threshold-force-text").startswith("The rule in force: 3 times, 1 h 30 min")
    assert screen.count(".threshold-hatch") == 3
    assert [each.split("\n")[0] for each in screen.texts(".change")] == ["Warning"]
    assert "70 %" in screen.text(".change del") and "92 %" in screen.text(".change strong")
    assert screen.texts("tr[data-selected] .threshold-dot") != []

    ActionChains(screen.driver).key_down(CTRL).send_keys("s").key_up(CTRL).perform()
    screen.until("$$('.threshold-undo').filter(shows).length === 1")
    assert in_force(served, "cpu-save")["warning"] == 92
    assert "edited" in screen.text("tr[data-selected] .threshold-from")

    screen.js("document.activeElement.blur()")
    screen.press("z")
    screen.until("document.querySelector('#threshold-warning').value === '70'")
    assert in_force(served, "cpu-save")["warning"] == 70
    assert screen.console() == []


def test_lines_are_dragged_with_the_pointer_and_moved_with_arrow_keys(
    screen: Screen, served: Served
) -> None:
    look(screen, served.operator, "rule/cpu-drag")
    grip = screen.one('.threshold-grip[data-state="warning"]')

    actions = ActionChains(screen.driver)
    actions.click_and_hold(grip).move_by_offset(0, -10).move_by_offset(0, -12).release().perform()

    dragged = float(value(screen, "warning"))
    assert 76 <= dragged <= 84
    assert screen.js("document.activeElement.getAttribute('aria-valuenow')") == f"{dragged:g}"
    screen.press(UP, UP, DOWN)
    assert float(value(screen, "warning")) == dragged + 1
    screen.until(SETTLED)
    assert in_force(served, "cpu-drag")["warning"] == 70


def test_levels_the_wrong_way_round_are_refused_in_words(screen: Screen, served: Served) -> None:
    look(screen, served.operator, "rule/cpu-order")

    type_into(screen, "warning", "99")
    screen.until("document.querySelector('.diff-order').innerText.includes('must come first')")

    assert screen.text(".diff-order").startswith("warning = 99 lies above critical = 95")
    assert screen.js("document.querySelector('.threshold-diff [data-primary]').disabled") is True
    screen.console()


def test_of_two_who_edit_at_once_the_second_sees_both(screen: Screen, served: Served) -> None:
    look(screen, served.operator, "rule/cpu-both")
    type_into(screen, "warning", "80")
    Changes(served.store.engine).edit(
        RULE, "cpu-both", {"warning": 60}, actor="Mara", now=datetime.now(UTC)
    )

    screen.until(f"{SETTLED} && !document.querySelector('.threshold-diff [data-primary]').disabled")
    screen.one(".threshold-diff [data-primary]").click()
    screen.until("$$('.threshold-conflict').filter(shows).length === 1")

    said = screen.text(".threshold-conflict")
    assert "80 %" in said and "60 %" in said and "version 2" in said
    assert in_force(served, "cpu-both")["warning"] == 60
    screen.js(
        "$$('.threshold-conflict .button').find((each) => each.innerText === 'Take theirs').click()"
    )
    screen.until("document.querySelector('#threshold-warning').value === '60'")
    screen.console()


def test_a_rule_is_added_and_removed(screen: Screen, served: Served) -> None:
    look(screen, served.operator, "rule/cpu-see")
    screen.one(".threshold-new").click()
    screen.one("#new-name").send_keys("made-here")
    screen.js("document.querySelector('#new-series').focus()")
    screen.until("document.querySelectorAll('#new-series-list option').length > 0")
    screen.one("#new-series").send_keys(CPU)
    screen.until("document.querySelector('#threshold-warning').value !== ''")
    type_into(screen, "warning", "85")
    screen.until(f"{FIRED}.innerText.startsWith('Would have fired 3 times') && {SETTLED}")

    screen.one(".threshold-diff [data-primary]").click()
    screen.until("location.search.includes('made-here')")

    assert in_force(served, "made-here")["warning"] == 85
    remove = "$$('.editor-head .button').find((each) => each.innerText.includes('emove')).click()"
    screen.until(
        "$$('.editor-head .button').some((each) => each.innerText === 'Remove' && !each.disabled)"
    )
    screen.js(remove)
    screen.until("$$('.editor-head .button').some((each) => each.innerText === 'Really remove')")
    screen.js(remove)
    screen.until("$$('.threshold-name').every((each) => each.innerText !== 'made-here')")
    assert "made-here" not in {each.name for each in definitions.load(served.store.engine, RULE)}
    assert screen.console() == []


def test_search_and_keys_find_a_threshold_and_names_stay_text(
    screen: Screen, served: Served
) -> None:
    look(screen, served.operator, "rule/cpu-see")

    screen.press("/")
    screen.press(*"img src")
    screen.until("$$('.threshold-name').filter(shows).length === 1")
    assert screen.text(".threshold-name") == MARKUP
    assert screen.path.startswith("/thresholds?") and "q=img+src" in screen.path
    screen.js("document.activeElement.blur()")
    screen.press("j", ENTER)
    screen.until("document.querySelector('.editor-name').innerText === arguments[0]", 10, MARKUP)

    assert screen.count("#page img") == 0
    assert screen.js("document.activeElement.innerText") == MARKUP
    assert screen.console() == []


def test_viewers_may_try_and_not_save(screen: Screen, served: Served) -> None:
    look(screen, served.viewer, "rule/cpu-see")

    type_into(screen, "warning", "92")
    screen.until(f"{FIRED}.innerText.startsWith('Would not') && {SETTLED}")

    assert screen.js("document.querySelector('.threshold-diff [data-primary]').disabled") is True
    assert screen.js("document.querySelector('.threshold-new').disabled") is True
    assert "You may drag and try" in screen.text(".diff-note")


def test_a_phone_shows_the_list_then_the_editor_without_sideways_scroll(
    screen: Screen, served: Served
) -> None:
    screen.size(390, 844, phone=True)
    look(screen, served.operator, "rule/cpu-see")
    type_into(screen, "warning", "92")
    screen.until(SETTLED)

    assert screen.js("document.documentElement.scrollWidth") == 390
    tops = "['.threshold-list', '.editor'].map((each) => $$(each)[0].getBoundingClientRect().top)"
    assert screen.js(tops) == sorted(screen.js(tops))
    heights = screen.js(
        "$$('.editor .button, .ranges button').filter(shows).map((each) => each.offsetHeight)"
    )
    assert min(heights) >= 44


def test_a_stale_screen_says_so_and_shows_nothing_green(screen: Screen, served: Served) -> None:
    screen.open(f"{served.operator}?rule=check/shop/http.total_ms")
    screen.until("document.querySelector('tr[data-selected]')")
    served.beating.clear()
    try:
        screen.until("document.documentElement.dataset.freshness === 'stale'", 20)

        assert screen.greens() == []
        assert "quiet" not in screen.texts(".threshold-state")
    finally:
        served.beating.set()
    screen.until("document.documentElement.dataset.freshness === 'fresh'", 10)
