"""The scripts: Lua text of this package and the digest that the server knows it by. Nothing is run here."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["Script", "script"]

_FOLDER = Path(__file__).parent / "lua"
# What every script begins with: the operation and the clock. Those of a folder have more in common.
_FIRST = "start"
_SHARED = "common"


class Script(NamedTuple):
    """A script's text, and its digest as EVALSHA takes it."""

    text: str
    sha: str


@cache
def script(name: str) -> Script:
    """A script by its name, in which there may be a folder, with what all of them begin with."""
    folder, slash, _ = name.rpartition("/")
    parts = (_FIRST, f"{folder}{slash}{_SHARED}", name)
    text = "".join((_FOLDER / f"{part}.lua").read_text(encoding="utf-8") for part in parts)
    digest = hashlib.sha1(text.encode(), usedforsecurity=False)
    return Script(text, digest.hexdigest())
