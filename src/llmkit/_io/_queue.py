"""A queue of those who wait for a place that is counted elsewhere: threads, asyncio and trio in one line.

Nothing here knows who has room. Whoever stands in line is told when it is worth to look again, and is in turn.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

import anyio

from ._limit import _waker

__all__ = ["FairQueue", "Turn"]

_PATIENCE: Final = 0.25
"""Seconds that somebody whose time has come waits for those before, who look first."""
_ALIKE: Final = 0.005
"""Times of so many seconds apart are one: of those whose time has come, the first in line looks first."""
_FEW: Final = 64
_NOBODY: Final = (float("-inf"), 0)

_Entry = tuple[float, int, int, "Turn"]


class Turn:
    """Somebody's place in line; it stays theirs while they look and wait again. A ``Limit`` of ``Acquire``.

    ``acquire`` returns when it is worth looking: a call has left, those before have looked, or the deadline has come.
    It raises nothing for time. What looks in between is told by the next ``acquire`` (there was no room) or by
    ``leave``, which has to be called in any case, however often.
    """

    __slots__ = ("_queue", "due", "entry", "key", "seen", "wake")
    capacity = 1

    def __init__(self, queue: FairQueue, key: tuple[float, int], seen: object) -> None:
        self._queue = queue
        self.key = key
        self.seen = seen
        """The latest news as of when it looked last."""
        self.due = 0.0
        self.entry: _Entry | None = None
        """Where it stands in line; ``None`` while it does not wait."""
        self.wake: Callable[[], object] = bool

    def acquire(self, deadline: float) -> Callable[[], None]:
        """Wait, blocking, until it is worth looking, or until ``deadline`` (monotonic seconds)."""
        # Not an Event, which is Python: an interrupt within its set() would leave us waiting.
        woken = threading.Lock()
        woken.acquire()
        try:
            told = self._queue.enter(self, woken.release, deadline)
            told = told or woken.acquire(timeout=_until(deadline))
            if not told and not self._queue.overdue(self):
                woken.acquire(timeout=_PATIENCE)
            self._queue.looks(self)
        except BaseException:
            self.leave()
            raise
        return self.leave

    async def aacquire(self, deadline: float) -> Callable[[], None]:
        """``acquire`` for async code."""
        event = anyio.Event()
        try:
            if not self._queue.enter(self, _waker(event), deadline):
                with anyio.move_on_after(_until(deadline)):
                    await event.wait()
                if not self._queue.overdue(self):
                    with anyio.move_on_after(_PATIENCE):
                        await event.wait()
            self._queue.looks(self)
        except BaseException:
            self.leave()
            raise
        return self.leave

    def leave(self, *, took: bool = False) -> None:
        """Wait no more; ``took``: there was room. Otherwise those behind look for whatever this one was woken for."""
        self._queue.left(self, took=took)


def _until(deadline: float) -> float:
    return max(0.0, min(deadline - time.monotonic(), threading.TIMEOUT_MAX))


class FairQueue:
    """Who waits, in order: the lowest priority number first, and within one first come, first served.

    What holds: nobody is let look before those ahead who may find room, and each keeps its place until it leaves. So
    within one priority nobody is passed by for ever; calls of a higher number wait as long as calls of a lower one
    keep coming, by their priority's meaning. Whoever cannot use what has come free (a deployment it may not have) lets
    those behind look, and loses nothing. A newcomer looks at once, unless somebody ahead is just looking
    (``crowded``). What other processes leave is heard of by the clock only: each waits until the time that it was told.
    """

    def __init__(self) -> None:
        self.news: object = object()
        """Another one each time that a call leaves: who looks remembers it from before."""
        # Re-entrant: a collector may let go of a dropped stream's place while this thread holds it.
        self._lock = threading.RLock()
        self._number = count()
        self._line: list[_Entry] = []
        """A heap. An entry that is not its turn's own any more is passed over."""
        self._tried: list[_Entry] = []
        """Those who have looked since the latest news, or whose time is yet to come."""
        self._looking: dict[Turn, bool] = {}
        """Those who look just now; whether for news, which then goes on to the next if they have no use for it."""
        self._stale = 0
        self._until: tuple[float, int] = _NOBODY
        """Up to here in line somebody's time has come."""

    def turn(self, priority: float = 0, seen: object = None) -> Turn:
        """Somebody's place at the end of the line of ``priority``.

        ``seen``: ``news`` as it was before they looked; without it they have not looked yet.
        """
        return Turn(self, (priority, next(self._number)), seen)

    @property
    def waits(self) -> bool:
        """Whether anybody stands in line."""
        with self._lock:
            return any(entry[-1].entry is entry for entry in (*self._line, *self._tried))

    def crowded(self, priority: float = 0) -> bool:
        """Whether somebody is looking who goes before a newcomer of this priority."""
        return bool(self._looking) and any(t.key[0] <= priority for t in tuple(self._looking))

    def wake(self) -> None:
        """A call has left: the first in line looks. From any thread, or a collector."""
        self.news = object()
        with self._lock:
            if not (self._line or self._tried):
                # Nobody waits. Who is just about to, under this lock, sees the news, or is seen here.
                self._until = _NOBODY
                return
            try:
                self._news()
            except BaseException:
                # An interrupt: they are told all the same.
                self._news()
                raise

    def forget(self) -> None:
        """In a forked process: who waits here does so in the other one."""
        self._lock = threading.RLock()
        self._line, self._tried, self._looking = [], [], {}
        self._until = _NOBODY

    def enter(self, turn: Turn, wake: Callable[[], object], deadline: float) -> bool:
        """Begin to wait, with something to be woken by; whether it is to look at once."""
        with self._lock:
            turn.wake, turn.due = wake, deadline
            missed = turn.seen is not self.news
            if missed and not self._behind(turn):
                turn.seen = self.news
                self._looking[turn] = True
                return True
            was_told = self._looking.get(turn)
            turn.entry = entry = (*turn.key, next(self._number), turn)
            if missed:
                turn.due, self._until = 0.0, max(self._until, turn.key)
                heappush(self._line, entry)
            else:
                self._tried.append(entry)
            self._done(turn, was_told)
            return turn.entry is None

    def overdue(self, turn: Turn) -> bool:
        """Its time has come: whether it looks at once. Those before do, whose time has come, too."""
        with self._lock:
            if turn.entry is None:
                return True
            self._until = max(self._until, turn.key)
            self._all_again()
            if not self._looking:
                self._next(news=False)
            return turn.entry is None

    def looks(self, turn: Turn) -> None:
        """It looks now, whatever for."""
        with self._lock:
            if turn.entry is not None:
                turn.seen = self.news
                turn.entry, self._looking[turn] = None, False
                self._out_of_place()

    def left(self, turn: Turn, *, took: bool) -> None:
        """It is not in line any more."""
        with self._lock:
            waited, turn.entry = turn.entry is not None, None
            news = self._looking.get(turn)
            self._done(turn, news and not took if news is not None else None)
            if waited:
                self._out_of_place()

    def _out_of_place(self) -> None:
        """An entry stays behind somewhere in line: clear them away where they are many."""
        self._stale += 1
        if self._stale > max(_FEW, len(self._line) // 2):
            self._stale = 0
            self._all_again()
            self._line[:] = [entry for entry in self._line if entry[-1].entry is entry]
            heapify(self._line)

    def _behind(self, turn: Turn) -> bool:
        return any(other.key < turn.key for other in tuple(self._looking))

    def _news(self) -> None:
        self._all_again()
        self._next(news=True)

    def _all_again(self) -> None:
        if self._tried:
            self._line.extend(self._tried)
            self._tried.clear()
            heapify(self._line)

    def _done(self, turn: Turn, news: bool | None) -> None:  # noqa: FBT001 - what it was woken for, if it was
        """It has looked: the next one may."""
        if news is None:
            return
        try:
            self._next(news=news, after=turn)
        except BaseException:
            # An interrupt: what it was woken for is not lost.
            self._next(news=news, after=turn)
            raise

    def _next(self, *, news: bool, after: Turn | None = None) -> None:
        """Let the first one look that still waits: any, for news; otherwise one whose time has come."""
        if after is not None:
            self._looking.pop(after, None)
        now = time.monotonic() + _ALIKE
        while self._line:
            entry = self._line[0]
            turn = entry[-1]
            if turn.entry is not entry:
                heappop(self._line)
            elif not news and entry[:2] > self._until:
                return
            elif news or turn.due <= now:
                if self._told(turn, news=news):
                    return
            else:
                self._tried.append(heappop(self._line))
        self._until = _NOBODY

    def _told(self, turn: Turn, *, news: bool) -> bool:
        """Let it look; whether there still is somebody who does."""
        turn.seen = self.news
        # No call between the two: an interrupt sees it waiting, or looking.
        turn.entry, self._looking[turn] = None, news
        try:
            turn.wake()
        except RuntimeError:
            # The loop that it waited on has ended.
            self._looking.pop(turn, None)
            return False
        except BaseException:
            # An interrupt, before it was woken or after.
            with contextlib.suppress(RuntimeError):
                turn.wake()
            raise
        return True
