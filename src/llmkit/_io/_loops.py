"""One pool for each event loop: made when first needed there, closed when the loop ends, none leaked.

A loop is asked to close its pool by an async generator that it tracks: asyncio and trio both close those at their end,
``asyncio.run`` and pytest's loops included. Nothing else is hooked.
"""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import AsyncGenerator, Callable
from typing import Any

import anyio
import sniffio

from ._running import asyncio_loop, is_trio, running_loop, turn
from ._unbroken import Unbroken

__all__ = ["Loops"]


class Loops:
    """Transports by event loop, made by what is given."""

    def __init__(self, made: Callable[[], Any]) -> None:
        self._new = made
        self._pools: weakref.WeakKeyDictionary[Any, _Pool] = weakref.WeakKeyDictionary()
        self._latest: Callable[[], _Pool | None] = _nobody

    def known(self) -> _Pool | None:
        """The pool of the running loop, where that is asyncio's and was the last one that asked."""
        pool = self._latest()
        if pool is None or pool.closed or pool.loop is not pool.running() or is_trio():
            return None
        return pool

    async def here(self) -> _Pool:
        """The pool of the running loop."""
        token = running_loop()
        pool = self._pools.get(token)
        if pool is None:
            self._forget_closed()
            forget = functools.partial(_forget, self._pools)
            pool = self._pools[token] = _Pool(self._new(), forget)
            await pool.start()
        self._latest = weakref.ref(pool)
        return pool

    def _forget_closed(self) -> None:
        """Loops that were closed without closing what they track: their pools hold them, and they their pools."""
        for loop in list(self._pools):
            if _is_closed(loop):
                self._pools.pop(loop, None)
        for pool in list(_open):
            if _is_closed(pool.loop):
                _open.discard(pool)

    def __del__(self) -> None:
        for pool in list(self._pools.values()):
            pool.later(pool.stop)

    async def aclose(self) -> None:
        """Close the running loop's pool; another loop's can only be closed by that loop."""
        pool = self._pools.pop(running_loop(), None)
        if pool is not None:
            await pool.stop()

    def forget(self) -> None:
        """In a forked child: the loops and their sockets are the parent's."""
        self._pools = weakref.WeakKeyDictionary()
        self._latest = _nobody
        _open.clear()


def _nobody() -> None:
    """Stands for a pool that there is none of."""


def _forget(pools: weakref.WeakKeyDictionary[Any, _Pool], pool: _Pool) -> None:
    # A pool that is closed late is no longer the loop's pool: that one stays.
    if pools.get(pool.loop) is pool:
        del pools[pool.loop]


def _is_closed(loop: Any) -> bool:
    # A trio run cannot end without closing what it tracks.
    return bool(getattr(loop, "is_closed", bool)())


async def _quietly(work: Callable[[], Any]) -> None:
    # Nobody awaits it: on trio, a failure here would end the whole run.
    with contextlib.suppress(Exception):
        await work()


# Held from here until they are closed: a collector that frees a client, and with it a pool, would free the pool's
# sockets before anybody could close them, and asyncio and trio both warn of that.
_open: set[_Pool] = set()


class _Pool:
    """One loop's transports, and what is left to do on that loop."""

    def __init__(self, transports: Any, forget: Callable[[_Pool], object]) -> None:
        self.transports = transports
        self.loop = running_loop()
        self._forget = forget
        self._keeper = self._keep()
        self._closing = anyio.Lock()
        self._tasks: set[Any] = set()
        self._schedule: Callable[[Callable[[], Any]], object] | None = None
        self.closed = False
        self.driver: Any = None
        """Who performs effects here, once somebody has made it."""
        self.running: Callable[[], Any] = running_loop

    async def start(self) -> None:
        """Let the loop know of us: from here on it closes the pool at its end."""
        await anext(self._keeper)
        if sniffio.current_async_library() == "trio":
            self._schedule = self._on_trio()
        else:
            self._schedule, self.running = self._on_asyncio(), asyncio_loop()
        _open.add(self)

    async def stop(self) -> None:
        """Close the pool now."""
        await self._close()
        # RuntimeError: the loop is ending, and closes it itself.
        with contextlib.suppress(RuntimeError):
            await Unbroken(self._keeper.aclose())

    def later(self, work: Callable[[], Any]) -> None:
        """Run an async function on the loop, from code that cannot await; not at all if the loop has ended."""
        if self._schedule is not None:
            # RuntimeError: the loop has ended, and its keeper closed the pool with it.
            with contextlib.suppress(RuntimeError):
                self._schedule(functools.partial(_quietly, work))

    async def _keep(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self._close()

    async def _close(self) -> None:
        self._forget(self)
        self.closed, self.driver = True, None
        await Unbroken(self._closed(), closing=True)
        await turn()  # in which asyncio closes its sockets

    async def _closed(self) -> None:
        with anyio.CancelScope(shield=True):
            # One after the other: who comes second waits until the first has closed everything.
            async with self._closing:
                await self.transports.aclose()
        _open.discard(self)

    def _on_asyncio(self) -> Callable[[Callable[[], Any]], object]:
        loop = self.loop

        def start(work: Callable[[], Any]) -> None:
            task = loop.create_task(work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return lambda work: loop.call_soon_threadsafe(start, work)

    def _on_trio(self) -> Callable[[Callable[[], Any]], object]:
        import trio  # noqa: PLC0415 - only under trio, which is then installed

        token = self.loop

        def start(work: Callable[[], Any]) -> None:
            # RuntimeError: the run is ending and takes no more tasks; raised here, it would end in an internal error.
            with contextlib.suppress(RuntimeError):
                trio.lowlevel.spawn_system_task(work)

        return lambda work: token.run_sync_soon(start, work)
