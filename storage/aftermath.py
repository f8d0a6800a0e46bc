"""What a store is told when it comes out of a backup: what is lost since, and whom not to page again.

Between the backup and now things were sent of which it knows nothing. So that nobody is paged twice
for one outage, what was due before the loss counts as sent, clocks that would page at once begin
anew, and no number that may be known elsewhere is given a second time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, func, insert, select, update

from domain.incidents import Action, Severity, Stage
from domain.outbox import UNSETTLED, DeliveryState
from domain.paging import Event
from storage import counters
from storage.deliveries import STANDING
from storage.engine import reader, upsert
from storage.leadership import holder
from storage.schema import counters as counter_rows
from storage.schema import (
    gaps,
    incident_lines,
    incident_numbers,
    incidents,
    leadership,
    notices,
    outbox,
    silences,
    standbys,
)

NOTICE = "restored"
STANDS = timedelta(days=7)
# In this time each check has had its say again; what pages by time alone waits for it.
SETTLES = timedelta(minutes=5)
# A beat so old is no sign of life.
SILENT = timedelta(seconds=15)
# How many numbers are left out, of which the lost stretch may have used some.
SKIPPED_INCIDENTS = 1_000
SKIPPED = 1_000_000
# What means something in a pattern of a matcher.
SPECIAL = re.compile(r"[*?\[]")
OPEN = sorted(state.value for state in UNSETTLED)
PRESUMED = "taken as sent: the store was restored from a backup"
NOT_SENT = "not sent: the store was restored from a backup, and this is out of date"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What happened: to people in `text`, which names what was lost; `lost_at` is its last write."""

    text: str
    lost_at: datetime


def last_known(connection: Connection, made: datetime) -> datetime:
    """Up to when the store knows what happened: its last beat, else when the backup was `made`."""
    held = holder(connection)
    return made if held is None else min(held.beat, made)


def write(connection: Connection, loss: Loss, since: datetime, now: datetime) -> None:
    """Bring a store that knows things until `since` to `now`, in the caller's transaction."""
    _settle_deliveries(connection, loss.lost_at, now)
    _put_off(connection, now)
    _skip_numbers(connection, loss, now)
    if since < now:
        row = {"started": since, "ended": now, "reason": "restored from a backup"}
        connection.execute(insert(gaps).values(row))
    # The gap is told already, nobody beats at present, and who led then is not waited for.
    connection.execute(update(leadership).values(beat=now - SILENT, valid_until=now))
    connection.execute(delete(standbys))
    notice = {"key": NOTICE, "level": "error", "text": loss.text, "at": now}
    upsert(connection, notices, [notice], ("key",))


def forget(engine: Engine, now: datetime) -> bool:
    """Take the notice back when it has stood for a week; whether it was."""
    old = and_(notices.c.key == NOTICE, notices.c.at <= now - STANDS)
    with reader(engine).connect() as connection:
        if connection.execute(select(notices.c.key).where(old)).first() is None:
            return False
    with engine.begin() as connection:
        connection.execute(delete(notices).where(old))
        counters.bump(connection, counters.REVISION)
    return True


def _settle_deliveries(connection: Connection, lost_at: datetime, now: datetime) -> None:
    waiting = and_(outbox.c.state.in_(OPEN), outbox.c.due <= lost_at)
    trigger, resolve = Event.TRIGGER.value, Event.RESOLVE.value
    # They were due while the monitor ran: it sent them, but for a channel that was down. Resolves
    # follow, and who takes no notice is told again after 4 h as always.
    presumed = {"state": DeliveryState.DELIVERED.value, "reason": PRESUMED}
    _close(connection, and_(waiting, outbox.c.event == trigger), presumed, now)
    # A second all-clear wakes nobody; a missing one leaves an alert open elsewhere.
    cancelled = {"state": DeliveryState.CANCELLED.value, "reason": NOT_SENT}
    _close(connection, and_(waiting, outbox.c.event != resolve), cancelled, now)


