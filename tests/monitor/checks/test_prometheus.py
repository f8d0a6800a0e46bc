"""The `prometheus` kind against the real node exporter, and against pages that no exporter should send."""

from __future__ import annotations

import asyncio
import gzip
import re
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.facts import Cause, Measurement, Status
from domain.mistakes import WrongFields
from domain.rules import Operator
from monitor.checks import Deadline
from monitor.checks.prometheus import PrometheusCheck
from tests import cases
from tests.monitor.http_servers import Handler, answering, certificate, saying, serve, tls_server
from tests.waiting import PATIENCE_S

EXPORTER = shutil.which("prometheus-node-exporter", path="/usr/bin:/usr/sbin:/usr/local/bin")
TEXT = "Content-Type: text/plain; version=0.0.4"


@pytest.fixture(scope="module")
def exporter() -> Iterator[str]:
    """The address of a node exporter's page."""
    if EXPORTER is None:
        pytest.skip("no prometheus-node-exporter on this machine")
    told = subprocess.run([EXPORTER, "--version"], capture_output=True, text=True)
    version = re.search(r"version ([0-9.]+)", told.stdout + told.stderr)
    cases.serve("prometheus", f"node_exporter {version[1] if version else '?'}")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    # Few collectors: what others read of the machine takes its time.
    options = ["--collector.disable-defaults", "--collector.loadavg", "--collector.cpu"]
    with subprocess.Popen(
        [EXPORTER, f"--web.listen-address=127.0.0.1:{port}", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}/metrics"
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError


def made(url: str, **fields: Any) -> PrometheusCheck:
    return msgspec.convert({"url": url, **fields}, PrometheusCheck)


async def run(handler: Handler, timeout_s: float = 5, **fields: Any) -> Measurement:
    """Scrape what `handler` answers."""
    async with serve(handler) as port:
        return await made(f"http://127.0.0.1:{port}/metrics", **fields).run(
            Deadline.after(timeout_s)
        )


def page(text: str, *headers: str) -> Handler:
    return answering("200 OK", *(headers or (TEXT,)), body=text.encode())


@asynccontextmanager
async def changing(*pages: str) -> AsyncIterator[str]:
    """An exporter that answers with one page after the other."""
    left = list(pages)

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        await page(left.pop(0))(request, writer)

    async with serve(handler) as port:
        yield f"http://127.0.0.1:{port}/metrics"


async def twice(check: PrometheusCheck) -> tuple[Measurement, Measurement]:
    first = await check.run(Deadline.after(5))
    await asyncio.sleep(0.1)
    return first, await check.run(Deadline.after(5))


@pytest.mark.case("healthy")
async def test_a_real_exporter_is_scraped_and_its_counters_become_rates(exporter: str) -> None:
    check = made(
        exporter,
        select=[
            {"metric": "node_load1"},
            {"metric": "node_cpu_seconds_total", "labels": {"mode": "!idle"}, "name": "busy"},
            {"metric": "node_cpu_seconds_total", "labels": {"cpu": "0"}, "aggregate": "each"},
            {"metric": "go_memstats_alloc_bytes", "aggregate": "max"},
        ],
    )

    first, second = await twice(check)

    assert first.status is second.status is Status.HEALTHY, first.message
    assert {"prometheus.node_load1", "prometheus.go_memstats_alloc_bytes"} < set(first.metrics)
    assert "prometheus.busy" not in first.metrics
    assert "has no rate before the second run" in str(first.details["absent"])
    assert second.metrics["prometheus.busy"] >= 0
    assert second.metrics["prometheus.node_cpu_seconds_idle_per_s"] >= 0
    assert second.metrics["prometheus.samples"] > 50
    assert second.metrics["prometheus.body_bytes"] > 1000
    assert second.response_time_ms == second.metrics["prometheus.scrape_ms"]
    assert "absent" not in second.details


@pytest.mark.case("wrong")
async def test_a_metric_that_is_missing_is_told_by_name(exporter: str) -> None:
    select: list[dict[str, Any]] = [{"metric": "no_such_metric", "labels": {"a": "b"}}]

    unknown = await made(exporter, select=select).run(Deadline.after(5))
    critical = await made(exporter, select=[{**select[0], "missing": "critical"}]).run(
        Deadline.after(5)
    )
    fine = await made(exporter, select=[{**select[0], "missing": "healthy"}]).run(Deadline.after(5))

    assert (unknown.status, unknown.cause) == (Status.UNKNOWN, Cause.MISSING)
    assert unknown.message == 'no_such_metric{a="b"} is missing'
    assert critical.status is Status.CRITICAL
    assert fine.status is Status.HEALTHY and fine.details["absent"] == [unknown.message]


@pytest.mark.case("wrong")
async def test_another_path_of_an_exporter_is_no_page_of_metrics(exporter: str) -> None:
    html = await made(exporter.replace("/metrics", "/")).run(Deadline.after(5))
    missing = await made(exporter + "x").run(Deadline.after(5))

    for found in (html, missing):
        assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
        assert "is not a page of metrics" in found.message or "expected 200" in found.message


SERIES = 'a{x="1"} 1\na{x="2"} 2\na{x="3"} 6\n'


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("sum", {"a": 9}),
        ("max", {"a": 6}),
        ("min", {"a": 1}),
        ("avg", {"a": 3}),
        ("each", {"a_1": 1, "a_2": 2, "a_3": 6}),
    ],
)
async def test_several_series_are_made_one_number_as_declared(
    aggregate: str, expected: dict[str, float]
) -> None:
    found = await run(page(SERIES), select=[{"metric": "a", "aggregate": aggregate}])

    numbers = {name: found.metrics[f"prometheus.{name}"] for name in expected}
    assert numbers == expected


