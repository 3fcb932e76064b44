"""Driving a coroutine that is written in Rust, and ending its waits: by a limit, by a signal, from another thread.

Such a coroutine knows nothing of event loops but this: it asks the running one for a future, yields that, and has it
set from a thread of its own by ``call_soon_threadsafe``. Where no loop runs, ``Line`` is the loop, for just the moment
in which the coroutine is resumed. On asyncio the loop is asyncio's own, and what is yielded goes up to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import operator
import socket
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from queue import Empty, SimpleQueue
from typing import Any, NoReturn, TypeVar

import anyio
from typing_extensions import override

from ._faults import ReadError, ReadTimeout
from ._progress import Progress
from ._running import running_loop

__all__ = ["AsyncioLine", "Clock", "Line", "TrioLine", "end", "park", "poll"]

Work = Coroutine[Any, Any, Any]
T = TypeVar("T")

# What stands for a future: to be iterated is all that is asked of it. It yields something that is not None.
_future = functools.partial(itertools.repeat, True)
_running: Any = asyncio._get_running_loop  # noqa: SLF001 - documented for event loops
_run_as: Any = asyncio._set_running_loop  # noqa: SLF001
_CLOSED = "the connection was closed"
_LATE = "the time is used up"
_PARKED = 60.0
_NEVER = float("inf")


ending = False
"""Whether the process does."""


def end() -> None:
    """The process ends: what other threads wait for is taken from them, and they wait on."""
    global ending  # noqa: PLW0603 - the process's own
    ending = True


def park() -> None:
    """Where the process ends, and this is no thread that it waits for: stay here, what comes of it is nobody's."""
    while ending and threading.current_thread() is not threading.main_thread():
        time.sleep(_PARKED)


class _Shut:
    """Stands for the socket that ``Progress.disconnect`` shuts down."""

    __slots__ = ("body", "busy", "closed", "closing", "exchange", "held", "progress", "work")

    progress: Progress
    closed: bool
    busy: bool
    """Whether somebody waits, or is just being woken."""
    closing: Callable[[Any], object] | None
    """What to do where the exchange is ended while nobody waits."""
    held: list[Any]
    """The lane that it has, if it has one."""
    exchange: Any
    """The request, and with it its answer."""
    work: Any
    """The coroutine that somebody waits for."""
    body: Any
    """Of an upload, what is sent: once it is ``over``, nothing more of it is."""

    def _begin(self, progress: Progress) -> None:
        self.progress = progress
        self.closed = self.busy = False
        self.closing = self.exchange = self.work = self.body = None
        self.held = []
        # The last of all: whoever has it may end it.
        progress.stream = self

    def get_extra_info(self, name: str) -> Any:
        """Itself, where the socket is asked for."""
        return self if name == "socket" else None

    def shutdown(self, how: int = socket.SHUT_RDWR) -> None:
        """End the exchange, from any thread: who waits is woken, and closes."""
        self.closed = True
        self.wake()
        if not self.busy and self.closing is not None:
            self.closing(self)

    def wake(self) -> None:
        """Let who waits look again."""
        raise NotImplementedError

    def refuse(self) -> NoReturn:
        """It has been closed. Raises ``ReadError``."""
        park()
        raise ReadError(_CLOSED)

    def rest(self) -> None:
        """The exchange is over: nobody waits any more, and nothing is known of it here."""
        self.closing = None
        self.progress.stream = None


