"""Samples of series: append a batch, read a range. Series are named by metric and sorted labels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, func, select

from domain.facts import Sample
from storage.engine import to_ms, upsert
from storage.schema import samples, series

BUCKET_MS = 600_000
# Buckets that one query names: databases limit the parameters of a statement.
SLICE = 5_000
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """The samples of one series in time order: two columns of the same length."""

    at: tuple[datetime, ...]
    values: tuple[float, ...]


class SeriesIds:
    """The ids of series by name and labels, remembered, made at first use. One per writer."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Labels], int] = {}

    def resolve(self, connection: Connection, wanted: Iterable[tuple[str, Labels]]) -> None:
        """Look up or insert the series that are not known yet."""
        missing = sorted(set(wanted) - self._known.keys())
        if not missing:
            return
        rows = [{"name": name, "labels": encode_labels(labels)} for name, labels in missing]
        upsert(connection, series, rows, ("name", "labels"))
        for name, labels in missing:
            found = and_(series.c.name == name, series.c.labels == encode_labels(labels))
            self._known[name, labels] = connection.scalars(select(series.c.id).where(found)).one()

    def __getitem__(self, key: tuple[str, Labels]) -> int:
        """The id of a resolved series."""
        return self._known[key]

    def forget(self) -> None:
        """Drop what is remembered: after a rollback, ids may not exist."""
        self._known.clear()


def append(connection: Connection, ids: SeriesIds, batch: Sequence[Sample]) -> int:
    """Write samples; a second one of the same series and time wins. NaN and ±Inf are left out.

    Returns how many were left out, so that a gap made by bad numbers can be counted.
    """
    finite = [each for each in batch if math.isfinite(each.value)]
    ids.resolve(connection, ((each.name, each.labels) for each in finite))
    unique = {(ids[each.name, each.labels], each.at): each for each in finite}
    rows = [
        {
            "bucket": to_ms(at) // BUCKET_MS,
            "series_id": series_id,
            "at": at,
            "value": each.value,
        }
        for (series_id, at), each in unique.items()
    ]
    upsert(connection, samples, rows, ("bucket", "series_id", "at"))
    return len(batch) - len(finite)


def find(connection: Connection, name: str, labels: Mapping[str, str]) -> int | None:
    """The id of the series with exactly this name and these labels; None when there is none."""
    wanted = encode_labels(tuple(sorted(labels.items())))
    query = select(series.c.id).where(series.c.name == name, series.c.labels == wanted)
    return connection.scalars(query).one_or_none()


def read(connection: Connection, series_id: int, start: datetime, end: datetime) -> Points:
    """The samples of one series with start ≤ at < end, oldest first."""
    last = to_ms(end) // BUCKET_MS
    rows: list[Row[Any, Any]] = []
    bucket = _next_bucket(connection, to_ms(start) // BUCKET_MS)
    while bucket is not None and bucket <= last:
        query = (
            select(samples.c.at, samples.c.value)
            .where(
                # All buckets by name: the key then leads straight to this series' rows.
                samples.c.bucket.in_(range(bucket, min(bucket + SLICE, last + 1))),
                samples.c.series_id == series_id,
                samples.c.at >= start,
                samples.c.at < end,
            )
            .order_by(samples.c.bucket, samples.c.at)
        )
        rows += connection.execute(query).all()
        bucket = _next_bucket(connection, bucket + SLICE) if bucket + SLICE <= last else None
    return Points(at=tuple(row.at for row in rows), values=tuple(row.value for row in rows))


def _next_bucket(connection: Connection, first: int) -> int | None:
    """The first bucket from `first` on that holds anything: one look into the key."""
    query = select(func.min(samples.c.bucket)).where(samples.c.bucket >= first)
    found: int | None = connection.execute(query).scalar_one()
    return found


def encode_labels(labels: Labels) -> str:
    """Labels as they are stored: JSON with sorted names, so that equal labels are equal text."""
    return msgspec.json.encode(dict(sorted(labels))).decode()
