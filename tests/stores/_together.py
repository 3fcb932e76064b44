"""Many threads that begin at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any


def together(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do all at once, in threads; what came of each, be it an error."""
    came: list[Any] = [None] * len(works)
    barrier = threading.Barrier(len(works))

    def one(place: int) -> None:
        barrier.wait()
        try:
            came[place] = works[place]()
        except Exception as error:  # noqa: BLE001 - it is what came
            came[place] = error

    threads = [threading.Thread(target=one, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came
