"""The catalogue: what fields each check kind has, as JSON Schema, from which forms are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, delete, insert, select

from storage.engine import reader
from storage.schema import catalogue


def publish(engine: Engine, schemas: Mapping[str, Any]) -> None:
    """Make these the kinds there are, by name."""
    with engine.begin() as connection:
        connection.execute(delete(catalogue))
        if schemas:
            rows = [{"kind": kind, "schema": schema} for kind, schema in schemas.items()]
            connection.execute(insert(catalogue), rows)


def load(engine: Engine) -> dict[str, Any]:
    """The schemas of the kinds there are, by name; none before a monitor published them."""
    with reader(engine).connect() as connection:
        rows = connection.execute(select(catalogue).order_by(catalogue.c.kind)).all()
    return {row.kind: row.schema for row in rows}
