"""The client's end of a request: what it is sent, how silence is filled, and what follows from its going.

One connection's affairs only: what is sent, and in what form, others say. It is asyncio's, as the servers are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from contextvars import Context
from math import inf
from types import MappingProxyType, TracebackType
from typing import Final, Self, cast

from starlette.types import Message, Receive, Send

__all__ = ["JSON", "Line"]

JSON: Final[Mapping[str, str]] = MappingProxyType({"content-type": "application/json"})
_EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    # Servers in between are asked to hand on each event at once; the last one is nginx's name for it.
    {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
    }
)
_SOON: Final = 0.05
"""Seconds until it is watched whether the client is still there. Most short answers are over by then; who has gone
before is found gone then."""
_ALIKE: Final = 0.002
"""Seconds that a loop's clock, which some have in milliseconds, may be behind its timers."""
_COMMENT: Final = b": keep-alive\n\n"
"""What readers of events pass over: https://html.spec.whatwg.org/multipage/server-sent-events.html, read 2026-11-23."""


class Line:
    """The line to a client. ``with Line(…) as line:`` once the request's body has been read.

    When the client goes, what the task does within is cancelled, so that whoever is asked upstream is told, and money
    that is held is settled. Nothing is raised from that: ``gone`` says it.

    Args:
        receive: ASGI's.
        send: ASGI's.
        keep_alive: seconds of silence after which a comment is sent, in a stream that has been opened.
    """

    def __init__(self, receive: Receive, send: Send, keep_alive: float) -> None:
        self._receive, self._send, self._keep_alive = receive, send, keep_alive
        self._opening: Message = {}
        self._over = self._sending = False
        self._last, self._comments = 0.0, False
        self.begun = self.gone = False

    def __enter__(self) -> Self:
        self._task = cast("asyncio.Task[None]", asyncio.current_task())
        self._cancelled = self._task.cancelling()
        self._watcher: asyncio.Task[None] | None = None
        self._soon = soon = _soon_in(asyncio.get_running_loop())
        soon.add(self, min(_SOON, self._keep_alive))
        return self

    def begin_watch(self) -> None:
        """Watch the client from now on."""
        self._watcher = asyncio.create_task(self._watch())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self._over = True
        self._soon.lines.pop(self, None)
        # Not kept: its end has a traceback that leads here, a circle for each request.
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.cancel()
        if not self.gone:
            return False
        # Who else wants the task to end is still heeded.
        others = self._task.uncancel() > self._cancelled
        return not others and isinstance(error, asyncio.CancelledError | Exception)

    async def whole(
        self, body: bytes, headers: Mapping[str, str] = JSON, *, status: int = 200
    ) -> None:
        """Send an answer that is all there."""
        self._over = self.begun = True
        listed = [*_LISTED] if headers is JSON else _listed(headers)
        listed.append((b"content-length", b"%d" % len(body)))
        start: Message = {"type": "http.response.start", "status": status, "headers": listed}
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    def open(self, headers: Mapping[str, str] = _EVENTS, *, comments: bool = True) -> None:
        """Say that a stream will be the answer. It begins with its first piece, or the first comment, if it has any."""
        listed = _listed({**_EVENTS, **headers})
        self._opening = {"type": "http.response.start", "status": 200, "headers": listed}
        self._last = _now()
        self._comments = comments

    async def say(self, piece: bytes) -> None:
        """Send a piece of the stream that was opened."""
        self._sending = True
        try:
            if not self.begun:
                await self._begin()
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            self._sending, self._last = False, _now()

    async def end(self) -> None:
        """End the stream."""
        self._over = True
        if not self.begun:
            await self._begin()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _begin(self) -> None:
        self.begun = True
        await self._send(self._opening)

    async def _watch(self) -> None:
        """Wait for the client to go, and meanwhile fill the silence."""
        while not self._over:
            message = await self._heard()
            if message is None:
                with contextlib.suppress(OSError):  # what ``receive`` says next
                    await self._fill()
            elif message["type"] == "http.disconnect":
                break
        if not self._over:
            self.gone = True
            self._task.cancel()

    async def _heard(self) -> Message | None:
        wait = self._keep_alive - (_now() - self._last) if self._opening else self._keep_alive
        try:
            async with asyncio.timeout(max(wait, 0.0)):
                return await self._receive()
        except TimeoutError:
            return None

    async def _fill(self) -> None:
        silent = _now() - self._last >= self._keep_alive
        # A client that does not take what it was sent needs no more.
        if self._comments and silent and not (self._over or self._sending):
            await self.say(_COMMENT)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _listed(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


_LISTED: Final = _listed(JSON)


class _Soon:
    """The lines of a loop whose clients are not watched yet, and one timer for them all.

    Nearly all end before it is their time, and a timer of its own takes longer for each than what it is for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.lines: dict[Line, float] = {}
        """When each is to be watched, by the loop's clock. Who ends takes itself out."""
        self._timer: asyncio.Handle | None = None
        self._rings = inf
        """When the timer does: uvloop's does not say so where that is now."""

    def add(self, line: Line, seconds: float) -> None:
        """Watch it in so many seconds."""
        self.lines[line] = due = self.loop.time() + seconds
        if due < self._rings:
            self._begin(due)

    def _begin(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # In no request's context: it is for all.
        self._timer, self._rings = self.loop.call_at(due, self._look, context=Context()), due

    def _look(self) -> None:
        self._timer, self._rings, now = None, inf, self.loop.time() + _ALIKE
        for line, due in tuple(self.lines.items()):
            if due <= now:
                del self.lines[line]
                line.begin_watch()
        if self.lines:
            self._begin(min(self.lines.values()))


_latest: _Soon | None = None


def _soon_in(loop: asyncio.AbstractEventLoop) -> _Soon:
    """The running loop's. Of several loops each begins another one now and then, which does no harm."""
    global _latest  # noqa: PLW0603 - looked up for each request
    soon = _latest
    if soon is None or soon.loop is not loop:
        soon = _latest = _Soon(loop)
    return soon
