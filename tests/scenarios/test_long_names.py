"""Names and labels as long as they may be, or longer than any column: nothing of a batch is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from domain.alertrules import LONGEST_FINGERPRINT, fingerprint
from domain.facts import Sample
from domain.incidents import Stage
from domain.outbox import delivered, message_of
from domain.ruletable import read_rule
from domain.whypaged import explain
from storage import outbox
from storage.explaining import case_of_incident
from tests.monitor.stand_ins import bad, watched
from tests.scenarios.stage import Scenario, play

QUEUES = read_rule({"id": "q" * 100, "metric": "app.queue", "warning": 10, "keep_firing_for": "0s"})
LONG = "ü" * 900


def observe(at: Scenario, value: float, *ends: str) -> None:
    """A number of series whose labels differ at their very end alone."""
    at.later(10)
    samples = [
        Sample(name="app.queue", at=at.clock.now, value=value, labels=(("queue", LONG + end),))
        for end in ends
    ]
    at.journal.commit(at.lease, at.cycle.rulings.observe(samples))


@pytest.mark.parametrize("tag", ["shop", "x" * 200])
async def test_a_rule_on_series_with_very_long_labels_opens_tells_explains_and_resolves(
    engine: Engine, tag: str
) -> None:
    at = play(engine, channels={"c" * 200: []})
    at.put_in_force(
        read_rule({"id": "q" * 100, "metric": "app.queue", "warning": 10, "tags": [tag]})
    )

    observe(at, 50, "a", "b")
    at.later(30)
    (leased,) = outbox.lease(engine, at.lease, at.clock.now)
    outbox.settle(engine, at.lease, leased, delivered(), at.clock.now, {})
    opened = at.incidents()
    observe(at, 1, "a", "b")

    fingerprints = {each.incident.fingerprint for each in opened}
    assert len(fingerprints) == 2
    assert {len(each) for each in fingerprints} == {LONGEST_FINGERPRINT}
    assert len(message_of(leased).others) == 1
    case = case_of_incident(engine, opened[0].incident.id, at.clock.now)
    assert case is not None and explain(case)
    assert [each.incident.stage for each in at.incidents()] == [Stage.RESOLVED] * 2


async def test_what_a_rule_said_of_a_series_with_long_labels_is_known_after_a_restart(
    engine: Engine,
) -> None:
    at = play(engine, channels={"ops": []})
    at.put_in_force(QUEUES)
    observe(at, 50, "a")

    at.put_in_force(QUEUES)
    observe(at, 50, "a")
    at.sweep()

    (stood,) = at.incidents()
    assert stood.incident.is_open
    assert stood.incident.fingerprint == fingerprint(QUEUES.id, [("queue", LONG + "a")])


async def test_a_check_with_the_longest_name_is_paged_by_the_channel_with_the_longest_name(
    engine: Engine,
) -> None:
    name, channel = "n" * 200, "c" * 200
    at = play(engine, watched(name), channels={channel: []})
    await at.slot()

    await at.slot(**{name: bad()})
    at.later(timedelta(seconds=1).total_seconds())

    (row,) = at.deliveries()
    assert (row.channel, row.event) == (channel, "trigger")
    assert at.incidents()[0].incident.component == name
