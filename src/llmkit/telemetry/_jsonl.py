"""``JSONL``: a line of JSON for each call and for each failed attempt, appended to a file that processes may share."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from .._json import NotSerializable, dump
from ..errors import ConfigurationError
from ._record import FailedAttempt
from ._written import Entry, Written

if sys.platform != "win32":
    import fcntl

__all__ = ["JSONL", "place", "plain_attempt", "plain_entry"]

_PRIVATE: Final = 0o600
_TURNS: Final = 100


class JSONL(Written):
    """Appends one line for each call (``"type": "call"``) and each attempt that failed (``"type": "attempt"``).

    Lines are written by a thread behind the calls, whole and at once, so that several processes can share a file; a
    line that a crash has torn is followed by a new one. Costs are texts, exact to the last digit, or ``null``.

    Args:
        path: the file; its folder has to be there. It is made readable by its owner alone.
        content: whether the prompt (``input``) and the answer (``output``) are kept, too.
        redact: is given each text of these, and says what is kept of it.
        max_bytes: at this size the file becomes ``path.1``, that one ``path.2`` …; ``None``: it grows.
        keep: so many old files are kept.
        fsync: whether each write waits for the disk, so that it outlives a power cut, not only a crash.
        size: so many calls may wait to be written.

    Raises:
        ConfigurationError: the path is a folder, or in none; or a number makes no sense.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        content: bool = False,
        redact: Callable[[str], str] | None = None,
        max_bytes: int | None = None,
        keep: int = 5,
        fsync: bool = False,
        size: int = 10_000,
    ) -> None:
        self.path = place(path)
        if max_bytes is not None and (not isinstance(max_bytes, int) or max_bytes < 1):
            raise ConfigurationError(f"max_bytes is a number of bytes, not {max_bytes!r:.80}")
        if not isinstance(keep, int) or keep < 1:
            raise ConfigurationError(f"keep is a number of files, at least 1, not {keep!r:.80}")
        self._most, self._keep, self._fsync = max_bytes, keep, fsync
        super().__init__(f"JSONL({self.path})", size=size, content=content, redact=redact)

    @override
    def _write(self, entries: Sequence[Entry]) -> None:
        lines = b"".join(_line(one) for entry in entries for one in _rows(entry))
        with self._opened(len(lines)) as file:
            _append(file, lines)
            if self._fsync:
                os.fsync(file)

    @contextmanager
    def _opened(self, more: int) -> Iterator[int]:
        """The file, held alone, with room for so many bytes more."""
        for _ in range(_TURNS):
            # Opened anew: another process may have turned it.
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _PRIVATE)
            try:
                _hold(file)
                if not _is_at(file, self.path):
                    continue
                size = os.fstat(file).st_size
                full = self._most is not None and size and size + more > self._most
                if full and self._turned():
                    continue
                yield file
                return
            finally:
                os.close(file)
        raise OSError(f"{self.path} is replaced all the time")

    def _turned(self) -> bool:
        """Make room: each old file gets the next number, and the last one goes; whether files can be moved here."""
        try:
            for number in range(self._keep - 1, 0, -1):
                if (older := _numbered(self.path, number)).exists():
                    older.replace(_numbered(self.path, number + 1))
            self.path.replace(_numbered(self.path, 1))
        except PermissionError:
            return False
        return True


def place(path: str | os.PathLike[str]) -> Path:
    """Where a sink writes. Raises ConfigurationError where nothing can be written."""
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ConfigurationError(f"path is a file's path, not {path!r:.80}")
    found = Path(path).expanduser().absolute()
    if found.is_dir():
        raise ConfigurationError(f"{found} is a folder; give a file's path")
    if not found.parent.is_dir():
        raise ConfigurationError(f"there is no folder {found.parent}; make it first")
    return found


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _hold(file: int) -> None:
    """Hold it until it is closed; where there are no such locks, appending alone has to do."""
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_EX)


def _append(file: int, lines: bytes) -> None:
    size = os.fstat(file).st_size
    if size:
        os.lseek(file, size - 1, os.SEEK_SET)
        if os.read(file, 1) != b"\n":
            lines = b"\n" + lines
    view = memoryview(lines)
    while view:
        view = view[os.write(file, view) :]


def _line(row: dict[str, Any]) -> bytes:
    try:
        return dump(row) + b"\n"
    except NotSerializable:
        # Half a character, which only Python can hold: it is escaped.
        return json.dumps(row, default=str).encode() + b"\n"


def _rows(entry: Entry) -> Iterator[dict[str, Any]]:
    for one in entry.failed:
        yield {"type": "attempt", **plain_attempt(one)}
    yield {"type": "call", **plain_entry(entry)}


def plain_entry(entry: Entry) -> dict[str, Any]:
    """A call as JSON can have it: money as a text, so that no digit is lost."""
    row = entry.record.asdict()
    for name in ("cost", "saved_cache_cost"):
        row[name] = None if row[name] is None else f"{row[name]:f}"
    row |= {name: list(row[name]) for name in ("tags", "finish_reasons")}
    row["metadata"] = dict(row["metadata"])
    if entry.said is not None:
        row["input"], row["output"] = entry.said
    return row


def plain_attempt(one: FailedAttempt) -> dict[str, Any]:
    """A failed attempt as JSON can have it."""
    return {name: getattr(one, name) for name in _ATTEMPT}


_ATTEMPT: Final = tuple(one.name for one in fields(FailedAttempt))
