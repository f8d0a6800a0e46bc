"""The tables of who may do what: people, their sessions, keys and tokens, failed logins; and the inbox."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from storage.engine import LONG, Json, Utc
from storage.metadata import metadata

# People who log in. `password` is an argon2 hash; a name is kept as `domain.access` folds it.
users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("password", String(200), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
)

# One row for each browser that is logged in; the browser holds the secret of which this is the hash.
sessions = Table(
    "sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("address", String(60), nullable=False),
    Column("agent", String(200), nullable=False),
    Index("ix_sessions_user_id", "user_id"),
)

# Keys of programs and tokens of screens, jobs and first set-ups: all are found by their prefix and
# compared by hash. `subject` is what a token is for: the check of a heartbeat, say.
keys = Table(
    "keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("prefix", String(20), nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
    Column("name", String(100), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("expires_at", Utc),
    Column("last_used_at", Utc),
    Column("revoked_at", Utc),
    Index("ix_keys_kind_subject", "kind", "subject"),
)

# How often a login went wrong lately, by account and by address.
throttles = Table(
    "throttles",
    metadata,
    Column("subject", String(200), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Utc, nullable=False),
)

# What arrived from outside and was answered with success, until the monitor has taken it in.
inbox = Table(
    "inbox",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_inbox_kind_id", "kind", "id"),
)
