"""What a manager is made of: a store by its address, what its outage means, whom it tells."""

from __future__ import annotations

import os
import re
import time
from typing import Any, Final, Literal

from .. import stores
from .._control.budget.outage import Outage
from .._control.budget.rules import amount_of
from .._io._observe import Observers
from ..errors import ConfigurationError

__all__ = ["Listeners", "opened", "outage"]

_SCHEMES: Final = {
    "": "SQLiteStore",
    "postgresql": "PostgresStore",
    "postgres": "PostgresStore",
    "redis": "RedisStore",
    "rediss": "RedisStore",
    "unix": "RedisStore",
}
_WORDS: Final = re.compile(r"\s*(host|hostaddr|port|dbname|user|password|service)\s*=")


def opened(given: Any) -> Any:
    """A store, from what people write for one."""
    if given is None:
        return stores.MemoryStore()
    if isinstance(given, str | os.PathLike):
        scheme, separator, _ = str(given).partition("://")
        if not separator:
            # libpq's other form of an address; as a file's name it would show its password.
            scheme = "postgresql" if isinstance(given, str) and _WORDS.match(given) else ""
        if scheme in _SCHEMES:
            return getattr(stores, _SCHEMES[scheme])(given)
        # Not the whole address: it may have a password.
        hint = ": SQLite's is the path alone" if "sqlite" in scheme or scheme == "file" else ""
        raise ConfigurationError(
            f"a store is a path, postgresql://… or redis://…, not {scheme}://…{hint}"
        )
    if isinstance(given, type) or not callable(getattr(given, "perform", None)):
        name = given.__name__ if isinstance(given, type) else type(given).__name__
        raise ConfigurationError(
            f"a store is a path, an address or a store of llmkit.stores, not {name}; limits go in budgets=[…]"
        )
    return given


def outage(
    store: Any, unreachable: Literal["closed", "open"], catch_up: Any, open_limit: Any
) -> Outage:
    """What a store's outage means."""
    limit = None if open_limit is None else amount_of(open_limit, "open_limit")
    if limit is not None and unreachable == "closed":
        raise ConfigurationError(
            "open_limit= limits what unreachable='open' lets go: say that, too"
        )
    kept = None
    if catch_up is not None:
        from .._io.stores.catch_up import CatchUp  # noqa: PLC0415 - SQLite comes with it

        kept = CatchUp(catch_up)
    return Outage(store, unreachable=unreachable, catch_up=kept, limit=limit, clock=time.monotonic)


class Listeners:
    """The manager's callbacks, told by whoever drives the flow: in his colour."""

    def __init__(self, observers: Observers) -> None:
        self._observers = observers

    def perform(self, event: Any) -> None:
        """Tell them."""
        self._observers.tell(event)

    async def aperform(self, event: Any) -> None:
        """Tell them, and await those that are coroutines."""
        await self._observers.atell(event)
