"""Lanes: one client of pyreqwest's for each exchange in flight, so that an exchange can be withdrawn.

pyreqwest goes on with a request whose answer nobody awaits any more; only its connection can be ended, from without.
So each lane's sockets bear a mark of their own, an option that TCP has for other ends: a number of milliseconds after
which sent bytes that nobody acknowledged end the connection. By that its sockets are found among the process's, and
shut down. Where the system has no such option, or lanes are used up, an exchange is left to end by itself.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import socket
import stat
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from . import _waiting
from ._faults import ConnectError
from ._limit import ParallelLimit
from ._waiting import poll

__all__ = ["Lane", "Lanes", "inherited", "quiet"]

_MOST_LANES = 128
_MOST_SHARED = 1000 - _MOST_LANES
_MOST_CLIENTS = 16
_KEEP_SECONDS = 30.0
# reqwest's own is 30,000, which would end an upload that is not read for so long. These are a day: no pause comes near.
_MARK: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)
_marks = deque(range(86_400_000, 86_404_096))
_SOCKETS = "/proc/self/fd"
_CONNECTING = 2  # TCP_SYN_SENT
# How often a request that is to be withdrawn is looked for again, in seconds: it may not have connected yet.
_FIRST_LOOK, _LONGEST_LOOK = 0.002, 0.1
_OUT = 0.01
_OVER = "the interpreter is at its end: nothing can be connected any more"


class _Mark:
    """A lane's mark, and its place among the lanes; both come back once nobody has it any more."""

    __slots__ = ("_places", "number")

    def __init__(self, places: deque[None]) -> None:
        places.pop()  # IndexError: there is none left
        self._places = places
        self.number = _marks.popleft()

    def __del__(self) -> None:
        try:
            self._places.append(None)
            _marks.append(self.number)
        except AttributeError:  # it was not made to its end, or the interpreter is at its own
            pass


class Lane:
    """A client, and who uses it. Whoever lets go of it lets go of its connection."""

    __slots__ = ("client", "generation", "key", "line", "mark", "place", "until")

    def __init__(self, client: Any, key: Any, mark: _Mark | None, generation: int) -> None:
        self.client, self.key, self.mark, self.generation = client, key, mark, generation
        self.line: Any = None
        """The exchange that it is used for."""
        self.until = 0.0
        """While idle: how long its connection is kept."""
        self.place: Callable[[], None] | None = None
        """Of a lane that is shared: the place that the exchange has."""


# The lanes in use, of all clients of the process; and all that have any.
_busy: set[Lane] = set()
_all: weakref.WeakSet[Lanes] = weakref.WeakSet()
_ending: Callable[[], None] | None = None


def inherited() -> tuple[Any, ...]:
    """In a forked child: all that is its parent's, to be kept and never touched; open answers there are over."""
    lanes = tuple(_busy)
    lines = [lane.line for lane in lanes if lane.line is not None]
    for line in lines:
        line.held.clear()
        line.closed = True
    _busy.clear()
    return (*lanes, *lines, *_all, *_reaper.forget())


def quiet(settled: Callable[[], None]) -> None:
    """The process ends: nobody is woken any more, which would abort it.

    Args:
        settled: returns when all that pyreqwest had begun to tell has been told.
    """
    global _ending  # noqa: PLW0603 - the process's own
    _ending = settled
    for lane in tuple(_busy):
        _silence(lane)
    if _busy and threading.active_count() > 1:
        time.sleep(_OUT)  # in which threads that are about to send something come to be kept
    _reaper.end()
    settled()


def _silence(lane: Lane) -> None:
    line, mark = lane.line, lane.mark
    if line is None:  # it was just given back
        return
    line.closed = True
    if mark is not None:
        shut(mark.number)
    if line.work is not None:
        # RuntimeError: somebody is just resuming it.
        with contextlib.suppress(RuntimeError):
            line.work.close()


