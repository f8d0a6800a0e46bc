"""Check kind `passive`: its config, and what it makes of results."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain.facts import Status
from domain.mistakes import WrongFields
from domain.outages import Outage
from domain.passive import Told
from monitor.checks.passive import PassiveCheck
from monitor.feeding import Memory

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHECK = PassiveCheck(fresh_for="10m", when_silent="critical")


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def told(status: Status) -> Memory:
    result = Told(at=START, status=status, message="so it is", metrics={"queue.length": 7.0})
    return CHECK.hear(CHECK.begin({}, START), msgspec.json.encode(result))


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(WrongFields):
        PassiveCheck(fresh_for="a while")


@pytest.mark.case("healthy")
@pytest.mark.parametrize("status", list(Status))
def test_it_reads_what_it_was_told_with_its_numbers(status: Status) -> None:
    weighed = CHECK.weigh(told(status), after(1), after(1))

    found = weighed.measurement
    assert (found.status, found.message) == (status, "so it is")
    assert found.metrics == {"queue.length": 7.0, "passive.age_s": 60.0}
    assert weighed.look_at == after(10)


@pytest.mark.case("timeout")
def test_without_a_fresh_result_it_reads_what_silence_means() -> None:
    found = CHECK.weigh(told(Status.HEALTHY), after(11), after(11)).measurement

    assert found.status is Status.CRITICAL
    assert "queue.length" not in found.metrics


def test_an_outage_of_the_web_is_no_silence() -> None:
    memory = CHECK.miss(told(Status.HEALTHY), Outage(since=after(1), until=after(6)))

    assert CHECK.weigh(memory, after(14), after(14)).measurement.status is Status.HEALTHY
