"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT = sa.String(255)
_AMOUNT = sa.Numeric(24, 9).with_variant(sa.String(40), "sqlite")
_SPEND = sa.Numeric(24, 12).with_variant(sa.BigInteger(), "sqlite")


def _texts(*names: str, needed: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, _TEXT, nullable=not needed) for name in names]


def _kept() -> list[sa.Column[Any]]:
    return [
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", _TEXT),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("updated_by", _TEXT),
    ]


def _limited(*, plan: bool = False) -> list[sa.Column[Any]]:
    return [
        sa.Column("max_budget", _AMOUNT),
        sa.Column("soft_budget", _AMOUNT),
        sa.Column("budget_duration", _TEXT),
        *([] if plan else [sa.Column("budget_id", _TEXT)]),
        sa.Column("tpm_limit", sa.Integer()),
        sa.Column("rpm_limit", sa.Integer()),
        sa.Column("max_parallel_requests", sa.Integer()),
        sa.Column("model_max_budget", sa.JSON(), nullable=False),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
    ]


def _indexed(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _keys() -> None:
    op.create_table(
        "proxy_key",
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("account", sa.String(64)),
        sa.Column("key_name", _TEXT, nullable=False),
        *_texts("key_alias", "user_id", "team_id", "organization_id"),
        sa.Column("expires", sa.DateTime()),
        sa.Column("allowed_routes", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        *_kept(),
        *_limited(),
        sa.PrimaryKeyConstraint("token", name="pk_proxy_key"),
        sa.UniqueConstraint("key_alias", name="uq_proxy_key_key_alias"),
    )
    for column in ("user_id", "team_id", "organization_id"):
        _indexed("proxy_key", column)
    op.create_table(
        "proxy_session",
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_proxy_session"),
    )
    op.create_table(
        "proxy_setting",
        *_texts("name", "value", needed=True),
        sa.PrimaryKeyConstraint("name", name="pk_proxy_setting"),
    )


def _people() -> None:
    op.create_table(
        "proxy_user",
        sa.Column("user_id", _TEXT, nullable=False),
        *_texts("user_alias", "user_email"),
        sa.Column("user_role", _TEXT, nullable=False),
        *_texts("sso_user_id", "organization_id"),
        *_kept(),
        *_limited(),
        sa.PrimaryKeyConstraint("user_id", name="pk_proxy_user"),
        sa.UniqueConstraint("sso_user_id", name="uq_proxy_user_sso_user_id"),
    )
    _indexed("proxy_user", "user_email")
    op.create_table(
        "proxy_organization",
        sa.Column("organization_id", _TEXT, nullable=False),
        *_texts("organization_alias"),
        *_kept(),
        *_limited(),
        sa.PrimaryKeyConstraint("organization_id", name="pk_proxy_organization"),
    )


def _restricted() -> None:
    op.create_table(
        "proxy_customer",
        sa.Column("user_id", _TEXT, nullable=False),
        *_texts("alias", "allowed_model_region", "default_model"),
        *_kept(),
        *_limited(),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_proxy_customer"),
    )
    op.create_table(
        "proxy_tag",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("description", sa.String(4096)),
        *_kept(),
        *_limited(),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_proxy_tag"),
    )
    for table in ("proxy_customer", "proxy_tag"):
        _indexed(table, "restricted")


def _teams() -> None:
    op.create_table(
        "proxy_team",
        sa.Column("team_id", _TEXT, nullable=False),
        *_texts("team_alias", "organization_id"),
        *_kept(),
        *_limited(),
        sa.PrimaryKeyConstraint("team_id", name="pk_proxy_team"),
    )
    _indexed("proxy_team", "organization_id")
    op.create_table(
        "proxy_member",
        *_texts("team_id", "user_id", "role", needed=True),
        sa.PrimaryKeyConstraint("team_id", "user_id", name="pk_proxy_member"),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["proxy_team.team_id"],
            name="fk_proxy_member_team_id",
            ondelete="CASCADE",
        ),
    )
    _indexed("proxy_member", "user_id")


def _offers() -> None:
    op.create_table(
        "proxy_budget",
        sa.Column("budget_id", _TEXT, nullable=False),
        *_kept(),
        *_limited(plan=True),
        sa.PrimaryKeyConstraint("budget_id", name="pk_proxy_budget"),
    )
    op.create_table(
        "proxy_model",
        *_texts("model_id", "model_name", needed=True),
        sa.Column("litellm_params", sa.JSON(), nullable=False),
        sa.Column("model_info", sa.JSON(), nullable=False),
        *_kept(),
        sa.PrimaryKeyConstraint("model_id", name="pk_proxy_model"),
    )
    _indexed("proxy_model", "model_name")


def _files() -> None:
    op.create_table(
        "proxy_kept",
        sa.Column("kept_id", sa.String(512), nullable=False),
        *_texts("owner", "place", "provider", needed=True),
        sa.Column("kind", sa.String(16), nullable=False),
        *_texts("purpose"),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("kept_id", "owner", "place", name="pk_proxy_kept"),
    )
    _indexed("proxy_kept", "owner", "kind", "created_at")


def _requests() -> None:
    op.create_table(
        "proxy_request",
        *_texts("request_id", needed=True),
        *_texts("http_id"),
        *_texts("call_type", "api_key", needed=True),
        sa.Column("spend", _SPEND),
        sa.Column("prompt_tokens", sa.Integer()),
        sa.Column("completion_tokens", sa.Integer()),
        sa.Column("started", sa.DateTime(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        *_texts("provider", "model", needed=True),
        *_texts("model_group", "user", "team_id", "organization_id", "end_user", "session_id"),
        *_texts("requester_ip_address"),
        sa.Column("tags", sa.JSON(), nullable=False),
        *_texts("status", needed=True),
        *_texts("error"),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_proxy_request"),
    )
    for columns in (("http_id",), ("started",), ("user",)):
        _indexed("proxy_request", *columns)
    _indexed("proxy_request", "api_key", "started")
    _indexed("proxy_request", "team_id", "started")
    op.create_table(
        "proxy_content",
        *_texts("request_id", needed=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("kept_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_proxy_content"),
    )
    _indexed("proxy_content", "kept_at")
    op.create_table(
        "proxy_progress",
        sa.Column("ledger", _TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ledger", name="pk_proxy_progress"),
    )


def upgrade() -> None:
    """Make them."""
    _keys()
    _people()
    _restricted()
    _teams()
    _offers()
    _files()
    _requests()


def downgrade() -> None:
    """Drop them, with all that is in them."""
    for table in (
        "proxy_progress",
        "proxy_content",
        "proxy_request",
        "proxy_kept",
        "proxy_model",
        "proxy_budget",
        "proxy_member",
        "proxy_team",
        "proxy_tag",
        "proxy_customer",
        "proxy_organization",
        "proxy_user",
        "proxy_setting",
        "proxy_session",
        "proxy_key",
    ):
        op.drop_table(table)
