"""Sealed chunks, roll-ups and uptime; kinds of series; deliveries that are told together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UPTIME = (
    "healthy",
    "warning",
    "degraded",
    "unknown",
    "critical",
    "blocked",
    "maintenance",
    "paused",
    "unmeasured",
)


def upgrade() -> None:
    """Add what samples and results become when they grow old."""
    op.add_column(
        "series", sa.Column("kind", sa.String(length=10), server_default="gauge", nullable=False)
    )
    op.create_table(
        "chunks",
        sa.Column("series_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("window", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "window", name=op.f("pk_chunks")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_chunks_window_series_id", "chunks", ["window", "series_id"], unique=False)
    op.create_table(
        "rollups",
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("series_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("min", "max", "sum", "last")),
        sa.PrimaryKeyConstraint("step", "series_id", "bucket", name=op.f("pk_rollups")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "uptime",
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("check_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in UPTIME),
        sa.ForeignKeyConstraint(
            ["check_id"], ["check_state.id"], name=op.f("fk_uptime_check_id_check_state")
        ),
        sa.PrimaryKeyConstraint("step", "bucket", "check_id", name=op.f("pk_uptime")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "web_figures",
        sa.Column("boot_id", sa.String(length=40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("average_ms", sa.Float(), nullable=False),
        sa.Column("per_minute", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("boot_id", name=op.f("pk_web_figures")),
    )
    op.add_column("outbox", sa.Column("group_key", sa.String(length=200), nullable=True))
    op.add_column("outbox", sa.Column("bundle", sa.String(length=260), nullable=True))
    op.create_index("ix_outbox_bundle", "outbox", ["bundle"], unique=False)
