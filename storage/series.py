"""Samples of series: append a batch, find a series. Series are named by metric and sorted labels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, func, select
from sqlalchemy.sql.elements import ColumnElement

from domain.facts import Sample, SeriesKind
from domain.intake import Refusal, Times, refuses, refuses_name, refuses_series
from storage import bulk
from storage.engine import to_ms, upsert
from storage.schema import series

BUCKET_MS = 600_000
WINDOW_MS = 7_200_000
COUNTERS = (SeriesKind.COUNTER.value, SeriesKind.HISTOGRAM.value)
Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]


class SeriesIds:
    """The ids of series by name and labels, remembered, made at first use. One per writer."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[int, SeriesKind]] = {}
        self._label_sets: dict[str, int] = {}
        self.full: set[str] = set()

    def take(self, connection: Connection, key: Key, kind: SeriesKind) -> int | Refusal:
        """The id of a series, made where there is none, or why it is refused."""
        known = self._known.get(key)
        if known is not None and known[1] is kind:
            return known[0]
        if known is None and refuses_name(*key) is not None:
            return Refusal.UNUSABLE_NAME
        known = known or self._find(connection, key)
        refusal = refuses_series(
            kind, known[1] if known else None, 0 if known else self._sets(connection, key[0])
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
        query = select(series.c.id, series.c.kind).where(_is(*key))
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        self._known[key] = row.id, SeriesKind(row.kind)
        return self._known[key]

    def _sets(self, connection: Connection, name: str) -> int:
        if name not in self._label_sets:
            query = select(func.count()).select_from(series).where(series.c.name == name)
            self._label_sets[name] = connection.execute(query).scalar_one()
        return self._label_sets[name]

    def _make(self, connection: Connection, key: Key, kind: SeriesKind) -> int:
        row = {"name": key[0], "labels": encode_labels(key[1]), "kind": kind.value}
        upsert(connection, series, [row], ("name", "labels"))
        self._label_sets[key[0]] += 1
        found = self._find(connection, key)
        assert found is not None, f"series {key} was written in this transaction"
        return found[0]


def append(
    connection: Connection, ids: SeriesIds, batch: Iterable[Sample], times: Times | None = None
) -> Counter[Refusal]:
    """Write samples; a second one of the same series and time wins.

    Returns how many were refused, by reason: bad numbers, times that can't be, too many series.
    """
    refused: Counter[Refusal] = Counter()
    rows: list[bulk.Row] = []
    taken: datetime | None = None
    moment = bucket = 0
    for each in batch:
        # Those of one round share their time: it is judged, and made a number, only once.
        if each.at != taken or not math.isfinite(each.value):
            refusal = refuses(each, times)
            if refusal is not None:
                refused[refusal] += 1
                continue
            taken, moment = each.at, to_ms(each.at)
            bucket = moment // BUCKET_MS
        found = ids.take(connection, (each.name, each.labels), each.kind)
        if isinstance(found, int):
            rows.append((bucket, found, moment, each.value))
        else:
            refused[found] += 1
    bulk.write(connection, rows)
    return refused


def find(connection: Connection, name: str, labels: Mapping[str, str]) -> int | None:
    """The id of the series with exactly this name and these labels; None when there is none."""
    query = select(series.c.id).where(_is(name, tuple(labels.items())))
    return connection.scalars(query).one_or_none()


def encode_labels(labels: Sequence[tuple[str, str]]) -> str:
    """Labels as they are stored: JSON with sorted names, so that equal labels are equal text."""
    return msgspec.json.encode(dict(sorted(labels))).decode()


def _is(name: str, labels: Labels) -> ColumnElement[bool]:
    return and_(series.c.name == name, series.c.labels == encode_labels(labels))
