"""Kill -9 while a delivery that died is handed to the fallback of its channel."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.facts import Status
from storage.migrate import migrate
from tests.faults.agreement import disagreements
from tests.faults.site import DEADLINE_S, killed, site
from tests.receiver import receiver

POINTS = [
    ("before", "handover"),
    pytest.param(("after", "handover"), marks=pytest.mark.faults),
    pytest.param(("after", "sending"), marks=pytest.mark.faults),
]


def outage(folder: Path, when: str, step: str, store: str = "") -> None:
    """The channel refuses for good, and the monitor is killed as the fallback takes over."""
    with receiver() as second, site(folder, store=store, second=second) as here:
        here.hook.status = 401
        monitor = here.start_failing(when, step, 1)
        here.wait_until_hard(Status.HEALTHY)
        here.targets[0].fail("wrong")
        died = killed(monitor, DEADLINE_S)
        before, kept = list(second.received), here.ledger().runs

        monitor = here.start()
        here.wait_until_told("trigger")
        here.targets[0].fail("healthy")
        here.wait_until_told("resolve")
        here.wait_until_settled()
        monitor.terminate()
        assert monitor.wait(DEADLINE_S) == 0

        found = here.ledger()
        states = [(row.channel, row.event, row.state) for row in found.outbox]
        assert (died, before) == (True, [])
        assert disagreements(found, second.received, kept, kills=0) == []
        assert [body["event"] for _, body in second.received] == ["trigger", "resolve"]
        assert states[:2] == [("ops", "trigger", "dead"), ("second", "trigger", "delivered")]
        assert states[2:] == [("second", "resolve", "delivered")]


@pytest.mark.parametrize("point", POINTS, ids=" ".join)
def test_a_kill_at_the_handover_to_the_fallback_loses_nothing_and_tells_nothing_twice(
    tmp_path: Path, point: tuple[str, str]
) -> None:
    outage(tmp_path, *point)


@pytest.mark.faults
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_the_handover_on_postgres_loses_nothing_either(
    tmp_path: Path, postgres_url: str, when: str
) -> None:
    migrate(postgres_url)

    outage(tmp_path, when, "handover", postgres_url)
