"""Running totals of uptime."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIMES = (
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
    """Add the table. The storekeeper's next round fills it, from what is there by day and hour."""
    op.create_table(
        "uptime_totals",
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("check_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in TIMES),
        sa.ForeignKeyConstraint(
            ["check_id"], ["check_state.id"], name=op.f("fk_uptime_totals_check_id_check_state")
        ),
        sa.PrimaryKeyConstraint("hour", "check_id", name=op.f("pk_uptime_totals")),
        sqlite_with_rowid=False,
    )
