"""Alembic's way in: over the connection that ``..migrate`` has opened, which also holds the lock."""

from __future__ import annotations

from alembic import context

from llmkit.proxy.data.database import VERSION_TABLE
from llmkit.proxy.data.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
