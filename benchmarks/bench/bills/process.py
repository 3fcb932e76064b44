"""One contestant's process: it calls for ever, so many times, or in turns with and without billing.

usage: python -m bench.bills.process NAME MODE COUNT PROVIDER LAGO KEY FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from bench.bills.contestants import CONTESTANTS, Contestant, Where

# Longer than the lease of a sender that was killed.
CLOSING = 120.0
_WARM = 20


def forever(contestant: Contestant, count: int) -> None:
    """A line after each call that was answered, until the process is killed."""
    while True:
        contestant.billed()
        print("answered", flush=True)
        time.sleep(0.01)


def calls(contestant: Contestant, count: int) -> None:
    """So many calls, then the end."""
    for _ in range(count):
        contestant.billed()
    contestant.close(CLOSING)


def paced(contestant: Contestant, count: int) -> None:
    """The same, with a moment between them."""
    for _ in range(count):
        contestant.billed()
        time.sleep(0.005)
    contestant.close(CLOSING)


def turns(contestant: Contestant, count: int) -> None:
    """Seconds of each call, by turns of ten without billing and ten with it."""
    for _ in range(_WARM):
        contestant.bare()
        contestant.billed()
    times: dict[str, list[float]] = {"bare": [], "billed": []}
    for _ in range(count // 10):
        for name, one in (("bare", contestant.bare), ("billed", contestant.billed)):
            times[name] += [_timed(one) for _ in range(10)]
    print(json.dumps(times), flush=True)
    contestant.close(CLOSING)


def _timed(one: Callable[[], None]) -> float:
    began = time.perf_counter()
    one()
    return time.perf_counter() - began


MODES = {"forever": forever, "calls": calls, "paced": paced, "turns": turns}


def main() -> None:
    """Do it."""
    name, mode, count, *where = sys.argv[1:]
    contestant = CONTESTANTS[name](Where(*where))
    print("ready", flush=True)
    MODES[mode](contestant, int(count))


if __name__ == "__main__":
    main()
