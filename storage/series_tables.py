"""The tables of time series: samples as they arrive, sealed chunks, roll-ups, and uptime."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from storage.engine import Utc
from storage.metadata import metadata

# A series is a metric with its labels; `kind` tells whether its numbers are levels or counts.
series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("labels", String(1000), nullable=False),
    Column("kind", String(10), nullable=False, server_default="gauge"),
    UniqueConstraint("name", "labels"),
)

# Samples as they arrive, keyed so that one series' hours and one window's deletion are both quick.
samples = Table(
    "samples",
    metadata,
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, primary_key=True),
    Column("value", Float, nullable=False),
    sqlite_with_rowid=False,
)

# Samples sealed by window of two hours, compressed: see `chunks.py` for what `data` holds.
chunks = Table(
    "chunks",
    metadata,
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("window", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("ix_chunks_window_series_id", "window", "series_id"),
    sqlite_with_rowid=False,
)

# What is left of samples when they are gone, by steps of `step` seconds; `bucket` counts steps from
# 1970. `sum` is of a gauge the sum of its values, of a counter by how much it rose.
rollups = Table(
    "rollups",
    metadata,
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("min", Float, nullable=False),
    Column("max", Float, nullable=False),
    Column("sum", Float, nullable=False),
    Column("last", Float, nullable=False),
    sqlite_with_rowid=False,
)

# How long each check read what, in milliseconds of an hour or a day; together they fill it.
uptime = Table(
    "uptime",
    metadata,
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("check_id", Integer, ForeignKey("check_state.id"), primary_key=True),
    Column("healthy", Integer, nullable=False),
    Column("warning", Integer, nullable=False),
    Column("degraded", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("critical", Integer, nullable=False),
    Column("blocked", Integer, nullable=False),
    Column("maintenance", Integer, nullable=False),
    Column("paused", Integer, nullable=False),
    Column("unmeasured", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# The same from the first day of each check up to full hours: see `uptime_totals.py`.
uptime_totals = Table(
    "uptime_totals",
    metadata,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("check_id", Integer, ForeignKey("check_state.id"), primary_key=True),
    Column("healthy", BigInteger, nullable=False),
    Column("warning", BigInteger, nullable=False),
    Column("degraded", BigInteger, nullable=False),
    Column("unknown", BigInteger, nullable=False),
    Column("critical", BigInteger, nullable=False),
    Column("blocked", BigInteger, nullable=False),
    Column("maintenance", BigInteger, nullable=False),
    Column("paused", BigInteger, nullable=False),
    Column("unmeasured", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
