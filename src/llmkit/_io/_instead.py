"""What carries the requests of a forked child whose parent used pyreqwest, which cannot be used in both: httpcore."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from typing import Any

from typing_extensions import override

from .._http import HTTPRequest
from ._http import AsyncTransports, SyncTransports
from ._network import Awaiting, Blocking, Network
from ._progress import Progress

__all__ = ["Instead"]

_OURS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")  # noqa: PTH118, PTH120 - as code has it


class Instead(Network):
    """httpx's connections where reqwest was asked for."""

    @override
    def blocking(self) -> Blocking:
        """Connections for blocking code."""
        return _SyncInstead(self.tls, self.proxy)

    @override
    def awaiting(self) -> Awaiting:
        """Connections for the running event loop."""
        return _AsyncInstead(self.tls, self.proxy)


class _SyncInstead(SyncTransports):
    @override
    def send(self, request: HTTPRequest, progress: Progress) -> Any:
        _say_instead()
        return super().send(request, progress)


class _AsyncInstead(AsyncTransports):
    @override
    async def send(self, request: HTTPRequest, progress: Progress) -> Any:
        _say_instead()
        return await super().send(request, progress)


@functools.cache
def _say_instead() -> None:
    warnings.warn(
        "this process was forked from one that used transport='reqwest', which cannot be used in both:"
        " its calls go over httpx. Make calls only after forking, or start processes by 'spawn'.",
        RuntimeWarning,
        stacklevel=_callers(),
    )


def _callers() -> int:
    """How far up the caller's line is; on asyncio, where that cannot be told, the event loop's."""
    frame, level = sys._getframe(1), 1  # noqa: SLF001 - as warnings does
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame, level = frame.f_back, level + 1
    return level
