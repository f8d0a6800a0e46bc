"""Pushed metrics for the web: which there are, and of which kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from sqlalchemy import Engine, select

from domain.business import is_pushed
from domain.facts import SeriesKind
from storage.engine import reader
from storage.schema import series
from storage.series import IDS_A_STATEMENT


def kinds_of(engine: Engine, names: Collection[str]) -> Mapping[str, SeriesKind]:
    """The kinds of these metrics, as far as they are stored."""
    found: dict[str, SeriesKind] = {}
    wanted = sorted(names)
    with reader(engine).connect() as connection:
        for begin in range(0, len(wanted), IDS_A_STATEMENT):
            some = series.c.name.in_(wanted[begin : begin + IDS_A_STATEMENT])
            for row in connection.execute(
                select(series.c.name, series.c.kind).where(some).distinct()
            ):
                found[row.name] = SeriesKind(row.kind)
    return found


def pushed(engine: Engine) -> Mapping[str, SeriesKind]:
    """All metrics that came from outside, by name."""
    with reader(engine).connect() as connection:
        rows = connection.execute(
            select(series.c.name, series.c.kind, series.c.labels)
            .where(series.c.labels.not_like('%"check":%'))
            .order_by(series.c.name)
        )
        return {
            row.name: SeriesKind(row.kind)
            for row in rows
            if is_pushed(row.name, msgspec.json.decode(row.labels))
        }
