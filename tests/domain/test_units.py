"""How numbers and durations read, and how durations are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.units import seconds, show, span, unit_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30s", 30), ("5m", 300), ("1h30m", 5400), ("500ms", 0.5), ("1.5h", 5400), ("2w", 1209600)],
)
def test_a_duration_is_a_number_with_its_unit(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "30",
        "s",
        "-5s",
        "1,5s",
        "5 m",
        "5min",
        "1e5s",
        "nan",
        "infs",
        "30s\n",
        "+5s",
        "٣٠s",
        "３s",
    ],
)
def test_what_is_no_duration_is_refused_with_the_forms_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r'write it like "30s", "5m" or "1h30m"'):
        seconds(text)


@pytest.mark.parametrize(
    ("length_s", "text"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (0.4, "0 s"),
        (45, "45 s"),
        (59.9, "59 s"),
        (12 * 60, "12 min"),
        (3 * 3600 + 20 * 60, "3 h 20 min"),
        (3 * 3600, "3 h"),
        (6 * 86400, "6 d"),
        (6 * 86400 + 5 * 3600 + 59, "6 d 5 h"),
        (math.inf, "inf s"),
    ],
)
def test_a_span_reads_in_its_two_largest_units(length_s: float, text: str) -> None:
    assert span(length_s) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (34.2, "%", "34 %"),
        (0.41, "ms", "0.41 ms"),
        (812, "ms", "812 ms"),
        (1240, "ms", "1.24 s"),
        (1_234_567, "ms", "1235 s"),
        (5, "", "5"),
        (1.4e9, "bytes", "1.4 GB"),
        (999, "bytes", "999 B"),
        (999_900, "bytes", "1000 kB"),
        (12_345_678, "bytes/s", "12.3 MB/s"),
        (5e18, "bytes", "5000 PB"),
        (90, "s", "1 min"),
    ],
)
def test_a_value_is_shown_with_as_many_digits_as_help(value: float, unit: str, text: str) -> None:
    assert show(value, unit) == text


@given(value=st.floats(), unit=st.sampled_from(["", "%", "ms", "s", "bytes", "bytes/s", "d"]))
def test_any_number_can_be_shown(value: float, unit: str) -> None:
    assert show(value, unit)


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        ("system.cpu.percent", "%"),
        ("http.total_ms", "ms"),
        ("process.memory.rss_bytes", "bytes"),
        ("system.network.sent_bytes_per_s", "bytes/s"),
        ("tls.days_left", "days"),
        ("system.temperature.celsius", "°C"),
        ("process.uptime_s", "s"),
        ("shop.requests_per_s", ""),
        ("queue.length", ""),
    ],
)
def test_a_metrics_name_tells_its_unit(metric: str, unit: str) -> None:
    assert unit_of(metric) == unit
