"""Pushes the samples of a registry to Nocturne from a thread of its own, and never disturbs the application.

What could not be sent waits in a bounded buffer; beyond that the oldest goes. A batch that is sent
twice counts once: each of its numbers has its time.
"""

from __future__ import annotations

import atexit
import json
import logging
import math
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from nocturne_client.names import LABEL, RESERVED
from nocturne_client.registry import Registry, Sample

log = logging.getLogger("nocturne_client")

PATH = "/api/v1/metrics"
INTERVAL_S = 10.0
TIMEOUT_S = 5.0
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
# What the server takes at once: 1 MiB and 10,000 samples.
MOST_BYTES, MOST_SAMPLES = 900_000, 10_000
# About an hour of a hundred series; what one body holds at least.
BUFFERED_BYTES = 8_000_000
# At the end of the process nobody wants to wait for a server that is gone.
LAST_S = 3.0
# The same body would be refused again.
FOR_GOOD = frozenset({400, 405, 411, 413, 415, 422})

# Sends a body and returns the status and how long to wait (s, 0 when it was not said).
# Raises OSError when nobody answered.
Send = Callable[[bytes, float], "tuple[int, float]"]


class Pusher:
    """Pushes all series of `registry` every `interval_s` seconds once it was started.

    `url` is Nocturne's address, `key` an API key with the scope `metrics`. `labels` stand beside those
    of each series; without an `instance` that is this machine's name. Two processes must not push
    the same series, so give those on one machine an `instance` each. Raises ValueError.
    """

    def __init__(
        self,
        url: str,
        key: str,
        registry: Registry,
        *,
        interval_s: float = INTERVAL_S,
        labels: Mapping[str, str] | None = None,
        buffered_bytes: int = BUFFERED_BYTES,
        send: Send | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no address: write it like https://nocturne.example")
        if not interval_s >= 1:
            raise ValueError("interval_s must be 1 at least")
        self.sent = self.refused = self.dropped = 0
        self._send = send or over_http(url.rstrip("/") + PATH, key)
        self._registry = registry
        self._interval_s = interval_s
        self._labels = {"instance": socket.gethostname(), **_checked(labels or {})}
        self._buffered_bytes = buffered_bytes
        self._clock = clock
        self._monotonic = monotonic
        self._next_try = -math.inf
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._bytes = 0
        self._wait_s = 0.0
        self._sending = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> Pusher:
        """Begin to push; at the end of the process the last numbers are sent by themselves."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="nocturne-push", daemon=True)
            self._thread.start()
            atexit.register(self.close)
        return self

    def close(self) -> None:
        """Send the last numbers, for three seconds at most, and end."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        atexit.unregister(self.close)
        # One that is sending may wait for a server that hangs.
        if self._sending.acquire(timeout=LAST_S):
            try:
                self._collect()
                self._flush(LAST_S)
            except Exception:
                log.debug("the last metrics were not pushed", exc_info=True)
            finally:
                self._sending.release()

    def push(self) -> bool:
        """Take the numbers as they are now and send all that waits; whether all was sent."""
        with self._sending:
            self._collect()
            return self._flush(TIMEOUT_S)

    def turn(self) -> None:
        """What the thread does at each interval: take the numbers, and send unless it has to wait."""
        with self._sending:
            self._collect()
            if self._monotonic() >= self._next_try:
                self._flush(TIMEOUT_S)

    @property
    def waiting_bytes(self) -> int:
        """How much waits to be sent."""
        return self._bytes

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self.turn()
            except Exception:
                # Whatever it was: metrics are no reason to disturb the application.
                log.warning("metrics were not pushed", exc_info=True)

    def _collect(self) -> None:
        at = round(self._clock(), 3)
        for body, count in bodies(self._registry.samples(), self._labels, at):
            self._waiting.append((body, count))
            self._bytes += len(body)
        while self._bytes > self._buffered_bytes and len(self._waiting) > 1:
            self._left(len(self._waiting[0][0]))
            self.dropped += self._waiting.popleft()[1]

    def _flush(self, seconds: float) -> bool:
        """Send the oldest first, in so many seconds at most."""
        deadline = time.monotonic() + seconds
        while self._waiting:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            body, count = self._waiting[0]
            try:
                status, wait_s = self._send(body, left)
            except OSError as error:
                self._note_failure(f"nobody answers: {error}", 0.0)
                return False
            if not 200 <= status < 300 and status not in FOR_GOOD:
                self._note_failure(f"HTTP {status}", wait_s)
                return False
            self._waiting.popleft()
            self._left(len(body))
            self._note_sent(status, count)
        return True

    def _left(self, size: int) -> None:
        self._bytes -= size

    def _note_sent(self, status: int, count: int) -> None:
        if status in FOR_GOOD:
            self.refused += count
            log.warning("metrics were refused: HTTP %d", status)
        else:
            self.sent += count
        if self._wait_s:
            log.info("metrics are pushed again")
        self._wait_s, self._next_try = 0.0, -math.inf

    def _note_failure(self, reason: str, asked_s: float) -> None:
        if not self._wait_s:
            log.warning("metrics can't be pushed, and are kept: %s", reason)
        doubled = min(max(self._wait_s * 2, FIRST_WAIT_S), LONGEST_WAIT_S)
        self._wait_s = min(max(doubled, asked_s), LONGEST_WAIT_S)
        self._next_try = self._monotonic() + self._wait_s


def bodies(
    samples: Sequence[Sample], labels: Mapping[str, str], at: float
) -> Iterator[tuple[bytes, int]]:
    """The samples as bodies of requests that the server takes, each with how many are in it."""
    part: list[str] = []
    size = 0
    for each in samples:
        entry = {
            "name": each.name,
            "kind": each.kind,
            "labels": {**labels, **each.labels},
            "value": each.value,
            "at": at,
        }
        text = json.dumps(entry)
        if part and (size + len(text) > MOST_BYTES or len(part) == MOST_SAMPLES):
            yield _body(part), len(part)
            part, size = [], 0
        part.append(text)
        size += len(text) + 1
    if part:
        yield _body(part), len(part)


def over_http(url: str, key: str) -> Send:
    """Sends bodies with the standard library's client; certificates are verified."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def send(body: bytes, seconds: float) -> tuple[int, float]:
        request = urllib.request.Request(url, body, headers, method="POST")
        try:
            with _opener().open(request, timeout=min(seconds, TIMEOUT_S)) as answer:
                return int(answer.status), 0.0
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _seconds(error.headers.get("Retry-After"))
        except ValueError as error:  # an address or header that can't be sent
            raise OSError(str(error)) from None

    return send


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A key must not follow wherever an answer points to."""

    def redirect_request(self, *_: object) -> None:
        return None


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirects)


def _body(entries: Sequence[str]) -> bytes:
    return ('{"metrics":[' + ",".join(entries) + "]}").encode()


def _checked(labels: Mapping[str, str]) -> dict[str, str]:
    for name in labels:
        if not LABEL.fullmatch(name) or name in RESERVED:
            raise ValueError(f"{name!r} can't be a label")
    return {name: str(value) for name, value in labels.items()}


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and text.isdigit() else 0.0
