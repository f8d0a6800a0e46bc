"""What comes with time alone: closings, repeats, and gates whose reason is over.

All of it is laid from rows, so a monitor that comes back late does what became due meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)

from domain.facts import Status
from domain.incidents import (
    CLOSES_AFTER,
    Action,
    Incident,
    Problem,
    Severity,
    Stage,
    Step,
    closes,
    lapses,
)
from domain.incidenttexts import told_with
from domain.muting import Reason
from domain.paging import (
    FLAPPING_CRITICAL,
    GROUP_WAIT,
    REPEAT_EVERY,
    Event,
    PageReason,
    Recipient,
    grows,
    passes_flapping,
    repeats,
)
from domain.silences import Silence, silenced_by
from storage.deliveries import STANDING
from storage.incident_rows import read
from storage.incidents import SYSTEM, apply, note, one, page, take_up
from storage.schema import affected, incident_lines, incidents, outbox, silences
from storage.silence_lines import tell_silences
from storage.silences import holding, hush, next_edge
from storage.standing import GONE, Standing, standing

# What the incident gate held a page of an open incident back for, and what is said when it passes.
OUTSIDE = {
    PageReason.MAINTENANCE.value: "maintenance ended",
    PageReason.UNCONFIRMED.value: "bad after it was reopened by hand",
}
# Incidents that stand or can be reopened, and silences that hold or will. Made once.
ANYTHING = union_all(
    select(literal(1)).where(
        exists().where(or_(incidents.c.is_open, incidents.c.stage == Stage.RESOLVED.value))
    ),
    select(literal(1)).where(exists().where(silences.c.ends_at > bindparam("now"))),
).limit(1)


class Sweep:
    """One look at all incidents, in the caller's transaction."""

    def __init__(
        self, connection: Connection, recipients: Sequence[Recipient], now: datetime
    ) -> None:
        self._connection = connection
        self._recipients = recipients
        self._now = now
        self._silences: Sequence[Silence] = holding(connection, now)

    def run(self, watched: Collection[str]) -> bool:
        """Do all that is due; whether anything was. `watched` are the fingerprints still watched."""
        over = [*self._no_longer_watched(watched), *self._well_again()]
        take_up(self._connection, over, self._recipients)
        hushed = hush(self._connection, self._silences, self._now)
        told = tell_silences(self._connection, self._silences, self._now)
        done = [*self._close(), *self._lapse(), *self._release(), *self._repeat(), *self._grow()]
        return bool(over or hushed or told or done)

    def _close(self) -> list[Incident]:
        due = and_(
            incidents.c.stage == Stage.RESOLVED.value,
            incidents.c.resolved_at <= self._now - CLOSES_AFTER,
        )
        closing = [each for each in self._all(due) if closes(each, self._now)]
        for incident in closing:
            step = Step(action=Action.CLOSED, reason="resolved an hour ago", stage=Stage.CLOSED)
            after = apply(self._connection, incident, step, self._now, SYSTEM)
            note(self._connection, after, step, self._now, SYSTEM)
        return closing

    def _lapse(self) -> list[Incident]:
        """Acknowledgements that were given for a time end, and who was told is told again."""
        due = and_(incidents.c.is_open, incidents.c.acknowledged_until <= self._now)
        lapsing = [
            each
            for each in self._all(due)
            if lapses(each, self._now) and standing(self._connection, each) != GONE
        ]
        for incident in lapsing:
            ended = f"the acknowledgement by {incident.acknowledged_by} has ended"
            step = Step(
                action=Action.LAPSED,
                reason=_still_bad(incident, ended, standing(self._connection, incident)),
                stage=Stage.NEW,
                drops_acknowledgement=True,
            )
            self._page(apply(self._connection, incident, step, self._now, SYSTEM), step)
        return lapsing

    def _release(self) -> list[Incident]:
        """Incidents whose page was held back by what is over now are decided anew."""
        held = and_(incidents.c.is_open, incidents.c.page_gate.is_not(None))
        released = []
        for incident in self._all(held):
            reason = self._over(incident)
            if reason is not None:
                step = Step(action=Action.RELEASED, reason=reason)
                # Its flapping held it back, or was not asked for yet.
                lasting = incident.page_gate == PageReason.FLAPPING.value
                self._page(incident, step, lasting=lasting)
                released.append(incident)
        return released

    def _over(self, incident: Incident) -> str | None:
        """What no longer holds the page of an incident back; None while it still does."""
        if silenced_by(self._silences, incident, self._now) is not None:
            return None
        reads = standing(self._connection, incident)
        if reads == GONE:
            # It comes back, or is resolved soon as no longer watched.
            return None
        if incident.page_gate == PageReason.FLAPPING.value:
            return _through_flapping(incident, reads, self._now)
        if incident.page_gate == PageReason.SILENCED.value:
            return _still_bad(incident, "silence ended", reads)
        if incident.page_gate in OUTSIDE:
            is_bad = reads.gate is Reason.PASSED
            return _still_bad(incident, OUTSIDE[incident.page_gate], reads) if is_bad else None
        takes = any(
            incident.severity in each.severities
            for each in self._recipients
            if not incident.channels or each.name in incident.channels
        )
        return _still_bad(incident, "a channel takes it now", reads) if takes else None

    def _repeat(self) -> list[Incident]:
        repeating = [
            incident
            for incident, last in self._told_before(self._now - REPEAT_EVERY)
            # What is held back is decided anew when that is over, and needs no repeating.
            if incident.page_gate is None
            and repeats(incident, last, self._now)
            # Below a parent, or in maintenance, nobody is reminded of it.
            and standing(self._connection, incident).gate is Reason.PASSED
        ]
        for incident in repeating:
            reads = standing(self._connection, incident)
            reason = _still_bad(incident, "nobody has acknowledged it", reads)
            self._page(incident, Step(action=Action.REPEATED, reason=reason))
        return repeating

    def _grow(self) -> list[Incident]:
        """Incidents that affect more than those who were told know."""
        counts = self._affected()
        growing = []
        for incident, last in self._told_before(self._now - GROUP_WAIT, set(counts)):
            count = counts[incident.id]
            if grows(incident, count, last, self._now):
                step = Step(action=Action.GREW, reason=f"it affects {count} components now")
                more = {"told_affected": count, "grew_at": self._now}
                self._page(apply(self._connection, incident, step, self._now, SYSTEM, more), step)
                growing.append(incident)
        return growing

    def _affected(self) -> dict[str, int]:
        """How many components each open incident affects now, beyond what its readers know."""
        count = func.count()
        query = (
            select(affected.c.incident_id, count)
            .join(incidents, incidents.c.id == affected.c.incident_id)
            .where(affected.c.until.is_(None), incidents.c.is_open)
            .group_by(affected.c.incident_id, incidents.c.told_affected)
            .having(count > incidents.c.told_affected)
        )
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def _told_before(
        self, moment: datetime, among: Collection[str] | None = None
    ) -> list[tuple[Incident, datetime]]:
        """New incidents whose last trigger was due before `moment`, with when that was."""
        if among is not None and not among:
            return []
        last = func.max(outbox.c.due)
        query = (
            select(outbox.c.incident_id, last.label("last"))
            .join(incidents, incidents.c.id == outbox.c.incident_id)
            .where(
                incidents.c.is_open,
                incidents.c.stage == Stage.NEW.value,
                outbox.c.event == Event.TRIGGER.value,
                outbox.c.state.in_(STANDING),
            )
            .group_by(outbox.c.incident_id)
            .having(last <= moment)
        )
        rows = self._connection.execute(query).all()
        chosen = [row for row in rows if among is None or row.incident_id in among]
        found = ((one(self._connection, row.incident_id), row.last) for row in chosen)
        return [(incident, told) for incident, told in found if incident is not None]

    def _no_longer_watched(self, watched: Collection[str]) -> list[Problem]:
        standing = select(incidents).where(incidents.c.is_open)
        return [
            Problem(
                fingerprint=row.fingerprint,
                component=row.component,
                kind=row.kind,
                at=self._now,
                status=None,
                gate=Reason.PAUSED,
                message="no longer watched",
            )
            for row in self._connection.execute(standing).all()
            if row.fingerprint not in watched
        ]

    def _well_again(self) -> list[Problem]:
        """What was reopened by hand and has been seen to be well since: nothing else will say so."""
        doubted = and_(incidents.c.is_open, incidents.c.page_gate == PageReason.UNCONFIRMED.value)
        found = [(each, standing(self._connection, each)) for each in self._all(doubted)]
        return [
            Problem(
                fingerprint=incident.fingerprint,
                component=incident.component,
                kind=incident.kind,
                at=self._now,
                status=Status.HEALTHY,
                gate=Reason.HEALTHY,
                message=reads.message,
            )
            for incident, reads in found
            if reads.gate is Reason.HEALTHY
            and not reads.flapping
            and reads.at is not None
            and reads.at > self._reopened_at(incident)
        ]

    def _reopened_at(self, incident: Incident) -> datetime:
        mine = and_(
            incident_lines.c.incident_id == incident.id,
            incident_lines.c.action == Action.REOPENED.value,
        )
        last = self._connection.execute(select(func.max(incident_lines.c.at)).where(mine))
        return last.scalar_one() or incident.opened_at

    def _all(self, condition: object) -> list[Incident]:
        query = select(incidents).where(condition).order_by(incidents.c.id)  # type: ignore[arg-type]
        return [read(row) for row in self._connection.execute(query.with_for_update()).all()]

    def _page(self, incident: Incident, step: Step, *, lasting: bool = False) -> None:
        page(
            self._connection,
            incident,
            step,
            self._recipients,
            self._silences,
            self._now,
            lasting=lasting,
            gate=self._window(incident),
        )

    def _window(self, incident: Incident) -> Reason:
        """MAINTENANCE while a window covers it: what would page by time alone waits until it ends."""
        gate = standing(self._connection, incident).gate
        return gate if gate is Reason.MAINTENANCE else Reason.PASSED


