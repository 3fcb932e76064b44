"""What was left of a call that was given up, where nothing could be done about it any more, on its way to be settled.

How it is to be settled was decided by then; see ``settle``, ``hold``.
"""

from __future__ import annotations

from typing import Any

from .._flow import Flow, notify, store
from .._operations import Settle
from ..events import CallFinished

__all__ = ["Late"]


class Late:
    """What was left of a call that was given up, on its way to be settled: a terminal event, holds, or places."""

    __slots__ = ("_done", "_left", "_stored")

    def __init__(self, left: Any) -> None:
        self._left = left
        self._stored = self._done = False

    @property
    def open(self) -> bool:
        """Whether it has to be done once more: it was interrupted."""
        return not self._done

    def flow(self) -> Flow[None]:
        """Settle it, and tell the callbacks, once each; an interrupt on the way is raised when that is done."""
        interrupted: BaseException | None = None
        while not self._done:
            try:
                yield from self._settled()
            except (GeneratorExit, Exception):
                raise
            except BaseException as interruption:  # noqa: BLE001 - cancelled, Ctrl-C: it goes on below
                interrupted = interruption
        if interrupted is not None:
            raise interrupted

    def _settled(self) -> Flow[None]:
        left = self._left
        if not isinstance(left, CallFinished):
            yield from left.close()
            self._done = True
            return
        if not self._stored:
            yield from store(Settle(left.settlement))
            self._stored = True
        self._done = True
        yield from notify(left)
