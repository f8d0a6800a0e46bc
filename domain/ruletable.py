"""From raw `[[rule]]` tables to alert rules and back: every mistake at once, with key and reason."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from domain.alertrules import (
    COOLDOWN_S,
    INTERVAL_S,
    MISSED,
    AlertRule,
    Missing,
    RuleKind,
    operator_for,
    unit_for,
)
from domain.facts import Detail
from domain.incidents import Severity
from domain.mistakes import ConfigError, Mistake, shown, unknown_key
from domain.rulefields import KEYS, SEVERITY_WORDS
from domain.rules import Operator, Rule, order_mistake
from domain.units import SECONDS, span

ARRAY = "rule"
CHECK = "check"
LEVELS = ("warning", "critical")
CLEAR = ("clear_warning", "clear_critical")
FEW_LEFT = frozenset({Operator.LT, Operator.LTE})
# What says nothing about a rule of these kinds; a key that can't mean anything is a mistake.
FOREIGN: Mapping[RuleKind, tuple[str, ...]] = {
    RuleKind.THRESHOLD: ("window", "reaches"),
    RuleKind.RATE: (),
    RuleKind.ABSENCE: (
        "window",
        "reaches",
        "operator",
        *LEVELS,
        *CLEAR,
        "missing",
        "keep_firing_for",
    ),
}


def examine(tables: Sequence[object]) -> tuple[tuple[AlertRule, ...], tuple[Mistake, ...]]:
    """The rules that can be built, in their order, and every mistake in the tables."""
    rules: list[AlertRule] = []
    mistakes: list[Mistake] = []
    seen: Counter[str] = Counter()
    for index, table in enumerate(tables):
        reader = _Reader(table if isinstance(table, Mapping) else {}, index)
        found = reader.mistakes() if isinstance(table, Mapping) else [_no_table(table, index)]
        rule_id = reader.values.get("id")
        if rule_id is not None and seen[rule_id]:
            found.append(reader.mistake("id", "another rule has this id: it can be used once only"))
        seen[str(rule_id)] += 1
        mistakes += found
        rules += () if found else (reader.rule(),)
    return tuple(rules), tuple(mistakes)


def read_rule(table: Mapping[str, object]) -> AlertRule:
    """The rule of one table. Raises ConfigError with every mistake in it."""
    rules, mistakes = examine([table])
    if mistakes:
        raise ConfigError(mistakes)
    return rules[0]


def as_table(rule: AlertRule) -> dict[str, Detail]:
    """The table of a rule, as `read_rule` reads it; without what is as usual."""
    levels = rule.levels
    usual = operator_for(rule.reaches)
    written: dict[str, tuple[Detail, bool]] = {
        "id": (rule.id, True),
        "title": (rule.title, rule.title != rule.id),
        "description": (rule.description, bool(rule.description)),
        "runbook": (rule.runbook, bool(rule.runbook)),
        "message": (rule.message, bool(rule.message)),
        "kind": (rule.kind.value, rule.kind is not RuleKind.THRESHOLD),
        "metric": (rule.metric, True),
        "labels": (dict(rule.labels), bool(rule.labels)),
        "operator": (levels.operator.value, levels.operator is not usual),
        **{key: (getattr(levels, key), getattr(levels, key) is not None) for key in LEVELS + CLEAR},
        "for": (duration_text(rule.for_s), bool(rule.for_s)),
        "keep_firing_for": (duration_text(rule.keep_firing_for_s), bool(rule.keep_firing_for_s)),
        "window": (duration_text(rule.window_s), bool(rule.window_s)),
        "reaches": (rule.reaches, rule.reaches is not None),
        "missing": (rule.missing.value, rule.missing is not Missing.UNKNOWN),
        "interval": (duration_text(rule.interval_s), rule.interval_s != INTERVAL_S),
        "severity": (SEVERITY_WORDS.get(rule.severity or Severity.INFO), rule.severity is not None),
        "cooldown": (duration_text(rule.cooldown_s), rule.cooldown_s != COOLDOWN_S),
        "enabled": (rule.enabled, not rule.enabled),
        **{
            key: (list(getattr(rule, key)), bool(getattr(rule, key)))
            for key in ("channels", "actions", "tags")
        },
    }
    return {key: value for key, (value, given) in written.items() if given}


def duration_text(length_s: float) -> str:
    """A duration as the configuration writes it: `15m`, `1h`, `0.5s`."""
    for unit in ("d", "h", "m"):
        if length_s and length_s % SECONDS[unit] == 0:
            return f"{length_s / SECONDS[unit]:.0f}{unit}"
    return f"{Decimal(repr(float(length_s))).normalize():f}s"


class _Reader:
    """Reads one table: its fields one by one, then what must hold between them."""

    def __init__(self, table: Mapping[str, object], index: int) -> None:
        self._table = {str(key): value for key, value in table.items()}
        self._index = index
        self.values: dict[str, Any] = {}

    def mistakes(self) -> list[Mistake]:
        """Everything that is wrong with the table."""
        found = [*self._fields()]
        found += [
            mistake
            for rules in (self._identity, self._series, self._kind, self._levels)
            for mistake in rules()
        ]
        return found

    def mistake(self, key: str, reason: str) -> Mistake:
        """The mistake in one key that is given."""
        given = shown(self._table.get(key), key)
        path = (ARRAY, self._index, key)
        return Mistake(key=f"{self._label} {key}", given=given, reason=reason, path=path)

    def rule(self) -> AlertRule:
        """The rule, once there is no mistake."""
        values = dict(self.values)
        rule_id, metric, kind = values["id"], values["metric"], self._kind_of()
        reaches = values.get("reaches")
        title = values.pop("name", values.get("title", rule_id))
        labels = self._labels()
        levels = Rule(
            id=rule_id,
            metric=metric,
            title=title,
            labels=labels,
            operator=values.pop("operator", operator_for(reaches)),
            unit=unit_for(kind, metric, reaches),
            runbook=values.get("runbook", ""),
            **{key: values.pop(key, None) for key in LEVELS + CLEAR},
        )
        for key in ("check", "labels", "title"):
            values.pop(key, None)
        fields = {KEYS[key].attribute or key: value for key, value in values.items()}
        return AlertRule(**fields, title=title, labels=labels, levels=levels)

    @property
    def _label(self) -> str:
        given = self._table.get("id")
        return f"{ARRAY} {shown(given) if isinstance(given, str) and given else self._index + 1}"

    def _fields(self) -> Iterator[Mistake]:
        for key, value in self._table.items():
            if key not in KEYS:
                path = (ARRAY, self._index, key)
                yield unknown_key(key, value, KEYS, f"{self._label} {key}", path)
                continue
            try:
                self.values[key] = KEYS[key].read(value)
            except ValueError as error:
                yield self.mistake(key, str(error))

    def _identity(self) -> Iterator[Mistake]:
        for key in ("id", "metric"):
            if key not in self._table:
                yield self._missing(f"{key} is missing")
        if self._differ("name", "title"):
            yield self.mistake("name", "is another word for title: give one of them")

    def _series(self) -> Iterator[Mistake]:
        named = self.values.get("labels", {}).get(CHECK)
        if CHECK in self.values and named not in (None, self.values[CHECK]):
            yield self.mistake(CHECK, f"labels name another check: {shown(named)}")

    def _kind(self) -> Iterator[Mistake]:
        if "kind" in self._table and "kind" not in self.values:
            return
        kind = self._kind_of()
        for key in FOREIGN[kind]:
            if key in self._table:
                yield self.mistake(key, f'has no meaning for a rule of kind "{kind}"')
        if kind is RuleKind.RATE:
            yield from self._rate()
        if kind is RuleKind.ABSENCE and "for" not in self._table:
            yield self._missing("for is missing: how long there may be no data")
        elif kind is RuleKind.ABSENCE and self.values.get("for") == 0:
            yield self.mistake("for", "must be longer than 0 s")

    def _rate(self) -> Iterator[Mistake]:
        if "window" not in self._table:
            yield self._missing("window is missing: the time over which the rate is taken")
        shortest = MISSED * self.values.get("interval", INTERVAL_S)
        if self.values.get("window", shortest) < shortest:
            yield self.mistake("window", f"must be at least two intervals, {span(shortest)}")
        given = self.values.get("operator")
        if "reaches" in self.values and given is not None and given not in FEW_LEFT:
            reason = "must be lt or lte: what is judged with reaches are the hours that are left"
            yield self.mistake("operator", reason)

    def _levels(self) -> Iterator[Mistake]:
        if self._kind_of() is RuleKind.ABSENCE:
            return
        if not any(key in self._table for key in LEVELS):
            yield self._missing("warning or critical is missing: the level at which it fires")
        for key, level in zip(CLEAR, LEVELS, strict=True):
            if key in self._table and level not in self._table:
                yield self.mistake(key, f"has no meaning without {level}")
        if any(
            key in self._table and key not in self.values for key in ("operator", *LEVELS, *CLEAR)
        ):
            return
        given: dict[str, Any] = {key: self.values.get(key) for key in LEVELS + CLEAR}
        compared = self.values.get("operator", operator_for(self.values.get("reaches")))
        reason = order_mistake(Rule(id="", metric="", operator=compared, **given))
        if reason is not None:
            yield self.mistake(reason.partition(" ")[0], reason)

    def _kind_of(self) -> RuleKind:
        found: RuleKind = self.values.get("kind", RuleKind.THRESHOLD)
        return found

    def _labels(self) -> dict[str, str]:
        given = dict(self.values.get("labels", {}))
        if CHECK in self.values:
            # A check's name is no pattern, whatever characters it has.
            given[CHECK] = glob.escape(self.values[CHECK])
        return given

    def _differ(self, first: str, second: str) -> bool:
        given = self.values
        return first in given and second in given and given[first] != given[second]

    def _missing(self, reason: str) -> Mistake:
        return Mistake(key=self._label, reason=reason, path=(ARRAY, self._index))


def _no_table(given: object, index: int) -> Mistake:
    reason = "must be a table: write [[rule]] above its keys"
    return Mistake(
        key=f"{ARRAY} {index + 1}", given=shown(given), reason=reason, path=(ARRAY, index)
    )
