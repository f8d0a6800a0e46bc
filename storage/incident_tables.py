"""The tables of incidents, of what mutes them, and of the deliveries that tell of them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from storage.engine import LONG, Json, Utc, Words
from storage.metadata import metadata

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
    # At most one open incident per fingerprint, whoever writes. On Postgres it has the same
    # condition, by the migration: to say so here would load that dialect, which takes 3 MB.
    Index(
        "uq_incidents_open_fingerprint",
        "fingerprint",
        unique=True,
        sqlite_where=text("is_open"),
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
    # What waits to be told together, and the key of the message that tells it, set with its lease:
    # whatever becomes of the first try, the next one sends the same.
    Column("group_key", String(200)),
    Column("bundle", String(260)),
    Index("ix_outbox_state_due", "state", "due"),
    Index("ix_outbox_incident_id_channel_id", "incident_id", "channel", "id"),
    Index("ix_outbox_fingerprint_channel_event", "fingerprint", "channel", "event"),
    Index("ix_outbox_bundle", "bundle"),
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
