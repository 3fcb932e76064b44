"""``Wanted``: what a call asks of whoever answers it. Counting and measuring is put off until somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

__all__ = ["Wanted"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(slots=True)
class Wanted:
    """A call as a router sees it, before it is any deployment's."""

    group: str
    kind: str = "chat"
    """The kind of call: ``chat``, ``embedding``, …"""
    stream: bool = False
    subject: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    """What the call is about: its messages, its input."""
    params: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    """What its caller says to the model."""
    tags: tuple[str, ...] = ()
    region: str | None = None
    session: str | None = None
    """Calls of one session go where it was, as long as that is well."""
    priority: int = 0
    count: Callable[[], int] | None = None
    """What counts the tokens of the prompt; at most as many as its bytes."""
