"""False alarms: a simulated week of ordinary trouble, with twenty outages planted in it.

`python -m bench.falsealarms [--checks 100]`. The way of a result through the pure domain: judged by
its thresholds, taken into the state with its retries, asked at the gate. Response times are
log-normal, 0.5 % of the runs fail once, 1 % take ten times as long, CPUs are busy in bursts of up to
60 s. Limits: incidents in under 1 % of the check-hours, and every planted outage found. Then two hours
in which nothing fails at all and response times jitter: incidents in under 1 % of those, too.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from domain.facts import Cause, CheckState, Measurement, Policy, Status
from domain.judging import conclude
from domain.muting import Reason, incident_gate
from domain.rules import Rule
from domain.state import advance

START = datetime(2026, 3, 2, tzinfo=UTC)
WEEK_S = 7 * 86_400.0
CALM_S = 2 * 3_600.0
HOUR_S = 3_600.0
OUTAGES = 20
INTERVAL_S = 30.0
FAILS = 0.005
SPIKES = 0.01
BURSTS_PER_HOUR = 4
# So long after an outage ended its incident may still stand: it has to be confirmed to be over.
SETTLES_S = 120.0
RESPONSE = Rule(id="web:ms", metric="http.total_ms", warning=500, critical=1000, unit="ms")
BUSY = Rule(id="cpu:percent", metric="system.cpu.percent", warning=70, critical=85, unit="%")

Span = tuple[float, float]


@dataclass
class Simulated:
    """One check: what is planted in its time, and when it had incidents (seconds).

    `fails` is the share of its runs that fail once, without an outage.
    """

    name: str
    is_cpu: bool
    seed: int
    length_s: float = WEEK_S
    fails: float = FAILS
    outages: list[Span] = field(default_factory=list)
    incidents: list[Span] = field(default_factory=list)
    results: int = 0

    @property
    def found(self) -> int:
        """How many planted outages an incident was opened in."""
        return sum(
            any(start <= opened < end for opened, _ in self.incidents)
            for start, end in self.outages
        )

    @property
    def false(self) -> list[Span]:
        """The incidents without an outage."""
        return [
            span
            for span in self.incidents
            if not any(start <= span[0] < end + SETTLES_S for start, end in self.outages)
        ]

    def run(self) -> None:
        """Live through its time."""
        rnd = random.Random(self.seed)
        policy = Policy(retry_interval_s=None if self.is_cpu else 2.0)
        bursts = _bursts(rnd, self.length_s) if self.is_cpu else []
        state = CheckState(check=self.name)
        opened: float | None = None
        slot, now, attempt = rnd.uniform(0, INTERVAL_S), None, 1
        while slot < self.length_s:
            now = slot if now is None else now
            rule = BUSY if self.is_cpu else RESPONSE
            result = conclude(
                self._measured(rnd, now, bursts),
                (rule,),
                state.levels,
                check=self.name,
                kind="system" if self.is_cpu else "http",
                at=START + timedelta(seconds=now),
                attempt=attempt,
            )
            moved = advance(state, result, policy)
            state = moved.state
            self.results += 1
            bad = incident_gate(state) is Reason.PASSED
            if bad and opened is None:
                opened = now
            elif opened is not None and incident_gate(state) is Reason.HEALTHY:
                self.incidents.append((opened, now))
                opened = None
            again = None if moved.retry_in_s is None else now + moved.retry_in_s
            if again is not None and again < slot + INTERVAL_S:
                now, attempt = again, attempt + 1
            else:
                slot, now, attempt = slot + INTERVAL_S, None, 1
        if opened is not None:
            self.incidents.append((opened, self.length_s))

    def _measured(self, rnd: random.Random, now: float, bursts: list[Span]) -> Measurement:
        down = any(start <= now < end for start, end in self.outages)
        if self.is_cpu:
            while bursts and bursts[0][1] <= now:
                bursts.pop(0)
            busy = down or bool(bursts and bursts[0][0] <= now)
            percent = rnd.uniform(88, 100) if busy else rnd.uniform(5, 55)
            return Measurement(
                status=Status.HEALTHY, message="CPU", metrics={"system.cpu.percent": percent}
            )
        if down or rnd.random() < self.fails:
            return Measurement(
                status=Status.CRITICAL, message="Connection refused", cause=Cause.REFUSED
            )
        took_ms = rnd.lognormvariate(4.8, 0.45) * (10 if rnd.random() < SPIKES else 1)
        return Measurement(
            status=Status.HEALTHY,
            message="HTTP 200",
            response_time_ms=took_ms,
            metrics={"http.total_ms": took_ms},
        )


def simulate(count: int, seed: int = 1) -> list[Simulated]:
    """A week of so many checks, every fifth of them on a CPU, with the outages spread over them."""
    rnd = random.Random(seed)
    checks = [
        Simulated(name=f"check-{index}", is_cpu=index % 5 == 4, seed=rnd.randrange(2**32))
        for index in range(count)
    ]
    for index in range(OUTAGES):
        # One in each twentieth of the week, so that no two of a check run into each other.
        start = (index + rnd.uniform(0.1, 0.8)) * WEEK_S / OUTAGES
        rnd.choice(checks).outages.append((start, start + rnd.uniform(180, 1800)))
    for check in checks:
        check.run()
    return checks


def simulate_calm(count: int, seed: int = 2) -> list[Simulated]:
    """Two hours of so many checks, every fifth of them on a CPU, in which nothing fails."""
    rnd = random.Random(seed)
    checks = [
        Simulated(
            name=f"check-{index}",
            is_cpu=index % 5 == 4,
            seed=rnd.randrange(2**32),
            length_s=CALM_S,
            fails=0.0,
        )
        for index in range(count)
    ]
    for check in checks:
        check.run()
    return checks


def share_of_hours(checks: list[Simulated]) -> float:
    """The share of check-hours in which an incident stood that no outage had caused."""
    hours = {
        (check.name, hour)
        for check in checks
        for opened, resolved in check.false
        for hour in range(int(opened // HOUR_S), int(resolved // HOUR_S) + 1)
    }
    return len(hours) / (sum(check.length_s for check in checks) / HOUR_S)


def _bursts(rnd: random.Random, length_s: float) -> list[Span]:
    found: list[Span] = []
    now = 0.0
    while now < length_s:
        now += 60 + rnd.expovariate(BURSTS_PER_HOUR / HOUR_S)
        length = rnd.uniform(5, 60)
        found.append((now, now + length))
        now += length
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--checks", type=int, default=100)
    began = time.perf_counter()
    checks = simulate(options.parse_args().checks)
    took = time.perf_counter() - began
    false = sum(len(check.false) for check in checks)
    found = sum(check.found for check in checks)
    results = sum(check.results for check in checks)
    hours = len(checks) * WEEK_S / HOUR_S
    print(
        f"{results} results of {len(checks)} checks in a week, {hours:.0f} check-hours ({took:.0f} s)"
    )
    print(
        f"false incidents: {false}, in {100 * share_of_hours(checks):.3f} % of check-hours   limit 1 %"
    )
    print(f"planted outages found: {found} of {OUTAGES}   limit {OUTAGES}")
    calm = simulate_calm(1_000)
    print(f"two calm hours: false incidents in {100 * share_of_hours(calm):.3f} %   limit 1 %")


if __name__ == "__main__":
    main()
