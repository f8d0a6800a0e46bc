"""The regular work beside the checks: rules and windows put in force, samples, sweeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine, select

from domain.alertrules import AlertRule, Missing, RuleKind
from domain.facts import CheckState, Sample, Status
from domain.intake import MOST_LABEL_SETS
from domain.matching import Match
from domain.rules import Rule
from domain.rulestate import RuleState, elapse
from domain.windows import Recurrence, Window
from monitor.publishing import published
from monitor.roster import Roster, Watch
from monitor.selfwatch import Vitals
from monitor.upkeep import LAG, Upkeep
from storage import rule_rows, schema, silences, web_figures
from storage.engine import reader
from storage.journal import Entry, Journal
from storage.leadership import Lease
from storage.rule_rows import Ruled
from storage.web_figures import WebFigures
from tests.monitor.stand_ins import START, Clock, Stage, stage, watched
from tests.storage.conftest import engine, url
from tests.storage.stores import lead

__all__ = ["engine", "url"]

T = TypeVar("T")
LEVELS = Rule(id="disk", metric="disk", warning=80, critical=90)
DISK = AlertRule(id="disk", metric="disk", levels=LEVELS, missing=Missing.IGNORE)


async def ask(function: Callable[[], T]) -> T:
    return function()


@dataclass
class Direct:
    """A recorder that commits at once, and remembers what it was given."""

    journal: Journal
    lease: Lease
    entries: list[Entry] = field(default_factory=list)
    ruled: list[Ruled] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def record(self, entries: Sequence[Entry | Ruled], *, urgent: bool = False) -> None:
        self.entries += [each for each in entries if isinstance(each, Entry)]
        self.journal.commit(self.lease, entries)

    def rule(self, ruled: Sequence[Ruled]) -> None:
        self.ruled += ruled
        self.journal.commit(self.lease, ruled)

    def sample(self, samples: Sequence[Sample]) -> None:
        self.samples += samples


@dataclass
class Kept:
    """Upkeep over a real store, with everything that it touches."""

    engine: Engine
    upkeep: Upkeep
    stage: Stage
    recorder: Direct

    @property
    def clock(self) -> Clock:
        return self.stage.clock

    @property
    def watched(self) -> frozenset[str]:
        return self.stage.cycle.rulings.watched()

    def begun(self, previous_beat: datetime) -> Upkeep:
        """The upkeep of a monitor that begins where another one gave its last sign of life."""
        lease = replace(self.recorder.lease, previous_beat=previous_beat)
        anything: Any = self.recorder
        journal, clock = self.recorder.journal, self.stage.clock
        return Upkeep(self.engine, lease, journal, anything, self.stage.cycle, ask, clock)

    def feed(self, value: float, **labels: str) -> None:
        pairs = tuple(sorted(labels.items()))
        found = Sample(name="disk", at=self.clock.forward(10), value=value, labels=pairs)
        self.recorder.rule(self.stage.cycle.rulings.observe([found]))

    def stored(self) -> set[str]:
        return set(rule_rows.load(self.engine, ["disk"]))

    def incidents(self) -> list[tuple[str, str]]:
        query = select(schema.incidents.c.fingerprint, schema.incidents.c.stage)
        with reader(self.engine).connect() as connection:
            return [(row[0], row[1]) for row in connection.execute(query)]


@pytest.fixture
def kept(engine: Engine) -> Kept:
    made = stage(watched("api"))
    lease, journal = lead(engine, now=START), Journal(engine)
    recorder = Direct(journal, lease)

    anything: Any = recorder
    upkeep = Upkeep(engine, lease, journal, anything, made.cycle, ask, made.clock)
    return Kept(engine=engine, upkeep=upkeep, stage=made, recorder=recorder)


def window(seconds: float = 60) -> Window:
    """From now on, for so long, over everything."""
    return Window(
        name="move",
        match=Match(),
        start=datetime(*START.timetuple()[:6]),
        duration=timedelta(seconds=seconds),
        recurrence=Recurrence.ONCE,
        timezone="UTC",
    )


ABSENT = AlertRule(
    id="backup", metric="backup", levels=Rule(id="x", metric="x"), kind=RuleKind.ABSENCE, for_s=600
)


async def test_an_edit_of_the_rules_puts_no_absence_off(kept: Kept) -> None:
    await kept.upkeep.adopt((ABSENT,), ())
    await kept.upkeep.sweep()

    for warning in range(60, 66):
        kept.clock.forward(100)
        other = replace(DISK, levels=replace(LEVELS, warning=float(warning)))
        await kept.upkeep.adopt((ABSENT, other), ())
        await kept.upkeep.sweep()

    assert kept.incidents() == [("rule:backup", "new")]


async def test_a_start_counts_the_silence_of_the_run_before_and_not_the_time_between(
    kept: Kept,
) -> None:
    silent = elapse(ABSENT, RuleState(rule="backup"), START)
    kept.recorder.rule([Ruled(fingerprint="rule:backup", state=silent, at=START)])
    # The run before was heard for 400 s; what it stored may be a minute old.
    kept.clock.forward(4000)
    upkeep = kept.begun(previous_beat=START + timedelta(seconds=400))

    await upkeep.adopt((ABSENT,), ())
    kept.clock.forward(259)
    await upkeep.sweep()
    early = kept.incidents()
    kept.clock.forward(2)
    await upkeep.sweep()

    assert early == []
    assert kept.incidents() == [("rule:backup", "new")]


async def test_rules_that_go_on_keep_what_they_said(kept: Kept) -> None:
    await kept.upkeep.adopt((DISK,), ())
    kept.feed(95, mount="/")

    await kept.upkeep.adopt((replace(DISK, title="Disk"),), ())

    (state,) = kept.stage.cycle.rulings.states.values()
    assert state.level is Status.CRITICAL
    assert kept.stored() == {"rule:disk:mount=/"}


async def test_rules_of_a_monitor_before_this_one_go_on_too(kept: Kept) -> None:
    await kept.upkeep.adopt((DISK,), ())
    kept.feed(95, mount="/")
    kept.stage.cycle.rulings = type(kept.stage.cycle.rulings)(
        (), {}, kept.clock(), kept.stage.cycle.windows
    )

    await kept.upkeep.adopt((DISK,), ())

    assert kept.watched == {"rule:disk:mount=/"}


@pytest.mark.parametrize(
    "after",
    [
        (replace(DISK, enabled=False),),
        (replace(DISK, labels={"mount": "/srv"}),),
        (replace(DISK, metric="other", levels=replace(LEVELS, metric="other")),),
    ],
    ids=["off", "narrowed", "on another metric"],
)
async def test_what_a_rule_no_longer_speaks_of_is_forgotten_and_resolved(
    kept: Kept, after: tuple[AlertRule, ...]
) -> None:
    await kept.upkeep.adopt((DISK,), ())
    kept.feed(95, mount="/")
    before = kept.incidents()

    await kept.upkeep.adopt(after, ())
    await kept.upkeep.sweep()

    assert before == [("rule:disk:mount=/", "new")]
    assert kept.watched == frozenset()
    assert kept.stored() == set()
    assert kept.incidents() == [("rule:disk:mount=/", "resolved")]


async def test_a_rule_that_is_back_within_minutes_goes_on_and_its_incident_with_it(
    kept: Kept,
) -> None:
    await kept.upkeep.adopt((DISK,), ())
    kept.feed(95, mount="/")

    await kept.upkeep.adopt((), ())
    kept.clock.forward(299)
    await kept.upkeep.sweep()
    await kept.upkeep.adopt((DISK,), ())
    kept.clock.forward(600)
    await kept.upkeep.sweep()

    assert kept.watched == {"rule:disk:mount=/"}
    assert kept.incidents() == [("rule:disk:mount=/", "new")]


async def test_a_rule_that_stays_away_for_five_minutes_is_forgotten_and_resolved(
    kept: Kept,
) -> None:
    await kept.upkeep.adopt((DISK,), ())
    kept.feed(95, mount="/")

    await kept.upkeep.adopt((), ())
    kept.clock.forward(299)
    await kept.upkeep.sweep()
    before = kept.incidents(), kept.stored()
    kept.clock.forward(1)
    await kept.upkeep.sweep()

    assert before == ([("rule:disk:mount=/", "new")], {"rule:disk:mount=/"})
    assert kept.incidents() == [("rule:disk:mount=/", "resolved")]
    assert kept.stored() == set()


@pytest.mark.parametrize(("away_s", "stage"), [(299, "new"), (300, "resolved")])
async def test_a_check_that_left_keeps_its_incident_open_for_five_minutes(
    kept: Kept, away_s: float, stage: str
) -> None:
    open_incident(kept, "api")
    await kept.upkeep.sweep()

    kept.stage.cycle.roster = Roster([])
    await kept.upkeep.sweep()
    kept.clock.forward(away_s)
    await kept.upkeep.sweep()

    assert kept.incidents() == [("check:api", stage)]


async def test_what_is_deleted_by_hand_is_not_waited_for(kept: Kept) -> None:
    open_incident(kept, "api")
    await kept.upkeep.adopt((DISK,), ())
    kept.feed(95, mount="/")

    kept.stage.cycle.roster = Roster([])
    await kept.upkeep.adopt((), (), by_hand=True)
    await kept.upkeep.sweep()

    assert set(kept.incidents()) == {("check:api", "resolved"), ("rule:disk:mount=/", "resolved")}


async def test_a_check_that_was_back_in_between_is_away_anew(kept: Kept) -> None:
    open_incident(kept, "api")
    there, gone = kept.stage.cycle.roster, Roster([])
    await kept.upkeep.sweep()

    for roster in (gone, there, gone):
        kept.stage.cycle.roster = roster
        await kept.upkeep.sweep()
        kept.clock.forward(200)
    await kept.upkeep.sweep()

    assert kept.incidents() == [("check:api", "new")]


def open_incident(kept: Kept, check: str) -> None:
    """A check is confirmed as critical, and that is told."""
    watch = kept.stage.cycle.roster.get(check)
    assert watch is not None
    journal, lease = kept.recorder.journal, kept.recorder.lease
    journal.publish(lease, [published(watch.watched, 0)])
    state = CheckState(check=check, hard=Status.CRITICAL, last_status=Status.CRITICAL)
    entry = Entry(state=state, due=None, problem=watch.problem(state, kept.clock()))
    journal.commit(lease, [entry])


async def test_the_same_rules_again_are_no_change(kept: Kept) -> None:
    await kept.upkeep.adopt((DISK,), ())
    before = kept.stage.cycle.rulings

    await kept.upkeep.adopt((replace(DISK),), (window(),))

    assert kept.stage.cycle.rulings is before
    assert before.windows is kept.stage.cycle.windows


async def test_a_window_is_laid_over_checks_at_once_and_over_rules_with_the_next_sweep(
    kept: Kept,
) -> None:
    state = CheckState(check="api", hard=Status.CRITICAL, failing_since=START)
    kept.stage.cycle.roster = Roster([Watch(watched=watched("api"), state=state)])
    await kept.upkeep.adopt((DISK,), ())

    await kept.upkeep.adopt((DISK,), (window(),))

    assert [each.state.maintenance for each in kept.recorder.entries] == ["move"]
    assert kept.upkeep.is_due(kept.clock())


async def test_a_sweep_knows_when_the_next_is_due(kept: Kept) -> None:
    await kept.upkeep.adopt((), (window(60),))
    silences.silence(
        kept.engine,
        Match(name=("api",)),
        author="ana",
        reason="known",
        starts_at=START,
        ends_at=START + timedelta(seconds=30),
        now=START,
    )

    await kept.upkeep.sweep()

    found = [kept.upkeep.is_due(START + timedelta(seconds=each)) for each in (0, 29, 30)]
    assert found == [False, False, True]

    kept.clock.forward(30)
    await kept.upkeep.sweep()

    found = [kept.upkeep.is_due(START + timedelta(seconds=each)) for each in (59, 60)]
    assert found == [False, True]


async def test_samples_of_the_machine_and_of_the_loop_go_to_the_rules_and_the_store(
    kept: Kept,
) -> None:
    lag = AlertRule(id="lag", metric=LAG, levels=Rule(id="lag", metric=LAG, warning=500))
    await kept.upkeep.adopt((lag,), ())
    for lag_ms in (12.0, 700.04, 3.0):
        kept.upkeep.note(Vitals(lag_ms=lag_ms, step_s=0.0))

    await kept.upkeep.sample()
    worst = [each.value for each in kept.recorder.samples if each.name == LAG]
    kept.clock.forward(10)
    await kept.upkeep.sample()

    assert worst == [700.0]
    assert [each.value for each in kept.recorder.samples if each.name == LAG] == [700.0, 0.0]
    assert any(each.name.startswith("system.") for each in kept.recorder.samples)
    assert kept.recorder.ruled[0].fingerprint == "rule:lag"
    assert kept.incidents() == [("rule:lag", "resolved")]


async def test_how_the_web_answers_becomes_series_and_few_requests_are_no_rate(kept: Kept) -> None:
    def told(requests: int) -> None:
        figures = WebFigures(requests=requests, errors=2, average_ms=12.34, per_minute=4.0)
        web_figures.tell(kept.engine, "web", figures, kept.clock())

    await kept.upkeep.sample()
    assert not [each for each in kept.recorder.samples if each.name.startswith("web.")]

    told(19)
    await kept.upkeep.sample()
    told(20)
    await kept.upkeep.sample()

    found = [(each.name, each.value) for each in kept.recorder.samples if "web." in each.name]
    assert found == [
        ("web.response_ms", 12.3),
        ("web.requests_per_minute", 4.0),
        ("web.response_ms", 12.3),
        ("web.requests_per_minute", 4.0),
        ("web.error_percent", 10.0),
    ]


async def test_what_was_refused_is_a_series_and_a_full_metric_a_notice(kept: Kept) -> None:
    journal = kept.recorder.journal
    many = [
        Sample(name="calls", at=kept.clock(), value=1.0, labels=(("request", str(number)),))
        for number in range(MOST_LABEL_SETS + 3)
    ]
    journal.commit(kept.recorder.lease, [], many)

    await kept.upkeep.sample()
    await kept.upkeep.sweep()

    [told] = [each for each in kept.recorder.samples if each.name == "monitor.samples_refused"]
    assert (told.value, told.labels) == (3.0, (("reason", "too_many_series"),))
    with reader(kept.engine).connect() as connection:
        [notice] = connection.execute(select(schema.notices)).all()
    assert notice.key == "cardinality" and notice.text.startswith(
        "calls: more than 1000 label sets"
    )


async def test_what_stayed_away_while_this_process_slept_is_not_missed_at_once(kept: Kept) -> None:
    rule = AlertRule(
        id="backup",
        metric="backup.done",
        levels=Rule(id="backup", metric="backup.done"),
        kind=RuleKind.ABSENCE,
        for_s=20,
    )
    await kept.upkeep.adopt((rule,), ())
    done = Sample(name="backup.done", at=kept.clock(), value=1.0)
    kept.recorder.rule(kept.stage.cycle.rulings.observe([done]))
    awake = Vitals(lag_ms=0.0, step_s=0.0)
    kept.upkeep.note(awake)

    kept.clock.forward(40)
    await kept.upkeep.sweep()
    asleep = kept.incidents()
    for _ in range(15):
        kept.clock.forward(4)
        kept.upkeep.note(awake)
    await kept.upkeep.sweep()

    assert asleep == []
    assert [stage for _, stage in kept.incidents()] == ["new"]
