"""Samples of series: append a batch, find a series. Series are named by metric and sorted labels."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, delete, exists, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from domain.facts import Sample, SeriesKind
from domain.intake import MOST_LABEL_SETS, Refusal, Times, refuses, refuses_name, refuses_series
from domain.ladder import DAY, HOUR, TEN_MINUTES
from storage import bulk
from storage.engine import to_ms, upsert
from storage.schema import chunks, rollups, samples, series

BUCKET_MS = 600_000
WINDOW_MS = 7_200_000
# Databases limit the parameters of a statement.
IDS_A_STATEMENT = 5_000
LEAST_PREPARED = 8
COUNTERS = (SeriesKind.COUNTER.value, SeriesKind.HISTOGRAM.value)
# Made once: to put it together takes longer than to carry it out.
FOUND = select(series.c.id, series.c.kind).where(
    series.c.name == bindparam("name"), series.c.labels == bindparam("labels")
)
Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]


class SeriesIds:
    """The ids of series by name and labels, remembered, made at first use. One per writer."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[int, SeriesKind]] = {}
        self._label_sets: dict[str, int] = {}
        self.full: set[str] = set()

    def knows(self, key: Key) -> bool:
        """Whether its id is remembered."""
        return key in self._known

    def look_up(self, connection: Connection, wanted: Iterable[tuple[Key, SeriesKind]]) -> None:
        """Find what is there, and count where something is not, before anything is locked for it.

        After a start everything is unknown, and to count which of thousands of series are in use may
        take seconds.
        """
        for name, by_labels in self._unknown(wanted).items():
            self._find_many(connection, name, by_labels)
            if any(not self.knows(key) for key, _ in by_labels.values()):
                self._sets(connection, name)

    def prepare(
        self, connection: Connection, wanted: Iterable[tuple[Key, SeriesKind]], most: int
    ) -> None:
        """Find or make many at a time: at a start with thousands of checks, all of theirs are new."""
        for name, by_labels in self._unknown(wanted).items():
            if len(by_labels) >= LEAST_PREPARED:
                self._find_many(connection, name, by_labels)
                self._make_many(connection, name, by_labels, most)

    def _unknown(
        self, wanted: Iterable[tuple[Key, SeriesKind]]
    ) -> dict[str, dict[str, tuple[Key, SeriesKind]]]:
        """What is not remembered, by name and text of its labels."""
        unknown: dict[str, dict[str, tuple[Key, SeriesKind]]] = {}
        for key, kind in wanted:
            if key not in self._known and refuses_name(*key) is None:
                unknown.setdefault(key[0], {})[encode_labels(key[1])] = key, kind
        return unknown

    def _find_many(
        self, connection: Connection, name: str, by_labels: Mapping[str, tuple[Key, SeriesKind]]
    ) -> None:
        texts = list(by_labels)
        for begin in range(0, len(texts), IDS_A_STATEMENT):
            some = series.c.labels.in_(texts[begin : begin + IDS_A_STATEMENT])
            query = select(series.c.labels, series.c.id, series.c.kind)
            for row in connection.execute(query.where(series.c.name == name, some)):
                self._known[by_labels[row.labels][0]] = row.id, SeriesKind(row.kind)

    def _make_many(
        self,
        connection: Connection,
        name: str,
        by_labels: Mapping[str, tuple[Key, SeriesKind]],
        most: int,
    ) -> None:
        new = {text: each for text, each in by_labels.items() if each[0] not in self._known}
        room = max(0, most - self._sets(connection, name)) if new else 0
        new = dict(itertools.islice(new.items(), room))
        if not new:
            return
        rows = [{"name": name, "labels": text, "kind": new[text][1].value} for text in new]
        upsert(connection, series, rows, ("name", "labels"))
        self._label_sets[name] += len(rows)
        self._find_many(connection, name, new)

    def take(
        self, connection: Connection, key: Key, kind: SeriesKind, most: int = MOST_LABEL_SETS
    ) -> int | Refusal:
        """The id of a series, made where there is none, or why it is refused."""
        known = self._known.get(key)
        if known is not None and known[1] is kind:
            return known[0]
        if known is None and refuses_name(*key) is not None:
            return Refusal.UNUSABLE_NAME
        known = known or self._find(connection, key)
        refusal = refuses_series(
            kind, known[1] if known else None, 0 if known else self._sets(connection, key[0]), most
        )
        if refusal is not None:
            self.full |= {key[0]} if refusal is Refusal.TOO_MANY_SERIES else set()
            return refusal
        return known[0] if known else self._make(connection, key, kind)

    def forget(self) -> None:
        """Drop what is remembered: after a rollback, ids may not exist."""
        self._known.clear()
        self._label_sets.clear()

    def _find(self, connection: Connection, key: Key) -> tuple[int, SeriesKind] | None:
        row = connection.execute(FOUND, _named(*key)).one_or_none()
        if row is None:
            return None
        self._known[key] = row.id, SeriesKind(row.kind)
        return self._known[key]

    def free(self, connection: Connection) -> None:
        """Count anew what is in use: series without samples give their places back."""
        self.forget()
        self.full = {name for name in self.full if self._sets(connection, name) >= MOST_LABEL_SETS}

    def _sets(self, connection: Connection, name: str) -> int:
        if name not in self._label_sets:
            query = select(func.count()).select_from(series).where(series.c.name == name)
            count = connection.execute(query).scalar_one()
            # To look which of them have samples takes longer, and is for a metric that seems full.
            if count >= MOST_LABEL_SETS:
                count = _in_use(connection, name)
            self._label_sets[name] = count
        return self._label_sets[name]

    def _make(self, connection: Connection, key: Key, kind: SeriesKind) -> int:
        row = {"name": key[0], "labels": encode_labels(key[1]), "kind": kind.value}
        upsert(connection, series, [row], ("name", "labels"))
        self._label_sets[key[0]] += 1
        found = self._find(connection, key)
        assert found is not None, f"series {key} was written in this transaction"
        return found[0]


