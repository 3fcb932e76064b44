"""Brings tables of an older version to this one with Alembic, which is loaded for nothing else.

Whoever calls has the database locked. By hand: ``alembic`` finds the scripts in ``migrations``.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from ...errors import ConfigurationError

__all__ = ["configuration", "upgrade"]

_SCRIPTS = Path(__file__).parent / "migrations"


def configuration(connection: Connection | None = None) -> Config:
    """Where the scripts are, and what to run them over."""
    # A "%" in a path would be read as a reference to another option.
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connection: Connection, current: str) -> None:
    """Apply the scripts that come after ``current``, in the transaction that is open.

    Raises:
        ConfigurationError: a later version of llmkit has written this database.
    """
    config = configuration(connection)
    try:
        ScriptDirectory.from_config(config).get_revision(current)
    except CommandError as error:
        raise ConfigurationError(
            f"the database is of version {current!r}, which this llmkit does not know: upgrade llmkit"
        ) from error
    command.upgrade(config, "head")
