"""Builds src/llmkit/catalogue/data out of two public price lists and the overlay kept by hand.

usage: scripts/build_catalogue.py SOURCES [--check]

SOURCES is a directory with the wheels of litellm and genai-prices, or with what was in them. The
same sources and overlay give the same bytes. ``--check`` writes nothing and fails where files differ.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "scripts")]

from catalogue import build, sources  # noqa: E402 (the path comes first)


def main(arguments: list[str] | None = None) -> int:
    """Build, or compare; the exit code."""
    parser = argparse.ArgumentParser(description="Build the catalogue's data.")
    parser.add_argument("sources", type=Path, help="directory with the two wheels, or unpacked")
    parser.add_argument("--check", action="store_true", help="compare with what is there")
    asked = parser.parse_args(arguments)
    files = build.files(sources.read(asked.sources))
    if not asked.check:
        build.save(ROOT, files)
        return 0
    stale = build.differing(ROOT, files)
    print("\n".join(f"differs: {name}" for name in stale) or f"{len(files)} files are up to date")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
