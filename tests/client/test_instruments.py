"""The client's instruments: what they count, what they ignore, and what they are written as."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nocturne_client import Registry, prometheus_name
from nocturne_client.instruments import MOST_SERIES


@pytest.fixture
def registry() -> Registry:
    return Registry()


def read(registry: Registry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What Prometheus' own client reads of the text, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(registry.expose())
        for sample in family.samples
    }


def test_a_counter_only_rises(registry: Registry) -> None:
    paid = registry.counter("orders_paid_total", "Paid", ["country"])

    paid.labels("de").inc()
    paid.labels(country="de").inc(2.5)
    for wrong in (-1.0, math.nan, math.inf):
        paid.labels("de").inc(wrong)

    assert read(registry) == {("orders_paid_total", (("country", "de"),)): 3.5}


def test_a_gauge_rises_and_falls_and_asks_its_function(registry: Registry) -> None:
    active, rows = registry.gauge("active"), registry.gauge("rows")
    broken = registry.gauge("broken")
    broken.set_function(lambda: 1 / 0)
    rows.set_function(lambda: 7)

    with active.labels():
        active.inc(4)
    active.dec()

    assert read(registry) == {("active", ()): 3.0, ("rows", ()): 7.0}


def test_a_histogram_counts_up_to_each_bound(registry: Registry) -> None:
    took = registry.histogram("took_seconds", buckets=(0.1, 1))

    for seconds in (0.05, 0.1, 0.5, 3, math.nan):
        took.observe(seconds)

    assert read(registry) == {
        ("took_seconds_bucket", (("le", "0.1"),)): 2,
        ("took_seconds_bucket", (("le", "1"),)): 3,
        ("took_seconds_bucket", (("le", "+Inf"),)): 4,
        ("took_seconds_sum", ()): 3.65,
        ("took_seconds_count", ()): 4,
    }


def test_a_summary_tells_values_that_were_measured(registry: Registry) -> None:
    size = registry.summary("size", quantiles=(0.5, 0.99))

    for value in range(1, 101):
        size.observe(value)

    assert read(registry)["size", (("quantile", "0.5"),)] == 50
    assert read(registry)["size", (("quantile", "0.99"),)] == 99
    assert read(registry)["size_sum", ()] == 5050


def test_durations_are_measured_by_block_and_by_function(registry: Registry) -> None:
    took = registry.histogram("took_seconds")

    @took.time()
    def work() -> int:
        return 3

    with took.time():
        pass

    assert work() + work() == 6
    assert read(registry)["took_seconds_count", ()] == 3


def test_many_threads_lose_no_count(registry: Registry) -> None:
    count, sizes = registry.counter("done_total", labels=["by"]), registry.histogram("sizes")

    def work() -> None:
        for _ in range(2_000):
            count.labels("us").inc()
            sizes.observe(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert read(registry)["done_total", (("by", "us"),)] == 16_000
    assert read(registry)["sizes_count", ()] == 16_000


def test_label_sets_without_end_do_not_fill_the_memory(registry: Registry) -> None:
    count = registry.counter("requests", labels=["user"])

    for user in range(MOST_SERIES + 50):
        count.labels(user).inc()

    assert len(read(registry)) == MOST_SERIES
    assert count.left_out == 50


def test_texts_are_escaped_as_prometheus_reads_them(registry: Registry) -> None:
    text = 'a "quoted" \\ path\nand a line, ä, €'
    registry.gauge("odd", 'About\na "thing" \\', ["text"]).labels(text).set(1)

    assert read(registry) == {("odd", (("text", text),)): 1}


def test_half_a_character_does_not_break_the_page(registry: Registry) -> None:
    registry.gauge("odd", labels=["text"]).labels("a\ud800").set(1)

    assert registry.expose().encode()


@pytest.mark.parametrize(
    ("dotted", "name"),
    [("orders.paid", "orders_paid"), ("http.total_ms", "http_total_ms"), ("5xx.rate", "_5xx_rate")],
)
def test_dotted_names_follow_one_rule(dotted: str, name: str) -> None:
    assert prometheus_name(dotted) == name


@pytest.mark.parametrize(
    "make",
    [
        lambda each: each.counter("a b"),
        lambda each: each.counter("é"),
        lambda each: each.counter("a" * 201),
        lambda each: each.gauge("a", labels=["check"]),
        lambda each: each.gauge("a", labels=["le"]),
        lambda each: each.gauge("a", labels="xy"),
        lambda each: each.gauge("a", labels=["x", "x"]),
        lambda each: each.histogram("a", buckets=(2, 1)),
        lambda each: each.summary("a", quantiles=(1.5,)),
        lambda each: each.gauge("taken"),
        lambda each: each.counter("taken", labels=["x"]),
    ],
)
def test_what_can_not_be_a_metric_is_refused_where_it_is_made(
    registry: Registry, make: Callable[[Registry], Any]
) -> None:
    registry.counter("taken")

    with pytest.raises(ValueError):
        make(registry)


def test_the_same_instrument_may_be_made_in_two_places(registry: Registry) -> None:
    assert registry.counter("a", labels=["x"]) is registry.counter("a", labels=["x"])


def test_labels_that_are_not_the_instruments_are_refused(registry: Registry) -> None:
    count = registry.counter("a", labels=["x"])

    for wrong in (lambda: count.labels("1", "2"), lambda: count.labels(y=1), count.inc):
        with pytest.raises(ValueError, match="labels"):
            wrong()


def test_the_page_is_served_by_any_wsgi_server(registry: Registry) -> None:
    registry.counter("a").inc()
    told: list[Any] = []

    def answer(method: str) -> bytes:
        environ = {"REQUEST_METHOD": method, "wsgi.input": io.BytesIO()}
        return b"".join(registry.wsgi_app(environ, lambda *given: told.append(given)))

    assert answer("GET") == b"# TYPE a counter\na 1\n"
    assert answer("HEAD") == b""
    assert [status for status, _ in told] == ["200 OK", "200 OK"]
    assert answer("POST") == b"" and told[-1][0].startswith("405")
