"""Pushed metrics in the monitor: alert rules see them as any other series."""

from __future__ import annotations

from datetime import timedelta

from domain import ruletable
from domain.facts import Sample, Status
from domain.pushing import packed
from monitor.pushed import KIND, TakeSamples
from monitor.rulings import Rulings
from monitor.windows import Windows
from storage.inbox import Arrival
from tests.monitor.stand_ins import START

RULE = {
    "id": "queue-long",
    "metric": "jobs.queue",
    "operator": "gt",
    "warning": 10,
    "critical": 100,
}


def queue(*values: float) -> tuple[Sample, ...]:
    return tuple(
        Sample(name="jobs.queue", at=START + timedelta(seconds=place), value=value)
        for place, value in enumerate(values)
    )


def arrival(*pushed: Sample) -> Arrival:
    return Arrival(id=1, at=START, kind=KIND, subject="app", body=packed(pushed))


def rulings() -> Rulings:
    return Rulings([ruletable.read_rule(RULE)], {}, START, Windows([]))


def test_a_rule_fires_on_a_pushed_series_as_on_any_other() -> None:
    rules = rulings()

    meaning = TakeSamples(rules.observe)(arrival(*queue(5, 500)))

    assert [each.value for each in meaning.samples] == [5, 500]
    assert {each.level for each in rules.states.values()} == {Status.CRITICAL}
    problems = [each.problem for each in meaning.entries if each.problem is not None]
    assert [(each.component, each.status) for each in problems][-1] == (
        "queue-long",
        Status.CRITICAL,
    )


def test_rules_see_what_was_pushed_in_the_order_of_its_times() -> None:
    rules = rulings()

    TakeSamples(rules.observe)(arrival(*reversed(queue(500, 5))))

    assert {each.level for each in rules.states.values()} == {Status.HEALTHY}
