"""From a request to an open answer, over pyreqwest: its asynchronous client, in every colour.

Its blocking client cannot be interrupted, nor told how long one read may take. What a wait is, and what ends it, is
``_waiting``'s affair; which connection it goes over, ``_lanes``'. Proxies are looked up as over httpcore; nothing is
followed, and no cookie is kept. gzip and deflate are undone by ``_inflate``, as everywhere.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import sys
import time
from collections import deque
from collections.abc import Coroutine
from typing import Any

from .._flow import Deadlines
from .._http import HTTPRequest
from . import _reqwest_clients as clients
from ._faults import ConnectTimeout, LocalProtocolError, ReadTimeout
from ._lanes import Lane, Lanes, inherited, quiet
from ._progress import Progress
from ._reqwest_answers import Answer, AsyncAnswer, seen
from ._running import is_trio
from ._tls import TLS
from ._transports import Transports
from ._waiting import Clock, Line, TrioLine
from ._waiting import end as end_waits

__all__ = ["AsyncReqwest", "Reqwest", "begin_end", "end", "keep_inherited"]

# Bytes of a stream that are waited for before anything is handed over.
_STREAMED = 1
_MOST_ROADS = 512


class _Road:
    """Where a request goes: what is worked out once for an address and a limit on connecting."""

    __slots__ = ("address", "idle", "key", "place")

    def __init__(self, address: Any, key: Any, idle: deque[Lane]) -> None:
        self.address, self.key, self.idle = address, key, idle
        origin, proxy, _ = key
        self.place = clients.place(proxy or origin)


class _Reqwest(Transports):
    """What both colours share: lanes by origin, and by how long connecting may take."""

    def __init__(
        self, tls: TLS | None = None, proxy: str | None = None, *, http2: bool = False
    ) -> None:
        super().__init__(tls, proxy)
        clients.loaded()
        clients.unfit(self.tls)
        self._roads: dict[tuple[str, float], _Road] = {}
        self._lanes = Lanes(functools.partial(_client, self.tls, http2), apart=not http2)

    def _road(self, url: str, connect: float) -> _Road:
        """Raises ``LocalProtocolError`` where it is no address."""
        end = url.find("/", 8)
        key = url if end < 0 else url[:end], self.proxy(url), connect
        try:
            road = _Road(clients.address(url), key, self._lanes.idle(key))
        except ValueError as error:
            raise LocalProtocolError(str(error)) from None
        if len(self._roads) >= _MOST_ROADS:
            self._close()
        self._roads[url, connect] = road
        return road

    def _close(self) -> None:
        self._roads = {}
        self._lanes.close()

    def _failed(self, error: BaseException, line: Any) -> BaseException:
        """What failed before there was an answer, as httpcore's; nothing is left of it."""
        progress = line.progress
        line.busy = False  # an interrupt may have come before it was said
        progress.connect()  # names the limit, should it be that of connecting
        if line.work is None or type(error).__module__.startswith("pyreqwest"):
            self._lanes.finish(line)
        elif self._lanes.withdraw(line):
            progress.sent = "no"
            if isinstance(error, ReadTimeout):
                progress.connecting = progress.limiting
                return ConnectTimeout(str(error))
        return seen(error, progress)


def _client(tls: TLS, http2: bool, key: tuple[str, str | None, float], mark: Any) -> Any:  # noqa: FBT001
    origin, proxy, connect = key
    secured = not origin.startswith("http:") or (proxy or "").startswith("https:")
    return clients.client(tls if secured else None, proxy, connect, http2=http2, mark=mark)


def _begun(lane: Lane, road: _Road, request: HTTPRequest, line: Any) -> Coroutine[Any, Any, Any]:
    """The exchange, to be driven up to its answer's head. Raises ``LocalProtocolError``."""
    # Connections that are not Python's own are seen by no audit hook, such as ``no_network``'s, unless it is told.
    sys.audit("socket.getaddrinfo", *road.place, 0, 0, 0)
    try:
        progress, body = line.progress, line.body
        made = lane.client.request(request.method, road.address).headers(request.headers)
        if progress.streamed:  # its own limit is that of whole answers
            made = made.streamed_read_buffer_limit(_STREAMED)
        made = made.body_bytes(request.body) if body is None else _uploading(made, body)
        if lane.mark is None:  # nothing else would end it, once it is given up
            made = made.timeout(dt.timedelta(seconds=progress.whole() + 1))
        line.exchange = exchange = made.build_streamed()
    except ValueError as error:
        raise LocalProtocolError(str(error)) from None
    line.work = work = exchange.__aenter__()
    progress.sent = "maybe"
    return work  # type: ignore[no-any-return]


