"""Copy the project as a fresh clone would hold it: tracked and new files, nothing that is ignored.

usage: fresh_copy.py DESTINATION
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = (".git", ".venv", "__pycache__", ".*_cache", "dist", "build", "site")


def listed() -> list[str] | None:
    """What git knows or would add; None where there is no git or no repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [name for name in done.stdout.decode().split("\0") if name]


def copy(destination: Path) -> None:
    """Make the copy; files deleted from the work tree but not yet from git are left out."""
    names = listed()
    if names is None:
        shutil.copytree(ROOT, destination, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        return
    for name in names:
        if (source := ROOT / name).is_file():
            target = destination / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


if __name__ == "__main__":
    copy(Path(sys.argv[1]))
