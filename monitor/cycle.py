"""One run of one check: run → judge → ask the parents → advance → record. The heart of the monitor."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from domain.dependencies import CLEAR, Parents, ParentVerdict, consult, root_block
from domain.facts import Cause, CheckState, Mark, Measurement, Result, Sample, Status
from domain.incidents import Problem
from domain.judging import conclude
from domain.muting import Reason, decide, incident_gate
from domain.state import Advance, advance, block, timeout_s, unblock
from domain.units import span
from monitor.checks import Check, Deadline
from monitor.feeding import Fed, Memory
from monitor.membership import Derived
from monitor.roster import Roster, Watch, next_slot
from monitor.rulings import Rulings
from monitor.windows import Windows
from storage.journal import Entry
from storage.rule_rows import Ruled

log = structlog.get_logger()

# A check ends itself by its deadline; this much later it is ended from outside. A foreign one may
# be run a second time, when another brought down the child that they shared.
GRACE_S = 0.5
FOREIGN_GRACE_S = 2.0
# So much after a deadline it has passed, whatever the clocks round.
PAST_S = 0.01
CROWDED = timedelta(seconds=1)


class Foreign(Protocol):
    """Where checks run whose code can block: a child process that can be killed."""

    async def run(self, check: Check, kind: str, timeout_s: float) -> Measurement:
        """Run the check there, for at most `timeout_s` seconds."""
        ...


class Records(Protocol):
    """Where entries go: the recorder of the process."""

    def record(self, entries: Sequence[Entry | Ruled], *, urgent: bool = False) -> None:
        """Take entries that belong together."""
        ...


Later = Callable[[float, str, int], None]
ChangeMemory = Callable[[Fed, Memory], Memory]


class Cycle:
    """Runs checks of a roster. `later(seconds, name, attempt)` asks for another run."""

    def __init__(
        self,
        roster: Roster,
        records: Records,
        foreign: Foreign,
        *,
        clock: Callable[[], datetime],
        later: Later,
    ) -> None:
        self.roster = roster
        # The last sign that something can arrive for the checks that are fed.
        self.receiving: datetime | None = None
        self.windows = Windows()
        self.rulings = Rulings((), {}, clock(), self.windows)
        self._records = records
        self._foreign = foreign
        self._clock = clock
        self._later = later

    async def run(self, name: str, attempt: int = 1, slot: datetime | None = None) -> Result | None:
        """Run one check and record what follows from it; None when it is paused, gone or running.

        `attempt` above 1 is a retry; `slot` is the scheduled time, None for a run out of turn.
        """
        watch = self.roster.get(name)
        if watch is None or watch.running or not watch.enabled:
            return None
        watch.running = True
        with structlog.contextvars.bound_contextvars(run=uuid.uuid4().hex[:12], check=name):
            try:
                measurement = await self._measure(watch, attempt)
            finally:
                watch.running = False
            if self.roster.get(name) is not watch:
                return None
            return self._conclude(watch, measurement, attempt, slot)

    async def _measure(self, watch: Watch, attempt: int) -> Measurement:
        check, kind = watch.watched.check, watch.watched.definition.kind
        if isinstance(check, Derived):
            try:
                return check.weigh(self.roster.members(watch, self._clock()))
            except Exception as error:
                return _failed(error, kind)
        if isinstance(check, Fed):
            return self._weigh(watch, check)
        policy = watch.watched.definition.policy
        return await measure(
            check,
            kind,
            timeout_s(watch.state, policy, attempt),
            self._foreign,
        )

    def hear(self, name: str, change: ChangeMemory, at: datetime) -> list[Entry | Ruled]:
        """Change what a check remembers that is fed; the entries of what follows, not recorded yet.

        `at` is when something arrived for it. Of a check that is gone nothing follows.
        """
        watch = self.roster.get(name)
        if watch is None or not isinstance(watch.watched.check, Fed):
            log.warning("something arrived for a check that is not there", check=name)
            return []
        self.receiving = max(at, self.receiving or at)
        memory = change(watch.watched.check, watch.state.memory)
        watch.state = replace(watch.state, memory=memory)
        if not watch.enabled:
            return [Entry(state=watch.state, due=watch.due)]
        with structlog.contextvars.bound_contextvars(check=name):
            return self._follow(watch, self._weigh(watch, watch.watched.check), 1, None)[1]

    def _weigh(self, watch: Watch, check: Fed) -> Measurement:
        """What a check that is fed reads now; it is looked at again when time alone changes that."""
        now = self._clock()
        memory = check.begin(watch.state.memory, now)
        watch.state = replace(watch.state, memory=memory)
        try:
            weighed = check.weigh(memory, now, self.receiving)
        except Exception as error:
            return _failed(error, watch.watched.definition.kind)
        if weighed.look_at is not None:
            self._later((weighed.look_at - now).total_seconds() + PAST_S, watch.name, 1)
        return weighed.measurement

    def _conclude(
        self, watch: Watch, measurement: Measurement, attempt: int, slot: datetime | None
    ) -> Result:
        result, entries = self._follow(watch, measurement, attempt, slot)
        urgent = any(isinstance(each, Entry) and each.transitions for each in entries)
        self._records.record(entries, urgent=urgent)
        return result

    def _follow(
        self, watch: Watch, measurement: Measurement, attempt: int, slot: datetime | None
    ) -> tuple[Result, list[Entry | Ruled]]:
        """The result of a measurement, and all that follows from it for this check and others."""
        now = self._now(watch)
        definition = watch.watched.definition
        verdicts, ruled = self.rulings.judge(watch.name, measurement.metrics, now, watch.interval_s)
        result = conclude(
            measurement,
            watch.watched.rules,
            watch.state.levels,
            check=watch.name,
            kind=definition.kind,
            at=now,
            attempt=attempt,
            more=verdicts,
        )
        if isinstance(watch.watched.check, Derived | Fed) and result.cause is Cause.NOT_MEASURABLE:
            # Who is not known has a state of its own that tells why; one problem is not told twice.
            # And of who has not been told yet nothing is known.
            result = replace(result, inconclusive=True)
        parents = self._ask_parents(watch, result)
        before = watch.state
        headline = watch.watched.check.headline()
        advanced = advance(before, result, definition.policy, parents, headline)
        advanced = self.windows.lay_over(watch, advanced, now)
        self._plan(watch, advanced, result, parents, now)
        entry = self._entry(watch, before, advanced, result, slot)
        entries = [entry, *self._tell_children(watch, before)]
        self.wake(entries)
        _report(result, advanced)
        return result, [*entries, *ruled]

    def _now(self, watch: Watch) -> datetime:
        """The time of a result. Two of one check may arrive at once, and each has its row."""
        now, last = self._clock(), watch.state.last_at
        is_fed = isinstance(watch.watched.check, Fed)
        if is_fed and last is not None and now <= last < now + CROWDED:
            return last + timedelta(milliseconds=1)
        return now

    def wake(self, entries: Iterable[Entry]) -> None:
        """Have the checks that are made of those whose state has just changed run at once."""
        for entry in entries:
            if entry.transitions:
                for name in self.roster.wholes(entry.state.check):
                    self._later(0.0, name, 1)

    def _ask_parents(self, watch: Watch, result: Result) -> Parents:
        if not watch.watched.definition.depends_on:
            return CLEAR
        bad = result.status is not Status.HEALTHY
        failing_since = (watch.state.failing_since or result.at) if bad else None
        views = self.roster.parents(watch, result.at)
        return consult(watch.watched.definition.depends_on, views, failing_since, result.at)

    def _plan(
        self, watch: Watch, advanced: Advance, result: Result, parents: Parents, now: datetime
    ) -> None:
        """Set when the check runs next, and have undecided parents run at once."""
        watch.state = advanced.state
        watch.last_result = result
        watch.due = next_slot(watch.name, watch.interval_s, now)
        if advanced.retry_in_s is not None:
            self._later(advanced.retry_in_s, watch.name, result.attempt + 1)
        if parents.verdict is ParentVerdict.WAIT:
            for parent in parents.run:
                self._later(0.0, parent, 1)

    def _entry(
        self,
        watch: Watch,
        before: CheckState,
        advanced: Advance,
        result: Result,
        slot: datetime | None,
    ) -> Entry:
        return Entry(
            state=advanced.state,
            due=watch.due,
            result=result,
            transitions=advanced.transitions,
            decisions=decide(before, advanced.state, result.at),
            samples=_samples(watch, result, slot),
            problem=_problem(watch, advanced, result.at),
        )

    def _tell_children(self, watch: Watch, before: CheckState) -> list[Entry]:
        """Block or release everything below when this check went down or came back."""
        if not self.roster.children(watch.name):
            return []
        now = self._clock()
        view = self.roster.view(watch, now)
        # What a composite blocks for may be another of its members without any change of its own.
        if not view.made_of and root_block(view) == root_block(replace(view, state=before)):
            return []
        return self.settle_children(watch, now)

    def settle_children(self, watch: Watch, now: datetime) -> list[Entry]:
        """The entries of all checks below `watch` whose blocker is not what it was."""
        entries: list[Entry] = []
        for child in self.roster.children(watch.name):
            moved = self._settle_child(child, now)
            if moved is not None:
                entries.append(moved)
                entries.extend(self.settle_children(child, now))
        return entries

    def _settle_child(self, child: Watch, now: datetime) -> Entry | None:
        blocker = self.roster.blocker(child, now)
        current = child.state.blocked_by if child.state.mark is Mark.BLOCKED else None
        if blocker == current or not child.enabled:
            return None
        before = child.state
        moved = block(before, blocker, now) if blocker else unblock(before, now)
        child.state = moved.state
        if blocker is None:
            self._later(0.0, child.name, 1)
        return Entry(
            state=moved.state,
            due=child.due,
            transitions=moved.transitions,
            decisions=decide(before, moved.state, now),
            problem=_problem(child, moved, now),
        )


async def measure(check: Check, kind: str, timeout_s: float, foreign: Foreign) -> Measurement:
    """Run a check within its time. Whatever happens inside, the answer is a Measurement."""
    try:
        if check.spec.foreign:
            async with asyncio.timeout(2 * timeout_s + FOREIGN_GRACE_S):
                return await foreign.run(check, kind, timeout_s)
        async with asyncio.timeout(timeout_s + GRACE_S):
            return await check.run(Deadline.after(timeout_s))
    except TimeoutError:
        message = f"No answer from {check.target()} within {span_ms(timeout_s)}"
        return Measurement(status=Status.CRITICAL, message=message, cause=Cause.TIMEOUT)
    except Exception as error:
        return _failed(error, kind)


def _failed(error: Exception, kind: str) -> Measurement:
    """A bug in a check is told as such. What the exception says may hold secrets: the log has it."""
    log.error("a check raised", check_kind=kind, exc_info=error)
    return Measurement(
        status=Status.UNKNOWN,
        message=f"The check itself failed: {type(error).__name__}",
        cause=Cause.BUG,
    )


def span_ms(seconds: float) -> str:
    """A time-out as people read it: `10 s`, `400 ms`."""
    return span(seconds) if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _problem(watch: Watch, moved: Advance, at: datetime) -> Problem | None:
    """What may concern an incident: every change, and every result that is confirmed bad."""
    gate = incident_gate(moved.state, enabled=watch.enabled)
    if not moved.transitions and gate is not Reason.PASSED:
        return None
    return watch.problem(moved.state, at)


def _samples(watch: Watch, result: Result, slot: datetime | None) -> tuple[Sample, ...]:
    """The numbers of a result as samples; those of a scheduled run are aligned to their slot."""
    at = slot or result.at.replace(microsecond=0)
    labels = (("check", watch.name),)
    return tuple(
        Sample(name=name, at=at, value=value, labels=labels)
        for name, value in result.metrics.items()
    )


def _report(result: Result, advanced: Advance) -> None:
    for line in advanced.transitions:
        log.info(
            "state changed",
            before=line.before.word,
            after=line.after.word,
            mark=line.mark.value,
            reason=line.reason,
            message=result.message,
            change=line.change.value,
        )
