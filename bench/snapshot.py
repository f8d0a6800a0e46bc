"""What screens poll: bytes of a poll with news, and what 50 screens cost the web process.

`python -m bench.snapshot [--quick]` fills a store of its own in a temporary folder. Each round of two
seconds one check in fifteen has a new result, as at an interval of 30 s, and every screen polls once
with the tag that it has, through the real application.
"""

from __future__ import annotations

import argparse
import gzip
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from flask.testing import FlaskClient

from bench.figures import Figures
from dashboard.api.snapshot import DELTA
from dashboard.application import create_app
from domain.facts import CheckState, Policy, Result, Status
from domain.state import SPARK, advance
from storage.journal import Entry
from tests.dashboard.filled import Filled, about, fill

ROUND_S = 2.0
INTERVAL_S = 30.0
ADDRESS = "/live/snapshot"


class Watched:
    """A store of so many healthy checks that are measured in turns."""

    def __init__(self, folder: Path, count: int) -> None:
        self.store: Filled = fill(folder, datetime.now(UTC))
        self.names = [f"service-{number:04d}" for number in range(count)]
        self.store.publish(
            {
                name: about(group=f"Group {number // 20}", tags=[f"tag-{number % 7}"])
                for number, name in enumerate(self.names)
            }
        )
        self.states = {name: CheckState(check=name) for name in self.names}
        self.turn = 0
        # Two are needed for a state, so many for the little course beside it; and a quiet day.
        for _ in range(SPARK):
            self.measure(self.names, ago=timedelta(hours=26))
        self.measure(self.names)

    def measure(self, names: Sequence[str], ago: timedelta = timedelta(0)) -> None:
        """Each of these is measured, each with a number of its own."""
        at = datetime.now(UTC) - ago
        entries = []
        for name in names:
            taken_ms = 20 + hash((name, self.turn)) % 4000 / 100
            result = Result(
                check=name,
                kind="http",
                at=at,
                status=Status.HEALTHY,
                message="200 OK",
                metrics={"http.total_ms": taken_ms},
                response_time_ms=taken_ms,
            )
            moved = advance(self.states[name], result, Policy())
            # As the monitor's cycle does it for the headline of the kind.
            spark = (*moved.state.spark, taken_ms)[-SPARK:]
            self.states[name] = replace(moved.state, spark=spark)
            due = at + timedelta(seconds=INTERVAL_S)
            entries.append(
                Entry(
                    state=self.states[name], due=due, result=result, transitions=moved.transitions
                )
            )
        self.turn += 1
        self.store.journal.commit(self.store.lease, entries)

    def next_round(self) -> None:
        """Those that are due within a round."""
        share = round(len(self.names) * ROUND_S / INTERVAL_S)
        start = self.turn * share % len(self.names)
        self.measure((self.names * 2)[start : start + share])


def poll(client: FlaskClient, tag: str | None) -> tuple[str, bytes, bool]:
    """One poll as a screen makes it: the new tag, the compressed body, and whether it is a delta."""
    headers = {"Accept": f"{DELTA}, application/json", "Accept-Encoding": "gzip"}
    known = {"If-None-Match": tag} if tag else {}
    answer = client.get(ADDRESS, headers={**headers, **known})
    return answer.headers["ETag"], answer.data, answer.content_type == DELTA


def run(figures: Figures, count: int, screens: int, rounds: int) -> None:
    """`rounds` rounds of polls by `screens` screens of `count` checks."""
    figures.head(f"{count} checks, {screens} screens, {rounds} rounds of {ROUND_S:g} s")
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched(Path(folder), count)
        client: FlaskClient = create_app(
            watched.store.settings(), watched.store.engine
        ).server.test_client()
        tag, whole, _ = poll(client, None)
        figures.plain("the whole, compressed", len(whole) / 1000, "KB")
        tags, bodies, first_s, others_s, quiet = [tag] * screens, [], 0.0, 0.0, 0.0
        for _ in range(rounds):
            watched.next_round()
            # What is held for half a second must be looked for anew.
            time.sleep(0.6)
            for screen in range(screens):
                before = time.thread_time()
                tags[screen], body, is_delta = poll(client, tags[screen])
                spent = time.thread_time() - before
                first_s, others_s = (
                    (first_s + spent, others_s) if screen == 0 else (first_s, others_s + spent)
                )
                assert is_delta, "a poll with news was answered with the whole"
                bodies.append(body)
            before = time.thread_time()
            assert poll(client, tags[0])[1] == b""
            quiet += time.thread_time() - before
        packed = [len(body) for body in bodies]
        watched.store.engine.dispose()
    figures.at_most("a poll with news, compressed, the largest", max(packed) / 1000, "KB", 20)
    figures.plain("the same, not compressed", len(gzip.decompress(bodies[-1])) / 1000, "KB")
    figures.plain("CPU for the first screen that asks after a change", first_s / rounds * 1e3, "ms")
    each_ms = others_s / rounds / max(1, screens - 1) * 1e3
    figures.plain("CPU for each further one, Flask's test client included", each_ms, "ms")
    figures.plain("CPU for a poll with nothing new", quiet / rounds * 1e3, "ms")
    share = 100 * (first_s + others_s) / rounds / ROUND_S
    figures.at_most(f"{screens} screens, of one core", share, "%", 3)


def main(arguments: Sequence[str]) -> int:
    """Print the figures; 1 when one misses its target."""
    parser = argparse.ArgumentParser(prog="bench.snapshot", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 15")
    rounds = 3 if parser.parse_args(arguments).quick else 15
    # As the web process logs at its defaults; a line for each poll would cost more than the poll.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    figures = Figures()
    for count in (200, 1000):
        run(figures, count, 50, rounds)
    return 1 if figures.missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
