"""The shipped rules: valid, explained, and never beside a shipped check that judges the same."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.alertrules import AlertRule, selects
from domain.rulestate import RuleState, observe
from domain.ruletable import as_table, examine
from domain.settings import Settings
from domain.stockrules import STOCK_RULES
from monitor.definitions import WatchedCheck, build

CONFIG = Path(__file__).parents[2] / "config.toml"
RULES, MISTAKES = examine(STOCK_RULES)


def shipped_checks() -> tuple[WatchedCheck, ...]:
    return build(tomllib.loads(CONFIG.read_text())["check"], Settings(), {})


def test_the_shipped_rules_are_valid_and_on() -> None:
    assert MISTAKES == ()
    assert RULES
    # What makes the whole critical has an incident already.
    assert [rule.id for rule in RULES if not rule.enabled] == ["overall-critical"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_shipped_rule_tells_what_it_means_what_to_look_at_and_how_to_fix_it(
    rule: AlertRule,
) -> None:
    assert rule.description
    assert "\n" not in rule.runbook
    assert "First look:" in rule.runbook
    assert "Usual fix:" in rule.runbook
    assert rule.levels.runbook == rule.runbook


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_shipped_rule_can_be_written_into_the_file(rule: AlertRule) -> None:
    again, mistakes = examine([as_table(rule)])

    assert (again, mistakes) == ((rule,), ())


def test_no_shipped_rule_takes_what_a_check_measures() -> None:
    for watched in shipped_checks():
        labels = (("check", watched.definition.name),)
        for stock in watched.rules:
            assert not any(selects(rule, stock.metric, labels) for rule in RULES)


def test_no_shipped_rule_judges_the_level_that_a_shipped_check_judges() -> None:
    judged = {rule.metric for watched in shipped_checks() for rule in watched.rules}

    for rule in RULES:
        by_level = rule.kind == "threshold" and rule.metric in judged
        assert not by_level or not selects(rule, rule.metric, (("mount", "/"),))


def test_every_rule_of_the_shipped_system_checks_has_a_runbook() -> None:
    for watched in shipped_checks():
        if (
            watched.definition.kind in ("system", "process")
            and watched.definition.name != "processes"
        ):
            assert watched.check.stock_rules()
            assert all("Usual fix:" in rule.runbook for rule in watched.check.stock_rules())


def test_a_disk_that_fills_up_within_hours_is_told_before_it_is_nearly_full() -> None:
    rule = next(each for each in RULES if each.id == "disk-full-soon")
    state = RuleState(rule=rule.id, labels=(("mount", "/"),))
    start = datetime(2026, 3, 1, tzinfo=UTC)

    for index in range(360):
        percent = round(40 + 16 * index / 360, 1)
        state = observe(rule, state, start + timedelta(seconds=10 * index), percent)

    assert state.level.word == "critical"
    assert state.message == "Disk full soon (/): it reaches 100 % in 2.7 h, expected ≥ 4 h"