class Line(_Shut):
    """One exchange of blocking code: its coroutines are resumed by whoever waits for them, in any thread."""

    __slots__ = ("_get", "call_soon_threadsafe")
    create_future = staticmethod(_future)

    def __init__(self, progress: Progress) -> None:
        queue: SimpleQueue[Any] = SimpleQueue()
        self.call_soon_threadsafe: Callable[..., object] = queue.put
        self._get = queue.get
        self._begin(progress)

    def is_closed(self) -> bool:
        """Asked for where it could not be woken."""
        return False

    @override
    def wake(self) -> None:
        """Let who waits look again."""
        self.call_soon_threadsafe(None)

    def run(self, work: Work) -> Any:
        """The coroutine's outcome. Raises ``ReadTimeout``, or ``ReadError`` where the exchange was ended."""
        self.busy = True
        progress = self.progress
        previous = _running()
        try:
            while not (self.closed or progress.stopped):
                try:
                    _run_as(self)
                    waits = work.send(None) is not None
                except StopIteration as stop:
                    return stop.value
                finally:
                    _run_as(previous)
                if waits:
                    self.wait(progress.remaining())
        except Empty:
            raise ReadTimeout(_LATE) from None
        except BaseException:
            _run_as(previous)  # an interrupt may have come just before it
            raise
        finally:
            self.busy = False
        park()
        raise ReadError(_CLOSED)

    def wait(self, seconds: float) -> None:
        """Wait to be woken. Raises ``queue.Empty`` where that takes too long."""
        self._get(True, seconds)

    def resuming(self, take: Callable[[T], T], given: T) -> T:
        """Take several coroutines' next turns."""
        previous, self.busy = _running(), True
        try:
            _run_as(self)
            return take(given)
        except BaseException:
            _run_as(previous)  # an interrupt may have come just before the other
            raise
        finally:
            _run_as(previous)
            self.busy = False

    def resume(self, work: Work) -> bool:
        """Take its next turn; whether it waits for something then. Raises ``StopIteration`` at its end."""
        previous = _running()
        try:
            _run_as(self)
            return work.send(None) is not None
        finally:
            _run_as(previous)


class _Nobody:
    """The loop of what nobody waits for: to be woken is nothing to it."""

    create_future = staticmethod(_future)
    call_soon_threadsafe = staticmethod(operator.is_)

    def is_closed(self) -> bool:
        """Asked for where it could not be woken."""
        return False


_NOBODY = _Nobody()


def poll(work: Work) -> bool:
    """Take a coroutine's next turn; whether it waits for something then. Raises ``StopIteration`` at its end."""
    previous = _running()
    try:
        _run_as(_NOBODY)
        return work.send(None) is not None
    except BaseException:
        _run_as(previous)  # an interrupt may come just before the other
        raise
    finally:
        _run_as(previous)


class Clock:
    """When somebody on an asyncio loop has waited long enough: one timer for all who wait there.

    Nearly nobody ever does, and each wait ends later than the timer rings: it is moved when it rings too early, and
    left where nobody waits any more, for those who come. It keeps nothing alive.
    """

    __slots__ = ("__weakref__", "_lines", "_loop", "_timer", "forget", "rings")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lines: set[AsyncioLine] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.rings = _NEVER
        """When the timer does, on the monotonic clock."""
        self.forget = self._lines.discard
        """It waits no more."""

    def line(self, progress: Progress) -> AsyncioLine:
        """A new exchange of this loop."""
        line = AsyncioLine(progress, self, self._loop)
        self._lines.add(line)
        return line

    def ring(self, at: float) -> None:
        """Have the timer ring then."""
        if self._timer is not None:
            self._timer.cancel()
        self.rings = at
        found, seconds = weakref.ref(self), at - time.monotonic()
        # In nobody's context: it is for all, and may be there for long.
        self._timer = self._loop.call_later(seconds, _ring, found, context=Context())

    def __del__(self) -> None:
        # By its own loop alone: uvloop's timers are no other thread's to touch.
        if self._timer is not None and _running() is self._loop:
            self._timer.cancel()

    def rung(self) -> None:
        """End what has waited long enough, and look again when the next may have."""
        self._timer, self.rings = None, _NEVER
        now = time.monotonic()
        lines = tuple(self._lines)  # at once: another thread may let go of one
        for line in lines:
            if line.until <= now:
                line.late()
        following = min((line.until for line in lines), default=_NEVER)
        if following != _NEVER:
            self.ring(following)


def _ring(found: weakref.ref[Clock]) -> None:
    if (clock := found()) is not None:
        clock.rung()


