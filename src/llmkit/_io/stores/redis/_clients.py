"""Connections to Redis: one pool of the process for sync code, one of each event loop for asyncio.

The library is loaded when a store is made, not before. It is told to repeat nothing: what may be repeated, and how
often, is decided in ``_exchange``. A child that was forked has pools of its own; its parent's sockets are not touched.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import weakref
from collections.abc import AsyncGenerator, Callable
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

from ....errors import ConfigurationError
from ..._running import running_loop
from ._durability import kept
from ._failures import is_broken, moved_to
from ._talking import arun, run

if TYPE_CHECKING:
    from types import ModuleType

    import redis as library

__all__ = ["Clients", "driver"]

MOST_CONNECTIONS = 64
"""Of one pool. Who comes when all are in use waits for one, as long as for an answer."""


def driver() -> ModuleType:
    """The library, of the extra ``redis``. Raises ``ConfigurationError`` where it is not installed."""
    try:
        import redis.asyncio  # noqa: PLC0415 - an extra, and only for who has such a store
        import redis.exceptions  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError(
            "a Redis store needs the library redis: pip install 'llmkit[redis]'"
        ) from None
    return redis


class Clients:
    """Makes and keeps the pools. ``seconds`` limits connecting, waiting for a connection, and waiting for an answer."""

    def __init__(self, url: str, seconds: float, *, durable: bool, decoded: bool = True) -> None:
        self._library = driver()
        self.failures: tuple[type[Exception], ...] = (
            self._library.exceptions.RedisError,
            OSError,
            UnicodeError,
        )
        self._url = url
        self._durable = durable
        self._options: dict[str, Any] = {
            "socket_timeout": seconds,
            "socket_connect_timeout": seconds,
            "timeout": seconds,
            "max_connections": MOST_CONNECTIONS,
            "decode_responses": decoded,
            # What the newer protocol adds is of no use here, and older servers do not speak it.
            "protocol": 2,
            # A name may hold what is no valid text for others (half of a surrogate pair): it comes back as it was.
            "encoding_errors": "surrogatepass",
        }
        self.place = self._parsed()
        self._known_options()
        self._node: tuple[str, int] | None = None
        self._sync: dict[int, library.Redis] = {}
        self._loops: dict[int, weakref.WeakKeyDictionary[Any, _LoopClient]] = {}

    def _known_options(self) -> None:
        """A connection is made of them, and not opened: ``ConfigurationError`` where that is not possible."""
        given = self._library.connection.parse_url(self._url)
        try:
            (given.get("connection_class") or self._library.Connection)(
                **{name: value for name, value in given.items() if name != "connection_class"}
            )
        except (TypeError, ValueError, self._library.exceptions.RedisError) as error:
            known = re.search("unexpected keyword argument '\\w+'", str(error))
            raise ConfigurationError(
                f"an option behind the ? of a Redis store's url is unknown or wrong{f': {known[0]}' if known else ''}"
            ) from None

    def _parsed(self) -> str:
        """Where the server is. Raises ``ConfigurationError`` for what is no url of one."""
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            return _place(self._library.connection.parse_url(self._url))
        # Its words are not repeated: they may quote of a password what is behind a "/" or "#" that is not escaped.
        raise ConfigurationError(
            "url= of a Redis store is redis://…, rediss://… or unix://…, with what is special in a"
            " password percent-encoded"
        )

    def execute(self, *command: str | int) -> Any:
        """Send one command and wait for its answer. Raises the library's errors."""
        pid = os.getpid()
        # setdefault: two threads at once agree on one of theirs; the other was never connected.
        client = self._sync.get(pid) or self._sync.setdefault(pid, self._client(self._library))
        try:
            return client.execute_command(*command)  # type: ignore[no-untyped-call]
        except Exception as error:
            self._follow(error)
            raise
        except BaseException:
            # Interrupted between asking and reading, a connection goes back to the pool with an answer to come, which
            # the next one would take for its own. Nobody else uses this pool; who has one of its connections goes on.
            self._sync.pop(pid, None)
            raise

    async def aexecute(self, *command: str | int) -> Any:
        """The same, awaiting it on asyncio."""
        loops = self._loops.setdefault(os.getpid(), weakref.WeakKeyDictionary())
        loop = running_loop()
        client = loops.get(loop)
        if client is None:
            _forget_closed(loops)
            client = loops[loop] = _LoopClient(self._client(self._library.asyncio))
            await client.start(functools.partial(_forget, loops))
        try:
            return await client.execute(*command)
        except Exception as error:
            self._follow(error)
            raise

    def _follow(self, error: Exception) -> None:
        """Go where a cluster's node says that the ledger is; from there, if it has gone, back to the url."""
        if (node := moved_to(error)) is None and (self._node is None or not is_broken(error)):
            return
        self._node = node
        self._let_go()

    def _client(self, library: Any) -> Any:
        never = library.retry.Retry(self._library.backoff.NoBackoff(), 0)
        options = self._options | {"retry": never}
        if self._durable:
            greet = _greet if library is self._library else _agreet
            # Not a method: whatever held on to us would keep us from being let go of in time.
            options["redis_connect_func"] = functools.partial(greet, self.place)
        options |= library.connection.parse_url(self._url)
        if self._node is not None:
            # A node that does not know its own name is where the other is, at another port.
            options["host"] = self._node[0] or options.get("host", "localhost")
            options["port"] = self._node[1]
        return library.Redis(connection_pool=library.BlockingConnectionPool(**options), retry=never)

    def close(self) -> None:
        """Close the connections of sync code that nobody uses at the moment; the next command makes new ones."""
        client = self._sync.pop(os.getpid(), None)
        if client is not None:
            pool: Any = client.connection_pool
            _close_idle(pool.pool)

    def __del__(self) -> None:
        # Of a store that nobody closed; of one that could not even be made, there is nothing; and where the interpreter
        # ends, what modules had may be gone.
        try:  # noqa: SIM105
            self._let_go()
        except Exception:  # noqa: BLE001, S110
            pass

    def _let_go(self) -> None:
        """Close everything, from code that cannot await."""
        self.close()
        for client in list(self._loops.pop(os.getpid(), {}).values()):
            client.later()

    async def aclose(self) -> None:
        """Close those of the running loop, and those of sync code."""
        self.close()
        client = self._loops.get(os.getpid(), {}).pop(running_loop(), None)
        if client is not None:
            await client.stop()


