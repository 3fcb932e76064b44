"""`record`, `replay` and `cassette`: which tap a test or a notebook gets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from ...errors import CassetteError, ConfigurationError
from ._player import Player
from ._recorder import Recorder
from ._scrub import Own

__all__ = ["cassette", "record", "replay"]

_Path = str | os.PathLike[str]
_NO = frozenset({"", "0", "false", "no"})


def record(path: _Path, *, scrub: Own | Iterable[Own] = ()) -> Recorder:
    """Record what llmkit sends and is answered, in this process, while the `with` block lasts.

    The calls are real. The file is written when the block ends, at once, in the place of an earlier one; also
    when the block raises, because a failure may be what was to be recorded, but not after Ctrl-C. Where
    nothing was sent, nothing is written.

    Args:
        path: the file; its directory is made.
        scrub: what else to hide: texts, compiled patterns, and functions from a text to the one to write.
            Keys, and whatever else authenticates, are hidden anyway.

    Raises:
        CassetteError: at the end of the block, where a secret is left that cannot be hidden. Nothing is written.
    """
    return Recorder(path, scrub)


def replay(
    path: _Path,
    *,
    ignore: str | Sequence[str] = (),
    repeat: bool = False,
    all_used: bool = False,
    timing: bool = False,
    scrub: Own | Iterable[Own] = (),
) -> Player:
    """Answer what llmkit sends from a cassette, in this process, while the `with` block lasts; send nothing.

    Each recorded exchange is used once, equal ones in their order. `call.transport` says "replay".

    Args:
        path: a cassette of `record`, or one of vcrpy's (YAML needs PyYAML).
        ignore: what does not matter in a JSON body: names, dotted paths, `*` for any name or place,
            such as `"user"`, `"metadata.trace"`, `"messages.*.name"`.
        repeat: whether the last of equal exchanges may be used again.
        all_used: whether the block's end raises `CassetteError` if an exchange was not used.
        timing: whether to wait as long as was waited then, instead of answering at once.
        scrub: what `record` was given, where that was a function.

    Raises:
        CassetteError: there is no such file, or it cannot be read.
        ReplayMissError: from a call whose request the cassette does not have.
    """
    return Player(path, ignore=ignore, repeat=repeat, all_used=all_used, timing=timing, scrub=scrub)


def cassette(
    path: _Path,
    mode: Literal["auto", "record", "replay"] = "auto",
    *,
    ignore: str | Sequence[str] = (),
    repeat: bool = False,
    all_used: bool = False,
    timing: bool = False,
    scrub: Own | Iterable[Own] = (),
) -> Recorder | Player:
    """`replay` or `record`, as the mode says. "auto" replays a file that is there, and else records it.

    Where the environment has `CI`, "auto" records nothing: a missing cassette is an error there.

    Raises:
        CassetteError: "auto" would have to record, in CI.
    """
    if mode not in ("auto", "record", "replay"):
        raise ConfigurationError(f"mode must be 'auto', 'record' or 'replay', not {mode!r}")
    if mode == "auto" and not Path(path).exists():
        if os.environ.get("CI", "").lower() not in _NO:
            raise CassetteError(
                f"there is no cassette {path}, and in CI none is recorded by itself: record it elsewhere"
            )
        mode = "record"
    if mode == "record":
        return record(path, scrub=scrub)
    return replay(path, ignore=ignore, repeat=repeat, all_used=all_used, timing=timing, scrub=scrub)