def _close(connection: Connection, which: Any, values: dict[str, str], now: datetime) -> None:
    connection.execute(
        update(outbox).where(which).values(**values, settled_at=now, leased_until=None)
    )


def _put_off(connection: Connection, now: datetime) -> None:
    """Let what pages by time alone wait for fresh results: repeats, lapses, held pages."""
    standing = (
        select(func.max(outbox.c.id))
        .join(incidents, incidents.c.id == outbox.c.incident_id)
        .where(
            incidents.c.is_open,
            outbox.c.event == Event.TRIGGER.value,
            outbox.c.state.in_(STANDING),
        )
        .group_by(outbox.c.incident_id, outbox.c.channel)
    )
    repeated = and_(outbox.c.id.in_(standing), outbox.c.due < now)
    connection.execute(update(outbox).where(repeated).values(due=now))
    lapsing = and_(incidents.c.is_open, incidents.c.acknowledged_until < now + SETTLES)
    connection.execute(
        update(incidents)
        .where(lapsing)
        .values(acknowledged_until=now + SETTLES, version=incidents.c.version + 1)
    )
    held = select(incidents.c.component).where(
        incidents.c.is_open, incidents.c.page_gate.is_not(None)
    )
    names = sorted(set(connection.scalars(held)))
    if names:
        connection.execute(insert(silences).values(_pause(names, now)))


def _pause(names: list[str], now: datetime) -> dict[str, Any]:
    """A silence over incidents whose page is held back by what may be over: it is decided after it."""
    return {
        "match": {"name": [SPECIAL.sub("?", name) for name in names]},
        "author": "nocturne",
        "reason": "the store was restored from a backup: fresh results first",
        "starts_at": now,
        "ends_at": now + SETTLES,
        "created_at": now,
    }


def _skip_numbers(connection: Connection, loss: Loss, now: datetime) -> None:
    """Receivers know incidents by their ids, and deliveries by the numbers of timeline lines.

    What the lost stretch gave away must not come again for something else: it would be dropped as
    a copy. The line that moves the numbers on belongs to a closed incident that tells of the loss.
    """
    day = f"{now:%Y%m%d}"
    upsert(connection, incident_numbers, [{"day": day}], ("day",))
    number = connection.execute(
        update(incident_numbers)
        .where(incident_numbers.c.day == day)
        .values(last=incident_numbers.c.last + SKIPPED_INCIDENTS)
        .returning(incident_numbers.c.last)
    ).scalar_one()
    told = f"INC-{day}-{number:04d}"
    connection.execute(insert(incidents).values(_incident(told, loss, now)))
    last = connection.execute(select(func.max(incident_lines.c.id))).scalar_one() or 0
    line = {
        "id": last + SKIPPED,
        "incident_id": told,
        "at": now,
        "actor": "nocturne",
        "action": Action.CLOSED.value,
        "stage": Stage.CLOSED.value,
        "severity": int(Severity.MAJOR),
        "reason": loss.text,
    }
    connection.execute(insert(incident_lines).values(line))
    # Nobody must take an old count for the present one.
    counted = counter_rows.c.name.in_((counters.REVISION, counters.CHANGES))
    connection.execute(
        update(counter_rows).where(counted).values(value=counter_rows.c.value + SKIPPED)
    )


def _incident(incident_id: str, loss: Loss, now: datetime) -> dict[str, Any]:
    return {
        "id": incident_id,
        "fingerprint": "nocturne:store",
        "component": "nocturne",
        "kind": "store",
        "title": "Nocturne's store was restored from a backup",
        "stage": Stage.CLOSED.value,
        "is_open": False,
        "severity": int(Severity.MAJOR),
        "state_severity": int(Severity.MAJOR),
        "opened_at": min(loss.lost_at, now),
        "flapping": False,
        "sticky": False,
        "resolved_at": now,
        "resolution": loss.text,
        "held": False,
        "about": {},
        "version": 1,
    }
