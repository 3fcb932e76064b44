"""The benchmark of stores runs on every store, and says what it measured."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "stores.py"


def test_every_store_is_measured(tmp_path: Path) -> None:
    """One short round: two tables with a line for each store, whose servers are started for it and end with it."""
    short = ("--rounds", "1", "--pairs", "25", "--seconds", "0.1", "--folder", str(tmp_path))
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *short],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    alone, together = done.stdout.split("\n\n")
    for name in ("memory", "sqlite crash", "sqlite power", "postgres", "redis"):
        found = re.search(rf"^{name}\s+([\d.]+)\s+([\d.]+)\s+(\d+)$", alone, re.MULTILINE)
        assert found, alone
        assert 0 < float(found[1]) <= float(found[2])
        assert re.search(rf"^{name}(\s+[\d,]+){{2}}\s+([\d,]+|–)$", together, re.MULTILINE), (
            together
        )
    assert not list(tmp_path.iterdir())
