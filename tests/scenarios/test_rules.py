"""Alert rules from a sample to an incident and its pages, over real stores."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from domain.alertrules import AlertRule, Missing, RuleKind
from domain.facts import Status
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

    swap(at, 75, 20, 75)

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