class AsyncioLine(_Shut):
    """One exchange on asyncio."""

    __slots__ = ("_clock", "_future", "_late", "_loop", "until")

    def __init__(self, progress: Progress, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self._clock, self._loop, self._late = clock, loop, False
        self._future: asyncio.Future[Any] | None = None
        self.until = _NEVER
        """While somebody waits: until when, on the monotonic clock."""
        self._begin(progress)

    def begin(self, work: Work) -> Any:
        """Take its first turn; what is to be waited for then, if anything. Raises ``StopIteration`` at its end."""
        if self.closed or self.progress.stopped:
            park()
            raise ReadError(_CLOSED)
        return work.send(None)

    def resuming(self, take: Callable[[T], T], given: T) -> T:
        """Take several coroutines' next turns: the loop is asyncio's."""
        return take(given)

    def arun(self, work: Work, future: Any) -> _Awaited:
        """Awaited, the outcome of a coroutine that has begun. Raises as ``Line.run`` does."""
        return _Awaited(self, work, future)

    def steps(self, work: Work, future: Any) -> Generator[Any, Any, Any]:
        """The coroutine's turns, as asyncio takes them."""
        progress, clock = self.progress, self._clock
        self.busy = True
        try:
            while not (self.closed or progress.stopped):
                if future is not None:
                    self._future = future
                    self.until = until = time.monotonic() + progress.remaining()
                    if until < clock.rings:
                        clock.ring(until)
                    yield future
                    self.until = _NEVER
                    if self._late:
                        raise ReadTimeout(_LATE)
                    if self.closed or progress.stopped:
                        break
                try:
                    future = work.send(None)
                except StopIteration as stop:
                    return stop.value
        finally:
            self.busy = False
            self._future = None
            self.until = _NEVER
        park()
        raise ReadError(_CLOSED)

    def late(self) -> None:
        """Its time is up."""
        self._late, self.until = True, _NEVER
        self._wake()

    def _wake(self) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    @override
    def wake(self) -> None:
        """Let who waits look again."""
        # RuntimeError: the loop has ended, and nobody waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wake)

    @override
    def rest(self) -> None:
        """The exchange is over: nobody waits any more, and nothing is known of it here."""
        self.closing = None
        self.progress.stream = None
        self._clock.forget(self)


class _Awaited:
    """What is awaited: not a coroutine, which would be warned of where it is dropped."""

    __slots__ = ("_future", "_line", "_work")

    def __init__(self, line: AsyncioLine, work: Work, future: Any) -> None:
        self._line, self._work, self._future = line, work, future

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._line.steps(self._work, self._future)


class TrioLine(Line):
    """One exchange on trio: resumed as in blocking code, and waited for as trio waits."""

    __slots__ = ("_event", "_token")

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress)
        self._token = running_loop()
        self._event = anyio.Event()
        self.call_soon_threadsafe = self._woken

    def _woken(self, *_: Any) -> None:
        # RuntimeError: the run has ended, and nobody waits.
        with contextlib.suppress(RuntimeError):
            self._token.run_sync_soon(self._set)

    def _set(self) -> None:
        self._event.set()

    def begin(self, work: Work) -> None:
        """Nothing is done before it is awaited."""

    async def arun(self, work: Work, _: None) -> Any:
        """``Line.run``, awaiting."""
        self.busy = True
        try:
            await anyio.sleep(0)  # noqa: ASYNC115 - its other name is in a module that nobody needs
            while not (self.closed or self.progress.stopped):
                self._event = anyio.Event()
                try:
                    waits = self.resume(work)
                except StopIteration as stop:
                    return stop.value
                if waits:
                    await self.await_(self.progress.remaining())
        finally:
            self.busy = False
        raise ReadError(_CLOSED)

    async def await_(self, seconds: float) -> None:
        """Wait to be woken. Raises ``ReadTimeout`` where that takes too long."""
        with anyio.move_on_after(seconds):
            await self._event.wait()
        if not self._event.is_set():
            raise ReadTimeout(_LATE)
