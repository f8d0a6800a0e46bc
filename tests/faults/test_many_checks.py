"""Many checks at a time in a real monitor: hung ones hold up nobody, and none is missed at once."""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from pathlib import Path

import pytest

from bench.checktargets import targets
from bench.underload import Run, http_check, installation, runs_of, start
from domain.facts import Status
from monitor.roster import phase
from tests.waiting import wait_for

INTERVAL_S = 10
# How long an answer takes is the machine's: here it counts that a check runs, and when.
ANY = {"warning": 50_000, "critical": 60_000}
MINUTE_S = 60
AT = 30
# The opening of a large roster takes so long, and its end stands clear of the slot.
OPENED_S = 60


def hung_beside_healthy(folder: Path, hung: int, healthy: int, rounds: int) -> None:
    names = [f"healthy {number}" for number in range(healthy)]
    with targets(folder) as servers:
        tables = [
            http_check(name, servers.url("http", "ours", number), INTERVAL_S, **ANY)
            for number, name in enumerate(names)
        ]
        tables += [
            http_check(f"hung {number}", servers.url("http", "hang", number), INTERVAL_S)
            for number in range(hung)
        ]
        with installation(tables) as installed:
            start(installed)
            begun = time.time() + 2 * INTERVAL_S
            end = begun + rounds * INTERVAL_S

            wait_for(lambda: time.time() > end + 5, 120 + rounds * INTERVAL_S, pause_s=0.5)

            runs = [run for run in runs_of(installed, begun, end) if run.name in set(names)]
    assert {run.status for run in runs} == {Status.HEALTHY}
    per_check = Counter(run.name for run in runs if run.attempt == 1)
    late = {name: per_check[name] for name in names if per_check[name] < rounds - 1}
    assert not late, f"{len(late)} of {healthy} checks beside {hung} hung ones left out slots"
    print(f"{hung} hung beside {healthy} healthy checks: {len(runs)} healthy runs, none left out")


def all_due_at_once(folder: Path, count: int) -> None:
    numbers = (f"due {number}" for number in itertools.count())
    names = list(itertools.islice((n for n in numbers if phase(n, MINUTE_S) == AT), count))
    with targets(folder) as servers:
        tables = [
            http_check(name, servers.url("http", "ours", number), MINUTE_S, **ANY)
            for number, name in enumerate(names)
        ]
        with installation(tables) as installed:
            start(installed)
            slot = math.ceil((time.time() + OPENED_S - AT) / MINUTE_S) * MINUTE_S + AT
            wait_for(lambda: time.time() > slot + 1, 3 * MINUTE_S, pause_s=0.5)

            def runs() -> list[Run]:
                found = runs_of(installed, slot - 0.05, slot + MINUTE_S)
                return [run for run in found if run.attempt == 1]

            wait_for(lambda: len({run.name for run in runs()}) == count, MINUTE_S, pause_s=1)
            ended = [run.ended for run in runs()]
            statuses = {run.status for run in runs()}
    assert statuses == {Status.HEALTHY}
    took = max(ended) - slot
    print(f"{count:,} checks due at once: all done after {took:.1f} s   limit {MINUTE_S} s")


@pytest.mark.faults
def test_hung_checks_do_not_hold_up_healthy_ones(tmp_path: Path) -> None:
    hung_beside_healthy(tmp_path, hung=300, healthy=1_000, rounds=4)


def test_some_hung_checks_do_not_hold_up_healthy_ones(tmp_path: Path) -> None:
    hung_beside_healthy(tmp_path, hung=30, healthy=30, rounds=2)


@pytest.mark.faults
def test_all_of_ten_thousand_checks_that_are_due_at_once_run(tmp_path: Path) -> None:
    all_due_at_once(tmp_path, 10_000)
