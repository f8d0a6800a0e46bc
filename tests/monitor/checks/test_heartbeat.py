"""Check kind `heartbeat`: its config, and what it makes of pings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from domain.facts import Cause, Status
from domain.heartbeat import Beat, Signal
from domain.mistakes import WrongFields
from domain.outages import Outage
from domain.settings import Settings
from monitor.checks import Deadline
from monitor.checks.heartbeat import HeartbeatCheck
from monitor.definitions import build
from monitor.feeding import Memory, Weighed

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOURLY = HeartbeatCheck(period="1h", grace="10m")


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def ping(memory: Memory, minutes: float, signal: Signal = Signal.SUCCESS, **more: Any) -> Memory:
    body = msgspec.json.encode(Beat(at=after(minutes), signal=signal, **more))
    return HOURLY.hear(HOURLY.begin(memory, START), body)


def weigh(memory: Memory, minutes: float) -> Weighed:
    return HOURLY.weigh(HOURLY.begin(memory, START), after(minutes), after(minutes))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "period: or cron must be given"),
        ({"period": "1h", "cron": "0 3 * * *"}, "period: or cron must be given"),
        ({"period": "soon"}, "period: 'soon' is not a duration"),
        ({"period": "0s"}, "period: must be longer than 0 s"),
        ({"period": "1h", "grace": "-1m"}, "grace: '-1m' is not a duration"),
        ({"cron": "61 * * * *"}, "cron: is no cron expression"),
        ({"cron": "0 0 30 2 *"}, "cron: is no cron expression"),
        ({"cron": "* * * * * *"}, "cron: must have five fields"),
        ({"cron": "0 3 * * *", "timezone": "Berlin"}, "timezone: there is no such time zone"),
        ({"period": "1h", "timezone": "Europe/Berlin"}, "timezone: goes with cron"),
    ],
)
def test_a_schedule_that_could_never_be_is_refused(fields: dict[str, str], reason: str) -> None:
    with pytest.raises(WrongFields) as caught:
        HeartbeatCheck(**fields)

    assert any(f"{key}: {text}".startswith(reason) for key, text in caught.value.reasons)


def test_one_result_confirms_it_and_nothing_is_tried_again() -> None:
    [made] = build([{"name": "job", "kind": "heartbeat", "period": "1d"}], Settings(), {})

    policy = made.definition.policy
    assert (policy.failures, policy.successes, policy.retry_interval_s) == (1, 1, None)


def test_it_says_what_it_waits_for() -> None:
    assert HOURLY.target() == "every 1h + 10m"
    cron = HeartbeatCheck(cron="0 3 * * *", timezone="Europe/Berlin")
    assert cron.target() == "0 3 * * * Europe/Berlin + 10m"


@pytest.mark.case("healthy")
def test_a_run_that_ended_well_tells_how_long_it_took_and_what_it_said() -> None:
    memory = ping(ping({}, 0, Signal.START), 2, exit_status=0, body="412 files")

    found = weigh(memory, 3).measurement

    assert found.status is Status.HEALTHY
    assert found.metrics == {
        "heartbeat.age_s": 60.0,
        "heartbeat.duration_ms": 120_000.0,
        "heartbeat.exit_status": 0.0,
    }
    assert found.details["last output"] == "412 files"
    assert found.details["expected by"] == after(62).isoformat()


@pytest.mark.case("wrong")
def test_a_run_that_failed_is_critical_with_its_exit_status() -> None:
    found = weigh(ping({}, 0, Signal.FAIL, exit_status=3), 1).measurement

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.metrics["heartbeat.exit_status"] == 3


@pytest.mark.case("timeout")
def test_a_job_that_does_not_ping_is_critical_at_the_end_of_its_grace() -> None:
    memory = ping({}, 0)

    weighed = weigh(memory, 65)

    assert weighed.measurement.status is Status.HEALTHY
    assert weighed.look_at == after(70)
    assert weigh(memory, 70.1).measurement.cause is Cause.MISSING


def test_cron_is_kept_in_its_zone() -> None:
    check = HeartbeatCheck(cron="0 3 * * *", timezone="Europe/Berlin", grace="10m")

    found = check.weigh(check.begin({}, START), after(1), after(1))

    assert found.measurement.details["expected by"] == "2026-03-02T02:00:00+00:00"
    assert found.measurement.message == "no ping yet, expected by 02 Mar 02:00 UTC + 10 min"


def test_an_outage_moves_what_is_waited_for() -> None:
    memory = HOURLY.miss(ping({}, 0), Outage(since=after(10), until=after(40)))

    assert weigh(memory, 99).measurement.status is Status.HEALTHY


async def test_tried_by_itself_it_knows_nothing() -> None:
    found = await HOURLY.run(Deadline.after(1))

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
