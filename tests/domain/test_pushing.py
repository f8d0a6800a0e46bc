"""Pushed metrics: what is taken in, what is refused and in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.facts import Sample, SeriesKind
from domain.intake import Times
from domain.pushing import NotMetrics, from_entries, from_text, packed, unpacked

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TIMES = Times(oldest=NOW - timedelta(days=30), now=NOW)
GOOD: dict[str, Any] = {"name": "files.done", "kind": "counter", "labels": {"a": "b"}, "value": 3}


def reason(**changes: Any) -> str:
    """Why an entry with these changes is refused; empty when it is not."""
    batch = from_entries([{**GOOD, **changes}], TIMES)
    assert len(batch.samples) + len(batch.refused) == 1
    return batch.refused[0][1] if batch.refused else ""


def test_an_entry_becomes_a_sample_of_now() -> None:
    batch = from_entries([GOOD], TIMES)

    assert batch.accepted == 1
    assert batch.samples == (
        Sample(name="files.done", at=NOW, value=3.0, labels=(("a", "b"),), kind=SeriesKind.COUNTER),
    )


@pytest.mark.parametrize("at", [1_795_262_399.5, "2026-11-21T12:59:59.500+01:00"])
def test_a_time_is_seconds_or_has_its_zone(at: object) -> None:
    [sample] = from_entries([{**GOOD, "at": at}], TIMES).samples

    assert sample.at == NOW - timedelta(milliseconds=500)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"value": True}, "value: "),
        ({"value": "1,5"}, "value: "),
        ({"value": None}, "value: "),
        ({"value": float("nan")}, "value: "),
        ({"value": float("inf")}, "value: "),
        ({"name": ""}, "name: "),
        ({"name": "a" * 10_000}, "name: "),
        ({"name": "a\0"}, "name: "),
        ({"name": "a\nb"}, "name: "),
        ({"name": "\u202ea"}, "name: "),
        ({"name": "a\ud800"}, "name: "),
        ({"name": "é"}, "name: "),
        ({"name": 3}, "name: "),
        ({"name": "system.cpu.percent"}, "name: "),
        ({"name": "monitor.overall_status"}, "name: "),
        ({"kind": "level"}, "kind: "),
        ({"kind": ["gauge"]}, "kind: "),
        ({"kind": "histogram"}, "labels.le: "),
        ({"kind": "histogram", "labels": {"le": "nan"}}, "labels.le: "),
        ({"labels": ["a"]}, "labels: "),
        ({"labels": {"check": "shop"}}, "labels.check: "),
        ({"labels": {"a b": "x"}}, "labels.a b: "),
        ({"labels": {"a": 1}}, "labels.a: "),
        ({"labels": {"a": "x" * 201}}, "labels.a: "),
        ({"labels": {"a": "x\n"}}, "labels.a: "),
        ({"labels": {"a": "x\u202e"}}, "labels.a: "),
        ({"labels": {"a": "x\ud800"}}, "labels.a: "),
        ({"labels": {f"a{place}": "x" for place in range(21)}}, "labels: "),
        ({"labels": {f"a{place}": "x" * 199 for place in range(10)}}, "labels: "),
        ({"at": 0}, "at: "),
        ({"at": -1e300}, "at: "),
        ({"at": 1e300}, "at: "),
        ({"at": "9999-12-31T23:59:59Z"}, "at: "),
        ({"at": "2026-11-21T12:00:00"}, "at: "),
        ({"at": True}, "at: "),
        ({"at": (NOW + timedelta(minutes=6)).timestamp()}, "at: "),
        ({"at": (NOW - timedelta(days=31)).timestamp()}, "at: "),
        ({"at": NOW.timestamp() * 1000}, "at: "),
        ({"unit": "ms"}, "unit: "),
    ],
)
def test_what_can_not_be_is_refused_by_its_field(changes: dict[str, Any], field: str) -> None:
    assert reason(**changes).startswith(field)


@pytest.mark.parametrize(
    "changes", [{"value": 1e308}, {"value": -(2**70)}, {"labels": {}}, {"labels": {"a": "ü€"}}]
)
def test_what_is_odd_and_possible_is_taken(changes: dict[str, Any]) -> None:
    assert reason(**changes) == ""


@pytest.mark.parametrize("entry", [None, 3, "x", [], {}])
def test_what_is_no_entry_is_refused_and_the_others_are_taken(entry: object) -> None:
    batch = from_entries([GOOD, entry, GOOD], TIMES)

    assert [place for place, _ in batch.refused] == [1]
    assert batch.accepted == 2


def test_of_two_for_one_series_and_time_the_last_stands() -> None:
    twin = {**GOOD, "labels": {"a": "b", "z": ""}}
    batch = from_entries([GOOD, {**twin, "value": 5}, {**GOOD, "value": 4}], TIMES)

    assert batch.accepted == 3
    assert [sample.value for sample in batch.samples] == [4]


def test_one_word_typed_in_two_ways_is_one_series() -> None:
    twins = [{**GOOD, "labels": {"a": text}} for text in ("caf\u00e9", "cafe\u0301")]

    assert len(from_entries(twins, TIMES).samples) == 1


def test_a_metric_stays_what_it_is() -> None:
    known = {"files.done": SeriesKind.GAUGE}

    stored = from_entries([GOOD], TIMES, known)
    within = from_entries([GOOD, {**GOOD, "kind": "gauge"}], TIMES)

    assert stored.refused == ((0, "kind: files.done is a gauge, not a counter"),)
    assert within.refused == ((1, "kind: files.done is a counter, not a gauge"),)


def test_too_many_samples_are_refused_as_a_whole() -> None:
    with pytest.raises(NotMetrics, match="10,000"):
        from_entries([GOOD] * 10_001, TIMES)
    with pytest.raises(NotMetrics, match="10,000"):
        from_text(b"a 1\n" * 10_001, TIMES)
    with pytest.raises(NotMetrics, match="UTF-8"):
        from_text(b'a{b="\xff"} 1\n', TIMES)


PAGE = b"""\
# HELP shop_orders_total Orders.
# TYPE shop_orders_total counter
shop_orders_total{country="de"} 12
# TYPE took_seconds histogram
took_seconds_bucket{le="0.5"} 3
took_seconds_bucket{le="+Inf"} 4
took_seconds_sum 2.5
took_seconds_count 4 1795262399500
# TYPE size summary
size{quantile="0.5"} 7
size_sum 70
size_count 10
untyped 1.5 # {trace="1"} 1
odd_total 3
"""


def test_a_page_of_prometheus_text_is_read_with_its_types() -> None:
    batch = from_text(PAGE, TIMES)

    counter, gauge = SeriesKind.COUNTER, SeriesKind.GAUGE
    assert batch.refused == ()
    assert {(each.name, each.kind) for each in batch.samples} == {
        ("shop_orders_total", counter),
        ("took_seconds_bucket", SeriesKind.HISTOGRAM),
        ("took_seconds_sum", counter),
        ("took_seconds_count", counter),
        ("size", gauge),
        ("size_sum", counter),
        ("size_count", counter),
        ("untyped", gauge),
        ("odd_total", counter),
    }
    times = {each.name: each.at for each in batch.samples}
    assert times["took_seconds_count"] == NOW - timedelta(milliseconds=500)
    assert times["size"] == NOW


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"a 1,5", "can't be read"),
        (b"a NaN", "value: "),
        (b"a +Inf", "value: "),
        (b"a", "is not a sample"),
        (b'a{b="c" 1', "can't be read"),
        (b'a{b="c",b="d"} 1', "given twice"),
        (b'a{check="x"} 1', "labels.check: "),
        (b"a 1 99999999999999", "at: "),
        (b"a 1 2 3", "can't be read"),
        (b"system.cpu 1", "is not a sample"),
    ],
)
def test_a_bad_line_is_refused_by_its_number(line: bytes, words: str) -> None:
    batch = from_text(b"# TYPE good gauge\ngood 1\n" + line + b"\n", TIMES)

    [(place, reason)] = batch.refused
    assert place == 1 and reason.startswith("line 3: ") and words in reason
    assert batch.accepted == 1


def test_what_waits_in_the_inbox_is_what_was_pushed() -> None:
    samples = from_text(PAGE, TIMES).samples

    assert unpacked(packed(samples)) == samples
