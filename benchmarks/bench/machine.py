"""Where and on what a run was made."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any


def described() -> dict[str, Any]:
    """The machine, as far as the standard library and Linux tell."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": _memory(),
        "python": platform.python_version(),
    }


def load() -> float | None:
    """How many processes wanted to run in the last minute; contestants want one core, the server another."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def today() -> str:
    """The date, in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime())


def revision(tree: Path) -> str:
    """What was measured: a wheel's name, or a tree's commit and whether its files differ from it."""
    if tree.is_file():
        return tree.name
    command = ["git", "-C", str(tree), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None
