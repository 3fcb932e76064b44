"""When the gateway begins and ends, and what runs meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final

from sqlalchemy.exc import DBAPIError
from starlette.types import Receive, Send

from .._io._running import is_trio
from ..errors import ConfigurationError, LLMKitError
from .failure import Refused
from .gateway import Gateway

__all__ = ["Life", "Running"]

_log = logging.getLogger("llmkit.proxy")
_SETTLING: Final = 300
"""Hundredths of a second that requests which were broken off may take to settle."""

Running = Callable[[Gateway], AbstractAsyncContextManager[None]]
"""What lives as long as the gateway does."""


class Life:
    """One begin and one end, in a task of its own: whoever waits in between need not be who began."""

    def __init__(self, gateway: Gateway, running: Sequence[Running]) -> None:
        self._gateway, self._running = gateway, running
        self._task: asyncio.Task[None] | None = None
        self._up: asyncio.Future[None] | None = None
        self._down = asyncio.Event()
        self.requests = 0
        """How many are under way: nothing is closed that they may need."""
        self.begun = False

    async def begin(self) -> None:
        """Open everything; at once where it is open. Raises what it fails with; it may be tried again then."""
        if is_trio():
            raise ConfigurationError("the gateway runs on asyncio, and its server runs on trio")
        if self._up is None or (self._up.done() and not self.begun and not self._down.is_set()):
            self._up = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._live(self._up), name="llmkit-proxy")
        await asyncio.shield(self._up)

    async def begin_late(self) -> None:
        """``begin``, for a request that finds it closed. Raises ``Refused`` (503)."""
        try:
            await self.begin()
        except Exception as error:
            _tell(error, self._gateway.database.place)
            what = "the gateway cannot start: its log says why"
            raise Refused(503, what, "internal_server_error") from error

    async def end(self) -> None:
        """Close everything; nothing where it is closed."""
        self._down.set()
        if self._task is not None:
            await asyncio.shield(self._task)

    async def told(self, receive: Receive, send: Send) -> None:
        """What a server says of its start and end (ASGI's lifespan protocol)."""
        await receive()
        try:
            await self.begin()
        except Exception as error:  # noqa: BLE001 - the server is told, and ends
            _tell(error, self._gateway.database.place)
            await send({"type": "lifespan.startup.failed", "message": type(error).__name__})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            await self.end()
        except Exception as error:  # noqa: BLE001 - as above
            _log.exception("the gateway has not ended well")
            await send({"type": "lifespan.shutdown.failed", "message": type(error).__name__})
            return
        await send({"type": "lifespan.shutdown.complete"})

    async def _live(self, up: asyncio.Future[None]) -> None:
        try:
            async with AsyncExitStack() as stack:
                await self._open(stack)
                self.begun = True
                up.set_result(None)
                await self._down.wait()
                await self._idle()
        except Exception as error:
            if up.done():
                raise
            up.set_exception(error)
        finally:
            self.begun = False

    async def _idle(self) -> None:
        """Wait for requests whose time was up, and which are settled now."""
        for _ in range(_SETTLING):
            if not self.requests:
                return
            await asyncio.sleep(0.01)

    async def _open(self, stack: AsyncExitStack) -> None:
        gateway = self._gateway
        stack.callback(gateway.database.close)
        stack.push_async_callback(gateway.store.aclose)
        stack.push_async_callback(gateway.calls.aclose)
        await asyncio.to_thread(gateway.database.migrate)
        for running in self._running:
            await stack.enter_async_context(running(gateway))


def _tell(error: Exception, place: str) -> None:
    """Say why it cannot start: of a database what its driver says, which whoever runs the gateway can mend."""
    driver = error.orig if isinstance(error, DBAPIError) else None
    if driver is None and not isinstance(error, LLMKitError):
        _log.error("the gateway cannot start", exc_info=error)
        return
    # Its first line: drivers go on with advice, and what they were asked.
    said = next(iter(str(driver or error).splitlines()), "")
    what = f"its database ({place}) is not to be had" if driver else "see what is set"
    _log.error("the gateway cannot start: %s: %s", what, said)
