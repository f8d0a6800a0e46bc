"""The chart of a check as the plain dict that Plotly draws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.figures import CONFIG, trend_figure
from dashboard.theme import DARK, LIGHT
from dashboard.trend import Level, Line, Spread, Trend
from domain.facts import Mark, Status
from domain.timeline import Stretch

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOTALS = (100.0, 120.0, None, 110.0, 130.0)


def trend(**more: Any) -> Trend:
    ages = (120, 90, 75, 60, 0)
    told: dict[str, Any] = {
        "check": "api",
        "metric": "http.total_ms",
        "unit": "ms",
        "hours": 1.0,
        "start": NOW - timedelta(hours=1),
        "end": NOW,
        "at": tuple(NOW - timedelta(seconds=age) for age in ages),
        "lines": (Line(name="total", values=TOTALS),),
        "levels": (),
        "shaded": (),
        "spread": Spread(median=115.0, p95=130.0, most=130.0),
    }
    return Trend(**{**told, **more})


def stretch(minutes_ago: float, minutes: float, **more: Any) -> Stretch:
    start = NOW - timedelta(minutes=minutes_ago)
    return Stretch(
        start=start,
        end=start + timedelta(minutes=minutes),
        **{"status": Status.UNKNOWN, "measured": True, **more},
    )


def warning(value: float, upward: bool = True) -> Level:
    return Level(status=Status.WARNING, value=value, upward=upward)


def critical(value: float, upward: bool = True) -> Level:
    return Level(status=Status.CRITICAL, value=value, upward=upward)


def rects(figure: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in figure["layout"]["shapes"] if each["type"] == "rect"]


def test_a_gap_stays_a_gap_in_the_line() -> None:
    line = trend_figure(trend(), DARK)["data"][0]

    assert line["y"] == list(TOTALS)
    assert line["connectgaps"] is False
    assert 1.1 <= line["line"]["width"] <= 1.6


def test_phases_are_areas_that_fall_to_zero_at_both_ends_of_a_gap() -> None:
    dns = Line(name="dns", values=(10.0, 10.0, None, 10.0, 10.0))
    body = Line(name="body", values=(90.0, 110.0, None, 100.0, 120.0))
    total = Line(name="total", values=TOTALS)

    top, below, edge, _whole = trend_figure(trend(lines=(total, dns, body)), DARK)["data"]

    assert [top["name"], below["name"], edge["name"]] == ["body", "DNS", "total"]
    assert top["y"] == [100.0, 120.0, 0.0, None, 0.0, 110.0, 130.0]
    assert below["customdata"][:2] == [10.0, 10.0]
    assert top["fillcolor"] == DARK.phases["body"]


def test_the_zoom_survives_new_data_and_ends_with_another_range() -> None:
    first, later = trend_figure(trend(), DARK), trend_figure(trend(end=NOW), LIGHT)
    other = trend_figure(trend(hours=3.0), DARK)

    assert first["layout"]["uirevision"] == later["layout"]["uirevision"]
    assert first["layout"]["uirevision"] != other["layout"]["uirevision"]


def test_levels_are_lines_and_bands_with_their_names_at_the_end() -> None:
    figure = trend_figure(trend(levels=(warning(200), critical(400))), DARK)

    bands = [(each["y0"], each["y1"], each["fillcolor"]) for each in rects(figure)]
    top = figure["layout"]["yaxis"]["range"][1]
    assert bands == [
        (200, 400, DARK.states["warning"]),
        (400, top, DARK.states["critical"]),
    ]
    labels = [(each["text"], each["y"]) for each in figure["layout"]["annotations"]]
    assert labels == [("critical", 400), ("warning", 200)]


def test_levels_that_forbid_low_values_shade_what_lies_below() -> None:
    figure = trend_figure(trend(levels=(warning(50, False), critical(20, False))), LIGHT)

    assert [(each["y0"], each["y1"]) for each in rects(figure)] == [(50, 20), (20, 0.0)]


def test_a_level_far_above_everything_does_not_press_the_line_flat() -> None:
    figure = trend_figure(trend(levels=(warning(500_000),)), DARK)

    assert figure["layout"]["yaxis"]["range"][1] == pytest.approx(130 * 1.08)
    assert figure["layout"]["shapes"] == []


def test_per_cent_always_reach_to_a_hundred() -> None:
    low = Line(name="total", values=(3.0, 4.0, None, 3.0, 5.0))

    figure = trend_figure(trend(unit="%", lines=(low,)), DARK)

    assert figure["layout"]["yaxis"]["range"] == [0.0, 100.0]


def test_unmeasured_time_is_hatched_and_blocked_time_tinted() -> None:
    unmeasured = stretch(40, 10, measured=False)
    blocked = stretch(20, 10, mark=Mark.BLOCKED)

    figure = trend_figure(trend(shaded=(unmeasured, blocked)), DARK)

    hatch = figure["data"][0]
    assert hatch["fillpattern"]["shape"] == "/" and hatch["hoverinfo"] == "skip"
    assert [each["fillcolor"] for each in rects(figure)] == [DARK.states["unknown"]]


def test_the_shortest_stretch_can_be_seen() -> None:
    shade = rects(trend_figure(trend(shaded=(stretch(20, 0.01, mark=Mark.BLOCKED),)), DARK))[0]

    assert shade["x1"] - shade["x0"] >= 3600_000 / 200


def test_times_are_milliseconds_so_that_the_browser_draws_them_in_its_own_zone() -> None:
    assert trend_figure(trend(), DARK)["data"][0]["x"][-1] == NOW.timestamp() * 1000


def test_nothing_measured_is_an_empty_chart_and_not_a_mistake() -> None:
    empty = trend(at=(), lines=(Line(name="total", values=()),), spread=None)

    figure = trend_figure(empty, DARK)

    assert figure["data"] == [] and figure["layout"]["yaxis"]["range"] == [0.0, 1.0]


def test_no_chart_can_be_sent_to_a_cloud() -> None:
    assert CONFIG["showSendToCloud"] is False and CONFIG["displaylogo"] is False
