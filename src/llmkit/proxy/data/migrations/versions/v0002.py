"""What the calls of batches may cost, and what is held for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the column."""
    op.add_column("proxy_kept", sa.Column("money", sa.JSON()))


def downgrade() -> None:
    """Drop it: what is held then becomes spend when its lease is over."""
    op.drop_column("proxy_kept", "money")
