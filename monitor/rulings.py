"""Alert rules as the monitor evaluates them: with each sample, and when time alone decides.

A rule on a metric of one check feeds that check's status; any other speaks for itself, under the
fingerprint `rule:<id>:<labels>`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from domain.alertrules import (
    CHECK,
    INTERVAL_S,
    KIND,
    AlertRule,
    Labels,
    Missing,
    RuleKind,
    fingerprint,
    selects,
)
from domain.facts import Decision, Sample, Status
from domain.incidents import Problem
from domain.matching import Subject
from domain.muting import GATE, Reason
from domain.rules import Verdict
from domain.rulestate import RuleState, elapse, observe, resume
from monitor.stock import is_spared
from monitor.windows import Windows
from storage.rule_rows import Ruled

# States without news are stored so often, so that a restart knows when a series was last seen.
STORED_EVERY = timedelta(seconds=60)
FORGOTTEN_AFTER = timedelta(hours=1)


class Rulings:
    """The rules in force and what each of them says of each series. Belongs to the loop's thread.

    `states` are those of an earlier run by fingerprint. From `stopped`, when that run ended, until
    `started` silence is not the series' own; without `stopped` all silence until then is not.
    `judged` are the metrics of filesystems that checks judge, with the path: see `monitor.stock`.
    """

    def __init__(
        self,
        rules: Sequence[AlertRule],
        states: Mapping[str, RuleState],
        started: datetime,
        windows: Windows,
        judged: Collection[tuple[str, str]] = (),
        *,
        stopped: datetime | None = None,
    ) -> None:
        self.rules = tuple(rules)
        self.windows = windows
        self.judged = judged
        self._started = started
        self._by_metric: dict[str, list[AlertRule]] = {}
        for rule in rules:
            if rule.enabled:
                self._by_metric.setdefault(rule.metric, []).append(rule)
        self._by_id = {rule.id: rule for rule in rules if rule.enabled}
        self._states = {
            key: resume(self._by_id[each.rule], each, started, stopped)
            for key, each in states.items()
            if each.rule in self._by_id and _is_about(self._by_id[each.rule], each)
        }
        self._drop_stand_ins()
        self._gates = {key: self._gate(each, started) for key, each in self._states.items()}
        self._stored = dict.fromkeys(self._states, started)

    @property
    def states(self) -> Mapping[str, RuleState]:
        """What the rules say now, by fingerprint."""
        return self._states

    def turn_back(self, now: datetime) -> None:
        """The clock was set back to `now`: go on from what fires, and hear every series anew."""
        self._states = {
            key: resume(self._by_id[each.rule], each, now) for key, each in self._states.items()
        }
        self._stored = dict.fromkeys(self._stored, now)

    def watched(self) -> frozenset[str]:
        """The fingerprints for which some rule speaks."""
        return frozenset(self._states)

    def observe(self, samples: Iterable[Sample]) -> list[Ruled]:
        """Take samples that belong to no check; what is to be stored of them."""
        found: list[Ruled] = []
        for sample in samples:
            for rule in self._selecting(sample.name, sample.labels):
                found += self._take(rule, sample.labels, sample.at, sample.value)
        return found

    def judge(
        self, check: str, metrics: Mapping[str, float], at: datetime, interval_s: float = INTERVAL_S
    ) -> tuple[tuple[Verdict, ...], list[Ruled]]:
        """What the rules say of the numbers of one check, and what is to be stored of that.

        `interval_s` is the check's own: a rule expects its samples as often as it runs.
        """
        labels: Labels = ((CHECK, check),)
        verdicts: list[Verdict] = []
        stored: list[Ruled] = []
        for name, value in metrics.items():
            for rule in self._selecting(name, labels):
                if rule.kind is RuleKind.ABSENCE:
                    stored += self._take(rule, labels, at, value)
                    continue
                key = fingerprint(rule.id, labels)
                before = self._state(rule, labels)
                paced = (
                    rule if rule.interval_s == interval_s else replace(rule, interval_s=interval_s)
                )
                after = self._states[key] = observe(paced, before, at, value)
                verdicts.append(Verdict(rule=rule.id, level=after.level, message=after.message))
                if self._is_news(key, before, after, at):
                    stored.append(Ruled(fingerprint=key, state=after, at=at))
        return tuple(verdicts), stored

    def elapse(self, now: datetime) -> list[Ruled]:
        """What time alone decides: data that stays away, and levels that have been clear long enough."""
        found: list[Ruled] = []
        for rule in self._by_id.values():
            # While no series is known something must stand in, so that their absence can be told.
            if rule.kind is RuleKind.ABSENCE and not self._of(rule.id):
                self._state(rule, _named(rule))
            for state in self._of(rule.id):
                if _is_forgotten(rule, state, now):
                    del self._states[fingerprint(rule.id, state.labels)]
                    continue
                if rule.kind is not RuleKind.ABSENCE and dict(state.labels).get(CHECK):
                    continue
                found += self._moved(rule, state, elapse(rule, state, now), now)
        return found

    def _take(self, rule: AlertRule, labels: Labels, at: datetime, value: float) -> list[Ruled]:
        state = self._state(rule, labels)
        found = self._moved(rule, state, observe(rule, state, at, value), at)
        key = fingerprint(rule.id, _named(rule))
        before = self._states.get(key)
        if rule.kind is RuleKind.ABSENCE and before is not None and before.last_at is None:
            # A series has come: what stood in for it recovers, and is not waited for any more.
            found += self._moved(rule, before, observe(rule, before, at, value), at)
            self._drop(key)
        return found

    def _drop_stand_ins(self) -> None:
        for rule in self._by_id.values():
            key = fingerprint(rule.id, _named(rule))
            state = self._states.get(key) if rule.kind is RuleKind.ABSENCE else None
            if state is not None and state.last_at is None and len(self._of(rule.id)) > 1:
                del self._states[key]

    def _drop(self, key: str) -> None:
        del self._states[key], self._gates[key]

    def _of(self, rule_id: str) -> list[RuleState]:
        return [each for each in self._states.values() if each.rule == rule_id]

    def _selecting(self, metric: str, labels: Labels) -> Iterator[AlertRule]:
        for rule in self._by_metric.get(metric, ()):
            if selects(rule, metric, labels) and not is_spared(
                rule.id, metric, labels, self.judged
            ):
                yield rule

    def _state(self, rule: AlertRule, labels: Labels) -> RuleState:
        key = fingerprint(rule.id, labels)
        if key not in self._states:
            self._states[key] = RuleState(rule=rule.id, labels=labels)
            self._gates[key] = Reason.HEALTHY
        return self._states[key]

    def _moved(
        self, rule: AlertRule, before: RuleState, after: RuleState, at: datetime
    ) -> list[Ruled]:
        """What is to be stored of a state that moved: it, its problem, and the gate's decision."""
        key = fingerprint(rule.id, after.labels)
        self._states[key] = after
        former, gate = self._gates[key], self._gate(after, at)
        self._gates[key] = gate
        if (
            gate is former
            and gate is not Reason.PASSED
            and not self._is_news(key, before, after, at)
        ):
            return []
        self._stored[key] = at
        decisions = () if gate is former else (_decision(key, gate, after, at),)
        problem = _problem(rule, key, after, gate, at)
        return [Ruled(fingerprint=key, state=after, at=at, problem=problem, decisions=decisions)]

    def _is_news(self, key: str, before: RuleState, after: RuleState, at: datetime) -> bool:
        """Whether a state must be stored: while anything is pending, or now and then."""
        if after.level is not before.level or after.level or after.is_pending:
            return True
        if at - self._stored.get(key, self._started) < STORED_EVERY:
            return False
        self._stored[key] = at
        return True

    def _gate(self, state: RuleState, at: datetime) -> Reason:
        if state.level is Status.HEALTHY:
            return Reason.NOT_YET_HARD if state.is_pending else Reason.HEALTHY
        rule = self._by_id[state.rule]
        subject = Subject(name=rule.id, kind=KIND, tags=frozenset(rule.tags))
        covered = self.windows.over(subject, state.since, at) is not None
        return Reason.MAINTENANCE if covered else Reason.PASSED


