"""A WebSocket's protocol, loaded when somebody first opens one. Only the connection's end is changed here."""

from __future__ import annotations

from typing_extensions import override
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

__all__ = ["Conversing"]


class Conversing(WebSocketsSansIOProtocol):
    """A WebSocket that a server's end does not close at once: the app does so, when its chat has ended."""

    @override
    def shutdown(self) -> None:
        if not self.handshake_complete or self.close_sent:
            super().shutdown()