def append(
    connection: Connection,
    ids: SeriesIds,
    batch: Sequence[Sample],
    times: Times | None = None,
    most: int = MOST_LABEL_SETS,
) -> Counter[Refusal]:
    """Write samples; a second one of the same series and time wins.

    A metric has `most` label sets at most. Returns how many were refused, by reason: bad numbers,
    times that can't be, too many series.
    """
    refused: Counter[Refusal] = Counter()
    rows: list[bulk.Row] = []
    taken: datetime | None = None
    moment = bucket = 0
    ids.prepare(connection, (((each.name, each.labels), each.kind) for each in batch), most)
    for each in batch:
        # Those of one round share their time: it is judged, and made a number, only once.
        if each.at != taken or not math.isfinite(each.value):
            refusal = refuses(each, times)
            if refusal is not None:
                refused[refusal] += 1
                continue
            taken, moment = each.at, to_ms(each.at)
            bucket = moment // BUCKET_MS
        found = ids.take(connection, (each.name, each.labels), each.kind, most)
        if isinstance(found, int):
            rows.append((bucket, found, moment, each.value))
        else:
            refused[found] += 1
    bulk.write(connection, rows)
    return refused


def find(connection: Connection, name: str, labels: Mapping[str, str]) -> int | None:
    """The id of the series with exactly this name and these labels; None when there is none."""
    return connection.scalars(FOUND, _named(name, tuple(labels.items()))).one_or_none()


def empty(connection: Connection) -> list[int]:
    """The series of which nothing is left, not even a roll-up.

    To be deleted only by the one that writes samples, which must forget their ids: they may be given
    anew.
    """
    rolled = or_(
        *(
            exists().where(rollups.c.step == step, rollups.c.series_id == series.c.id)
            for step in (TEN_MINUTES, HOUR, DAY)
        )
    )
    found = list(connection.scalars(select(series.c.id).where(~_is_sealed(), ~rolled)))
    return sorted(set(found) - _hot(connection, found))


def drop(connection: Connection, ids: Sequence[int]) -> None:
    """Delete these series."""
    connection.execute(delete(series).where(series.c.id.in_(ids)))


def _in_use(connection: Connection, name: str) -> int:
    """How many series of a metric have samples, which go when they are past their days."""
    mine = select(series.c.id).where(series.c.name == name)
    sealed = len(connection.scalars(mine.where(_is_sealed())).all())
    others = list(connection.scalars(mine.where(~_is_sealed())))
    return sealed + len(_hot(connection, others))


def _is_sealed() -> ColumnElement[bool]:
    return exists().where(chunks.c.series_id == series.c.id)


def _hot(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of the series with samples that are not sealed yet, bucket by bucket along the key."""
    found: set[int] = set()
    oldest = select(func.min(samples.c.bucket))
    bucket = connection.scalar(oldest)
    while bucket is not None:
        for begin in range(0, len(ids), IDS_A_STATEMENT):
            some = samples.c.series_id.in_(ids[begin : begin + IDS_A_STATEMENT])
            query = select(samples.c.series_id).where(samples.c.bucket == bucket, some).distinct()
            found.update(connection.scalars(query))
        bucket = connection.scalar(oldest.where(samples.c.bucket > bucket))
    return found


def encode_labels(labels: Sequence[tuple[str, str]]) -> str:
    """Labels as they are stored: JSON with sorted names, so that equal labels are equal text."""
    return msgspec.json.encode(dict(sorted(labels))).decode()


def _named(name: str, labels: Labels) -> Mapping[str, str]:
    return {"name": name, "labels": encode_labels(labels)}
