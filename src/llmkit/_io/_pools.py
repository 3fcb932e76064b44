"""httpcore's pools with what they lack, where a call is given up at a bad moment.

Async: a call given up between connecting and asking takes its connection with it; httpcore would keep it in its pool,
open, neither used nor usable. Sync: an interrupt leaves no lock locked.
"""

from __future__ import annotations

import threading
from typing import Any

import anyio
import httpcore
from typing_extensions import override

__all__ = ["AsyncPool", "Pool"]


# httpcore's own locks are taken in Python: interrupted when one has just been, it would never be released, and whoever
# comes next would wait for ever. The interpreter's are taken and released in one step. (Seen under real signals.)
class _Connection(httpcore.HTTPConnection):
    @override
    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_connection" and hasattr(value, "_state_lock"):
            value._state_lock = threading.Lock()  # noqa: SLF001 - see above
        super().__setattr__(name, value)


class Pool(httpcore.ConnectionPool):
    """The sync pool."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._optional_thread_lock: Any = threading.Lock()

    @override
    def create_connection(self, origin: httpcore.Origin) -> httpcore.ConnectionInterface:
        """Make a connection; one without a proxy in between has locks that hold."""
        made = super().create_connection(origin)
        if type(made) is httpcore.HTTPConnection:
            made.__class__ = _Connection  # what it is made of only the pool knows
            made._request_lock = threading.Lock()  # type: ignore[assignment] # noqa: SLF001 - see above
        return made


class _AsyncConnection(httpcore.AsyncHTTPConnection):
    asked = False

    @override
    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        # Nobody else is given a connection before its first answer has been read.
        first, self.asked = not self.asked, True
        try:
            return await super().handle_async_request(request)
        except BaseException:
            if first:
                with anyio.CancelScope(shield=True):
                    await self.aclose()
            raise


class AsyncPool(httpcore.AsyncConnectionPool):
    """The async pool."""

    @override
    def create_connection(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
        """Make a connection; one without a proxy in between knows what it was asked."""
        made = super().create_connection(origin)
        if type(made) is httpcore.AsyncHTTPConnection:
            made.__class__ = _AsyncConnection  # what it is made of only the pool knows
        return made
