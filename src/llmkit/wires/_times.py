"""Times as providers write them to Unix time in seconds. No clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

__all__ = ["unix"]


def unix(value: Any) -> int | None:
    """Seconds since 1970 of an RFC 3339 time, or of what is seconds already; ``None`` for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        if isinstance(value, int | float):
            return int(value)
        told = datetime.fromisoformat(str(value))
        return None if told.tzinfo is None else int(told.timestamp())
    except (ValueError, OverflowError):
        return None
