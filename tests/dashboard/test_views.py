"""What the check page shows, made out of a real store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dashboard.relatives import drawn, needed_by
from dashboard.trend import MOST_POINTS, TOTAL
from dashboard.views import CheckView, check_trend, check_view
from domain.facts import Mark, Sample, Status
from storage.changes import Changes
from storage.definitions import publish
from storage.readings import Readings
from tests.dashboard.filled import Filled, about, fill
from tests.monitor.stand_ins import START

RULE = {
    "id": "slow",
    "metric": "http.total_ms",
    "title": "Response time",
    "operator": "gt",
    "warning": 500.0,
    "critical": 1000.0,
    "unit": "ms",
}
HEALTHY, CRITICAL, WARNING = Status.HEALTHY, Status.CRITICAL, Status.WARNING


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, START)
    checks = {
        "db": about(),
        "api": about(depends_on=[["db"]], rules=[RULE]),
        "shop": about(depends_on=[["api"], ["gone"]]),
    }
    filled.publish(checks)
    yield filled
    filled.engine.dispose()


def look(store: Filled, name: str, hours: float | None = 3.0, later_s: float = 0.0) -> CheckView:
    view = check_view(Readings(store.engine), name, START + timedelta(seconds=later_s), hours)
    assert view is not None
    return view


def sample(store: Filled, name: str, ages_s: list[float], value: float, check: str = "db") -> None:
    store.journal.commit(
        store.lease,
        [],
        [
            Sample(
                name=name,
                at=START - timedelta(seconds=age),
                value=value,
                labels=(("check", check),),
            )
            for age in ages_s
        ],
    )


def test_a_name_that_no_check_has_gives_no_view(store: Filled) -> None:
    assert check_view(Readings(store.engine), "nobody", START, 3.0) is None
    assert check_trend(Readings(store.engine), "nobody", START, 3.0) is None


def test_a_healthy_check_was_up_all_the_time_that_was_measured(store: Filled) -> None:
    store.results("db", [HEALTHY] * 20, START)

    view = look(store, "db")

    assert view.reading.status is HEALTHY
    assert view.why.startswith("Healthy for")
    assert [each.percent for each in view.uptimes] == [100.0, 100.0, 100.0, 100.0]
    assert view.uptimes[0].measured_s == 19 * 30


def test_a_failing_check_counts_its_critical_time_as_down(store: Filled) -> None:
    store.results("db", [HEALTHY] * 10 + [CRITICAL] * 12, START)

    view = look(store, "db")

    assert view.reading.status is CRITICAL
    # Confirmed at the third failure, nine intervals ago.
    assert view.uptimes[0].down_s == 9 * 30
    assert view.uptimes[0].percent == pytest.approx(100 * 12 / 21)
    assert [part.letter for part in view.day] == ["-", "h", "c"] and view.changes == 2


def test_blocked_time_counts_neither_way(store: Filled) -> None:
    store.mark("api", Mark.BLOCKED, "db", START)

    view = look(store, "api")

    assert (view.reading.status, view.reading.mark) == (Status.UNKNOWN, Mark.BLOCKED)
    assert "because db, which it needs, is down" in view.why
    assert view.uptimes[0].percent is None and view.uptimes[0].measured_s == 0


def test_a_pause_that_no_monitor_has_seen_ends_the_measured_time(store: Filled) -> None:
    store.results("db", [HEALTHY] * 10, START - timedelta(minutes=10))
    publish(store.engine, "check", [{"name": "db"}], "config.toml", START)
    Changes(store.engine).pause("db", actor="mara", now=START)

    view = look(store, "db")

    assert view.reading.mark is Mark.PAUSED and view.due is None
    assert view.day[-1].letter == "p" and view.day[-1].length_s == 600
    assert view.edits[0].what == "paused" and view.edits[0].actor == "mara"


def test_a_check_that_did_not_run_is_stale_and_not_green_since_its_last_result(
    store: Filled,
) -> None:
    store.results("db", [HEALTHY] * 10, START)

    view = look(store, "db", later_s=600)

    assert view.reading.mark is Mark.STALE
    assert view.day[-1].letter == "-" and view.day[-1].length_s == 600
    assert view.uptimes[0].measured_s == 9 * 30


def test_a_check_that_never_ran_has_nothing_measured(store: Filled) -> None:
    view = look(store, "shop")

    assert view.reading.mark is Mark.PENDING
    assert view.uptimes[2].percent is None
    assert view.results == () and view.trend is not None and view.trend.spread is None


def test_a_gap_in_the_middle_is_not_measured_time(store: Filled) -> None:
    store.results("db", [HEALTHY] * 100, START)
    store.journal.record_gap(
        store.lease, START - timedelta(minutes=20), START - timedelta(minutes=10), "was not running"
    )

    view = look(store, "db")

    assert [part.letter for part in view.day] == ["-", "h", "-", "h"]
    assert view.uptimes[0].measured_s == 99 * 30 - 600


def test_relatives_stand_with_what_they_read_and_unknown_ones_say_so(store: Filled) -> None:
    store.results("db", [CRITICAL] * 3, START)

    api, shop = look(store, "api"), look(store, "shop")

    assert [each.name for each in api.needed_by] == ["shop"]
    assert api.needs[0].reading is not None and api.needs[0].reading.status is CRITICAL
    assert (shop.needs[1].name, shop.needs[1].reading) == ("gone", None)
    assert needed_by(Readings(store.engine).board(START))["db"] == ("api",)


def test_twelve_relatives_are_drawn_and_a_side_takes_what_the_other_leaves() -> None:
    assert drawn(2, 3) == (2, 3)
    assert drawn(0, 50) == (0, 12)
    assert drawn(2, 50) == (2, 10)
    assert drawn(50, 50) == (6, 6)
    assert drawn(50, 1) == (11, 1)


def test_rules_are_told_with_sign_levels_and_what_they_say(store: Filled) -> None:
    rule = look(store, "api").rules[0]

    assert (rule.title, rule.levels, rule.level) == ("Response time", "> 500 ms / 1 s", None)


def test_results_say_which_try_they_were_and_hide_nothing_that_failed(store: Filled) -> None:
    store.results("db", [HEALTHY, CRITICAL], START)

    newest, before = look(store, "db").results

    assert newest.reading.status is CRITICAL and "Connection refused" in newest.why
    assert (before.why, before.took) == ("as expected", "12 ms")


def test_an_edit_shows_plain_fields_and_never_the_value_of_another(store: Filled) -> None:
    fields = {"timeout": "5s", "headers": {"Authorization": "Bearer s3cret"}}
    publish(store.engine, "check", [{"name": "db", "timeout": "10s"}], "config.toml", START)
    Changes(store.engine).edit("check", "db", fields, actor="jonas", now=START)

    edits = look(store, "db").edits

    told = {each.what: (each.before, each.after) for each in edits if each.actor == "jonas"}
    assert told == {"timeout": ("as in the file", "5s"), "headers": ("", "changed")}
    assert "s3cret" not in repr(edits)


def test_the_chart_holds_phases_that_add_up_to_the_total(store: Filled) -> None:
    ages = [30.0 * step for step in range(40)]
    sample(store, "http.total_ms", ages, 100.0)
    sample(store, "http.dns_ms", ages, 5.0)
    sample(store, "http.first_byte_ms", ages, 60.0)

    trend = look(store, "db").trend

    assert trend is not None
    assert [line.name for line in trend.lines] == [TOTAL, "dns", "first byte", "body"]
    assert [line.values[0] for line in trend.phases] == [5.0, 60.0, 35.0]
    assert trend.spread is not None and trend.spread.p95 == 100.0


def test_a_gap_in_the_samples_is_a_none_in_every_line(store: Filled) -> None:
    sample(store, "http.total_ms", [*range(3000, 3600, 30), *range(0, 600, 30)], 100.0)
    sample(store, "http.dns_ms", [*range(3000, 3600, 30), *range(0, 600, 30)], 5.0)

    trend = look(store, "db").trend

    assert trend is not None
    for line in trend.lines:
        assert line.values.count(None) == 1 and line.values.index(None) == 20


def test_a_long_window_is_thinned_and_keeps_its_highest_point(store: Filled) -> None:
    sample(store, "http.total_ms", [30.0 * step for step in range(5000)], 100.0)
    sample(store, "http.total_ms", [30.0 * 2500 + 1], 900.0)

    trend = check_trend(Readings(store.engine), "db", START, 168.0)

    assert trend is not None and len(trend.at) <= MOST_POINTS
    assert 900.0 in trend.lines[0].values
    assert trend.phases == ()


def test_a_name_of_markup_is_carried_as_it_is(store: Filled) -> None:
    name = "<script>alert(1)</script>" + "x" * 175
    store.publish({name: about(tags=["<b>"])})

    view = look(store, name)

    assert (view.name, view.tags) == (name, ("<b>",))