async def test_a_counter_that_began_anew_is_counted_from_zero_and_other_types_are_not_rates() -> (
    None
):
    text = "# TYPE c counter\nc {}\n# TYPE g gauge\ng {}\n"
    async with changing(text.format(1000, 5), text.format(10, 7)) as url:
        first, second = await twice(made(url, select=[{"metric": "c"}, {"metric": "g"}]))

    assert first.metrics["prometheus.g"] == 5 and second.metrics["prometheus.g"] == 7
    assert "prometheus.c" not in first.metrics
    assert 0 < second.metrics["prometheus.c"] <= 100


async def test_a_quantile_is_that_of_what_came_since_the_run_before() -> None:
    text = '# TYPE h histogram\nh_bucket{{le="1"}} {}\nh_bucket{{le="2"}} {}\nh_bucket{{le="+Inf"}} {}\n'
    select = [{"metric": "h", "quantile": 0.5, "scale": 1000, "name": "took_ms"}]
    async with changing(text.format(100, 100, 100), text.format(100, 110, 110)) as url:
        first, second = await twice(made(url, select=select))

    assert "prometheus.took_ms" not in first.metrics
    assert second.metrics["prometheus.took_ms"] == 1500


async def test_a_quantile_of_nothing_is_no_fault() -> None:
    text = 'h_bucket{le="1"} 5\nh_bucket{le="+Inf"} 5\n'
    async with changing(text, text) as url:
        _, second = await twice(made(url, select=[{"metric": "h", "quantile": 0.5}]))

    assert second.status is Status.HEALTHY
    assert "observed nothing" in str(second.details["absent"])


async def test_numbers_that_are_none_are_missing() -> None:
    found = await run(page("a NaN\n"), select=[{"metric": "a"}])

    assert found.status is Status.UNKNOWN and found.message == "a is not a number"


