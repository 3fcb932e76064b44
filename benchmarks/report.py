"""Write ``docs/benchmarks.md`` and its plot from a run's samples.

usage: python benchmarks/report.py [RESULTS.json …] [--docs DIRECTORY]   (default: the newest in benchmarks/results)

Of several runs, each measure is taken from the last one that made it, and the page says which.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import page, plot, section, summary

HOME = Path(__file__).resolve().parent


def newest() -> Path:
    """The latest full run; without one, the latest of any kind."""
    found = sorted((HOME / "results").glob("*.json"))
    full = [path for path in found if not path.stem.endswith("-quick")]
    if not found:
        raise SystemExit("there are no results: run benchmarks/run.py first")
    return (full or found)[-1]


def together(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several runs as one: each measure from the last run that made it, and which run that was."""
    *earlier, last = results
    if not earlier:
        return last
    before = together(earlier)
    made = {sample["measure"] for sample in last["samples"]}
    kept = [sample for sample in before["samples"] if sample["measure"] not in made]
    of = {**before.get("made_by", {s["measure"]: before["tree"] for s in kept})}
    return {
        **last,
        "samples": [*kept, *last["samples"]],
        "versions": {**before["versions"], **last["versions"]},
        "made_by": {**of, **dict.fromkeys(made, last["tree"])},
    }


def main(given: Sequence[str]) -> None:
    """Do it."""
    parser = argparse.ArgumentParser(description="Write docs/benchmarks.md from a run's samples.")
    parser.add_argument("results", type=Path, nargs="*", help="(default: the newest)")
    parser.add_argument("--docs", type=Path, default=HOME.parent / "docs")
    options = parser.parse_args(given)
    sources = options.results or [newest()]
    result = together([json.loads(source.read_text(encoding="utf-8")) for source in sources])
    target = options.docs / "benchmarks.md"
    # What stores.py has written there stays.
    target.write_text(page.written(result) + section.kept(target), encoding="utf-8")
    drawn = plot.drawn(summary.tables(result["samples"]))
    target.with_suffix(".svg").write_text(drawn, encoding="utf-8")
    print(f"{target} from {', '.join(map(str, sources))}")


if __name__ == "__main__":
    main(sys.argv[1:])
