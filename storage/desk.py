"""What one transaction knows of incidents, read once for all problems that it takes up.

In a storm thousands of problems are decided in a few transactions; a question to the database for
each would take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, or_, select, update
from sqlalchemy.sql import ColumnElement

from domain.incidents import REOPENS_WITHIN, Incident, Problem
from domain.silences import Silence
from storage.engine import upsert
from storage.incident_rows import read
from storage.schema import affected, incident_numbers, incidents, outbox
from storage.silences import holding

CHUNK = 500
NUMBERS_AT_ONCE = 100


class Desk:
    """Incidents, affected checks and told fingerprints of the problems of one transaction."""

    def __init__(self, connection: Connection, problems: Sequence[Problem]) -> None:
        self._connection = connection
        self._incidents: dict[str, Incident] = {}
        self._affected: set[str] = set()
        self._told: set[str] = set()
        self._numbers: dict[str, tuple[int, int]] = {}
        self._silences: tuple[Silence, ...] | None = None
        own = {problem.fingerprint for problem in problems}
        parents = {problem.parent for problem in problems if problem.parent is not None}
        earliest = min((problem.at for problem in problems), default=None)
        if earliest is not None:
            self._read_incidents(sorted(own | parents), earliest)
            self._read_told(sorted(own))
            self._read_affected(sorted({problem.component for problem in problems}))

    def incident(self, fingerprint: str) -> Incident | None:
        """The open incident of a fingerprint, else one that may reopen or holds it, else None."""
        return self._incidents.get(fingerprint)

    def keep(self, incident: Incident) -> Incident:
        """Remember an incident as it stands after a change."""
        self._incidents[incident.fingerprint] = incident
        return incident

    def was_told(self, fingerprint: str) -> bool:
        """Whether anything was ever delivered for a fingerprint."""
        return fingerprint in self._told

    def note_told(self, fingerprint: str) -> None:
        """Remember that there are deliveries for a fingerprint now."""
        self._told.add(fingerprint)

    def is_affected(self, component: str) -> bool:
        """Whether a check stands under some incident."""
        return component in self._affected

    def silences(self, at: datetime) -> tuple[Silence, ...]:
        """The silences that hold at the time of these problems; read when first asked for."""
        if self._silences is None:
            self._silences = holding(self._connection, at)
        return self._silences

    def next_id(self, at: datetime) -> str:
        """`INC-YYYYMMDD-NNNN`: the UTC day, and the next number of it, reserved in the database."""
        day = f"{at:%Y%m%d}"
        following, last = self._numbers.get(day) or self._reserve(day)
        if following > last:
            following, last = self._reserve(day)
        self._numbers[day] = (following + 1, last)
        return f"INC-{day}-{following:04d}"

    def close(self) -> None:
        """Give back the numbers that were reserved and not used; the row is still locked."""
        for day, (following, last) in self._numbers.items():
            self._connection.execute(
                update(incident_numbers)
                .where(incident_numbers.c.day == day, incident_numbers.c.last == last)
                .values(last=following - 1)
            )

    def _reserve(self, day: str) -> tuple[int, int]:
        upsert(self._connection, incident_numbers, [{"day": day}], ("day",))
        last = self._connection.execute(
            update(incident_numbers)
            .where(incident_numbers.c.day == day)
            .values(last=incident_numbers.c.last + NUMBERS_AT_ONCE)
            .returning(incident_numbers.c.last)
        ).scalar_one()
        return last - NUMBERS_AT_ONCE + 1, last

    def _read_incidents(self, fingerprints: Sequence[str], earliest: datetime) -> None:
        may_matter = or_(
            incidents.c.is_open,
            incidents.c.held,
            incidents.c.resolved_at >= earliest - REOPENS_WITHIN,
        )
        for chunk in _chunks(fingerprints):
            query = (
                select(incidents)
                .where(incidents.c.fingerprint.in_(chunk), may_matter)
                # The last one read stands: an open one, else the newest.
                .order_by(incidents.c.is_open, incidents.c.opened_at, incidents.c.id)
                .with_for_update()
            )
            for row in self._connection.execute(query):
                self._incidents[row.fingerprint] = read(row)

    def _read_told(self, fingerprints: Sequence[str]) -> None:
        self._told = self._matching(outbox.c.fingerprint, fingerprints)

    def _read_affected(self, components: Sequence[str]) -> None:
        still = affected.c.until.is_(None)
        self._affected = self._matching(affected.c.component, components, still)

    def _matching(
        self, column: ColumnElement[str], values: Sequence[str], *where: ColumnElement[bool]
    ) -> set[str]:
        found: set[str] = set()
        for chunk in _chunks(values):
            query = select(column).where(column.in_(chunk), *where).distinct()
            found |= set(self._connection.scalars(query))
        return found


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(values), CHUNK):
        yield values[first : first + CHUNK]
