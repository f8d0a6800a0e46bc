"""A chart's times in a chosen zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dashboard.figurezones import in_zone, zone_of

NOON = round(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp() * 1000)


def figure(*moments: int | None) -> dict[str, Any]:
    across = {"xref": "paper", "x0": 0, "x1": 1}
    shade = {"xref": "x", "x0": NOON, "x1": NOON + 1500}
    layout = {"shapes": [across, shade], "uirevision": "db 3"}
    return {"data": [{"x": list(moments), "y": [1] * len(moments)}], "layout": layout}


def test_times_are_written_as_the_clocks_of_the_zone_show_them() -> None:
    told = in_zone(figure(NOON, None), zone_of("Asia/Kolkata"))

    assert told["data"][0]["x"] == ["2026-11-21 17:30:00.000", None]
    assert told["layout"]["shapes"][0] == {"xref": "paper", "x0": 0, "x1": 1}
    assert told["layout"]["shapes"][1]["x1"] == "2026-11-21 17:30:01.500"


def test_another_zone_ends_the_zoom_of_the_one_before() -> None:
    berlin, utc = (in_zone(figure(), zone_of(name)) for name in ("Europe/Berlin", "UTC"))

    assert berlin["layout"]["uirevision"] != utc["layout"]["uirevision"]


@pytest.mark.parametrize("name", ["", "Mars/Base", "../../etc/passwd", 7, None, ["UTC"]])
def test_what_is_no_zone_is_utc(name: object) -> None:
    assert zone_of(name).key == "UTC"


def test_the_figure_of_no_check_stays_empty() -> None:
    assert in_zone({}, zone_of("UTC")) == {}
