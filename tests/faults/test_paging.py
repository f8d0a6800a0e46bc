"""From a real fault to a real webhook, across crashes and restarts of the monitor."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.facts import Status
from domain.operating import Order, Verb
from storage.engine import open_engine
from storage.incident_changes import IncidentChanges
from storage.incident_readings import IncidentReadings, Told
from storage.migrate import migrate
from tests.faults.agreement import (
    Ledger,
    Run,
    copied_too_often,
    copies,
    disagreements,
    was_never_sent,
)
from tests.faults.site import site
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
    # What has arrived is settled a moment later.
    wait_for(lambda: all(row.settled_at for row in incidents(installed)[0].deliveries), 20)

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


@dataclass(frozen=True, kw_only=True)
class Survived:
    """What is left after outages under kills; `in_flight` kills hit while a request was unanswered."""

    found: Ledger
    wrong: list[str]
    copies: int
    in_flight: int

    def tell(self, kills: int) -> None:
        found = self.found
        print(
            f"{kills} kills: {len(found.runs)} results, {len(found.incidents)} incidents, "
            f"{len(found.outbox)} deliveries; {self.in_flight} kills hit an unanswered request, "
            f"{self.copies} copies, {len(self.wrong)} disagreements"
        )


def outages_under_kills(folder: Path, kills: int, store: str = "") -> Survived:
    """Targets fail and recover while the monitor is killed at random; what stands at the end."""
    chance = random.Random(kills)
    with site(folder, shops=5, store=store) as here:
        # Answers that take a while, so that kills hit what is being sent.
        here.hook.delay_s = 0.25
        monitor = here.start()
        here.wait_until_hard(Status.HEALTHY)
        kept: frozenset[Run] = frozenset()
        modes = dict.fromkeys(range(5), "healthy")
        in_flight = 0
        for _ in range(kills):
            number = chance.randrange(5)
            modes[number] = "wrong" if modes[number] == "healthy" else "healthy"
            here.targets[number].fail(modes[number])
            here.wait_until_run_again(kept)
            # The moment of the kill: no wait for anything.
            time.sleep(chance.uniform(0.0, 3.0))
            monitor.kill()
            monitor.wait()
            in_flight += bool(here.hook.unanswered)
            kept |= here.ledger().runs
            monitor = here.start()
        for target in here.targets:
            target.fail("healthy")
        # A page that a flapping check holds back leaves after five minutes.
        found = here.wait_until_settled(420)
        arrived = list(here.hook.received)
        return Survived(
            found=found,
            wrong=[
                *disagreements(found, arrived, kept, kills),
                *copied_too_often(here.hook.senders),
            ],
            copies=copies(arrived),
            in_flight=in_flight,
        )


def assert_nothing_is_lost(survived: Survived, kills: int) -> None:
    survived.tell(kills)
    assert survived.wrong == []
    assert survived.found.incidents
    ended = [row.state for row in survived.found.outbox if not was_never_sent(row)]
    assert set(ended) == {"delivered"}
    assert survived.copies <= kills


def test_kills_lose_no_page_and_copy_at_most_one(tmp_path: Path) -> None:
    assert_nothing_is_lost(outages_under_kills(tmp_path, kills=5), kills=5)


@pytest.mark.faults
def test_a_hundred_kills_lose_no_page_and_copy_at_most_one_each(tmp_path: Path) -> None:
    assert_nothing_is_lost(outages_under_kills(tmp_path, kills=100), kills=100)


@pytest.mark.faults
def test_a_hundred_kills_lose_no_page_on_postgres_either(tmp_path: Path, postgres_url: str) -> None:
    migrate(postgres_url)

    assert_nothing_is_lost(outages_under_kills(tmp_path, kills=100, store=postgres_url), kills=100)


def as_told(told: Told) -> Told:
    """Without what a slow answer of a busy machine changes: the runbook of the rule that it breaks."""
    return replace(told, incident=replace(told.incident, version=0, runbook=""))


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
    wait_for(lambda: all(row.settled_at for row in incidents(installed)[0].deliveries), 20)
    (before,) = incidents(installed)
    for number in range(times):
        begun = datetime.now(UTC)
        # Every other time it has no chance to say goodbye.
        monitor.send_signal(signal.SIGTERM if number % 2 == 0 else signal.SIGKILL)
        monitor.wait()
        monitor = installed.start("monitor")
        installed.wait_for_result("load", 20, after=begun)

    (after,) = incidents(installed)
    print(f"{times} restarts: {len(hook.received)} requests, {len(after.lines)} lines")
    assert as_told(after) == as_told(before)
    assert after.incident.acknowledged_by == "mara"
    assert [line.action for line in after.lines] == ["opened", "acknowledged"]
    assert [body["event"] for _, body in hook.received] == ["trigger", "acknowledge"]


def test_restarts_during_an_open_incident_page_nobody_again(
    installed: Installed, hook: Receiver, target: Target
) -> None:
    restarts(installed, hook, target, times=4)


@pytest.mark.faults
def test_fifty_restarts_during_an_open_incident_page_nobody_again(
    installed: Installed, hook: Receiver, target: Target
) -> None:
    restarts(installed, hook, target, times=50)
