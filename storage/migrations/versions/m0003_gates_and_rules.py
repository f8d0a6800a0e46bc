"""Silences, alert rules, and what the page gate holds back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add what muting and rules remember."""
    _incidents()
    op.create_table(
        "silences",
        sa.Column("id", LONG, nullable=False),
        sa.Column("match", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
    op.create_index("ix_silences_ends_at", "silences", ["ends_at"], unique=False)
    op.create_table(
        "rule_states",
        sa.Column("fingerprint", sa.String(length=300), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_rule_states")),
    )


def _incidents() -> None:
    for column in (
        sa.Column("acknowledged_until", sa.BigInteger(), nullable=True),
        sa.Column("page_gate", sa.String(length=20), nullable=True),
        sa.Column("about", sa.Text(), server_default="{}", nullable=False),
        sa.Column("told_affected", sa.Integer(), server_default="0", nullable=False),
        sa.Column("grew_at", sa.BigInteger(), nullable=True),
    ):
        op.add_column("incidents", column)
