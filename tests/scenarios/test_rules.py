"""Alert rules from a sample to an incident and its pages, over real stores."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine

from domain.alertrules import AlertRule, Missing, RuleKind
from domain.facts import Sample, Status
from domain.incidents import Action, Severity, Stage
from domain.rules import Operator, Rule
from tests.monitor.stand_ins import good, watched
from tests.scenarios.stage import Scenario, play

LEVELS = Rule(
    id="swap", metric="system.swap.percent", operator=Operator.GT, warning=70, critical=85
)
SWAP = AlertRule(
    id="swap-high", metric="system.swap.percent", levels=LEVELS, runbook="Look at RSS."
)


def held(seconds: float) -> AlertRule:
    """The rule when a level must hold for so long."""
    return AlertRule(id=SWAP.id, metric=SWAP.metric, levels=LEVELS, for_s=seconds)


def swap(at: Scenario, *values: float) -> None:
    for value in values:
        at.sample(SWAP.metric, value)


async def test_a_rule_that_fires_opens_one_incident_with_its_runbook_and_resolves_it(
    engine: Engine,
) -> None:
    at = play(engine, channels={"ops": []})
    at.put_in_force(SWAP)

    swap(at, 20, 90, 95)
    (opened,) = at.incidents()
    swap(at, 20)

    assert opened.incident.fingerprint == "rule:swap-high"
    assert opened.incident.severity is Severity.CRITICAL
    assert opened.incident.runbook == "Look at RSS."
    assert at.incidents()[0].incident.stage is Stage.RESOLVED
    assert [row.event for row in at.deliveries()] == ["trigger", "resolve"]


async def test_each_series_of_a_rule_has_an_incident_of_its_own(engine: Engine) -> None:
    at = play(engine)
    rule = AlertRule(id="disk", metric="system.disk.percent", levels=LEVELS)
    at.put_in_force(rule)

    at.sample(rule.metric, 90, mount="/")
    at.sample(rule.metric, 90, mount="/srv")
    at.sample(rule.metric, 10, mount="/home")

    found = [each.incident.fingerprint for each in at.incidents()]
    assert found == ["rule:disk:mount=/", "rule:disk:mount=/srv"]


async def test_a_rule_with_for_waits_and_says_so(engine: Engine) -> None:
    at = play(engine)
    at.put_in_force(held(30))

    swap(at, 20, 90, 90, 90)
    waiting = at.incidents()
    swap(at, 90)

    assert waiting == []
    assert at.reasons("incident") == ["not yet hard", "passed"]
    assert len(at.incidents()) == 1


async def test_a_restart_within_two_intervals_keeps_what_a_rule_has_held(engine: Engine) -> None:
    at = play(engine)
    at.put_in_force(held(30))
    swap(at, 20, 90, 90)

    at.put_in_force(held(30))
    swap(at, 90, 90)

    assert len(at.incidents()) == 1


async def test_a_restart_while_a_rule_fires_opens_and_pages_nothing_again(engine: Engine) -> None:
    at = play(engine, channels={"ops": []})
    at.put_in_force(SWAP)
    swap(at, 90)

    for _ in range(5):
        at.put_in_force(SWAP)
        swap(at, 90)

    assert len(at.incidents()) == 1
    assert [row.event for row in at.deliveries()] == ["trigger"]


async def test_data_that_stays_away_is_unknown_after_two_intervals(engine: Engine) -> None:
    at = play(engine)
    at.put_in_force(SWAP)
    swap(at, 20)

    at.elapse(15)
    early = at.incidents()
    at.elapse(10)

    (stood,) = at.incidents()
    assert early == []
    assert stood.incident.severity is Severity.MINOR
    assert stood.incident.title == "swap-high is unknown"


async def test_a_rule_may_ignore_that_its_data_stays_away(engine: Engine) -> None:
    at = play(engine)
    rule = AlertRule(id="swap", metric=SWAP.metric, levels=LEVELS, missing=Missing.IGNORE)
    at.put_in_force(rule)
    swap(at, 20)

    at.elapse(3600)

    assert at.incidents() == []


async def test_an_absence_fires_for_a_series_that_never_came(engine: Engine) -> None:
    at = play(engine)
    rule = AlertRule(
        id="no-backup",
        metric="backup.done",
        levels=Rule(id="x", metric="backup.done"),
        kind=RuleKind.ABSENCE,
        for_s=60,
        severity=Severity.MAJOR,
    )
    at.put_in_force(rule)

    at.elapse(1)
    at.elapse(30)
    early = at.incidents()
    at.elapse(60)

    assert early == []
    assert [each.incident.severity for each in at.incidents()] == [Severity.MAJOR]


ABSENT = AlertRule(
    id="no-backup",
    metric="backup.done",
    levels=Rule(id="x", metric="backup.done"),
    kind=RuleKind.ABSENCE,
    for_s=600,
)


async def test_an_absence_ends_and_resolves_with_the_first_sample(engine: Engine) -> None:
    at = play(engine, channels={"ops": []})
    at.put_in_force(ABSENT)
    at.sample(ABSENT.metric, 1)
    at.elapse(601)

    at.sample(ABSENT.metric, 0)

    (stood,) = at.incidents()
    assert stood.incident.stage is Stage.RESOLVED
    assert [row.event for row in at.deliveries()] == ["trigger", "resolve"]


async def test_an_absence_counts_on_over_restarts_without_the_time_that_nobody_listened(
    engine: Engine,
) -> None:
    at = play(engine)
    at.put_in_force(ABSENT)
    at.sample(ABSENT.metric, 1)

    # Two hundred seconds of silence, an hour without a monitor, and so again: six hundred in all.
    for _ in range(2):
        at.elapse(200)
        stopped = at.clock.now
        at.clock.forward(3600)
        at.put_in_force(ABSENT, stopped=stopped)
    at.elapse(199)
    early = at.incidents()
    at.elapse(2)

    assert early == []
    assert [each.incident.fingerprint for each in at.incidents()] == ["rule:no-backup"]


async def test_a_restart_after_more_than_two_intervals_begins_anew_what_a_rule_held(
    engine: Engine,
) -> None:
    at = play(engine)
    at.put_in_force(held(30))
    swap(at, 20, 90, 90, 90)

    at.clock.forward(21)
    at.put_in_force(held(30))
    swap(at, 90, 90, 90)
    early = at.incidents()
    swap(at, 90)

    assert early == []
    assert len(at.incidents()) == 1


async def test_what_fires_goes_on_over_a_restart_of_any_length(engine: Engine) -> None:
    at = play(engine, channels={"ops": []})
    at.put_in_force(held(30))
    swap(at, 90, 90, 90, 90)

    at.clock.forward(86_400)
    at.put_in_force(held(30))
    swap(at, 90)

    (stood,) = at.incidents()
    assert stood.incident.is_open
    assert [row.event for row in at.deliveries()] == ["trigger"]


async def test_keep_firing_for_holds_an_incident_open_until_it_was_clear_so_long(
    engine: Engine,
) -> None:
    at = play(engine)
    at.put_in_force(replace(SWAP, keep_firing_for_s=30))
    swap(at, 90, 20, 20, 90, 20, 20, 20)
    (clearing,) = at.incidents()

    swap(at, 20)

    assert clearing.incident.is_open
    assert at.incidents()[0].incident.stage is Stage.RESOLVED


async def test_keep_firing_for_counts_on_over_a_short_restart(engine: Engine) -> None:
    rule = replace(SWAP, keep_firing_for_s=30)
    at = play(engine)
    at.put_in_force(rule)
    swap(at, 90, 20, 20)

    at.put_in_force(rule)
    swap(at, 20, 20)

    assert at.incidents()[0].incident.stage is Stage.RESOLVED


async def test_between_its_clear_level_and_itself_a_level_stays_and_its_incident_with_it(
    engine: Engine,
) -> None:
    at = play(engine)
    at.put_in_force(replace(SWAP, levels=replace(LEVELS, clear_warning=60, clear_critical=80)))
    swap(at, 90, 82, 75, 65)
    (between,) = at.incidents()

    swap(at, 60)

    assert between.incident.is_open
    assert at.incidents()[0].incident.stage is Stage.RESOLVED


async def test_missing_data_is_critical_where_the_rule_says_alert(engine: Engine) -> None:
    at = play(engine)
    at.put_in_force(replace(SWAP, missing=Missing.ALERT))
    swap(at, 20)

    at.elapse(21)

    assert [each.incident.severity for each in at.incidents()] == [Severity.CRITICAL]


async def test_missing_data_ends_nothing_that_fires_and_its_return_decides_anew(
    engine: Engine,
) -> None:
    at = play(engine)
    at.put_in_force(SWAP)
    swap(at, 90)

    at.elapse(600)
    (silent,) = at.incidents()
    swap(at, 20)

    assert silent.incident.is_open and silent.incident.severity is Severity.CRITICAL
    assert at.incidents()[0].incident.stage is Stage.RESOLVED


async def test_a_value_that_is_no_number_opens_nothing_and_is_no_missing_data(
    engine: Engine,
) -> None:
    at = play(engine)
    not_equal = replace(LEVELS, operator=Operator.NE, warning=0.0, critical=None)
    at.put_in_force(replace(SWAP, levels=not_equal))

    # A store holds no such number: the rules see it before it is left out.
    nan = Sample(name=SWAP.metric, at=at.clock.now, value=math.nan)
    found = at.cycle.rulings.observe([nan])
    at.elapse(15)

    assert [each.problem.status for each in found if each.problem] in ([], [Status.HEALTHY])
    assert at.incidents() == []


async def test_a_rate_of_change_opens_an_incident_when_it_is_too_steep(engine: Engine) -> None:
    steep = replace(LEVELS, warning=100.0, critical=None, unit="%/h")
    at = play(engine)
    at.put_in_force(replace(SWAP, levels=steep, kind=RuleKind.RATE, window_s=60))

    swap(at, *[20.0] * 7)
    flat = at.incidents()
    swap(at, 21, 22, 23, 24, 25, 26)

    assert flat == []
    assert [each.incident.severity for each in at.incidents()] == [Severity.MINOR]


async def test_a_rule_on_the_numbers_of_one_check_feeds_that_checks_status(engine: Engine) -> None:
    levels = Rule(id="slow", metric="told.ms", title="Latency", operator=Operator.GT, warning=500)
    rule = AlertRule(id="slow", metric="told.ms", labels={"check": "api"}, levels=levels)
    at = play(engine, watched("api"), watched("other"), channels={"ops": []})
    at.put_in_force(rule)
    await at.slot(api=good(10), other=good(10))

    await at.slot(api=good(900), other=good(900))

    (stood,) = at.incidents()
    assert stood.incident.fingerprint == "check:api"
    state = at.cycle.roster.get("api")
    assert state is not None
    assert state.state.hard is Status.WARNING
    assert [row.event for row in at.deliveries()] == ["trigger"]


async def test_a_rule_names_the_only_channels_it_tells(engine: Engine) -> None:
    at = play(engine, channels={"ops": [], "chat": []})
    rule = AlertRule(id="swap", metric=SWAP.metric, levels=LEVELS, channels=("chat",))
    at.put_in_force(rule)

    swap(at, 90)

    assert [row.channel for row in at.deliveries()] == ["chat"]


async def test_a_rules_own_cooldown_spaces_its_warnings(engine: Engine) -> None:
    at = play(engine, channels={"ops": []})
    rule = AlertRule(id="swap", metric=SWAP.metric, levels=LEVELS, cooldown_s=3600)
    at.put_in_force(rule)

    swap(at, 75)
    at.settle_all()
    swap(at, 20, 75)

    first, _, again = at.deliveries()
    assert again.due == first.due + timedelta(hours=1)


async def test_a_rule_that_is_switched_off_resolves_its_incident_as_no_longer_watched(
    engine: Engine,
) -> None:
    at = play(engine)
    at.put_in_force(SWAP)
    swap(at, 90)

    at.put_in_force()
    at.sweep()

    (stood,) = at.incidents()
    assert stood.incident.stage is Stage.RESOLVED
    assert stood.lines[-1].action == Action.RESOLVED
    assert stood.incident.resolution == "no longer watched"


async def test_a_rule_on_the_machines_numbers_leaves_the_checks_of_them_alone(
    engine: Engine,
) -> None:
    rule = AlertRule(id="memory", metric="system.memory.percent", levels=LEVELS)
    at = play(engine, watched("memory"))
    at.put_in_force(rule)

    at.sample(rule.metric, 90)
    verdicts, _ = at.cycle.rulings.judge("memory", {rule.metric: 90}, at.clock.now)

    assert verdicts == ()
    assert [each.incident.fingerprint for each in at.incidents()] == ["rule:memory"]
