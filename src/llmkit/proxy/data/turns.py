"""Whose turn it is to do what one of all processes does now and then: whoever asks first when it is due."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sqlalchemy.orm import Session

from .models import Setting

__all__ = ["due", "take"]


def due(session: Session, name: str, now: float, every: float) -> bool:
    """Whether it is time.

    Args:
        session: of the database that all of them share.
        name: of what is done.
        now: Unix time. Where processes' clocks differ, it is done so much earlier or later.
        every: seconds from one turn to the next.
    """
    return _due(session.get(Setting, name), now, every)


def take(session: Session, name: str, now: float, every: float) -> bool:
    """Take the turn, if it is time and nobody else has: the next is so much later. Arguments as for ``due``."""
    row = session.get(Setting, name, with_for_update=True)
    if row is None:
        assert session.bind is not None  # noqa: S101 - ours has one
        dialect: Any = import_module(f"sqlalchemy.dialects.{session.bind.dialect.name}")
        made = dialect.insert(Setting).values(name=name, value="0").on_conflict_do_nothing()
        session.execute(made)
        row = session.get(Setting, name, with_for_update=True)
    if row is None or not _due(row, now, every):
        return False
    row.value = repr(now + every)
    return True


def _due(row: Setting | None, now: float, every: float) -> bool:
    if row is None:
        return True
    # One that is further off than a turn was written by a clock that has been set back since, or for longer turns.
    return not now < float(row.value) <= now + every
