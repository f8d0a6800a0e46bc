"""From a real fault to a real webhook, across crashes and restarts of the monitor."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from domain.operating import Order, Verb
from storage.engine import open_engine
from storage.incident_changes import IncidentChanges
from storage.incident_readings import IncidentReadings, Told
from tests.installed import Installed
from tests.receiver import Receiver, receiver
from tests.targets import Target, targets
from tests.waiting import wait_for


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def target() -> Iterator[Target]:
    with targets(1) as (made,):
        yield made


def watch(installed: Installed, hook: Receiver, target: Target) -> None:
    """Watch the target every second, and tell the receiver."""
    url = f"http://127.0.0.1:{target.port}/"
    installed.write(
        f'[[check]]\nname = "load"\nkind = "http"\nurl = "{url}"\ninterval = "1s"\n'
        f'retry_interval = "500ms"\n'
        f'[[channel]]\nname = "ops"\nkind = "webhook"\nurl = "{hook.url}"\n'
    )


def incidents(installed: Installed) -> list[Told]:
    readings = IncidentReadings(open_engine(installed.url))
    found = readings.since(datetime(2000, 1, 1, tzinfo=UTC), 100)
    return [told for each in found if (told := readings.tell(each.id))]


def test_a_fault_is_told_once_and_its_end_too(
    installed: Installed, hook: Receiver, target: Target
) -> None:
    watch(installed, hook, target)
    installed.start("monitor")
    installed.wait_for_result("load", 10)

    target.fail("wrong")
    wait_for(lambda: hook.events() == ["trigger"], 20)
    target.fail("healthy")
    wait_for(lambda: hook.events() == ["trigger", "resolve"], 20)

    (told,) = incidents(installed)
    assert not told.incident.is_open
    assert [row.state for row in told.deliveries] == ["delivered", "delivered"]
    assert len(hook.received) == 2


def test_a_channel_that_is_down_is_told_when_it_is_back(
    installed: Installed, hook: Receiver, target: Target
) -> None:
    watch(installed, hook, target)
    hook.status = 503
    installed.start("monitor")
    installed.wait_for_result("load", 10)
    target.fail("wrong")
    wait_for(
        lambda: any(row.attempts for told in incidents(installed) for row in told.deliveries), 20
    )

    hook.status = 200

    wait_for(lambda: hook.events() == ["trigger"], 30)


def outages_under_kills(installed: Installed, hook: Receiver, target: Target, kills: int) -> None:
    """Fail and recover while the monitor is killed at random; everything must agree afterwards."""
    watch(installed, hook, target)
    chance = random.Random(kills)
    monitor = installed.start("monitor")
    installed.wait_for_result("load", 10)
    for number in range(kills):
        target.fail("wrong" if number % 2 == 0 else "healthy")
        time.sleep(chance.uniform(0.2, 3.0))
        monitor.kill()
        monitor.wait()
        monitor = installed.start("monitor")
    target.fail("healthy")
    wait_for(lambda: all(not told.incident.is_open for told in incidents(installed)), 30)
    wait_for(
        lambda: all(r.settled_at for told in incidents(installed) for r in told.deliveries), 90
    )


def assert_agrees(installed: Installed, hook: Receiver, kills: int) -> None:
    """Nothing lost, at most one copy more per crash, every resolve after its trigger."""
    rows = [row for told in incidents(installed) for row in told.deliveries]
    copies = Counter(key for key, _ in hook.received)
    assert {row.state for row in rows} <= {"delivered"}
    assert len(copies) == len(rows)
    assert sum(copies.values()) - len(copies) <= kills
    assert max(copies.values(), default=0) <= 2
    for told in incidents(installed):
        events = [
            body["event"]
            for _, body in hook.received
            if body.get("incident_id", body.get("incident")) == told.incident.id
        ]
        assert events[:1] in ([], ["trigger"])
    print(f"{kills} kills: {len(rows)} deliveries, {sum(copies.values()) - len(copies)} copies")


def test_kills_lose_no_page_and_copy_at_most_one(
    installed: Installed, hook: Receiver, target: Target
) -> None:
    outages_under_kills(installed, hook, target, kills=5)

    assert_agrees(installed, hook, kills=5)


@pytest.mark.faults
def test_a_hundred_kills_lose_no_page_and_copy_at_most_one_each(
    installed: Installed, hook: Receiver, target: Target
) -> None:
    outages_under_kills(installed, hook, target, kills=100)

    assert_agrees(installed, hook, kills=100)


def restarts(installed: Installed, hook: Receiver, target: Target, times: int) -> None:
    """Restart so often during an open incident that was acknowledged."""
    watch(installed, hook, target)
    monitor = installed.start("monitor")
    installed.wait_for_result("load", 10)
    target.fail("wrong")
    wait_for(lambda: hook.events() == ["trigger"], 20)
    (told,) = incidents(installed)
    changes = IncidentChanges(open_engine(installed.url))
    order = Order(verb=Verb.ACKNOWLEDGE)
    changes.carry_out(told.incident.id, order, actor="mara", now=datetime.now(UTC))
    wait_for(lambda: hook.events() == ["trigger", "acknowledge"], 20)
    for _ in range(times):
        begun = datetime.now(UTC)
        monitor.terminate()
        monitor.wait()
        monitor = installed.start("monitor")
        installed.wait_for_result("load", 10, after=begun)

    (after,) = incidents(installed)
    assert after.incident.acknowledged_by == "mara"
    assert [line.action for line in after.lines] == ["opened", "acknowledged"]
    assert hook.events() == ["trigger", "acknowledge"]


def test_restarts_during_an_open_incident_page_nobody_again(
    installed: Installed, hook: Receiver, target: Target
) -> None:
    restarts(installed, hook, target, times=4)


@pytest.mark.faults
def test_fifty_restarts_during_an_open_incident_page_nobody_again(
    installed: Installed, hook: Receiver, target: Target
) -> None:
    restarts(installed, hook, target, times=50)
