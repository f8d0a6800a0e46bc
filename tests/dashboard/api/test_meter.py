"""The web's own figures: of the last five minutes, however many requests there were."""

from __future__ import annotations

import pytest

from dashboard.api.meter import Meter


class Ticking:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_every_request_of_the_last_five_minutes_counts_and_none_before() -> None:
    clock = Ticking()
    meter = Meter(clock)
    for _ in range(10):
        meter.note(9.0, 500)
    clock.now += 300
    for _ in range(20_000):
        meter.note(0.010, 200)
    meter.note(0.010, 503)

    found = meter.figures()

    assert (found.total, found.recent, found.errors) == (20_011, 20_001, 1)
    assert found.average_ms == pytest.approx(10)
    assert found.per_minute == pytest.approx(20_001 / 5)


def test_figures_of_a_quiet_server_are_those_of_nothing() -> None:
    clock = Ticking()
    meter = Meter(clock)
    meter.note(1.0, 500)
    clock.now += 301

    found = meter.figures()

    assert (found.total, found.recent, found.average_ms, found.error_percent) == (1, 0, 0.0, 0.0)
