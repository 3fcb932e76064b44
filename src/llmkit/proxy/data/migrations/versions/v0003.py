"""Customers and tags. When a key was last used is the request log's to say."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TEXT = sa.String(255)
_AMOUNT = sa.Numeric(24, 9).with_variant(sa.String(40), "sqlite")


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", _TEXT),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by", _TEXT),
        sa.Column("max_budget", _AMOUNT),
        sa.Column("soft_budget", _AMOUNT),
        sa.Column("budget_duration", _TEXT),
        sa.Column("budget_id", _TEXT),
        sa.Column("tpm_limit", sa.Integer()),
        sa.Column("rpm_limit", sa.Integer()),
        sa.Column("max_parallel_requests", sa.Integer()),
        sa.Column("model_max_budget", sa.JSON(), nullable=False),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
    ]


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "proxy_customer",
        sa.Column("user_id", _TEXT, nullable=False),
        *(sa.Column(name, _TEXT) for name in ("alias", "allowed_model_region", "default_model")),
        *_columns(),
        sa.PrimaryKeyConstraint("user_id", name="pk_proxy_customer"),
    )
    op.create_table(
        "proxy_tag",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("description", sa.String(4096)),
        *_columns(),
        sa.PrimaryKeyConstraint("name", name="pk_proxy_tag"),
    )
    for table in ("proxy_customer", "proxy_tag"):
        op.create_index(f"ix_{table}_restricted", table, ["restricted"])
    op.drop_column("proxy_key", "last_used")


def downgrade() -> None:
    """Take them away."""
    op.add_column("proxy_key", sa.Column("last_used", sa.DateTime()))
    for table in ("proxy_tag", "proxy_customer"):
        op.drop_index(f"ix_{table}_restricted", table)
        op.drop_table(table)
