"""Print one of README's commands, so that CI runs what readers are told to run.

A command is the shell block right after its marker, `<!-- command: NAME -->`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def command(name: str) -> str:
    """The text of one marked command; SystemExit where there is not exactly one."""
    pattern = rf"<!-- command: {re.escape(name)} -->\s*```sh\n(.*?)```"
    found = re.findall(pattern, README.read_text(encoding="utf-8"), re.DOTALL)
    if len(found) != 1:
        raise SystemExit(f"README.md has {len(found)} commands marked {name!r}, expected one")
    return str(found[0]).strip()


if __name__ == "__main__":
    print(command(sys.argv[1]))
