"""``RedisStore``: accounts, ledger, settlements, routers' state; one script and round trip for each operation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import anyio.to_thread
import sniffio
from typing_extensions import override

from ...._control.checking import checked
from ...._outbox import OUTBOX
from ....errors import ConfigurationError, LLMKitError, StoreError
from ._admission import ADMISSION
from ._clients import Clients
from ._durability import Durability
from ._exchange import exchange
from ._failures import translated
from ._forms import CHANGING
from ._reading import READING
from ._scripts import script
from ._talking import Commands, arun, run

__all__ = ["RedisStore"]

_FORMS: Final = CHANGING | READING | ADMISSION
_ENCODED: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_DURABILITIES: Final = ("power", "best_effort")


class RedisStore:
    """Accounts, ledger, settlements and routers' state in Redis 6.2 or later, for all who reach it. Thread-, fork-safe.

    Money is counted in 1e-9 USD, amounts rounded up, below 2^53 of them (9,007,199 USD) in an account; what is beyond
    is refused. An operation is one round trip; it is repeated once if its connection breaks, and counted once.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with what redis-py takes in its query.
        name: the ledger. All its keys have the hash tag ``{name}``: a cluster keeps them on one node, which is found
            from any other.
        durability: ``"power"``: what was acknowledged is on the server's disk; a server that is not set to that
            (``appendonly yes``, ``appendfsync always``, ``no-appendfsync-on-rewrite no``, ``aof-load-truncated no``,
            ``maxmemory-policy noeviction``) is refused on first use. ``"best_effort"``: take the server as it is,
            which may lose money. What a router keeps is kept on any server: it is no money.
        timeout: seconds to connect, and to wait for an answer.
        clock: for tests: what gives the time instead of the server, in seconds of Unix time.

    Raises:
        ConfigurationError: an argument is wrong, or the library is missing (the extra ``redis``).
    """

    def __init__(
        self,
        url: str = "redis://localhost:6379/0",
        *,
        name: str = "default",
        durability: Durability = "power",
        timeout: float = 5.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if not name or set(name) & set("{}"):
            raise ConfigurationError(f"name= of a Redis store is text without braces, not {name!r}")
        if durability not in _DURABILITIES:
            raise ConfigurationError(f"durability= is one of {_DURABILITIES}, not {durability!r}")
        self.durability = durability
        self._seconds = timeout
        self._name = name
        self._key = f"llmkit:{{{name}}}"
        self._clients = Clients(url, timeout, durable=durability == "power")
        # What routers keep may be lost: their connections are not asked what the server promises.
        self._unasked = self._clients
        if durability == "power":
            self._unasked = Clients(url, timeout, durable=False)
        self._clock = clock

    @override
    def __repr__(self) -> str:
        return (
            f"RedisStore({self._clients.place!r}, name={self._name!r},"
            f" durability={self.durability!r})"
        )

    def perform(self, operation: Any) -> Any:
        """Perform one operation, blocking. Raises ``StoreError``, or ``StoreUnavailableError`` if Redis is away."""
        commands = self._commands(operation)
        try:
            return run(commands, self._clients_for(operation).execute)
        except self._clients.failures as error:
            failure = self._translated(error)
        # Outside the handler: the library's error is no part of ours.
        raise failure

    async def aperform(self, operation: Any) -> Any:
        """The same, awaiting it: on asyncio by the library's own client, elsewhere on a thread."""
        if sniffio.current_async_library() != "asyncio":
            return await anyio.to_thread.run_sync(self.perform, operation)
        commands = self._commands(operation)
        try:
            return await arun(commands, self._clients_for(operation).aexecute)
        except self._clients.failures as error:
            failure = self._translated(error)
        raise failure

    def close(self) -> None:
        """Close the connections of sync code; the next operation makes new ones."""
        self._clients.close()
        self._unasked.close()

    async def aclose(self) -> None:
        """Close those of the running loop, and those of sync code."""
        await self._clients.aclose()
        await self._unasked.aclose()

    def _clients_for(self, operation: Any) -> Clients:
        return self._unasked if type(operation) in ADMISSION else self._clients

    def _commands(self, operation: Any) -> Commands[Any]:
        form = _FORMS.get(type(operation))
        if form is None:
            where = ""
            if type(operation) in OUTBOX:
                where = ": an outbox is kept by MemoryStore, SQLiteStore or PostgresStore"
            raise StoreError(f"a Redis store has no operation {type(operation).__name__}{where}")
        return form(checked(operation), self._ask)

    def _ask(self, name: str, given: dict[str, Any]) -> Commands[Any]:
        if self._clock is not None:
            given["now"] = int(self._clock() * 1000)
        argument = _ENCODED(given)
        answer = yield from exchange(script(name), self._key, argument)
        return json.loads(answer)

    def _translated(self, error: Exception) -> LLMKitError:
        return translated(error, self._clients.place, self._seconds)
