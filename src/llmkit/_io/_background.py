"""Work that no call waits for: a thread behind a bounded queue.

Whoever puts something in waits for nothing: what does not fit is dropped, counted and told of once. A thread begins
with the first piece of work, is forgotten in a forked child, and is waited for, for a while, when the process ends.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from .._secret import redact

__all__ = ["AT_EXIT", "Background", "known"]

_log = logging.getLogger("llmkit")

AT_EXIT: Final = 5.0
"""Seconds that the process's end waits for what is left."""
_IDLE: Final = 2.0
"""Seconds after which a thread that has nothing to do ends."""
_BATCH: Final = 500


class Background:
    """Works things off in the order in which they were put in, in a thread of its own.

    Args:
        work: is given some of them at a time; what it raises is logged, and those are lost and counted.
        name: what the log calls it.
        size: so many may wait.
        lingers: seconds that the first of some waits for others.
        rests: is called in that thread when it ends, having had nothing to do for a while, and when the process ends.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Any]], None],
        *,
        name: str,
        size: int = 10_000,
        lingers: float = 0.0,
        rests: Callable[[], None] | None = None,
    ) -> None:
        self._rests = rests
        self._work, self.name, self._size, self._lingers = work, name, size, lingers
        self.dropped = 0
        """How many were lost: they did not fit, or could not be worked off."""
        self._told = self._failed = self._ended = False
        self._begin()
        known(self)

    def _begin(self) -> None:
        self._waiting: deque[Any] = deque()
        self._busy = 0
        self._hurried = False
        self._thread: threading.Thread | None = None
        # Re-entrant: a collector may put something in while this thread holds it.
        self._changed = threading.Condition(threading.RLock())

    def put(self, thing: Any) -> bool:
        """Have it worked off; whether there was room."""
        if self._ended:
            # The process ends: threads may not be begun any more.
            self._done((thing,))
            self._rest()
            return True
        with self._changed:
            if len(self._waiting) >= self._size:
                self._drop(1)
                return False
            self._waiting.append(thing)
            if self._thread is None:
                self._start()
            elif len(self._waiting) == 1:
                self._changed.notify_all()
        return True

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name=f"llmkit-{self.name}", daemon=True)
        self._thread = thread
        thread.start()

    def _drop(self, count: int) -> None:
        self.dropped += count
        if not self._told:
            self._told = True
            _log.warning(
                "%s cannot keep up: what does not fit into its queue of %d is dropped; .dropped counts it",
                self.name,
                self._size,
            )

    def _run(self) -> None:
        changed = self._changed
        while self._has_more():
            with changed:
                # Few at a time are dear: what follows at once comes along.
                if self._lingers and not self._hurried:
                    changed.wait_for(lambda: self._hurried, self._lingers)
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                self._busy = len(batch)
            self._done(batch)
            with changed:
                self._busy = 0
                changed.notify_all()

    def _has_more(self) -> bool:
        with self._changed:
            if (
                self._changed.wait_for(lambda: self._waiting or self._ended, _IDLE)
                and self._waiting
            ):
                return True
            # Nothing is put in meanwhile: who does so waits for this.
            self._rest()
            self._thread = None
            return False

    def _rest(self) -> None:
        try:
            if self._rests is not None:
                self._rests()
        except Exception as error:  # noqa: BLE001 - nobody is there to raise it to
            _log.error("%s failed: %s: %s", self.name, type(error).__name__, redact(str(error)))

    def _done(self, batch: Sequence[Any]) -> None:
        try:
            self._work(batch)
            self._failed = False
        except Exception as error:  # noqa: BLE001 - nobody is there to raise it to
            self.dropped += len(batch)
            if not self._failed:
                # Once for each outage: a full disk would fill the log, too.
                self._failed = True
                _log.error("%s failed: %s: %s", self.name, type(error).__name__, redact(str(error)))

    def flush(self, seconds: float = AT_EXIT) -> bool:
        """Wait until all is worked off that was put in; whether it was, in time."""
        if self._thread is None or self._thread is threading.current_thread():
            return True
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: not self._waiting and not self._busy, seconds)
            finally:
                self._hurried = False

    def end(self, seconds: float) -> None:
        """The process ends: work off what is left; what comes later is done at once."""
        if not self.flush(seconds):
            _log.warning("%s is left with %d when the process ends", self.name, len(self._waiting))
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(1.0)

    def forget(self) -> None:
        """In a child that was forked there is no thread, and what waits is the parent's."""
        self._begin()


_all: weakref.WeakSet[Any] = weakref.WeakSet()
_registered = False


def known(one: Any) -> None:
    """Have it ended (``end``) with the process, and forgotten (``forget``) in a child that is forked."""
    _all.add(one)
    global _registered  # noqa: PLW0603 - once for the process
    if _registered:
        return
    _registered = True
    atexit.register(_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_in_child)


def _at_exit() -> None:
    until = time.monotonic() + AT_EXIT
    for one in tuple(_all):
        one.end(max(0.1, until - time.monotonic()))


def _in_child() -> None:
    for one in tuple(_all):
        one.forget()
