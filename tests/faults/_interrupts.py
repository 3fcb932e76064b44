"""Ctrl-C at a chosen point: a ``KeyboardInterrupt`` is raised, the n-th time that CPython would run a signal's handler.

That is not everywhere: the interpreter looks for signals when a function begins, after a call into C and when a loop
turns. So these are the points that are counted, by tracing single instructions of the code under test.
"""

from __future__ import annotations

import dis
import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

__all__ = ["Interrupt", "interrupted_at"]

_TURNS = ("JUMP_BACKWARD",)


@functools.cache
def _names(code: CodeType) -> dict[int, str]:
    return {step.offset: step.opname for step in dis.get_instructions(code)}


class Interrupt:
    """Counts points; raises at the one it was told."""

    def __init__(self, at: int, files: tuple[str, ...]) -> None:
        self._at = at
        self._files = files
        self.points = 0
        self.where = ""

    def trace(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        """What ``sys.settrace`` takes."""
        if not frame.f_code.co_filename.startswith(self._files) or self.where:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        last = [""]

        def step(frame: FrameType, event: str, _: Any) -> Any:
            if event == "opcode" and not self.where:
                name = _names(frame.f_code).get(frame.f_lasti, "")
                before, last[0] = last[0], name
                if before.startswith(("CALL", "RESUME")) or before in _TURNS:
                    self._point(frame)
            return step

        return step

    def _point(self, frame: FrameType) -> None:
        self.points += 1
        # What is raised in a finalizer goes nowhere: the next point will do.
        if self.points >= self._at and not _finalizing(frame):
            code = frame.f_code
            self.where = f"{code.co_filename}:{frame.f_lineno} in {code.co_qualname}"
            raise KeyboardInterrupt("enough")


def _finalizing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


@contextmanager
def interrupted_at(at: int, files: tuple[str, ...]) -> Iterator[Interrupt]:
    """Interrupt what is done within at its ``at``-th point in these files (by how their names begin)."""
    interrupt = Interrupt(at, files)
    before = sys.gettrace()
    # Python 3.12 traces no instructions unless some frame had asked for them before tracing began.
    sys._getframe().f_trace_opcodes = True
    sys.settrace(interrupt.trace)
    try:
        yield interrupt
    finally:
        sys.settrace(before)
