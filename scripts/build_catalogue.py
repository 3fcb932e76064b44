"""Builds src/llmkit/catalogue/data out of two public price lists and the overlay kept by hand.

usage: scripts/build_catalogue.py [SOURCES [--check]] [--bundle PATH]

SOURCES is a directory with the wheels of litellm and genai-prices, or with what was in them. The
same sources and overlay give the same bytes. ``--check`` writes nothing and fails where files differ.
``--bundle`` writes all of the data as one file, for ``refresh_catalogue``, and prints its SHA-256;
without SOURCES the data that is there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "scripts")]

from catalogue import build, sources  # noqa: E402 (the path comes first)

from llmkit.catalogue._bundle import write_bundle  # noqa: E402

INDEX = ROOT / "src/llmkit/catalogue/makers_and_hosts.json"


def main(arguments: list[str] | None = None) -> int:
    """Build, compare, or bundle; the exit code."""
    parser = argparse.ArgumentParser(description="Build the catalogue's data.")
    parser.add_argument(
        "sources", type=Path, nargs="?", help="directory with the two wheels, or unpacked"
    )
    parser.add_argument("--check", action="store_true", help="compare with what is there")
    parser.add_argument("--bundle", type=Path, metavar="PATH", help="write all of it as one file")
    asked = parser.parse_args(arguments)
    if asked.sources is None and (asked.check or asked.bundle is None):
        parser.error("give SOURCES, or --bundle PATH")
    done = 0 if asked.sources is None else _built(asked.sources, check=asked.check)
    if asked.bundle is not None and not done:
        print(f"{save_bundle(asked.bundle)}  {asked.bundle}")
    return done


def save_bundle(path: Path) -> str:
    """Write the data that is there as one file; its SHA-256."""
    index = json.loads(INDEX.read_text(encoding="utf-8"))
    names = (*index["makers"], *index["hosts"])
    parts = {name: (ROOT / build.DATA / f"{name}.json").read_bytes() for name in names}
    data = write_bundle(parts, index["revision"])
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _built(directory: Path, *, check: bool) -> int:
    files = build.files(sources.read(directory))
    if not check:
        build.save(ROOT, files)
        return 0
    stale = build.differing(ROOT, files)
    print("\n".join(f"differs: {name}" for name in stale) or f"{len(files)} files are up to date")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