def _named(rule: AlertRule) -> Labels:
    """The labels that a rule names, as those of a series."""
    return tuple(sorted(rule.labels.items()))


def _is_about(rule: AlertRule, state: RuleState) -> bool:
    """Whether a state that is remembered is one of the rule as it is now: it may have been edited."""
    return state.labels == _named(rule) or selects(rule, rule.metric, state.labels)


def _is_forgotten(rule: AlertRule, state: RuleState, now: datetime) -> bool:
    """Whether a series whose silence means nothing has been gone for so long that it is over."""
    ignored = rule.missing is Missing.IGNORE and state.last_at is not None
    return ignored and state.last_at is not None and now - state.last_at > FORGOTTEN_AFTER


def _decision(key: str, gate: Reason, state: RuleState, at: datetime) -> Decision:
    return Decision(subject=key, gate=GATE, at=at, reason=gate.value, detail=state.message)


def _reads(rule: AlertRule, state: RuleState) -> str:
    """What a title says; a severity of the rule's own would contradict the word for its level."""
    is_own = rule.severity is not None and state.level is not Status.UNKNOWN
    return "fires" if is_own else f"is {state.level.word}"


def _problem(rule: AlertRule, key: str, state: RuleState, gate: Reason, at: datetime) -> Problem:
    where = ", ".join(f"{name} {value}" for name, value in state.labels)
    return Problem(
        fingerprint=key,
        component=rule.id,
        kind=KIND,
        at=at,
        status=state.level,
        gate=gate,
        message=state.message,
        severity=rule.severity if state.level else None,
        tags=rule.tags,
        runbook=rule.runbook,
        title=f"{rule.title or rule.id}{f' ({where})' if where else ''} {_reads(rule, state)}",
        # As channels are called: a name that was typed otherwise would tell nobody.
        channels=tuple(unicodedata.normalize("NFC", name) for name in rule.channels),
        cooldown_s=rule.cooldown_s,
    )
