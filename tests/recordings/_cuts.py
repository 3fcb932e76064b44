"""The sizes at which a recorded stream's bytes are cut before a decoder gets them.

Each row is cut at three of the sizes to 16, and at a random one: which ones follows from its name, and over a file's
rows they are all. Short rows, and one in five of the others, are cut at every byte, too, which is by far the dearest.
With ``LLMKIT_FULL`` each row is cut at all of them, and at five random ones.
"""

from __future__ import annotations

import os
import random
import zlib

SMALL_CUTS = range(1, 17)
SHORT = 4096
FULL = bool(os.environ.get("LLMKIT_FULL"))


def random_sizes(name: str, length: int, count: int) -> list[int]:
    """Sizes above 16 for this row: random, and the same in every run."""
    rng = random.Random(name)
    return [rng.randint(17, max(18, length)) for _ in range(count)]


def sizes(name: str, length: int, *, full: bool = FULL) -> tuple[int, ...]:
    """All sizes at which this row is cut."""
    if full:
        return (*SMALL_CUTS, *random_sizes(name, length, 5))
    first = 1 + zlib.crc32(name.encode()) % 5
    each = (1,) if length <= SHORT or first == 1 else ()
    return (*each, *SMALL_CUTS[first::5], *random_sizes(name, length, 1))


def on_socket(name: str, length: int) -> tuple[int, int]:
    """The two sizes at which this row's stream goes through a socket: a small one and a random one."""
    small = SMALL_CUTS[zlib.crc32(name.encode()) % len(SMALL_CUTS)]
    return small, random_sizes(name, length, 1)[0]
