"""Events as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html, read 2026-11-22."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._json import dump

__all__ = ["bare", "named"]


def named(event: Mapping[str, Any]) -> bytes:
    """An event under the name that its type is."""
    name = str(event.get("type", "")).encode()
    return b"event: " + name + b"\ndata: " + dump(event) + b"\n\n"


def bare(event: Mapping[str, Any]) -> bytes:
    """An event without a name."""
    return b"data: " + dump(event) + b"\n\n"
