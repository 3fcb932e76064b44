"""The administrator's key that no row is of: given by the settings, or made once and printed once."""

from __future__ import annotations

import sys
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Transaction

from ..data.database import Database
from ..data.models import Setting
from .keys import generate, same, token_of

__all__ = ["announce", "ensure", "is_master"]

_NAME: Final = "master_key"


def ensure(database: Database, given: str | None) -> str | None:
    """See to it that there is one; the one that was made just now, which nothing can tell later.

    Where one is given, one that was made before is valid no longer. Of processes that begin at once, one makes it.
    """
    if given:
        database.run_sync(_forget)
        return None
    if database.read_sync(_kept) is not None:
        return None
    made = generate()
    try:
        database.run_sync(lambda transaction: transaction.add(_row(made)))
    except IntegrityError:
        return None
    return made


def is_master(transaction: Transaction, token: str) -> bool:
    """Whether this is the SHA-256 of the key that was made."""
    kept = _kept(transaction)
    return kept is not None and same(kept, token)


def announce(made: str) -> None:
    """Print it. It is nowhere else, and will not be printed again."""
    sys.stderr.write(
        f"\nThe master key, made at this first start and shown only now:\n\n    {made}\n\n"
        "Set LLMKIT_MASTER_KEY to have one of your own.\n\n"
    )
    sys.stderr.flush()


def _kept(transaction: Transaction) -> str | None:
    return transaction.scalar(select(Setting.value).where(Setting.name == _NAME))


def _row(made: str) -> Setting:
    return Setting(name=_NAME, value=token_of(made))


def _forget(transaction: Transaction) -> None:
    transaction.execute(delete(Setting).where(Setting.name == _NAME))
