"""Pushing: in the background, bounded, patient, and never a matter for the application."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from nocturne_client import Pusher, Registry
from nocturne_client.push import LONGEST_WAIT_S, MOST_BYTES, Send, over_http

ROOT = Path(__file__).parent.parent.parent


class Server:
    """Stands in for Nocturne: answers with the next of `statuses`, and keeps what came."""

    def __init__(self, *statuses: int | OSError, retry_after_s: float = 0.0) -> None:
        self.statuses = list(statuses)
        self.retry_after_s = retry_after_s
        self.bodies: list[dict[str, Any]] = []

    def send(self, body: bytes, seconds: float) -> tuple[int, float]:
        status = self.statuses.pop(0) if self.statuses else 202
        if isinstance(status, OSError):
            raise status
        if status < 300:
            self.bodies.append(json.loads(body))
        return status, self.retry_after_s

    @property
    def values(self) -> list[float]:
        return [entry["value"] for body in self.bodies for entry in body["metrics"]]


def pusher(registry: Registry, send: Send, **more: Any) -> Pusher:
    clock = iter(range(1_000, 9_000))
    return Pusher("http://n", "k", registry, send=send, clock=lambda: float(next(clock)), **more)


def counting(value: float = 1.0) -> Registry:
    registry = Registry()
    registry.counter("done", labels=["by"]).labels("us").inc(value)
    return registry


def test_a_push_names_series_kind_labels_value_and_time() -> None:
    server = Server()

    pusher(counting(), server.send, labels={"instance": "web-1"}).push()

    assert server.bodies == [
        {
            "metrics": [
                {
                    "name": "done",
                    "kind": "counter",
                    "labels": {"instance": "web-1", "by": "us"},
                    "value": 1.0,
                    "at": 1000.0,
                }
            ]
        }
    ]


def test_what_can_not_be_sent_is_kept_and_sent_in_its_order() -> None:
    registry, server = Registry(), Server(OSError("away"), 503, 500, 202)
    count = registry.counter("done")
    pushing = pusher(registry, server.send)

    outcomes = []
    for _ in range(4):
        count.inc()
        outcomes.append(pushing.push())

    assert outcomes == [False, False, False, True]
    assert server.values == [1, 2, 3, 4]
    assert (pushing.sent, pushing.dropped, pushing.waiting_bytes) == (4, 0, 0)


def test_the_buffer_is_bounded_and_the_oldest_goes() -> None:
    registry = Registry()
    level = registry.gauge("level")
    server = Server(*[OSError("away")] * 50)
    pushing = pusher(registry, server.send, buffered_bytes=1_000)

    for number in range(51):
        level.set(number)
        pushing.push()

    assert pushing.waiting_bytes == 0
    assert server.values == sorted(server.values) and server.values[-1] == 50
    assert pushing.dropped == 51 - len(server.values) > 0


@pytest.mark.parametrize("status", [400, 413, 415])
def test_what_is_refused_for_good_is_not_sent_again(status: int) -> None:
    server = Server(status)
    pushing = pusher(counting(), server.send)

    assert pushing.push() is True
    assert (pushing.refused, pushing.waiting_bytes) == (1, 0)


@pytest.mark.parametrize("status", [401, 403, 429, 301])
def test_a_key_that_opens_nothing_yet_loses_nothing(status: int) -> None:
    server = Server(status)
    pushing = pusher(counting(), server.send)

    assert [pushing.push(), pushing.push()] == [False, True]
    assert len(server.values) == 2


def test_failures_are_waited_out_longer_and_longer() -> None:
    pushing = pusher(counting(), Server(*[503] * 10).send)

    waits = []
    for _ in range(9):
        pushing.push()
        waits.append(pushing._wait_s)

    assert waits[:4] == [1, 2, 4, 8] and waits[-1] == LONGEST_WAIT_S
    asked = pusher(counting(), Server(503, retry_after_s=20).send)
    asked.push()
    assert asked._wait_s == 20


def test_while_it_waits_to_try_again_numbers_go_on_being_taken() -> None:
    registry, server, now = Registry(), Server(503, 503, 503, 503), [0.0]
    count = registry.counter("done")
    pushing = pusher(registry, server.send, monotonic=lambda: now[0])

    tried = []
    for second in range(30):
        now[0] = float(second)
        count.inc()
        before = len(server.statuses)
        pushing.turn()
        tried += [second] if len(server.statuses) < before else []

    assert tried == [0, 1, 3, 7]
    assert server.values == [float(each) for each in range(1, 31)]


def test_many_series_go_in_bodies_that_the_server_takes() -> None:
    registry, server = Registry(), Server()
    sizes = registry.histogram("sizes", labels=["path"])
    for number in range(1_000):
        sizes.labels(f"/{number}/" + "x" * 100).observe(1)

    pusher(registry, server.send).push()

    assert sum(len(body["metrics"]) for body in server.bodies) == 1_000 * 14
    assert all(len(json.dumps(body)) < MOST_BYTES * 1.2 for body in server.bodies)
    assert all(len(body["metrics"]) <= 10_000 for body in server.bodies)


@pytest.mark.parametrize(
    "wrong",
    [{"url": "nocturne.example"}, {"interval_s": 0}, {"labels": {"a b": "x"}}],
)
def test_what_can_not_work_is_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Pusher(**{"url": "http://n", "key": "k", "registry": Registry(), **wrong})


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        seen: list[tuple[str, str | None, bytes]] = self.server.seen  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        seen.append((self.path, self.headers["Authorization"], body))
        self.send_response(503 if b"later" in body else 202)
        self.send_header("Retry-After", "7")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def http_server() -> Any:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_bodies_go_over_http_with_the_key(http_server: Any) -> None:
    send = over_http(f"http://127.0.0.1:{http_server.server_port}/api/v1/metrics", "noc_1")

    assert send(b"{}", 5) == (202, 0.0)
    assert send(b"later", 5) == (503, 7.0)
    assert http_server.seen[0] == ("/api/v1/metrics", "Bearer noc_1", b"{}")


def test_a_key_that_can_not_stand_in_a_header_does_not_raise_into_the_application() -> None:
    send = over_http("http://127.0.0.1:9/api/v1/metrics", "a\nb")

    with pytest.raises(OSError):
        send(b"{}", 1)


def test_the_last_numbers_are_sent_when_the_application_ends(http_server: Any) -> None:
    program = (
        "from nocturne_client import counter, push_to\n"
        f"push_to('http://127.0.0.1:{http_server.server_port}', key='k')\n"
        "counter('done').inc(3)\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    [(_, _, body)] = http_server.seen
    assert json.loads(body)["metrics"][0]["value"] == 3


def test_an_application_whose_nocturne_is_away_ends_all_the_same(free_port: int) -> None:
    program = (
        "from nocturne_client import counter, push_to\n"
        f"pusher = push_to('http://127.0.0.1:{free_port}', key='k')\n"
        "counter('done').inc()\n"
        "print('worked')\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert (ended.returncode, ended.stdout) == (0, "worked\n")
