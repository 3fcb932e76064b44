"""httpcore's pools with what they lack: a call given up between connecting and asking takes its connection with it.

httpcore would keep such a connection in its pool, open, neither used nor usable, for as long as the pool lives.
"""

from __future__ import annotations

import anyio
import httpcore
from typing_extensions import override

__all__ = ["AsyncPool"]


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
            # What it is made of only the pool knows.
            made.__class__ = _AsyncConnection
        return made
