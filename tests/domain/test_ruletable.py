"""`[[rule]]` tables: every key, every mistake at once, and the way back to a table."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alertrules import AlertRule, Missing, RuleKind
from domain.incidents import Severity
from domain.mistakes import ConfigError
from domain.rulefields import KEYS
from domain.rules import Operator
from domain.ruletable import as_table, examine, read_rule

CPU: dict[str, Any] = {"id": "cpu-high", "metric": "system.cpu.percent", "warning": 70}


def without(*keys: str, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in (CPU | more).items() if key not in keys}


def reasons(*tables: object) -> list[str]:
    return [str(mistake) for mistake in examine(tables)[1]]


def test_a_rule_needs_an_id_a_metric_and_a_level_and_has_defaults_for_the_rest() -> None:
    found = read_rule(CPU)

    assert (found.id, found.title, found.kind) == ("cpu-high", "cpu-high", RuleKind.THRESHOLD)
    assert (found.levels.operator, found.levels.warning, found.levels.critical) == ("gte", 70, None)
    assert (found.levels.unit, found.labels, found.for_s) == ("%", {}, 0)
    assert (found.missing, found.interval_s, found.cooldown_s) == (Missing.UNKNOWN, 10, 900)
    assert (found.enabled, found.severity, found.channels) == (True, None, ())


def test_every_key_is_read() -> None:
    found = read_rule(
        CPU
        | {
            "title": "CPU",
            "description": "Busy cores",
            "runbook": "Look at top.\nThen restart.",
            "message": "All is slow",
            "labels": {"host": "web-*"},
            "operator": "greater_than",
            "critical": 85,
            "clear_warning": 65,
            "clear_critical": 80,
            "for": "1m",
            "keep_firing_for": "2m",
            "missing": "alert",
            "interval": "30s",
            "severity": "high",
            "cooldown": "1h",
            "enabled": False,
            "channels": ["ops", "ops"],
            "actions": ["restart-shop"],
            "tags": ["shop"],
        }
    )

    assert (found.title, found.levels.title, found.description) == ("CPU", "CPU", "Busy cores")
    assert (found.runbook, found.levels.runbook) == ("Look at top.\nThen restart.",) * 2
    assert (found.message, found.labels) == ("All is slow", {"host": "web-*"})
    levels = found.levels
    assert (levels.operator, levels.warning, levels.critical) == (Operator.GT, 70, 85)
    assert (levels.clear_warning, levels.clear_critical) == (65, 80)
    assert (found.for_s, found.keep_firing_for_s, found.interval_s) == (60, 120, 30)
    assert (found.missing, found.severity) == (Missing.ALERT, Severity.CRITICAL)
    assert (found.cooldown_s, found.enabled, found.channels) == (3600, False, ("ops",))
    assert (found.actions, found.tags) == (("restart-shop",), ("shop",))


def test_name_is_another_word_for_title() -> None:
    assert read_rule(CPU | {"name": "CPU"}).title == "CPU"
    assert "name is another" not in str(reasons(CPU | {"name": "CPU", "title": "CPU"}))
    assert reasons(CPU | {"name": "CPU", "title": "Cores"}) == [
        'rule "cpu-high" name = "CPU": is another word for title: give one of them'
    ]


def test_check_means_the_label_of_that_name() -> None:
    assert read_rule(CPU | {"check": "shop-api"}).labels == {"check": "shop-api"}
    assert reasons(CPU | {"check": "a", "labels": {"check": "b"}}) == [
        'rule "cpu-high" check = "a": labels name another check: "b"'
    ]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("info", Severity.INFO),
        ("warning", Severity.MINOR),
        ("low", Severity.MINOR),
        ("error", Severity.MAJOR),
        ("medium", Severity.MAJOR),
        ("critical", Severity.CRITICAL),
        ("high", Severity.CRITICAL),
        ("minor", Severity.MINOR),
        ("emergency", Severity.EMERGENCY),
    ],
)
def test_severities_are_known_by_all_their_words(word: str, meant: Severity) -> None:
    assert read_rule(CPU | {"severity": word}).severity is meant


@pytest.mark.parametrize("word", ["gt", "greater_than", ">"])
def test_operators_are_known_by_name_word_and_sign(word: str) -> None:
    assert read_rule(CPU | {"operator": word}).levels.operator is Operator.GT


def test_a_rate_is_in_units_an_hour_or_in_hours_until_it_reaches_its_value() -> None:
    rate = read_rule(CPU | {"kind": "rate", "window": "1h"})
    soon = read_rule(CPU | {"kind": "rate", "window": "1h", "reaches": 100})

    assert (rate.levels.unit, rate.levels.operator) == ("%/h", Operator.GTE)
    assert (soon.levels.unit, soon.levels.operator) == ("h", Operator.LT)


def test_an_unknown_metric_is_allowed() -> None:
    assert read_rule(CPU | {"metric": "what.will.come"}).metric == "what.will.come"


@pytest.mark.parametrize(
    ("table", "mistake"),
    [
        (without("id"), "rule 1: id is missing"),
        (without("metric"), 'rule "cpu-high": metric is missing'),
        (without("warning"), 'rule "cpu-high": warning or critical is missing: the level at'),
        (without(warning=True), "warning = true: must be a number, not true or false"),
        (without(warning=math.nan), "warning = nan: must be a finite number"),
        (without(critical=math.inf), "critical = inf: must be a finite number"),
        (without(warning="70"), 'warning = "70": must be a number, not text'),
        (without(critical=60), "warning = 70: warning = 70 lies above critical = 60"),
        (without(operator="lt", critical=80), "warning = 70 lies below critical = 80"),
        (without(clear_warning=75), "clear_warning = 75: clear_warning = 75 lies beyond"),
        (without(clear_critical=75), "clear_critical = 75: has no meaning without critical"),
        (without(operator="above"), "operator = \"above\": unknown operator 'above': use one of"),
        (without(id="cpu high"), 'id = "cpu high": must be letters, digits'),
        (without(id=""), "must be letters, digits"),
        (without(metric=""), "must not be empty"),
        (without(metric="a b"), "must be the name of a metric"),
        (without(kind="treshold"), 'must be one of "threshold", "rate", "absence"'),
        (without(missing="panic"), 'must be one of "unknown", "ignore", "alert"'),
        (without(severity="fatal"), 'must be one of "info", "warning", "low"'),
        (without(labels={"mount": ""}), "must name labels with a value or a pattern"),
        (without(labels={"mount": 5}), "must be text, not a whole number"),
        (without(interval="0s"), "must be longer than 0 s"),
        (without(window="1h"), 'has no meaning for a rule of kind "threshold"'),
        (without(reaches=100), 'has no meaning for a rule of kind "threshold"'),
        (without(kind="rate"), "window is missing: the time over which the rate is taken"),
        (
            without(kind="rate", window="15s"),
            'window = "15s": must be at least two intervals, 20 s',
        ),
        (
            without(kind="rate", window="1h", reaches=100, operator="gt"),
            'operator = "gt": must be lt or lte',
        ),
        (
            without(kind="absence", **{"for": "5m"}),
            "warning = 70: has no meaning for a rule of kind",
        ),
        (without("warning", kind="absence"), "for is missing: how long there may be no data"),
        (without("warning", kind="absence", **{"for": "0s"}), "must be longer than 0 s"),
        (without(**{"for": "1 minute"}), "is not a duration"),
        (without(**{"for": "9999d"}), "must be at most"),
        (without(tresh=5), "tresh = 5: unknown key"),
        (without(critcal=5), 'unknown key, did you mean "critical"?'),
    ],
)
def test_what_can_not_be_a_rule_is_refused_with_key_value_and_reason(
    table: dict[str, Any], mistake: str
) -> None:
    rules, _ = examine([table])

    assert rules == ()
    assert len(reasons(table)) == 1
    assert mistake in reasons(table)[0]


def test_an_entry_that_is_no_table_is_refused() -> None:
    assert reasons("cpu") == ['rule 1 = "cpu": must be a table: write [[rule]] above its keys']


def test_an_id_can_be_used_once_only() -> None:
    rules, mistakes = examine([CPU, CPU | {"metric": "other"}])

    assert [rule.metric for rule in rules] == ["system.cpu.percent"]
    assert [(each.path, each.key) for each in mistakes] == [
        (("rule", 1, "id"), 'rule "cpu-high" id')
    ]


def test_every_mistake_of_every_table_is_told_at_once_and_the_good_rules_are_kept() -> None:
    rules, mistakes = examine(
        [CPU, {"id": "b", "warning": "x", "for": "soon"}, CPU | {"id": "c", "tags": [1]}]
    )

    assert [rule.id for rule in rules] == ["cpu-high"]
    assert [mistake.path for mistake in mistakes] == [
        ("rule", 1, "warning"),
        ("rule", 1, "for"),
        ("rule", 1),
        ("rule", 2, "tags"),
    ]


def test_one_table_alone_raises_with_all_its_mistakes() -> None:
    with pytest.raises(ConfigError) as caught:
        read_rule({"id": "b", "warning": "x"})

    assert len(caught.value.mistakes) == 2


LENGTHS = st.sampled_from(["10s", "1m", "90s", "1h", "0.5s", "500ms", "2d", "0.001s", "1h30m"])
TEXT = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=20)
SHARED: dict[str, st.SearchStrategy[Any]] = {
    "title": TEXT,
    "description": st.text(max_size=50),
    "runbook": st.text(max_size=50),
    "message": TEXT,
    "labels": st.dictionaries(TEXT, TEXT, max_size=3),
    "interval": st.sampled_from(["10s", "5s", "0.5s"]),
    "severity": st.sampled_from(["info", "low", "medium", "critical", "emergency"]),
    "cooldown": LENGTHS,
    "enabled": st.booleans(),
    "channels": st.lists(TEXT, max_size=2),
    "actions": st.lists(TEXT, max_size=2),
    "tags": st.lists(TEXT, max_size=2),
}
JUDGED: dict[str, st.SearchStrategy[Any]] = {
    "keep_firing_for": LENGTHS,
    "missing": st.sampled_from(["unknown", "ignore", "alert"]),
    "for": LENGTHS,
}
TABLES = st.one_of(
    st.fixed_dictionaries(
        {
            "id": st.just("a.b-c"),
            "metric": TEXT,
            "warning": st.floats(-1e6, 0),
            "critical": st.floats(0, 1e6),
        },
        optional=SHARED | JUDGED | {"operator": st.sampled_from(["gt", "gte", "eq", "ne"])},
    ),
    st.fixed_dictionaries(
        {
            "id": st.just("r"),
            "metric": TEXT,
            "kind": st.just("rate"),
            "window": st.just("1h"),
            "warning": st.just(24),
        },
        optional=SHARED | JUDGED | {"reaches": st.floats(-1e6, 1e6)},
    ),
    st.fixed_dictionaries(
        {"id": st.just("a"), "metric": TEXT, "kind": st.just("absence"), "for": LENGTHS},
        optional=SHARED,
    ),
)


@given(TABLES)
def test_a_rule_becomes_a_table_and_the_same_rule_again(table: dict[str, Any]) -> None:
    rule: AlertRule = read_rule(table)

    again = as_table(rule)

    assert read_rule(again) == rule
    assert as_table(read_rule(again)) == again
    assert again.keys() <= KEYS.keys()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    st.lists(JUNK | st.dictionaries(st.sampled_from(sorted(KEYS)), JUNK, max_size=8), max_size=4)
)
def test_no_table_whatever_it_holds_raises_anything_but_mistakes(tables: list[Any]) -> None:
    rules, mistakes = examine(tables)

    assert len(rules) <= len(tables)
    assert all(mistake.reason and mistake.path[0] == "rule" for mistake in mistakes)
    assert len(rules) + len({mistake.path[1] for mistake in mistakes}) == len(tables)
