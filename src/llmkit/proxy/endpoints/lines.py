"""The calls in a file for a batch: whether whoever sends it may make them, and what their provider calls their models.

A batch's calls do not come through the gateway: what is asked of each call elsewhere is asked of its line here. Every
line is written anew, so that what was looked at is what is sent.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final

from ..._json import NotJSON, dump, load
from ..._upload import Upload
from .beside import wrong
from .kept import ids_in
from .weighing import Weights

__all__ = ["Calls", "inline", "rewritten"]

_LONGEST: Final = 8 * 1024 * 1024
"""Bytes of one line, which is held in memory."""
_MOST: Final = 50_000
"""OpenAI's limit: https://platform.openai.com/docs/guides/batch, read 2026-11-23."""
_MODELS: Final = 100
_IN_MEMORY: Final = 64 * 1024


@dataclass(slots=True)
class Calls:
    """What the lines ask for.

    Args:
        named: what the provider calls a model; raises where its sender may not ask for it, or it is not to be had.
        usual: the model of lines that name none; ``None``: each must.
    """

    named: Callable[[str], str]
    usual: str | None = None
    weights: Weights | None = None
    """Adds up what the calls cost at most."""
    models: dict[str, str] = field(default_factory=dict)
    """By the sender's name: the provider's."""
    paths: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def look(self, line: Any, number: int) -> dict[str, Any]:
        """A line as it is to be sent. Raises ``Refused`` (400, 403)."""
        if not isinstance(line, dict):
            raise wrong(f"line {number} is no JSON object", "file")
        holders = [name for name in ("body", "params") if name in line]
        body = line[holders[0]] if len(holders) == 1 else None
        if not isinstance(body, dict):
            raise wrong(
                f"line {number} must have a body (or params, and not both): an object", "file"
            )
        if isinstance(path := line.get("url"), str):
            self.paths.add(path)
        self.files.update(ids_in(body))
        sent = self._with_model(body, number)
        if self.weights is not None:
            group = body.get("model") or self.usual or ""
            self.weights.add(line, sent, group, self.models[group])
        return {**line, holders[0]: sent}

    def _with_model(self, body: dict[str, Any], number: int) -> dict[str, Any]:
        model = body.get("model")
        if model is None and self.usual is not None:
            self.models.setdefault(self.usual, self.named(self.usual))
            return body
        if not isinstance(model, str) or not model:
            raise wrong(f"line {number} names no model", "file")
        if model not in self.models:
            if len(self.models) >= _MODELS:
                raise wrong(f"the calls of a batch may be for {_MODELS} models", "file")
            self.models[model] = self.named(model)
        return {**body, "model": self.models[model]}


def rewritten(upload: Upload, calls: Calls) -> Upload:
    """A file of calls as it is to be sent; it closes itself. Reads and writes files: for a thread.

    Raises:
        Refused: 400, a line is no call; 403, a call is not its sender's to make.
    """
    made = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed where it fails, and by the caller
    try:
        _write(upload.pieces(), made, calls)
        made.seek(0)
        return Upload(upload.name, upload.media_type, made)
    except BaseException:
        made.close()
        raise


def _write(pieces: Iterable[bytes], made: IO[bytes], calls: Calls) -> None:
    count = 0
    for number, raw in enumerate(_lines(pieces), 1):
        if not raw.strip():
            continue
        count += 1
        if count > _MOST:
            raise wrong(f"the file has more than {_MOST} calls", "file")
        made.write(dump(calls.look(_parsed(raw, number), number)) + b"\n")
    if not count:
        raise wrong("the file has no calls in it", "file")


def _parsed(raw: bytes, number: int) -> Any:
    try:
        return load(raw)
    except NotJSON:
        raise wrong(f"line {number} is no JSON", "file") from None


def _lines(pieces: Iterable[bytes]) -> Iterable[bytes]:
    left = b""
    for piece in pieces:
        *whole, left = (left + piece).split(b"\n")
        yield from whole
        if len(left) > _LONGEST:
            raise wrong(f"a line has more than {_LONGEST} bytes", "file")
    yield left


def inline(requests: Any, calls: Calls) -> list[Mapping[str, Any]]:
    """The same of calls that stand in the request itself."""
    if not isinstance(requests, list) or not requests:
        raise wrong("requests must be a list of calls that is not empty", "requests")
    return [calls.look(one, number) for number, one in enumerate(requests, 1)]
