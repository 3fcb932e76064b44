"""Transactions: each in a thread of its own, so that no event loop waits for a disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from anyio.to_thread import run_sync
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from ..._io.stores._sqlite_wal import write_ahead
from ...errors import ConfigurationError
from .models import Base

__all__ = ["HEAD", "VERSION_TABLE", "Database"]

T = TypeVar("T")

HEAD: Final = "0002"
"""The latest of ``migrations``: a database that has it, or has nothing, needs no Alembic."""
VERSION_TABLE: Final = "proxy_version"
_LOCK: Final = 0x6C6C6D6B6974
"""Of an advisory lock in PostgreSQL: one process migrates, the others find it done."""
_PATIENCE: Final = 10
"""Seconds that a transaction waits for others who write to the same file."""
_POOL: Final = {"pool_size": 10, "max_overflow": 30, "pool_timeout": _PATIENCE}
_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_KNOWN: Final = {"sqlite", "postgresql"}


class Database:
    """A database of ours.

    Args:
        url: ``sqlite:///PATH``, or ``postgresql://…`` (psycopg 3).

    Raises:
        ConfigurationError: it is neither, or SQLite's is no file.
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = _engine(url)
        self._reading = self.engine.execution_options(llmkit_reads=True)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @property
    def place(self) -> str:
        """Where it is, for whoever is to mend it: a file, or a server and a database's name. No user, no password."""
        url = self.engine.url
        if self.dialect == "sqlite":
            return str(Path(url.database or "").absolute())
        return f"{url.host or 'this machine'}/{url.database or ''}"

    async def run(self, work: Callable[[Session], T]) -> T:
        """Do this in one transaction, undone where it raises. It may write; in SQLite nobody else does then."""
        return await run_sync(self.run_sync, work)

    async def read(self, work: Callable[[Session], T]) -> T:
        """Do this, which writes nothing, in one transaction: nobody waits for it."""
        return await run_sync(self.read_sync, work)

    def run_sync(self, work: Callable[[Session], T]) -> T:
        """``run``, for who may wait."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            return work(session)

    def read_sync(self, work: Callable[[Session], T]) -> T:
        """``read``, for who may wait."""
        with Session(self._reading, expire_on_commit=False) as session, session.begin():
            return work(session)

    def migrate(self) -> None:
        """Make the tables, or bring them to this version. Many processes may do so at once.

        Raises:
            ConfigurationError: a later version of llmkit has written this database.
        """
        with self.engine.begin() as connection:
            if self.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:of)"), {"of": _LOCK})
            if (current := _version(connection)) is None:
                _make(connection)
            elif current != HEAD:
                from .migrate import upgrade  # noqa: PLC0415 - Alembic, only for tables of an older version

                upgrade(connection, current)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _make(connection: Connection) -> None:
    """All tables of an empty database: what the scripts would make, without loading what runs them."""
    Base.metadata.create_all(connection, checkfirst=False)
    made = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))
    made.create(connection)
    connection.execute(made.insert().values(version_num=HEAD))


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - ours
    return found


def _engine(url: str) -> Engine:
    scheme, colon, rest = url.partition(":")
    try:
        parsed = make_url(f"{_DRIVERS.get(scheme, scheme)}{colon}{rest}")
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in _KNOWN:
        # Not the address itself: it may have a password.
        raise ConfigurationError("a database is sqlite:///PATH or postgresql://user@host/name")
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed, pool_pre_ping=True, **_POOL)
    if parsed.database in {None, "", ":memory:"} or "mode=memory" in str(parsed.database):
        raise ConfigurationError("a database of SQLite's is a file: sqlite:///PATH")
    engine = create_engine(parsed, connect_args={"timeout": _PATIENCE}, **_POOL)
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def _connected(connection: Any, record: Any) -> None:
    """The module would begin transactions by itself, and late: see SQLAlchemy's page on pysqlite, read 2026-11-23."""
    connection.isolation_level = None
    # Of the file's pages, the system keeps what is much read: up to 40 connections need not do so, too, 2 MB each.
    write_ahead(connection, _PATIENCE)
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON", "cache_size=-512"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begun(connection: Connection) -> None:
    """Who may write locks at once: who reads first and writes later is refused, however long he would wait."""
    reads = connection.get_execution_options().get("llmkit_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
