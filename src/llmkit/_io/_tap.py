"""Taps: what testing tools put between the drivers and the network, for as long as a ``with`` block lasts.

Rule 1: above the transports. A tap sees what a driver wants sent and gives back what the driver reads; the transport,
own or borrowed, is what ``go_on`` asks.
Rule 2: the stack belongs to the process, so that threads and tasks begun inside the block are seen as well. With
nobody on it a call pays for one look at an empty tuple.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import anyio

from .._http import HTTPRequest
from ._faults import ReadError, ReadTimeout
from ._progress import Progress

__all__ = [
    "Answer",
    "AsyncGoOn",
    "GoOn",
    "Pointed",
    "Step",
    "Tap",
    "apause",
    "athrough",
    "is_tapped",
    "pause",
    "tapped",
    "through",
    "transport",
    "within",
]

GoOn = Callable[[HTTPRequest, Progress], Any]
AsyncGoOn = Callable[[HTTPRequest, Progress], Coroutine[Any, Any, Any]]
Send = TypeVar("Send", GoOn, AsyncGoOn)
Step = bytes | float | Exception


class Pointed(HTTPRequest):
    """A request for what a prompt points at: who asks it is no model's caller."""

    __slots__ = ()


class Tap(Protocol):
    """Stands between. ``go_on`` asks the tap outside this one, and at last the network.

    What is returned is read by the driver like httpx's response: ``status_code``, ``headers``, ``stream``,
    ``close`` or ``aclose``; an ``Answer`` is that in both colours. What is raised is judged like a transport's
    failure, by the name of its class.
    """

    transport: str | None
    """What ``call.transport`` says while this tap answers by itself; ``None`` where the network does."""

    def send(self, request: HTTPRequest, progress: Progress, go_on: GoOn) -> Any:
        """Answer, blocking."""

    async def asend(self, request: HTTPRequest, progress: Progress, go_on: AsyncGoOn) -> Any:
        """Answer, awaiting."""


# Replaced, never changed: who reads it needs no lock.
_taps: tuple[Tap, ...] = ()
_changing = threading.Lock()


@contextmanager
def tapped(tap: Tap) -> Iterator[None]:
    """Let everything that is sent in this process go through the tap. The one entered last is asked first."""
    global _taps  # noqa: PLW0603 - the process's own stack
    with _changing:
        _taps = (*_taps, tap)
    try:
        yield
    finally:
        with _changing:
            # Blocks of several threads need not end in the order in which they began.
            _taps = tuple(other for other in _taps if other is not tap)


def is_tapped() -> bool:
    """Whether any tap is there."""
    return bool(_taps)


def transport(network: str) -> str:
    """What ``call.transport`` says: the innermost tap that answers by itself, or the network's library."""
    if not _taps:
        return network
    return next((tap.transport for tap in reversed(_taps) if tap.transport), network)


def through(send: GoOn) -> GoOn:
    """A transport's ``send``, behind the taps there are."""
    for tap in _taps:
        send = _behind(tap.send, send)
    return send


def athrough(send: AsyncGoOn) -> AsyncGoOn:
    """An async transport's ``send``, behind the taps there are."""
    for tap in _taps:
        send = _behind(tap.asend, send)
    return send


def _behind(send: Callable[[HTTPRequest, Progress, Any], Any], go_on: Send) -> Send:
    return lambda request, progress: send(request, progress, go_on)


class Answer:
    """A response made up by a tap, for both colours; nothing below it needs to be closed.

    ``steps`` are what its body does: bytes are given to the reader, a number of seconds is waited (no longer than
    the exchange may take), an exception is raised. Headers may be pairs, where a name occurs twice.
    """

    lowered = True
    """``headers`` is a dict with names in lower case, each there once."""
    at_once = True
    """Its pieces may be awaited as they are, whatever is thrown in; ``close`` ends it in both colours, and never waits.
    Nothing below it asks which exchange the network is working for (``CURRENT``)."""

    def __init__(
        self,
        status_code: int,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
        steps: Iterable[Step],
        progress: Progress,
    ) -> None:
        progress.reading()
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        self.status_code = status_code
        self.headers: dict[str, str] = {}
        for name, value in ((name.lower(), value) for name, value in pairs):
            known = self.headers.get(name)
            self.headers[name] = value if known is None else f"{known}, {value}"
        self.stream = _Steps(steps, progress)

    def at_hand(self) -> None:
        """Its body is never there at once: it is made step by step."""

    def iter_bytes(self) -> Any:
        """The body as it is: a coding that llmkit does not know is not undone."""
        return self.stream

    aiter_bytes = iter_bytes

    def close(self) -> None:
        """There is nothing to close."""

    async def aclose(self) -> None:
        """There is nothing to close."""


class _Steps:
    """A body as an iterator in both colours."""

    def __init__(self, steps: Iterable[Step], progress: Progress) -> None:
        self._steps = iter(steps)
        self._progress = progress

    def __iter__(self) -> _Steps:
        return self

    def __next__(self) -> bytes:
        while (step := self._next()) is not None:
            if isinstance(step, bytes):
                return step
            pause(self._progress, step)
        raise StopIteration

    def __aiter__(self) -> _Steps:
        return self

    async def __anext__(self) -> bytes:
        while (step := self._next()) is not None:
            if isinstance(step, bytes):
                return step
            await apause(self._progress, step)
        raise StopAsyncIteration

    def _next(self) -> bytes | float | None:
        if self._progress.stopped:
            raise ReadError("the answer is not read any further")
        step = next(self._steps, None)
        if isinstance(step, Exception):
            raise step
        return step


class _Waiting:
    """Stands for a socket while nothing but time is waited for: who shuts it down ends the wait."""

    def __init__(self) -> None:
        self.woken = threading.Event()

    def get_extra_info(self, name: str) -> Any:
        return self if name == "socket" else None

    def shutdown(self, how: int) -> None:
        self.woken.set()


def pause(progress: Progress, seconds: float) -> None:
    """Wait like a read that nothing comes for. Raises what a read raises when its time is up or it is closed."""
    left = progress.remaining()
    waiting = progress.stream = _Waiting()
    if waiting.woken.wait(min(seconds, left)):
        raise ReadError("the connection was closed")
    _check(seconds, left)


async def within(progress: Progress, work: Coroutine[Any, Any, Any]) -> Any:
    """What is awaited, unless the exchange's time is up before. Raises ``TimeoutError`` then."""
    with anyio.fail_after(progress.remaining()):
        return await work


async def apause(progress: Progress, seconds: float) -> None:
    """``pause``, awaiting."""
    left = progress.remaining()
    await anyio.sleep(min(seconds, left))
    _check(seconds, left)


def _check(seconds: float, left: float) -> None:
    if left < seconds:
        raise ReadTimeout("the time is used up")
