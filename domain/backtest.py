"""Back-tests: what a rule would have said over stored history, by the evaluator that runs live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from domain import course as courses
from domain.alertrules import AlertRule, RuleKind
from domain.course import Course, micros, moment_of
from domain.facts import Status
from domain.rates import Points, judged, kept
from domain.rules import COMPARE, Operator, grader
from domain.rulestate import reads, timing_of

PEAKS = {
    Operator.GT: Operator.GT,
    Operator.GTE: Operator.GT,
    Operator.LT: Operator.LT,
    Operator.LTE: Operator.LT,
}
BEFORE_ALL = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A time in which the rule said one level. `peak` is the worst value in it.

    No peak without a direction (equal, not equal), for absences, and where no data was.
    """

    level: Status
    start: datetime
    end: datetime
    peak: float | None = None

    @property
    def length_s(self) -> float:
        """Its length in seconds."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What a rule would have said. `count` is how often it would have begun to fire.

    Stretches that touch (a warning that becomes critical) are one alert, for `count` and `longest_s`.
    `judged_from` is the start, or the first sample of a series that began later; None: nothing of
    the time could be judged.
    """

    count: int
    total_s: float
    longest_s: float
    stretches: tuple[Stretch, ...]
    samples: int
    judged_from: datetime | None


def backtest(
    rule: AlertRule,
    samples: Iterable[tuple[datetime | float, float]],
    start: datetime,
    end: datetime,
    *,
    known: bool = False,
) -> Backtest:
    """What the rule says of one series from `start` to `end`.

    Samples are (time, value), the time a datetime or milliseconds since 1970, in their order. Those
    before `start` only prepare the ground; those after `end` are not looked at. `known` says that
    the series had samples before all of these: else its data is not missing before the first one.
    """
    replay = _Replay(rule, micros(start), micros(end), known=known)
    replay.run(_in_micros(samples))
    began = replay.began
    return _summary(
        tuple(replay.stretches), replay.samples, None if began is None else moment_of(began)
    )


def _in_micros(samples: Iterable[tuple[datetime | float, float]]) -> Iterator[tuple[int, float]]:
    for at, value in samples:
        if isinstance(at, int):
            yield at * 1000, value
        else:
            yield micros(at) if isinstance(at, datetime) else round(at * 1000), value


class _Replay:
    """The evaluator's course over one series, which skips what the evaluator would not change by."""

    def __init__(self, rule: AlertRule, start: int, end: int, *, known: bool) -> None:
        self._rule = rule
        self._timing = timing_of(rule)
        self._start, self._end = start, end
        # From when on silence says something: a series that is known may be silent from the start.
        self._course = Course(heard=start if known else None)
        self.began: int | None = start if known else None
        absence = rule.kind is RuleKind.ABSENCE
        self._points: Points = ()
        self._level, self._since = Status.HEALTHY, start
        self._peak: float | None = None
        direction = None if absence else PEAKS.get(rule.levels.operator)
        self._worse = None if direction is None else COMPARE[direction]
        self._graders = {
            each: grader(rule.levels, each) for each in (courses.H, courses.W, courses.C)
        }
        self.stretches: list[Stretch] = []
        self.samples = 0

    def run(self, samples: Iterable[tuple[int, float]]) -> None:
        """Take all samples, then the time until the end."""
        start, end, patience = self._start, self._end, self._timing.patience
        skips = self._rule.kind is RuleKind.THRESHOLD
        last, skipped = BEFORE_ALL, 0
        calm: Status | None = None
        grade = self._graders[courses.H]
        for at, value in samples:
            # By far the most samples change nothing: they are passed over here.
            if calm is not None and last < at <= end and at - last <= patience:
                if grade(value) is calm:
                    last = at
                    skipped += at >= start
                    if calm:
                        self._note(at, value)
                    continue
            elif at > end or at <= last:
                continue
            self._catch_up(last)
            self._take(at, value)
            last = at
            calm = courses.steady(self._course) if skips else None
            grade = self._graders[self._course.firing]
        self.samples += skipped
        self._catch_up(last)
        self._pass(end - 1)
        self._change(Status.HEALTHY, end)

    def _catch_up(self, last: int) -> None:
        if self._course.last is not None and self._course.last != last:
            self._course = self._course._replace(last=last, heard=last)

    def _take(self, at: int, value: float) -> None:
        if self.began is None:
            self.began = max(at, self._start)
        self._pass(at - 1)
        found: float | None = value
        if self._rule.kind is RuleKind.RATE:
            found = judged(self._rule, self._points, at, value)
            self._points = kept(self._rule, self._points, at, value)
        level = None if found is None else self._graders[self._course.firing](found)
        self._course = courses.take(self._timing, self._course, at, level)
        self.samples += at >= self._start
        self._change(reads(self._rule, self._course), at)
        if found is not None and self._level:
            self._note(at, found)

    def _pass(self, until: int) -> None:
        while (at := courses.moment(self._timing, self._course)) is not None and at <= until:
            self._course = courses.turn(self._timing, self._course, at)
            self._change(reads(self._rule, self._course), at)

    def _change(self, level: Status, at: int) -> None:
        if level is self._level:
            return
        begins = max(self._since, self._start)
        if self._level and begins < at:
            self.stretches.append(
                Stretch(
                    level=self._level,
                    start=moment_of(begins),
                    end=moment_of(at),
                    peak=self._peak,
                )
            )
        self._level, self._since, self._peak = level, at, None

    def _note(self, at: int, value: float) -> None:
        """Remember the worst value within the time that is asked for."""
        if self._worse is None or value != value or at < self._start:
            return
        if self._peak is None or self._worse(value, self._peak):
            self._peak = value


def _summary(
    stretches: tuple[Stretch, ...], samples: int, judged_from: datetime | None
) -> Backtest:
    alerts: list[Stretch] = []
    for each in stretches:
        if alerts and alerts[-1].end == each.start:
            alerts[-1] = replace(alerts[-1], end=each.end)
        else:
            alerts.append(each)
    lengths = [alert.length_s for alert in alerts]
    return Backtest(
        count=len(alerts),
        total_s=sum(lengths),
        longest_s=max(lengths, default=0.0),
        stretches=stretches,
        samples=samples,
        judged_from=judged_from,
    )
