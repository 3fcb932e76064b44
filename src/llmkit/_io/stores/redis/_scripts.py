"""The scripts: Lua text of this package and the digest that the server knows it by. Nothing is run here."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["Script", "script"]

_FOLDER = Path(__file__).parent / "lua"
# What every script begins with: the schema's version, the clock, sums, rows, entries.
_FIRST = "common"


class Script(NamedTuple):
    """A script's text, and its digest as EVALSHA takes it."""

    text: str
    sha: str


@cache
def script(name: str) -> Script:
    """A script by its name, with what all begin with."""
    text = "".join((_FOLDER / f"{part}.lua").read_text(encoding="utf-8") for part in (_FIRST, name))
    digest = hashlib.sha1(text.encode(), usedforsecurity=False)
    return Script(text, digest.hexdigest())
