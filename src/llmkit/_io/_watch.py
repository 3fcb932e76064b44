"""A watchdog for blocking reads whose limits the layer below does not know: a caller's own client, in sync.

One daemon thread for the process, started when first needed; it shuts a socket down when its time is up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ._progress import Progress

__all__ = ["watched"]

# After it, a watchdog that has nothing left to watch ends.
_LONGEST_SLEEP = 1.0


class _Watchdog:
    def __init__(self) -> None:
        self._until: dict[Progress, float] = {}
        self._changed = threading.Condition()
        self._wakes_at = float("inf")
        self._thread: threading.Thread | None = None

    def start(self, progress: Progress) -> None:
        """Disconnect this exchange when its time is up, unless it is stopped before."""
        progress.limited()
        until = progress.until
        with self._changed:
            self._until[progress] = until
            # A forked child has its parent's threads only by name.
            if self._thread is None or not self._thread.is_alive():
                self._wakes_at = until
                self._thread = threading.Thread(target=self._run, name="llmkit-watch", daemon=True)
                self._thread.start()
            elif until < self._wakes_at:
                self._changed.notify()

    def stop(self, progress: Progress) -> bool:
        """Watch it no longer; whether its time was up."""
        with self._changed:
            return self._until.pop(progress, None) is None

    def _run(self) -> None:
        with self._changed:
            while self._until:
                self._disconnect_overdue()
                self._wakes_at = min([*self._until.values(), time.monotonic() + _LONGEST_SLEEP])
                self._changed.wait(max(0.0, self._wakes_at - time.monotonic()))
            self._thread = None

    def _disconnect_overdue(self) -> None:
        now = time.monotonic()
        for progress in [p for p, until in self._until.items() if until <= now]:
            del self._until[progress]
            progress.disconnect()


_watchdog = _Watchdog()


@contextmanager
def watched(progress: Progress) -> Iterator[None]:
    """Let what is done within take no longer than the exchange may. Raises ``TimeoutError``."""
    _watchdog.start(progress)
    late = False
    try:
        yield
    except Exception:
        late = _watchdog.stop(progress)
        if not late:
            raise
    except BaseException:
        _watchdog.stop(progress)
        raise
    else:
        late = _watchdog.stop(progress)
    if late:
        raise TimeoutError("the time is used up")
