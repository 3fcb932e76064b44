"""Four times the input, four times the work: calls are counted in every run, time is measured in the full one.

Calls do not show what a copy costs that C makes; time does, but no time is fit for a gate that runs anywhere.
"""

from __future__ import annotations

import gc
import os
import sys
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from ._cases import CASES as FIRST
from ._cases_kinds import CASES as LATER

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = {**FIRST, **LATER}
SMALL = 40
LARGE = 4 * SMALL
GROWTH = 4.4
"""Most work for four times the input: what is linear does four times as much, what is quadratic sixteen times."""
ENOUGH = 0.03
"""Seconds of processor time from which a measurement is more than noise."""
TIME_GROWTH = 3.2**2
"""Most time for four times the input: 4 is linear, 16 is quadratic, and memory that is new takes time, too."""
MOST = 1 << 12


def calls(read: Callable[[], Any]) -> int:
    """How many functions are called, Python's and C's."""
    counted = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        read()
    finally:
        sys.setprofile(before)
    return counted


def peak(read: Callable[[], Any]) -> int:
    """The most memory in use on the way, in bytes."""
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", CASES)
def test_calls(name: str) -> None:
    """Four times the input takes about four times the calls."""
    case = CASES[name]
    case(2)()  # what is made on first use is made
    few, many = calls(case(SMALL)), calls(case(LARGE))
    assert many <= GROWTH * few, (few, many)


@pytest.mark.parametrize("name", CASES)
def test_memory(name: str) -> None:
    """Four times the input takes about four times the memory."""
    case = CASES[name]
    case(2)()
    little, much = peak(case(SMALL)), peak(case(LARGE))
    # What a small reading takes from the interpreter's free lists is not counted.
    assert much <= GROWTH * little + 50_000, (little, much)


def seconds(read: Callable[[], Any]) -> float:
    """Processor time of one reading."""
    began = time.process_time()
    read()
    return time.process_time() - began


@pytest.mark.skipif(not os.environ.get("LLMKIT_FULL"), reason="set LLMKIT_FULL to measure time")
@pytest.mark.parametrize("name", CASES)
def test_time(name: str) -> None:
    """Four times the input takes about four times the time, where quadratic work would take sixteen."""
    case, size = CASES[name], SMALL
    read = case(size)
    gc.disable()
    try:
        while seconds(read) < ENOUGH and size < MOST:
            size *= 2
            read = case(size)
        times = [min(seconds(read) for _ in range(3)) for read in (read, case(4 * size))]
    finally:
        gc.enable()
    assert times[1] <= TIME_GROWTH * times[0] + 0.01, (size, times)


def test_the_gates_see_what_is_quadratic() -> None:
    """A reading that looks back at all that came is found by its calls."""

    def quadratic(n: int) -> Callable[[], Any]:
        return lambda: [len(str(i)) for i in range(n) for _ in range(i)]

    assert calls(quadratic(LARGE)) > GROWTH * calls(quadratic(SMALL))
