"""``Sender``: one daemon thread of a process that runs what is due, from the first bill on until nobody needs it.

It knows its ``Duties``, and nothing that knows it: a billing object that is let go of is collected, and its thread
sends what there is once more, and ends. What is sent, and when it is tried again, flows decide.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final, Protocol

from ._bell import Bell

__all__ = ["Duties", "Sender"]

_LONGEST: Final = 60.0


class Duties(Protocol):
    """What a sender does. They must not know the sender."""

    few: int
    """How many bills ``deliver`` has left alone, as if they had just come."""

    def deliver(self) -> tuple[float, bool]:
        """Send; the seconds to rest after it, and whether there is more to be sent then."""

    def tend(self) -> bool:
        """Do what else is due, for a moment; whether there is more of it."""

    def failed(self, error: Exception | None) -> None:
        """A round has failed; or (``None``) none has, after one that had."""

    def last(self) -> None:
        """Send what there is, for a short time: nobody will ask any more."""


class Sender:
    """The thread, and who may wake it."""

    def __init__(
        self, duties: Duties, *, count: int, seconds: float, tick: float, background: bool
    ) -> None:
        self._duties = duties
        self._rhythm = count, seconds
        self._tick = tick
        self._background = background
        self.forget()

    def forget(self) -> None:
        """In a forked process: the thread is its parent's, and so is what rang."""
        self._pid = os.getpid()
        # A signal's handler may close what this very thread begins.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._bell = Bell(*self._rhythm)
        self._let_go: Any = None
        self.begun = False
        """Whether anything was to be sent in this process since it was stopped."""

    def caller(self) -> Callable[[], None]:
        """``call`` for who is one of the duties: he may not know the sender."""
        return _Caller(weakref.ref(self))

    @property
    def runs(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def wake(self, count: int = 1) -> None:
        """So many bills more are to be sent. It does not wait, and never fails."""
        self._here()
        self.begun = True
        self._bell.ring(count)
        self._needed()

    def call(self) -> None:
        """Something else is due. It does not wait, and never fails."""
        self._here()
        self._bell.call()
        self._needed()

    def _here(self) -> None:
        if self._pid != os.getpid():
            # A fork that was hidden from Python.
            self.forget()

    def _needed(self) -> None:
        if self._background and not self.runs:
            with self._lock:
                if not self.runs:
                    self._begin()

    def _begin(self) -> None:
        bell = self._bell
        thread = threading.Thread(
            target=_work, args=(bell, self._duties, self._tick), name="llmkit-billing", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            # The process is ending: who ends it sends what is left.
            return
        self._thread = thread
        if self._let_go is not None:
            # Of a thread that was stopped: kept, they would be as many as there were threads.
            self._let_go.detach()
        self._let_go = weakref.finalize(self, bell.end, last=True)
        self._let_go.atexit = False

    def stop(self, timeout: float) -> None:
        """End the thread, waiting so long for a request that is on its way. Another bill begins another."""
        with self._lock:
            bell, self._bell = self._bell, Bell(*self._rhythm)
            thread, self._thread = self._thread, None
            self.begun = False
        bell.end()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)


class _Caller:
    """Calls a sender as long as it is there."""

    __slots__ = ("_sender",)

    def __init__(self, sender: weakref.ref[Sender]) -> None:
        self._sender = sender

    def __call__(self) -> None:
        if (sender := self._sender()) is not None:
            sender.call()


def _work(bell: Bell, duties: Duties, tick: float) -> None:
    failures = 0
    while not bell.ended:
        sends = bell.wait(tick)
        if bell.ended:
            break
        try:
            if sends:
                seconds, more = duties.deliver()
                bell.rest(seconds, more=more)
                if duties.few:
                    bell.ring(duties.few)
            if duties.tend():
                bell.call()
            if failures and sends:
                failures = 0
                _told(duties, None)
        except Exception as error:  # noqa: BLE001 - nothing may end it
            failures += 1
            bell.rest(min(2.0 ** (failures - 1), _LONGEST) * (0.5 + random.random() / 2), more=True)
            _told(duties, error)
    if bell.last:
        duties.last()


def _told(duties: Duties, error: Exception | None) -> None:
    # Who is told may fail, too.
    with contextlib.suppress(Exception):
        duties.failed(error)
