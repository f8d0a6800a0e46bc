"""The tables. Times are integer milliseconds UTC (`Utc`), documents are JSON text (`Json`).

Those of incidents stand in `incident_tables`, those of time series in `series_tables`, those of
people and keys in `access_tables`.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
)

from storage.access_tables import inbox, keys, sessions, throttles, users
from storage.engine import LONG, Json, Utc, Words
from storage.incident_tables import (
    affected,
    channel_health,
    incident_lines,
    incident_numbers,
    incidents,
    outbox,
    rule_states,
    silences,
)
from storage.metadata import metadata
from storage.series_tables import chunks, rollups, samples, series, uptime, uptime_totals

__all__ = [
    "REVISION",
    "affected",
    "audit",
    "catalogue",
    "channel_health",
    "check_state",
    "chunks",
    "commands",
    "counters",
    "decisions",
    "definitions",
    "gaps",
    "inbox",
    "incident_lines",
    "incident_numbers",
    "incidents",
    "keys",
    "leadership",
    "metadata",
    "notices",
    "outbox",
    "results",
    "rollups",
    "rule_states",
    "samples",
    "series",
    "sessions",
    "silences",
    "standbys",
    "throttles",
    "transitions",
    "uptime",
    "uptime_totals",
    "users",
    "web_figures",
]

REVISION = "0006"

# What is defined: `base` from the file, `patch` from edits; history stands in `audit`.
definitions = Table(
    "definitions",
    metadata,
    Column("kind", String(40), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("base", Json),
    Column("patch", Json, nullable=False),
    Column("version", Integer, nullable=False),
    Column("source", Text),
    Column("updated_at", Utc, nullable=False),
)

# The JSON Schema of each check kind, published by the monitor, from which the web draws forms.
catalogue = Table(
    "catalogue",
    metadata,
    Column("kind", String(40), primary_key=True),
    Column("schema", Json, nullable=False),
)

# Append-only: who changed what, from what to what.
audit = Table(
    "audit",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(40), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("name", String(200), nullable=False),
    Column("before", Json),
    Column("after", Json),
    Index("ix_audit_kind_name_at", "kind", "name", "at"),
    Index("ix_audit_at", "at"),
)

# The latest state of every check: one row each, maintained with every result.
check_state = Table(
    "check_state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("kind", String(40), nullable=False),
    Column("present", Boolean, nullable=False),
    Column("about", Json, nullable=False),
    Column("due", Utc),
    Column("metrics", Json, nullable=False),
    Column("details", Json, nullable=False),
    Column("response_ms", Float),
    Column("state", Json, nullable=False),
)

# Every run of every check. The text of a healthy result is not kept: its numbers are series.
results = Table(
    "results",
    metadata,
    Column("check_id", Integer, ForeignKey("check_state.id"), primary_key=True),
    Column("at", Utc, primary_key=True),
    Column("status", SmallInteger, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("mark", String(20)),
    Column("cause", String(20)),
    Column("response_ms", Float),
    Column("message", Words),
    sqlite_with_rowid=False,
)

# The timeline of what checks read: each row was written once, when it changed.
transitions = Table(
    "transitions",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("check_id", Integer, ForeignKey("check_state.id"), nullable=False),
    Column("at", Utc, nullable=False),
    Column("change", String(10), nullable=False),
    Column("before", SmallInteger, nullable=False),
    Column("after", SmallInteger, nullable=False),
    Column("mark_before", String(20), nullable=False),
    Column("mark", String(20), nullable=False),
    Column("reason", Words, nullable=False),
    Column("message", Words, nullable=False),
    Index("ix_transitions_check_id_at", "check_id", "at"),
    Index("ix_transitions_at", "at"),
)

# Why something was or was not done; written when the reason changes.
decisions = Table(
    "decisions",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("subject", String(300), nullable=False),
    Column("gate", String(20), nullable=False),
    Column("at", Utc, nullable=False),
    Column("reason", String(60), nullable=False),
    Column("detail", Words, nullable=False),
    Index("ix_decisions_subject_at", "subject", "at"),
)

# Stretches in which nothing was measured, so that no gap is silent.
gaps = Table(
    "gaps",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("started", Utc, nullable=False),
    Column("ended", Utc, nullable=False),
    Column("reason", String(200), nullable=False),
    Index("ix_gaps_ended", "ended"),
)

# One row: who leads, since which epoch, and its last beat.
leadership = Table(
    "leadership",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("boot_id", String(40), nullable=False),
    Column("host", String(200), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_start", Utc, nullable=False),
    Column("epoch", LONG, nullable=False),
    Column("since", Utc, nullable=False),
    Column("beat", Utc, nullable=False),
    Column("valid_until", Utc, nullable=False),
    Column("lag_ms", Float, nullable=False),
)

standbys = Table(
    "standbys",
    metadata,
    Column("boot_id", String(40), primary_key=True),
    Column("host", String(200), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("since", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
)

# How each web process answers, told by itself every few seconds: over its last five minutes.
web_figures = Table(
    "web_figures",
    metadata,
    Column("boot_id", String(40), primary_key=True),
    Column("at", Utc, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("average_ms", Float, nullable=False),
    Column("per_minute", Float, nullable=False),
)

# `revision` moves with whatever screens show, `changes` with what the monitor must take up.
counters = Table(
    "counters",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", LONG, nullable=False),
)

# What only the monitor can do, asked for by others, with expiry and reply.
commands = Table(
    "commands",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("verb", String(40), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("arguments", Json, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("state", String(20), nullable=False),
    Column("replied_at", Utc),
    Column("reply", Json),
    Index("ix_commands_state_id", "state", "id"),
)

# Standing messages to operators about Nocturne itself, shown as banners until taken back.
notices = Table(
    "notices",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("level", String(20), nullable=False),
    Column("text", Words, nullable=False),
    Column("at", Utc, nullable=False),
)
