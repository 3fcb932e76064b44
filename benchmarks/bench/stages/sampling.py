"""Asking the main thread where it is, again and again, at moments that nothing it does can keep step with."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bench.stages.places import Place, place

PERIOD = 0.0004
"""Seconds between two samples, in the middle; each is drawn between half and half as much again."""

Samples = Counter[Place]


@contextmanager
def sampled() -> Iterator[Samples]:
    """Samples of the time on the wall while the block runs. A wait is interrupted, looked at, and goes on."""
    samples: Samples = Counter()
    drawn = random.Random(0)

    def look(_: int, frame: FrameType | None) -> None:
        samples[place(frame)] += 1
        signal.setitimer(signal.ITIMER_REAL, PERIOD * drawn.uniform(0.5, 1.5))

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, PERIOD)
    try:
        yield samples
    finally:
        # First: a sample that is due just now would set the timer again.
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
