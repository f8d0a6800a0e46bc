"""The Business page: in which group a metric stands, and what its number means."""

from __future__ import annotations

import pytest

from domain.business import OTHER, Shape, group_of, is_pushed, metrics_of, title_of, unit_for
from domain.facts import SeriesKind

COUNTER, GAUGE, HISTOGRAM = SeriesKind.COUNTER, SeriesKind.GAUGE, SeriesKind.HISTOGRAM


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("files.processed", "Files"),
        ("ai.errors_total", "AI providers"),
        ("openai_calls_total", "AI providers"),
        ("github.calls", "Git providers"),
        ("api.cost_usd_total", "Cost"),
        ("users.active", "Users and features"),
        ("features_used_total", "Users and features"),
        ("workflows.failed", "Workflows"),
        ("cache.hit_rate_percent", "Cache"),
        ("api.calls", "Requests"),
        ("errors_total", "Errors"),
        ("import.duration_seconds", "Durations"),
        ("temperature_celsius", OTHER),
        ("maintained", OTHER),
    ],
)
def test_a_metric_stands_where_its_words_say(name: str, group: str) -> None:
    assert group_of(name) == group


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("api.cost_usd_total", "$"),
        ("took_seconds", "s"),
        ("sent_bytes_total", "bytes"),
        ("cache.hit_rate_percent", "%"),
        ("files", ""),
    ],
)
def test_a_unit_is_told_by_the_name(name: str, unit: str) -> None:
    assert unit_for(name) == unit


def test_a_histogram_is_one_card_of_what_it_measured_on_average() -> None:
    kinds = {
        "took_seconds_bucket": HISTOGRAM,
        "took_seconds_sum": COUNTER,
        "took_seconds_count": COUNTER,
        "jobs.done": COUNTER,
        "users.active": GAUGE,
    }

    found = {each.name: each for each in metrics_of(kinds.items())}

    assert {name: each.shape for name, each in found.items()} == {
        "took_seconds": Shape.AVERAGE,
        "jobs.done": Shape.INCREASE,
        "users.active": Shape.LEVEL,
    }
    assert found["took_seconds"].names == ("took_seconds_sum", "took_seconds_count")


def test_levels_that_are_no_amounts_are_averaged() -> None:
    rate, users = metrics_of([("cache.hit_rate", GAUGE), ("users.active", GAUGE)])[::-1]

    assert {rate.name: rate.is_averaged, users.name: users.is_averaged} == {
        "cache.hit_rate": True,
        "users.active": False,
    }


def test_what_nocturne_measures_itself_was_not_pushed() -> None:
    assert is_pushed("files.processed", ["type"])
    assert not is_pushed("http.total_ms", ["check"])
    assert not is_pushed("system.cpu.percent", [])
    assert not is_pushed("web.response_ms", [])


def test_a_name_reads_as_words() -> None:
    assert title_of("files.processed_total") == "Files processed"
    assert title_of("ai.api_cost_usd_total") == "AI API cost"
    assert title_of("cache.hit_rate_percent") == "Cache hit rate"
    assert title_of("seconds") == "Seconds"