class Lanes:
    """The lanes of one client of ours. ``made`` makes a client of pyreqwest's for a key and a mark.

    An interrupt may come at any point. So a lane is in its line's ``held`` before anything is begun on it, and until
    nothing is left of that: ``closing`` of a line can be called again and again.
    """

    def __init__(self, made: Callable[[Any, Any], Any], *, apart: bool) -> None:
        self._made = made
        apart = apart and _MARK is not None and os.path.isdir(_SOCKETS)  # noqa: PTH112
        self._places: deque[None] = deque([None] * _MOST_LANES * apart)
        self._idle: dict[Any, deque[Lane]] = {}
        self._shared: dict[Any, Any] = {}
        self._generation = 0
        self._limit = ParallelLimit(_MOST_SHARED, "connections at once")
        _all.add(self)

    def idle(self, key: Any) -> deque[Lane]:
        """The idle lanes of a key, the one that was used last at the end."""
        return self._idle.setdefault(key, deque())

    def take(self, line: Any, key: Any, idle: deque[Lane]) -> Lane | None:
        """A lane of one's own, the one that was used last; ``None`` where a shared one is to be taken."""
        if _waiting.ending:
            _waiting.park()
        try:
            lane = idle.pop()
        except IndexError:
            new = self._new(key)
            if new is None:
                return None
            lane = new
        lane.line = line
        line.closing = self.withdraw
        line.held.append(lane)
        _busy.add(lane)
        return lane

    def _new(self, key: Any) -> Lane | None:
        if not self._places:
            self._evict()
        try:
            mark = _Mark(self._places)
        except IndexError:
            return None
        return Lane(self._client(key, mark.number), key, mark, self._generation)

    def _client(self, key: Any, mark: int | None) -> Any:
        if sys.is_finalizing():
            # Nothing more is loaded then, and CPython 3.13.0 crashes where a timedelta is made.
            raise ConnectError(_OVER)
        return self._made(key, None if mark is None else dt.timedelta(milliseconds=mark))

    def _evict(self) -> None:
        """Make room by what somebody else left idle."""
        for idle in list(self._idle.values()):
            with contextlib.suppress(IndexError):
                idle.popleft()
                return

    def shared(self, line: Any, key: Any, deadline: float) -> Lane:
        """A lane that others use, too. Raises ``APITimeoutError`` where there are too many."""
        return self._on(line, key, self._limit.acquire(deadline))

    async def ashared(self, line: Any, key: Any, deadline: float) -> Lane:
        """``shared`` for awaiting code."""
        return self._on(line, key, await self._limit.aacquire(deadline))

    def _on(self, line: Any, key: Any, place: Callable[[], None]) -> Lane:
        client = self._shared.get(key)
        if client is None:
            if len(self._shared) >= _MOST_CLIENTS:
                self._shared.pop(next(iter(self._shared)), None)
            client = self._shared.setdefault(key, self._client(key, None))
        lane = Lane(client, key, None, self._generation)
        lane.line, lane.place = line, place
        line.closing = self.withdraw
        line.held.append(lane)
        _busy.add(lane)
        return lane

    def finish(self, line: Any) -> None:
        """Nothing is left of an exchange: its lane is for others."""
        held = line.held
        if not held:
            line.rest()
            return
        lane = held[0]
        if line.body is not None and not self._all_left(line, lane):
            return
        _busy.discard(lane)
        try:
            held.pop()
        except IndexError:  # another thread did it
            return
        line.rest()
        self._back(lane)

    def _back(self, lane: Lane) -> None:
        lane.line = None
        if _ending is not None:
            _ending()
        if lane.place is not None:
            lane.place()
        elif lane.generation == self._generation:
            now = time.monotonic()
            lane.until = now + _KEEP_SECONDS
            idle = self._idle.get(lane.key)
            if idle is None:
                idle = self.idle(lane.key)
            idle.append(lane)
            try:
                if idle[0].until < now:
                    idle.popleft()
            except IndexError:  # other threads took all
                pass
            return
        # Whoever still holds the lane, a traceback maybe, does not hold its connection.
        lane.client = None

    def _all_left(self, line: Any, lane: Lane) -> bool:
        """Whether all of an upload has left; where it was answered before, its connection still waits for the rest."""
        line.body.over = True
        if line.body.left:
            if lane.mark is not None:
                shut(lane.mark.number)
            self._drop(line, lane)
        return not line.body.left

    def _drop(self, line: Any, lane: Lane) -> None:
        """The lane is nobody's any more."""
        _busy.discard(lane)
        line.held.clear()
        line.rest()
        lane.line = lane.client = None
        if lane.place is not None:
            lane.place()

    def leave(self, line: Any) -> None:
        """Something is left of an answer that nobody reads any further: its connection is closed. It never waits."""
        if not line.held:
            return
        # RuntimeError: somebody did it before.
        with contextlib.suppress(Exception):
            line.work.close()
        with contextlib.suppress(Exception):
            poll(line.exchange.__aexit__(None, None, None))
        # Not where an interrupt came before it: whoever hears of that closes the line, which comes here again.
        self.finish(line)

    def withdraw(self, line: Any) -> bool:
        """Withdraw a request whose answer was awaited: its connection is closed, now or as soon as it is there.

        Returns:
            Whether it is sure that nothing was sent: it was still connecting.
        """
        if not line.held:
            line.rest()
            return False
        lane = line.held[0]
        if line.body is not None:
            line.body.over = True
        states: set[int] = set()
        if line.work is not None and lane.mark is not None:
            states = shut(lane.mark.number)
            _reaper.add(line, lane)
        elif line.work is not None:
            with contextlib.suppress(RuntimeError):
                line.work.close()
        self._drop(line, lane)
        return states == {_CONNECTING}

    def close(self) -> None:
        """Let go of all that is idle, and of the others as they come back; their connections close."""
        self._generation += 1
        idle, self._idle = self._idle, {}
        self._shared = {}
        for lanes in idle.values():
            lanes.clear()


