"""The tables. Times are integer milliseconds UTC (`Utc`), documents are JSON text (`Json`)."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from storage.engine import LONG, Json, Utc, Words

REVISION = "0003"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

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

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("labels", String(1000), nullable=False),
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

# Incidents: the row is what stands now, `incident_lines` is how it came about.
incidents = Table(
    "incidents",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("fingerprint", String(300), nullable=False),
    Column("component", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("title", Text, nullable=False),
    Column("stage", String(20), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("state_severity", SmallInteger, nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("parent_id", String(20)),
    Column("flapping", Boolean, nullable=False),
    Column("acknowledged_by", String(200)),
    Column("acknowledged_at", Utc),
    Column("sticky", Boolean, nullable=False),
    Column("assignee", String(200)),
    Column("resolved_at", Utc),
    Column("resolution", Text, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("acknowledged_until", Utc),
    # The answer of the page gate that holds a page back, until it is over and the gate asked again.
    Column("page_gate", String(20)),
    Column("about", Json, nullable=False, server_default="{}"),
    # Of what it affects, how much those who were told know, and when they were told last.
    Column("told_affected", Integer, nullable=False, server_default="0"),
    Column("grew_at", Utc),
    Column("version", Integer, nullable=False),
    # At most one open incident per fingerprint, whoever writes.
    Index(
        "uq_incidents_open_fingerprint",
        "fingerprint",
        unique=True,
        sqlite_where=text("is_open"),
        postgresql_where=text("is_open"),
    ),
    Index("ix_incidents_fingerprint_opened_at", "fingerprint", "opened_at"),
    Index("ix_incidents_opened_at", "opened_at"),
)

incident_lines = Table(
    "incident_lines",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("incident_id", String(20), ForeignKey("incidents.id"), nullable=False),
    Column("at", Utc, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(20), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_incident_lines_incident_id_id", "incident_id", "id"),
)

# Checks that an incident blocks without an incident of their own.
affected = Table(
    "affected",
    metadata,
    Column("incident_id", String(20), ForeignKey("incidents.id"), primary_key=True),
    Column("component", String(200), primary_key=True),
    Column("since", Utc, nullable=False),
    Column("until", Utc),
)

# The last number given to an incident of a UTC day.
incident_numbers = Table(
    "incident_numbers",
    metadata,
    Column("day", String(8), primary_key=True),
    Column("last", Integer, nullable=False, server_default="0"),
)

# What operators muted, until when, and why: incidents that match open and page nobody.
silences = Table(
    "silences",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("match", Json, nullable=False),
    Column("author", String(200), nullable=False),
    Column("reason", Words, nullable=False),
    Column("starts_at", Utc, nullable=False),
    Column("ends_at", Utc, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("ended_by", String(200)),
    Index("ix_silences_ends_at", "ends_at"),
)

# What each alert rule last said of each series that it selects.
rule_states = Table(
    "rule_states",
    metadata,
    Column("fingerprint", String(300), primary_key=True),
    Column("rule", String(200), nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("at", Utc, nullable=False),
    Column("state", Json, nullable=False),
)

# Deliveries, written in the transaction that decides them, and kept until they have ended.
outbox = Table(
    "outbox",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("key", String(260), nullable=False, unique=True),
    Column("incident_id", String(20), ForeignKey("incidents.id"), nullable=False),
    Column("line_id", LONG, ForeignKey("incident_lines.id"), nullable=False),
    Column("fingerprint", String(300), nullable=False),
    Column("channel", String(200), nullable=False),
    Column("event", String(20), nullable=False),
    Column("body", Json, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("due", Utc, nullable=False),
    Column("leased_until", Utc),
    Column("settled_at", Utc),
    Index("ix_outbox_state_due", "state", "due"),
    Index("ix_outbox_incident_id_channel_id", "incident_id", "channel", "id"),
    Index("ix_outbox_fingerprint_channel_event", "fingerprint", "channel", "event"),
)

# A channel that fails is tried with its oldest delivery alone, at `next_try`.
channel_health = Table(
    "channel_health",
    metadata,
    Column("channel", String(200), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("next_try", Utc),
    Column("last_error", Text),
    Column("last_delivered", Utc),
)
