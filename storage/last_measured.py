"""The last stored result of checks, which some of them take up after a restart."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, select

from domain.facts import Detail
from storage.engine import reader
from storage.schema import check_state


@dataclass(frozen=True, slots=True, kw_only=True)
class LastMeasured:
    """The numbers and details of the last result of a check; empty when it has none yet."""

    metrics: Mapping[str, float]
    details: Mapping[str, Detail]


def read(engine: Engine, names: Collection[str]) -> dict[str, LastMeasured]:
    """What each of these checks measured last, by name, as far as they are known."""
    columns = (check_state.c.name, check_state.c.metrics, check_state.c.details)
    query = select(*columns).where(check_state.c.name.in_(names))
    with reader(engine).connect() as connection:
        rows = connection.execute(query).all()
    return {row.name: LastMeasured(metrics=row.metrics, details=row.details) for row in rows}