def _uploading(made: Any, body: Any) -> Any:
    made = made.body_stream(body)
    return made if body.length is None else made.header("content-length", str(body.length))


class Reqwest(_Reqwest):
    """Blocking connections, shared by all threads."""

    def send(self, request: HTTPRequest, progress: Progress) -> Any:
        """Send; return the response with its body unread."""
        if request.upload is None:
            return self._sent(request, progress, Line(progress))
        from ._reqwest_uploads import Body, UploadLine  # noqa: PLC0415 - few upload anything
        from ._sending import sending  # noqa: PLC0415

        with contextlib.closing(sending(request.upload, progress)) as body:
            return self._sent(request, progress, UploadLine(progress), Body(body, progress))

    def _sent(self, request: HTTPRequest, progress: Progress, line: Line, body: Any = None) -> Any:
        connect = progress.connect_limit
        road = self._roads.get((request.url, connect)) or self._road(request.url, connect)
        line.body = body
        try:
            lane = self._lanes.take(line, road.key, road.idle)
            if lane is None:
                until = time.monotonic() + progress.connect()
                lane = self._lanes.shared(line, road.key, until)
            response = line.run(_begun(lane, road, request, line))
        except BaseException as error:  # noqa: BLE001 - it goes on, as what it is
            raise self._failed(error, line) from None
        progress.reading()
        return Answer(response, line, self._lanes)

    def close(self) -> None:
        """Close all connections."""
        self._close()


class AsyncReqwest(_Reqwest):
    """Connections of one event loop."""

    _clock: Clock | None = None
    at_once = True
    """What sends may be given up as it is, whatever is thrown in: it waits for nothing then."""

    async def send(self, request: HTTPRequest, progress: Progress) -> Any:
        """Send; return the response with its body unread."""
        if request.upload is None:
            line = self._clock.line(progress) if self._clock else self._line(progress)
            return await self._sent(request, progress, line)
        from ._reqwest_uploads import Body  # noqa: PLC0415 - few upload anything
        from ._sending import asending  # noqa: PLC0415

        with contextlib.closing(await asending(request.upload, progress)) as body:
            line = self._line(progress, uploading=True)
            return await self._sent(request, progress, line, Body(body, progress))

    def _line(self, progress: Progress, *, uploading: bool = False) -> Any:
        """A new exchange of the running loop. asyncio runs what an upload asks of it by itself."""
        if not is_trio():
            self._clock = self._clock or Clock()
            return self._clock.line(progress)
        if not uploading:
            return TrioLine(progress)
        from ._reqwest_uploads import TrioUploadLine  # noqa: PLC0415 - few upload anything

        return TrioUploadLine(progress)

    async def _sent(
        self, request: HTTPRequest, progress: Progress, line: Any, body: Any = None
    ) -> Any:
        connect = progress.connect_limit
        road = self._roads.get((request.url, connect)) or self._road(request.url, connect)
        line.body = body
        try:
            lane = self._lanes.take(line, road.key, road.idle)
            if lane is None:
                until = time.monotonic() + progress.connect()
                lane = await self._lanes.ashared(line, road.key, until)
            work = _begun(lane, road, request, line)
            response = await line.arun(work, line.begin(work))
        except StopIteration as stop:  # it has come already
            response = stop.value
        except BaseException as error:  # noqa: BLE001 - it goes on, as what it is
            raise self._failed(error, line) from None
        progress.reading()
        return AsyncAnswer(response, line, self._lanes)

    async def aclose(self) -> None:
        """Close all connections."""
        self._close()
        # Those who still wait have it, and its timer goes with the last of them.
        self._clock = None


def begin_end() -> None:
    """The process is about to end. Threads that it does not wait for are kept where they are."""
    end_waits()


def end() -> None:
    """The process ends: see that pyreqwest's thread wakes nobody while it does."""
    if clients.used():
        quiet(_settled)


def _settled() -> None:
    """One turn of its only thread: what it had begun to tell is told then. It refuses the address by itself."""
    progress = Progress(Deadlines(time.monotonic() + 1.0, 1.0, 1.0, 1.0))
    client = clients.client(None, None, 1.0, http2=False)
    with contextlib.suppress(Exception):
        Line(progress).run(client.get("ftp://end/").build_streamed().__aenter__())


def keep_inherited() -> bool:
    """In a forked child: whether pyreqwest was in use, so that it cannot be used here.

    What there was is kept for ever: letting go of it would take the parent's sockets from the parent's thread.
    """
    if not clients.spoilt():
        return False
    import ctypes  # noqa: PLC0415 - few processes are forked

    for one in inherited():
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(one))
    return True
