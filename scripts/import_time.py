"""Measure `import llmkit` against a bare interpreter: medians of interleaved rounds.

usage: python scripts/import_time.py [LIMIT_IN_MS]   (exit status 1 above the limit)
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 21


def milliseconds(code: str) -> float:
    """Wall time of one interpreter that runs `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (time.perf_counter() - start) * 1000


def measure() -> float:
    """The median cost of the import, in milliseconds above a bare start."""
    rounds = [(milliseconds("pass"), milliseconds("import llmkit")) for _ in range(ROUNDS + 1)]
    bare, loaded = zip(*rounds[1:], strict=True)  # the first round fills the caches
    start = statistics.median(bare)
    cost: float = statistics.median(loaded) - start
    print(f"import llmkit: {cost:.1f} ms above a bare start of {start:.1f} ms")
    return cost


if __name__ == "__main__":
    limit = float(sys.argv[1]) if len(sys.argv) > 1 else float("inf")
    raise SystemExit(measure() > limit)