def _close_idle(idle: Queue[Any]) -> None:
    """Close the connections in a pool's queue. Those in use end with their pool, which nobody else will ask for one."""
    for _ in range(idle.qsize()):
        with contextlib.suppress(Empty):
            connection = idle.get_nowait()
            # A place that is empty: who has come too late makes a new one there.
            idle.put_nowait(None)
            if connection is not None:
                connection.disconnect()


def _greet(place: str, connection: Any) -> None:
    """What is done with a new connection before anything else is."""

    def ask(*command: str | int) -> Any:
        connection.send_command(*command)
        return connection.read_response()

    try:
        connection.on_connect()
        run(kept(place), ask)
    except BaseException:
        # It is no error of the library's, which would keep the connection as it is.
        connection.disconnect()
        raise


async def _agreet(place: str, connection: Any) -> None:
    async def ask(*command: str | int) -> Any:
        await connection.send_command(*command)
        return await connection.read_response()

    try:
        await connection.on_connect()
        await arun(kept(place), ask)
    except BaseException:
        await connection.disconnect(nowait=True)
        raise


# Held from here until they are closed: a collector that frees a store would free its sockets before the loop, which
# alone can close them in order, has had its turn.
_open: set[_LoopClient] = set()


class _LoopClient:
    """One loop's client; the loop closes it at its end, as it does with every async generator it has seen."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self.loop = running_loop()
        self._users = 0
        self._left = False
        self._keeper: AsyncGenerator[None, None] | None = None
        self._closing: Any = None

    async def start(self, forget: Callable[[_LoopClient], object]) -> None:
        self._keeper = self._keep(forget)
        await anext(self._keeper)
        _open.add(self)

    async def execute(self, *command: str | int) -> Any:
        self._users += 1
        try:
            return await self._redis.execute_command(*command)
        finally:
            self._users -= 1
            if self._left and not self._users:
                self.later()

    async def stop(self) -> None:
        """Close, or let the last who is at it do so."""
        self._left = True
        if not self._users:
            keeper, self._keeper = self._keeper, None
            if keeper is not None:
                await keeper.aclose()

    def later(self) -> None:
        """Close on the loop, from code that cannot await; not at all if the loop has ended."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._close)

    def _close(self) -> None:
        self._closing = self.loop.create_task(self.stop())

    async def _keep(self, forget: Callable[[_LoopClient], object]) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            _open.discard(self)
            forget(self)
            # What cannot be closed in order is closed by the loop's end.
            with contextlib.suppress(Exception):
                await self._redis.connection_pool.disconnect(inuse_connections=True)


def _forget(loops: weakref.WeakKeyDictionary[Any, _LoopClient], client: _LoopClient) -> None:
    # One that is closed late is no longer the loop's: that one stays.
    if loops.get(client.loop) is client:
        del loops[client.loop]


def _forget_closed(loops: weakref.WeakKeyDictionary[Any, _LoopClient]) -> None:
    """Loops that were closed without closing what they track: their clients hold them, and they their clients."""
    for loop in list(loops):
        if loop.is_closed():
            loops.pop(loop, None)
    for client in list(_open):
        if client.loop.is_closed():
            _open.discard(client)


def _place(options: dict[str, Any]) -> str:
    """Where the server is, for people to read: never with a user's name or a password."""
    if "path" in options:
        return str(options["path"])
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
