"""What time it is for the fake Lago."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["RealTime", "Timepiece"]


class Timepiece(Protocol):
    """What time it is; `FrozenClock` is one."""

    def wall(self) -> float:
        """Unix time."""

    def sleep(self, seconds: float) -> None:
        """Let so much time pass; only `FakeLago.answer` asks for it."""


class RealTime:
    """The real time."""

    def wall(self) -> float:
        """Unix time."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
