"""What the monitor does regularly beside the checks: samples, alert rules, sweeps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from domain.alertrules import AlertRule
from domain.facts import Sample, SeriesKind
from domain.incidents import fingerprint
from domain.intake import MOST_LABEL_SETS, Refusal
from domain.reading import overall
from domain.rulestate import RuleState
from domain.score import Component, score
from domain.windows import Window
from monitor.clockwatch import ClockWatch, steady_s
from monitor.cycle import Cycle
from monitor.leaving import Leaving
from monitor.orders import Ask
from monitor.recorder import Recorder
from monitor.roster import Roster, Watch
from monitor.rulings import STORED_EVERY, Rulings
from monitor.sampling import SystemSampler
from monitor.selfwatch import Vitals
from monitor.windows import Windows
from storage import rule_rows, web_figures
from storage.journal import Journal
from storage.leadership import Lease
from storage.web_figures import WebFigures

log = structlog.get_logger()

SWEEP_S = 10.0
LAG = "monitor.lag_ms"
STEP = "monitor.clock_step_ms"
OVERALL = "monitor.overall_status"
SCORE = "monitor.health_score"
REFUSED = "monitor.samples_refused"
WEB_TIME = "web.response_ms"
WEB_REQUESTS = "web.requests_per_minute"
WEB_ERRORS = "web.error_percent"
LEAST_REQUESTS = 20
CARDINALITY = "cardinality"
ON_ITS_WAY = timedelta(seconds=1)
# It beats every two seconds. After a longer pause everything measured has come anew by then.
STOPPED = timedelta(seconds=6)
CATCHES_UP = timedelta(seconds=60)


class Upkeep:
    """The regular work of one leadership. Its moments to come are laid from rows and windows."""

    def __init__(
        self,
        engine: Engine,
        lease: Lease,
        journal: Journal,
        recorder: Recorder,
        cycle: Cycle,
        ask: Ask,
        clock: Callable[[], datetime],
        steady: Callable[[], float] = steady_s,
    ) -> None:
        self._engine = engine
        self._lease = lease
        self._journal = journal
        self._recorder = recorder
        self._cycle = cycle
        self._ask = ask
        self._clock = clock
        self._clock_watch = ClockWatch(engine, lease, journal, ask, steady)
        self._sampler = SystemSampler()
        self._lag_ms = 0.0
        self._step_ms = 0.0
        self._next: datetime | None = None
        self._beaten: datetime | None = None
        self._resumed: datetime | None = None
        self._listening = False
        self._leaving = Leaving()

    async def adopt(
        self, rules: Sequence[AlertRule], windows: Sequence[Window], *, by_hand: bool = False
    ) -> None:
        """Put rules and windows in force; what the rules said before goes on.

        `by_hand` says that what is gone now, checks too, was deleted, and is not to be waited for.
        """
        now = self._clock()
        self._note_leaving(now, by_hand=by_hand)
        await self._clock_watch.begin(now)
        laid = Windows(windows)
        self._cycle.windows = laid
        judged = frozenset(_judged(watch) for watch in self._cycle.roster)
        if rules != self._cycle.rulings.rules:
            names = [rule.id for rule in rules]
            states = await self._ask(lambda: rule_rows.load(self._engine, names))
            known = {**states, **self._cycle.rulings.states}
            anew = _about_something_else(self._cycle.rulings.rules, rules)
            known = {key: state for key, state in known.items() if state.rule not in anew}
            stopped = now if self._listening else _listened_until(self._lease)
            if not by_hand:
                self._leaving.miss(_of_others(self._cycle.rulings.states, names), now)
            self._cycle.rulings = Rulings(rules, known, now, laid, stopped=stopped)
            await self._forget()
        self._listening = True
        self._cycle.rulings.windows = laid
        self._cycle.rulings.judged = judged
        runbooks = {rule.id: rule.runbook for rule in rules if rule.runbook}
        for watch in self._cycle.roster:
            watch.runbooks = runbooks
        self._settle(now)
        # What a window or a rule has just changed for incidents should not wait for its turn.
        self._next = now

    def note(self, vitals: Vitals) -> None:
        """Remember how the loop and the clock did, until the next sample tells of the worst."""
        self._beaten = self._clock()
        self._clock_watch.tick(self._beaten)
        if vitals.stepped and vitals.step_s < 0:
            self._cycle.rulings.turn_back(self._beaten)
            # It lies ahead now, and would be waited for.
            self._next = self._beaten
        if not self._clock_watch.is_settled:
            self._next = self._beaten
        self._lag_ms = max(self._lag_ms, vitals.lag_ms)
        self._step_ms = max(self._step_ms, abs(vitals.step_s) * 1000)

    def is_due(self, now: datetime) -> bool:
        """Whether something has come that should not wait for the regular sweep."""
        return self._next is not None and now >= self._next

    async def sample(self) -> None:
        """Sample the machine's metrics and the monitor's own; the rules see them first."""
        at = self._clock().replace(microsecond=0)
        samples = [
            Sample(
                name=each.name, labels=tuple(sorted(each.labels.items())), at=at, value=each.value
            )
            for each in await self._sampler.sample()
        ]
        samples.append(Sample(name=LAG, at=at, value=round(self._lag_ms, 1)))
        samples.append(Sample(name=STEP, at=at, value=round(self._step_ms, 1)))
        self._lag_ms = self._step_ms = 0.0
        samples += _standing(self._cycle.roster, at)
        samples += _refused(self._journal.refused, at)
        samples += _web(await self._ask(lambda: web_figures.read(self._engine, at)), at)
        self._recorder.sample(samples)
        self._recorder.rule(self._cycle.rulings.observe(samples))

    async def sweep(self) -> None:
        """Do what comes with time alone, to windows, rules and incidents."""
        now = self._clock()
        await self._clock_watch.settle(now)
        # Until it is known when to look again, the regular sweep alone does.
        self._next = None
        self._settle(now)
        if not self._was_away(now):
            # A sample that is on its way is not missing.
            self._recorder.rule(self._cycle.rulings.elapse(now - ON_ITS_WAY))
        checks = self._note_leaving(now)
        watched = self._watched(checks)
        if self._leaving.give_up(now):
            watched = self._watched(checks)
            await self._forget()
        if full := self._journal.full_metrics:
            await self._ask(lambda: self._journal.notify(CARDINALITY, "warning", _full(full), now))
        ahead = await self._ask(lambda: self._journal.sweep(self._lease, watched, now))
        edges = [ahead, self._cycle.windows.next_edge(now)]
        self._next = min((edge for edge in edges if edge is not None), default=None)

    def _note_leaving(self, now: datetime, *, by_hand: bool = False) -> frozenset[str]:
        """Note which checks are gone by now; the fingerprints of those that are there."""
        checks = frozenset(fingerprint(watch.name) for watch in self._cycle.roster)
        if by_hand:
            self._leaving.follow(checks)
        self._leaving.look(checks, now)
        return checks

    def _watched(self, checks: frozenset[str] = frozenset()) -> frozenset[str]:
        """The fingerprints of these checks and of all rules, with what is gone for a moment only."""
        watched = checks | self._cycle.rulings.watched()
        return watched | self._leaving.held(watched)

    async def _forget(self) -> None:
        """Forget what rules said that are gone for good."""
        watched = self._watched()
        await self._ask(lambda: rule_rows.forget(self._engine, self._lease, watched))

    async def before_keeping(self) -> None:
        """Let the store know what is thought of the clock: the round that follows may delete."""
        await self._clock_watch.settle(self._clock())

    async def after_keeping(self) -> None:
        """Give back the places of series that are gone, and take the notice back when there is room."""
        gone = await self._ask(lambda: self._journal.free_series(self._lease))
        if gone:
            log.info("series of which nothing was left are gone", count=gone)
        if not self._journal.full_metrics:
            await self._ask(lambda: self._journal.withdraw(CARDINALITY))

    def _was_away(self, now: datetime) -> bool:
        """Whether this process was stopped or asleep a moment ago: what is missing since is its doing."""
        if self._beaten is not None and abs(now - self._beaten) > STOPPED:
            self._resumed = now
        return self._resumed is not None and abs(now - self._resumed) < CATCHES_UP

    def _settle(self, now: datetime) -> None:
        entries = self._cycle.windows.settle(self._cycle.roster, now)
        self._recorder.record(entries)
        self._cycle.wake(entries)


def _web(figures: WebFigures | None, at: datetime) -> list[Sample]:
    """How the web answers. Of a few requests one that fails is no rate."""
    if figures is None:
        return []
    found = [
        Sample(name=WEB_TIME, at=at, value=round(figures.average_ms, 1)),
        Sample(name=WEB_REQUESTS, at=at, value=figures.per_minute),
    ]
    if figures.requests >= LEAST_REQUESTS:
        percent = round(100 * figures.errors / figures.requests, 2)
        found.append(Sample(name=WEB_ERRORS, at=at, value=percent))
    return found


def _full(metrics: frozenset[str]) -> str:
    shown = ", ".join(sorted(metrics)[:3])
    return (
        f"{shown}: more than {MOST_LABEL_SETS} label sets; further ones are not stored. Look for a "
        "label that is different each time, such as a request's number, and leave it out."
    )


def _refused(refused: Mapping[Refusal, int], at: datetime) -> list[Sample]:
    """How many samples were not taken in since the start, by reason."""
    return [
        Sample(
            name=REFUSED,
            labels=(("reason", reason.value),),
            at=at,
            value=float(count),
            kind=SeriesKind.COUNTER,
        )
        for reason, count in refused.items()
    ]


def _listened_until(lease: Lease) -> datetime | None:
    """Until when the states of the run before are known to hold: what was healthy was stored seldom."""
    return None if lease.previous_beat is None else lease.previous_beat - STORED_EVERY


def _of_others(states: Mapping[str, RuleState], rules: Collection[str]) -> list[str]:
    """The fingerprints whose rule is none of these: one that is switched off is."""
    return [key for key, state in states.items() if state.rule not in rules]


def _about_something_else(
    former: Sequence[AlertRule], rules: Sequence[AlertRule]
) -> frozenset[str]:
    """The rules that judge another value than before: what they said of the old one means nothing."""
    before = {rule.id: (rule.kind, rule.metric) for rule in former}
    return frozenset(
        rule.id for rule in rules if before.get(rule.id) not in (None, (rule.kind, rule.metric))
    )


def _standing(roster: Roster, at: datetime) -> list[Sample]:
    """How all checks together stand: the overall status (0 healthy to 4 critical), the score."""
    readings = [(watch, watch.reading(at)) for watch in roster]
    components = [
        Component(
            check=watch.name,
            status=read.status,
            mark=read.mark,
            weight=watch.watched.definition.weight,
        )
        for watch, read in readings
    ]
    whole = float(overall([read for _, read in readings]))
    found = [Sample(name=OVERALL, at=at, value=whole)]
    value = score(components).value
    # Without anything that counts there is no score, which is not the same as none at all.
    return found if value is None else [*found, Sample(name=SCORE, at=at, value=round(value, 1))]


def _judged(watch: Watch) -> tuple[str, str]:
    """The metric that a check judges, and the path of it where it has one."""
    check = watch.watched.check
    return check.headline(), str(getattr(check, "path", ""))
