"""Stores when the process forks: none is in the middle of something then, and none has a file open.

A copied process may neither use nor close what its parent has open, and SQLite remembers by process which locks it has.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["at_forks"]


class Forking(Protocol):
    """What wants to know of forks."""

    def before_fork(self) -> None:
        """Come to rest, in the parent."""

    def after_fork(self, *, child: bool) -> None:
        """Go on, in either."""


_resting: list[Forking] = []
_known: weakref.WeakSet[Forking] = weakref.WeakSet()


def at_forks(store: Forking) -> None:
    """Tell this store of forks, as long as there is anybody else who knows it."""
    _known.add(store)


def _before() -> None:
    for store in list(_known):
        store.before_fork()
        _resting.append(store)


def _after(*, child: bool) -> None:
    while _resting:
        _resting.pop().after_fork(child=child)


def _in_parent() -> None:
    _after(child=False)


def _in_child() -> None:
    _after(child=True)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