def _still_bad(incident: Incident, why: str, reads: Standing) -> str:
    """What is wrong, why that is told now, and that it is as bad as before."""
    word = reads.status.word if reads.gate is Reason.PASSED else incident.severity.word
    return told_with(reads.message, f"{why}, still {word}")


def _through_flapping(incident: Incident, reads: Standing, now: datetime) -> str | None:
    """Why an incident pages that flaps or flapped; None while it is held back."""
    if incident.stage is not Stage.NEW or incident.parent_id is not None:
        return None
    if not incident.flapping:
        return _still_bad(incident, "it has stopped changing", reads)
    if incident.severity < Severity.CRITICAL or not passes_flapping(reads.critical_since, now):
        return None
    return told_with(reads.message, "critical for 5 min without a break, though it flaps")


def is_anything(connection: Connection, now: datetime) -> bool:
    """Whether there is anything that time alone could change: else a sweep has nothing to look at."""
    return connection.execute(ANYTHING, {"now": now}).first() is not None


def next_moment(connection: Connection, now: datetime) -> datetime | None:
    """When something comes next that should not wait for the regular sweep; None for nothing.

    The end of a silence and of an acknowledgement, and of the pause of a critical that flaps.
    """
    lapsing = select(func.min(incidents.c.acknowledged_until)).where(
        incidents.c.is_open, incidents.c.acknowledged_until > now
    )
    edges = [next_edge(connection, now), connection.execute(lapsing).scalar_one()]
    edges += [since + FLAPPING_CRITICAL for since in _flapping_since(connection)]
    return min((edge for edge in edges if edge is not None and edge > now), default=None)


def _flapping_since(connection: Connection) -> list[datetime]:
    """Since when each incident is critical that is held back because it flaps."""
    held = and_(incidents.c.is_open, incidents.c.page_gate == PageReason.FLAPPING.value)
    rows = connection.execute(select(incidents).where(held)).all()
    found = (standing(connection, read(row)).critical_since for row in rows)
    return [since for since in found if since is not None]