async def test_levels_of_a_selection_are_rules_and_one_can_be_the_headline() -> None:
    check = made(
        "http://127.0.0.1/metrics",
        select=[
            {"metric": "free_bytes", "critical": 10, "warning": 20, "operator": "<"},
            {"metric": "x", "name": "headline"},
        ],
    )

    [_, rule] = check.stock_rules()

    assert (rule.metric, rule.operator) == ("prometheus.free_bytes", Operator.LT)
    assert (rule.warning, rule.critical, rule.unit) == (20, 10, "bytes")
    assert check.headline() == "prometheus.headline"
    assert made("http://127.0.0.1/").headline() == "prometheus.scrape_ms"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"url": "ftp://x"}, "url"),
        ({"select": [{"metric": "a*"}]}, "a pattern of metrics needs a name"),
        ({"select": [{"metric": "a", "operator": "bigger"}]}, "operator is unknown"),
        ({"select": [{"metric": "a"}, {"metric": "A"}]}, "more than one entry called a"),
        ({"select": [{"metric": "a", "name": "samples"}]}, "taken by the scrape"),
        ({"select": [{"metric": "a", "quantile": 0.5, "aggregate": "avg"}]}, "with quantile"),
        ({"select": [{"metric": "a", "aggregate": "each", "warning": 1}]}, "levels need one"),
        ({"select": [{"metric": "a", "warning": 5, "critical": 3}]}, "the warning must come first"),
        ({"select": [{"metric": "a", "lables": {}}]}, "entry 1: .*unknown field `lables`"),
        ({"select": [{"labels": {}}]}, "entry 1: .*missing required field `metric`"),
        ({"bearer_token": "s3cret", "username": "ada"}, "bearer_token"),
        ({"headers": {"bad name": "x"}}, "headers"),
    ],
)
def test_what_cannot_work_is_refused_without_secrets(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(WrongFields, match=reason) as refused:
        PrometheusCheck(**{"url": "http://ada:s3cret@127.0.0.1/", **fields})

    assert "s3cret" not in str(refused.value)


async def test_it_asks_as_prometheus_does_and_with_its_token() -> None:
    asked: list[bytes] = []

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(request)
        await page("a 1\n")(request, writer)

    found = await run(handler, bearer_token="tok-en", headers={"X-Own": "1"})

    assert found.status is Status.HEALTHY
    assert b"Accept: application/openmetrics-text;version=1.0.0" in asked[0]
    assert b"Authorization: Bearer tok-en" in asked[0] and b"X-Own: 1" in asked[0]
    assert b"X-Prometheus-Scrape-Timeout-Seconds: 5.0" in asked[0] or b"4.9" in asked[0]


def test_no_secret_is_in_what_is_shown() -> None:
    check = made("http://ada:s3cret@h/metrics?key=s3cret", headers={"X-Key": "s3cret"})

    assert "s3cret" not in f"{check!r} {check.target()}"


async def test_a_packed_page_and_one_of_openmetrics_are_read() -> None:
    packed = answering("200 OK", "Content-Encoding: gzip", TEXT, body=gzip.compress(b"a 1\n" * 99))
    whole = page(
        "# TYPE a counter\na_total 5\n# EOF\n", "Content-Type: application/openmetrics-text"
    )

    first = await run(packed, select=[{"metric": "a"}])
    second = await run(whole, select=[{"metric": "a_total", "rate": False}])

    assert first.metrics["prometheus.samples"] == 99 and first.metrics["prometheus.a"] == 1
    assert second.metrics["prometheus.a_total"] == 5


async def test_redirects_are_followed_and_https_is_checked(tmp_path: Path) -> None:
    file = certificate(tmp_path, 30)

    async with serve(page("a 1\n"), tls_server(file)) as port:
        url = f"https://127.0.0.1:{port}/metrics"
        found = await run(answering("302 Found", f"Location: {url}"), ca_file=str(file))
        distrusted = await made(url).run(Deadline.after(5))

    assert found.status is Status.HEALTHY, found.message
    assert 29 < found.metrics["tls.days_left"] < 31
    assert found.metrics["prometheus.tls_ms"] > 0
    assert (distrusted.status, distrusted.cause) == (Status.CRITICAL, Cause.TLS)


@pytest.mark.case("refused")
async def test_an_exporter_that_does_not_run_is_refused(free_port: int) -> None:
    found = await made(f"http://127.0.0.1:{free_port}/metrics").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)


@pytest.mark.case("timeout")
@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_an_exporter_that_drips_is_given_up_at_the_deadline(first: bytes) -> None:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.02)

    start = time.monotonic()
    found = await run(handler if first else silent, timeout_s=0.3)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert time.monotonic() - start < PATIENCE_S


