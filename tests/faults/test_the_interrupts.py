"""The instrument of the interrupts: it raises where a signal's handler would, and nowhere else."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from llmkit._control.routing.places import Place, Places

from ._interrupts import interrupted_at
from .test_every_interrupt import SOURCE


def _free_after_each(lock: Any, work: Callable[[], object], files: tuple[str, ...]) -> int:
    """Interrupt it at each of its points; how many there are."""
    reached, at = True, 0
    while reached:
        at += 1
        with interrupted_at(at, files) as interrupt, contextlib.suppress(KeyboardInterrupt):
            work()
        reached = bool(interrupt.where)
        assert not lock.locked(), interrupt.where
    return at


def test_a_block_is_left_however_it_is_interrupted() -> None:
    """An exception of a handler's after the last call of a ``with`` is raised within it."""
    lock = threading.Lock()

    def held() -> int:
        with lock:
            return len("a call right before the end of the block")

    assert _free_after_each(lock, held, (__file__,)) > 1


def test_a_lock_that_is_tried_is_given_back_however_that_is_interrupted() -> None:
    """Dropping a place leaves the table free, at whichever point it is interrupted."""
    lock = threading.Lock()
    left: list[Any] = []
    route: Any = SimpleNamespace(table=SimpleNamespace(lock=lock), left_locked=left.append)
    place = Place(route, SimpleNamespace(began=0.0))  # type: ignore[arg-type]

    def dropped() -> None:
        with contextlib.suppress(TypeError):  # it is told the time, too
            Places(None, None, lambda: 0.0).drop(place)

    assert _free_after_each(lock, dropped, SOURCE) > 3
