"""What a billing object is made of: an outbox by its address, and whether that outlives the process."""

from __future__ import annotations

import os
import re
from typing import Any, Final

from .. import stores
from .._control.billing.settings import Settings
from ..errors import ConfigurationError

__all__ = ["is_durable", "opened", "scheme_of"]

_SCHEMES: Final = frozenset({"postgresql", "postgres"})
_WITHOUT: Final = frozenset({"MemoryLedger", "RedisStore"})
"""Stores that keep no bills: settlements only, or nothing that outlives a restart for certain."""
_PATIENCE: Final = 2.0
"""Seconds for which an outbox is waited for that somebody else has locked: a call waits as long."""
_WORDS: Final = re.compile(r"\s*(host|hostaddr|port|dbname|user|password|service)\s*=")


def opened(settings: Settings) -> tuple[Any, bool]:
    """A store, from what people write for one, and whether it was made here. Nothing is opened yet.

    Raises:
        ConfigurationError: it is none, or none that keeps bills.
    """
    given = settings.outbox
    if given is None:
        return stores.MemoryStore(clock=settings.clock.wall), True
    if not isinstance(given, str | os.PathLike):
        return _checked(given), False
    scheme = scheme_of(given)
    if scheme in _SCHEMES:
        return stores.PostgresStore(str(given), durability=settings.durability), True
    if scheme:
        hint = ": SQLite's is the path alone" if "sqlite" in scheme or scheme == "file" else ""
        # Not the whole address: it may have a password.
        raise ConfigurationError(f"an outbox is a path or postgresql://…, not {scheme}://…{hint}")
    return _file(given, settings), True


def scheme_of(given: str | os.PathLike[str]) -> str:
    """What is before an address's ``://``; ``""`` for a path."""
    # libpq's other form of an address; as a file's name it would show its password.
    if isinstance(given, str) and _WORDS.match(given):
        return "postgresql"
    return str(given).partition("://")[0] if "://" in str(given) else ""


def _file(path: Any, settings: Settings) -> Any:
    parent = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120 - links are SQLite's affair
    if not os.path.isdir(parent):  # noqa: PTH112
        home = ": ~ is the shell's, Path(…).expanduser() is Python's" if str(path)[0] == "~" else ""
        raise ConfigurationError(
            f"the outbox is to be in {parent}, which is no directory{home or ': make it'}"
        )
    if os.path.isdir(path):  # noqa: PTH112
        raise ConfigurationError(
            f"the outbox is a file, and {path} is a directory: name one in it, such as billing.db"
        )
    return stores.SQLiteStore(
        path,
        durability=settings.durability,
        busy_timeout=_PATIENCE,
        clock=settings.clock.wall,
    )


def _checked(given: Any) -> Any:
    if type(given).__name__ in _WITHOUT:
        raise ConfigurationError(
            f"a {type(given).__name__} keeps no bills: give a path, postgresql://…, or a store that does"
        )
    if isinstance(given, type) or not callable(getattr(given, "perform", None)):
        name = given.__name__ if isinstance(given, type) else type(given).__name__
        raise ConfigurationError(
            f"an outbox is a path, postgresql://…, or a store of llmkit.stores, not {name}"
        )
    return given


def is_durable(store: Any) -> bool:
    """Whether what it keeps outlives the process."""
    return not isinstance(store, stores.MemoryStore)
