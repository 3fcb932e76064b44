"""Tables are made once, whoever comes first, and are what the models say."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, inspect, select, text

from llmkit.errors import ConfigurationError
from llmkit.proxy.data.database import HEAD, VERSION_TABLE, Database
from llmkit.proxy.data.migrate import configuration
from llmkit.proxy.data.models import Base, Member, Progress, User

from .conftest import rows

MIGRATE = """
import sys
from llmkit.proxy.data.database import Database
database = Database(sys.argv[1])
database.migrate()
database.close()
"""


def test_scripts_make_what_the_models_say(url: str) -> None:
    """A model that changes needs a script: an old database becomes what a new one is from its beginning."""
    database = Database(url)
    with database.engine.begin() as connection:
        command.upgrade(configuration(connection), "head")
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, Base.metadata) == []
    database.migrate()
    with database.engine.begin() as connection:
        command.downgrade(configuration(connection), "base")
        connection.execute(text("DROP TABLE proxy_version"))
        assert inspect(connection).get_table_names() == []
    database.migrate()
    with database.engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == HEAD
    database.close()


def test_the_latest_script_is_known_without_alembic() -> None:
    """``HEAD`` is what lets a start do without it."""
    assert ScriptDirectory.from_config(configuration()).get_current_head() == HEAD


def test_many_processes_may_begin_at_once(url: str) -> None:
    """One makes the tables, the others find them made."""
    several = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, url], stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    ended = [process.communicate(timeout=60)[1].decode() for process in several]
    assert [process.returncode for process in several] == [0] * 3, ended
    database = Database(url)
    assert rows(database, text("SELECT version_num FROM proxy_version")) == [(HEAD,)]
    database.close()


def test_tables_of_a_later_version_are_left_alone(database: Database) -> None:
    """What they mean is not known here."""
    database.run_sync(lambda s: s.execute(text("UPDATE proxy_version SET version_num = '9999'")))
    with pytest.raises(ConfigurationError, match="'9999', which this llmkit does not know"):
        database.migrate()


def test_what_raises_is_undone(database: Database) -> None:
    """A transaction is done wholly or not at all."""

    def work(session: object) -> None:
        session.execute(insert(Progress).values(ledger="one", number=1))  # type: ignore[attr-defined]
        raise LookupError("after it")

    with pytest.raises(LookupError):
        database.run_sync(work)
    assert rows(database, select(Progress)) == []


def test_a_member_goes_with_his_team(database: Database) -> None:
    """SQLite looks after references only where it is told to."""
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        database.run_sync(lambda s: s.execute(insert(Member).values(team_id="x", user_id="ann")))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://u:pw-12345@h/x", "x"])
def test_another_database_is_refused(url: str) -> None:
    """A file or PostgreSQL; the message holds no password."""
    with pytest.raises(ConfigurationError, match="sqlite:///PATH") as caught:
        Database(url)
    assert "pw-12345" not in str(caught.value)


def test_a_file_of_sqlite_is_safe_for_many(tmp_path: object) -> None:
    """A write-ahead log, and transactions that lock when they begin."""
    database = Database(f"sqlite:///{tmp_path}/one 100%.db")
    database.migrate()
    (mode,) = rows(database, text("PRAGMA journal_mode"))
    assert mode == ("wal",)
    database.close()


def test_amounts_are_exact(database: Database) -> None:
    """Also in SQLite, which has no decimals."""
    now = datetime.now(UTC).replace(tzinfo=None)
    row = User(user_id="ann", max_budget=Decimal("123456789012345.123456789"), created_at=now)
    row.updated_at = now
    database.run_sync(lambda session: session.add(row))
    (found,) = rows(database, select(User.max_budget, User.soft_budget))
    assert found == (Decimal("123456789012345.123456789"), None)
