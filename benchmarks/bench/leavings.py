"""What calls leave behind in this process: resident memory, sockets, threads."""

from __future__ import annotations

import gc
import os
import sys
import threading
from pathlib import Path
from typing import Any

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident() -> int:
    """Bytes of resident memory; without ``/proc``, the most there ever was."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except OSError:
        import resource  # noqa: PLC0415 - not on every system

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def sockets() -> int | None:
    """Open sockets; ``None`` where the system does not say."""
    try:
        links = [Path(entry.path) for entry in os.scandir("/proc/self/fd")]
    except OSError:
        return None
    return sum(1 for link in links if _target(link).startswith("socket:"))


_nobodys = 0


def sockets_of_nobody() -> None:
    """Those open now are not the contestant's: an event loop has two of its own."""
    global _nobodys  # noqa: PLW0603 - one process, one measurement
    _nobodys = sockets() or 0


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


class Trace:
    """Memory from now on, at marks, and what is open at the end beyond what a fresh process has."""

    def __init__(self) -> None:
        gc.collect()
        self._start = resident()
        self._growth: list[int] = []
        self._calls = 0

    def mark(self, calls: int) -> None:
        """So many further calls were made."""
        gc.collect()
        self._calls += calls
        self._growth.append(resident() - self._start)

    def result(self, tasks: int) -> dict[str, Any]:
        """Growth and leavings, after everything was closed."""
        gc.collect()
        open_now = sockets()
        return {
            "units": self._calls,
            "asked": self._calls,
            "resident_bytes": self._start,
            "growth_bytes": self._growth[-1],
            "marks_bytes": self._growth,
            "sockets": None if open_now is None else open_now - _nobodys,
            "threads": threading.active_count() - 1,
            "tasks": tasks,
        }