def _is_over(line: Any, mark: _Mark) -> bool:
    """Whether nothing is left of a request; where something is, its connection is shut down."""
    try:
        if poll(line.work):
            shut(mark.number)
            return False
    except StopIteration:  # an answer came after all
        with contextlib.suppress(Exception):
            poll(line.exchange.__aexit__(None, None, None))
    except Exception:  # noqa: BLE001, S110 - it failed, as it was to
        pass
    return True


def shut(mark: int) -> set[int]:
    """Shut down the sockets that bear a mark; return the states of TCP that they were in."""
    states: set[int] = set()
    for name in os.listdir(_SOCKETS):  # noqa: PTH208 - names are all that is wanted
        with contextlib.suppress(OSError):
            states |= _shut(int(name), mark)
    return states


def _shut(number: int, mark: int) -> set[int]:
    if not stat.S_ISSOCK(os.fstat(number).st_mode):
        return set()
    copy = os.dup(number)
    if not stat.S_ISSOCK(os.fstat(copy).st_mode):
        # It has become a file meanwhile. To close that would end this process's locks on it: rather keep the number.
        return set()
    with socket.socket(fileno=copy) as found:
        assert _MARK is not None  # noqa: S101 - or there were no marks
        if found.getsockopt(socket.IPPROTO_TCP, _MARK) != mark:
            return set()
        state = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        found.shutdown(socket.SHUT_RDWR)
        return {state}


class _Reaper:
    """Looks after requests that are to be withdrawn until they are; a daemon thread, while there are any."""

    def __init__(self) -> None:
        self._left: deque[tuple[Any, _Mark]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, line: Any, lane: Lane) -> None:
        """See to it."""
        assert lane.mark is not None  # noqa: S101 - or there is nothing to be found
        with self._lock:
            self._left.append((line, lane.mark))
            # A forked child has its parent's threads only by name.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="llmkit-lanes", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = _FIRST_LOOK
        while True:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_LOOK)
            self._look()
            with self._lock:
                if not self._left:
                    self._thread = None
                    return

    def _look(self) -> None:
        for _ in range(len(self._left)):
            with contextlib.suppress(IndexError):
                line, mark = self._left.popleft()
                if not _is_over(line, mark):
                    self._left.append((line, mark))

    def forget(self) -> list[Any]:
        """In a forked child: they are the parent's."""
        left, self._left, self._lock, self._thread = self._left, deque(), threading.Lock(), None
        return [*left, *(line for line, _ in left)]

    def end(self) -> None:
        """Look at them once more, and never again."""
        left, self._left = self._left, deque()
        for line, mark in left:
            if not _is_over(line, mark):
                with contextlib.suppress(RuntimeError):
                    line.work.close()


_reaper = _Reaper()
