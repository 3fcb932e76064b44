"""Ctrl-C at a chosen point: a ``KeyboardInterrupt`` is raised, the n-th time that CPython would run a signal's handler.

That is not everywhere: the interpreter looks for signals when a function begins, after a call into C and when a loop
turns. So these are the points that are counted, by tracing single instructions of the code under test.

What is raised out of tracing belongs to the instruction that comes next, a handler's exception to the one before. Where
these two are not within the same ``try`` or ``with``, the point is passed over: one could only raise at a wrong place.
"""

from __future__ import annotations

import dis
import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from llmkit.testing import _network

__all__ = ["Interrupt", "interrupted_at"]

# Its hook is there for good once a test has put it in, and to begin tracing is audited, too.
_AUDITING = _network.__file__
_TURNS = ("JUMP_BACKWARD",)
_BEGINS = 2  # RESUME of a function, or after a yield; not after a yield from or an await


@functools.cache
def _names(code: CodeType) -> dict[int, str]:
    return {
        step.offset: step.opname
        for step in dis.get_instructions(code)
        if step.opname != "RESUME" or (step.arg or 0) < _BEGINS
    }


@functools.cache
def _looks(code: CodeType, at: int, then: int) -> bool:
    """Whether the interpreter looks for signals after the first of two instructions, in what is around both."""
    name = _names(code).get(at, "")
    looks = name.startswith(("CALL", "RESUME")) or name in _TURNS
    return looks and _caught_by(code, at) == _caught_by(code, then)


@functools.cache
def _caught_by(code: CodeType, offset: int) -> object:
    """What has an exception that is raised by the instruction there; ``None`` if nothing."""
    # There is no public reader of this table.
    table: Any = dis._parse_exception_table(code)  # type: ignore[attr-defined]
    return next((entry.target for entry in table if entry.start <= offset < entry.end), None)


class Interrupt:
    """Counts points; raises at the one it was told."""

    def __init__(self, at: int, files: tuple[str, ...]) -> None:
        self._at = at
        self._files = files
        self.points = 0
        self.where = ""

    def trace(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        """What ``sys.settrace`` takes."""
        file = frame.f_code.co_filename
        if not file.startswith(self._files) or file == _AUDITING or self.where:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        last = [frame.f_lasti]

        def step(frame: FrameType, event: str, _: Any) -> Any:
            if event == "opcode" and not self.where:
                before, last[0] = last[0], frame.f_lasti
                if _looks(frame.f_code, before, frame.f_lasti):
                    self._point(frame)
            return step

        # Python 3.13 traces the instructions of frames alone that had a function for it when they asked.
        frame.f_trace = step
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
