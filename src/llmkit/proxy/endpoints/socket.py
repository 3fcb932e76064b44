"""Chats over a WebSocket: a request as JSON in, its chunks out, one message each; and a message that gives it up.

The protocol is llmkit's own, and described in docs/proxy-endpoints.md. What a chat is, ``chats`` says.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketState

from ..data.contents import keep
from ..errors_of import refused_by
from ..failure import Refused
from .answering import Line
from .asking import fields_of, subject_of
from .beside import beside_of, wrong
from .chats import opened
from .containers import Noted, in_chat, runs_code
from .exchange import Exchange, written
from .kept import check_ids, ids_in

if TYPE_CHECKING:
    from ..gateway import Gateway

__all__ = ["PROTOCOL", "routes"]

PROTOCOL: Final = "llmkit.chat"
"""The subprotocol that is agreed on, where a client offers it."""
_KEYS: Final = ("llmkit.key.", "openai-insecure-api-key.")
"""What a subprotocol that shows a key begins with: a browser can send no header. The second is OpenAI's realtime's:
https://platform.openai.com/docs/guides/realtime-websocket, read 2026-11-23."""
_IDLE: Final = 600.0
"""Seconds without a request after which a connection is closed."""
_CHUNK: Final = "chat.completion.chunk"
_TOO_LARGE: Final = 1009
"""RFC 6455, section 7.4.1, as is what follows."""
_GOING_AWAY: Final = 1001
_RESTART: Final = 1012
"""A server that starts anew: https://www.iana.org/assignments/websocket, read 2026-11-23."""
_REQUEST, _CANCEL = "request", "cancel"


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Where it is: at the paths of chats."""

    async def connected(socket: WebSocket) -> None:
        await _Conversation(gateway, socket).begin()

    prefixes = ("/v1", "", "/openai/deployments/{model:path}")
    return [WebSocketRoute(f"{prefix}/chat/completions", connected) for prefix in prefixes]


class _Conversation:
    """One connection: one chat after the other."""

    def __init__(self, gateway: Gateway, socket: WebSocket) -> None:
        self._gateway, self._socket = gateway, socket
        offered: list[str] = socket.scope.get("subprotocols", [])
        self._agreed = PROTOCOL if PROTOCOL in offered else None
        self._shown = next((key for name in offered if (key := _key_in(name))), None)
        self._chat: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Let it in, or refuse it with what HTTP would have been answered."""
        try:
            await subject_of(self._gateway, self._socket, self._shown)
        except Refused as refused:
            if "websocket.http.response" not in self._socket.scope.get("extensions", {}):
                raise
            answer = JSONResponse(refused.body(), refused.status, dict(refused.headers))
            await self._socket.send_denial_response(answer)
            return
        await self._socket.accept(self._agreed)
        both = [asyncio.create_task(one()) for one in (self._listen, self._end)]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in both:
                one.cancel()
            await self._give_up()
            await self._restart()

    async def _end(self) -> None:
        """Once the gateway is told to end, wait for the chat that is under way; the server says how long."""
        await self._gateway.ending.wait()
        if (chat := self._chat) is not None:
            await asyncio.wait([chat])
        await self._say({"type": "closing"})
        await self._restart()

    async def _restart(self) -> None:
        """Close it, if it is open, for the client to connect anew: the gateway ends."""
        if self._gateway.ending.is_set() and self._open:
            await self._socket.close(_RESTART, "the gateway ends: connect again")

    async def _listen(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_IDLE):
                    message = await self._socket.receive()
            except TimeoutError:
                if self._busy:
                    continue
                await self._socket.close(_GOING_AWAY, "nothing was asked for ten minutes")
                return
            if message["type"] == "websocket.disconnect":
                return
            given = message.get("text") or message.get("bytes") or ""
            body = given.encode() if isinstance(given, str) else given
            if len(body) > self._gateway.settings.max_body:
                await self._socket.close(_TOO_LARGE, "the message is too large")
                return
            await self._heard(body)

    @property
    def _open(self) -> bool:
        # Either may have closed it.
        connected, socket = WebSocketState.CONNECTED, self._socket
        return socket.application_state is connected and socket.client_state is connected

    @property
    def _busy(self) -> bool:
        return self._chat is not None and not self._chat.done()

    async def _heard(self, body: bytes) -> None:
        try:
            fields = fields_of(body)
            kind = fields.pop("type", _REQUEST)
            if kind == _CANCEL:
                if self._busy:
                    await self._give_up()
                    await self._say({"type": "cancelled"})
                return
            if kind != _REQUEST:
                raise wrong(f"type must be {_REQUEST!r} or {_CANCEL!r}", "type")
            if self._gateway.ending.is_set():
                raise Refused(503, "the gateway ends: connect again", "internal_server_error")
            if self._busy:
                raise Refused(
                    409, "a chat is under way: wait for its end, or cancel it", "bad_request_error"
                )
        except Refused as refused:
            await self._say(refused.body())
            return
        self._chat = asyncio.create_task(self._answer(fields))

    async def _give_up(self) -> None:
        """End the chat that is under way; it is settled as far as it came."""
        chat, self._chat = self._chat, None
        if chat is not None:
            chat.cancel()
            await asyncio.wait([chat])

    async def _answer(self, fields: dict[str, Any]) -> None:
        try:
            usage = await self._chunks(fields)
            await self._say({"type": "done", "usage": usage})
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told of it, and of nothing inside
            await self._say(refused_by(error).body())

    async def _chunks(self, fields: dict[str, Any]) -> dict[str, Any] | None:
        """Ask, and hand on what comes; what was used stands in the end's message, and in no chunk of its own."""
        gateway, socket = self._gateway, self._socket
        # Anew for each chat: a key may have been blocked meanwhile.
        subject = await subject_of(gateway, socket, self._shown)
        await check_ids(gateway, subject, ids_in(fields, shared=gateway.settings.shared_ids))
        beside = beside_of(socket.headers, fields, subject, gateway.settings)
        line = Line(socket.receive, socket.send, gateway.settings.keep_alive)
        exchange = Exchange(gateway, socket, subject, fields, beside, line, time.perf_counter())
        fields.pop("stream", None)
        said = fields.get("messages")
        containers = Noted(exchange, str(fields.get("model", ""))) if runs_code(fields) else None
        stream, _ = await opened(exchange, streams=True)
        async with stream:
            async for chunk in stream:
                if containers:
                    await containers.note(stream, in_chat(chunk.to_dict()))
                if chunk.choices:
                    await self._send(written(chunk, _CHUNK).decode())
        if gateway.settings.log_content:
            answer = stream.response.model_dump(mode="json")
            await keep(gateway, stream.call.id, {"messages": said, "response": answer})
        return None if stream.usage is None else stream.usage.to_dict()

    async def _say(self, message: dict[str, Any]) -> None:
        await self._send(json.dumps(message))

    async def _send(self, text: str) -> None:
        """Send, unless nobody is there any more: its end is heard of elsewhere."""
        if self._open:
            await self._socket.send_text(text)


def _key_in(subprotocol: str) -> str | None:
    begin = next((one for one in _KEYS if subprotocol.startswith(one)), None)
    return None if begin is None else subprotocol[len(begin) :]
