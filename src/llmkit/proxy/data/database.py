"""Transactions: each in a thread of its own, so that no event loop waits for a disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio.to_thread import run_sync
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

__all__ = ["Database"]

T = TypeVar("T")


class Database:
    """A database of ours.

    Args:
        url: ``sqlite:///PATH``, or ``postgresql://…`` (psycopg 3).
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = create_engine(_with_driver(url))

    async def run(self, work: Callable[[Session], T]) -> T:
        """Do this in one transaction, which is undone where it raises."""
        return await run_sync(self.run_sync, work)

    def run_sync(self, work: Callable[[Session], T]) -> T:
        """``run``, for who may wait."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            return work(session)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _with_driver(url: str) -> str:
    scheme, colon, rest = url.partition(":")
    known = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    return f"{known.get(scheme, scheme)}{colon}{rest}"