async def silent(_: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def endless(line: bytes) -> Handler:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{TEXT}\r\n\r\n".encode())
        block = line * (64 * 1024 // len(line))
        while True:
            writer.write(block)
            await writer.drain()

    return handler


def chunked(line: bytes) -> Handler:
    bomb = gzip.compress(line * (64 * 2**20 // len(line)))
    return answering("200 OK", "Content-Encoding: gzip", TEXT, body=bomb)


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (endless(b"b 1\n"), "more than 524 kB, body_limit"),
        (endless(b"a"), "line 1 is longer than 64 KiB"),
        (endless(b"\n"), "more than 524 kB, body_limit"),
        (chunked(b"b 1\n"), "more than 524 kB, body_limit"),
        (chunked(b"a"), "line 1 is longer than 64 KiB"),
        (page("<html>no</html>", "Content-Type: text/html"), "(text/html): line 1 is not a sample"),
        (page("a 1\nb\n"), "line 2 is not a sample"),
        (page("a one\n"), "line 1 is a sample that can't be read"),
        (page("a 1\n", "Content-Type: application/openmetrics-text"), "it ends without # EOF"),
        (page("not packed at all", "Content-Encoding: gzip"), "it can't be unpacked"),
        (page("x", "Content-Encoding: br"), "packed in a way that was not asked for"),
        (
            answering("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"a 1\n" * 50)[:-9]),
            "the packed answer is cut short",
        ),
        (
            answering("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"a 1\n") + b"more"),
            "something follows the packed answer",
        ),
    ],
)
async def test_a_page_that_is_none_is_refused_with_the_reason(
    handler: Handler, reason: str
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    found = await run(handler, select=[{"metric": "a"}], body_limit=2**19, timeout_s=10)

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert reason in found.message
    assert grown_kb < 20_000


@pytest.mark.case("hostile")
async def test_bytes_that_are_no_http_are_told() -> None:
    found = await run(saying(b"\x00\xff garbage\r\n\r\n"))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert "does not speak HTTP" in found.message


@pytest.mark.case("hostile")
async def test_a_million_labels_are_refused_before_they_fill_the_memory() -> None:
    series = "".join(f'a{{n="{n}"}} 1\n' for n in range(20_000))
    labels = "a{" + ",".join(f'l{n}="x"' for n in range(200_000)) + "} 1\n"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    many = await run(page(series), select=[{"metric": "a"}], timeout_s=10)
    wide = await run(page(labels), select=[{"metric": "a"}], timeout_s=10)

    assert "more series are selected than are kept" in many.message
    assert "line 1 is longer than 64 KiB" in wide.message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


@pytest.mark.case("hostile")
async def test_a_page_of_fifty_thousand_series_does_not_hold_up_the_loop() -> None:
    text = "".join(
        f'http_requests_total{{handler="/api/{n % 99}",code="{200 + n % 5}",n="{n}"}} {n}\n'
        for n in range(50_000)
    )
    late: list[float] = []

    async def watch() -> None:
        while True:
            due = time.monotonic() + 0.005
            await asyncio.sleep(0.005)
            late.append(time.monotonic() - due)

    select = [{"metric": "http_requests_total", "labels": {"n": "77"}, "rate": False, "name": "n"}]
    watching = asyncio.create_task(watch())
    found = await run(page(text), select=select, timeout_s=20)
    watching.cancel()

    assert found.metrics["prometheus.n"] == 77
    assert found.metrics["prometheus.samples"] == 50_000
    # Some ms; the median, since the machine may be busy with other things.
    assert sorted(late)[len(late) // 2] < 0.1


async def test_cancelling_a_scrape_closes_its_connection() -> None:
    closed = asyncio.Event()

    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{TEXT}\r\n\r\na 1\n".encode())
        await writer.drain()
        try:
            while True:
                writer.write(b"b 1\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    scraping = asyncio.create_task(run(handler))
    await asyncio.sleep(0.1)
    scraping.cancel()

    with pytest.raises(asyncio.CancelledError):
        await scraping
    await asyncio.wait_for(closed.wait(), PATIENCE_S)
