"""``Upload``: a file to be sent, from a path, bytes, a file object or the openai SDK's tuples, read in pieces.

Rule 1: ``pieces`` begins anew each time, so that a retry, a fallback or a race can send the same file again.
Rule 2: never the whole file in memory. What cannot be sought (a pipe) is first copied to a temporary file, once: its
length has to be told before it is sent.
Rule 3: only drivers read. Here is how it is done, and nobody below them does it.
"""

from __future__ import annotations

import io
import os
import stat
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Self, TypeAlias

from typing_extensions import override

from .errors import InvalidRequestError

__all__ = ["PIECE", "FileTypes", "Upload"]

PIECE = 64 * 1024
_SPOOL_IN_MEMORY = 1024 * 1024
_HEAD = 16

_File: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]

# By the name's ending: the standard library's table is the machine's, and another one on each.
_BY_NAME = {
    "aac": "audio/aac",
    "aif": "audio/aiff",
    "aiff": "audio/aiff",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "mpga": "audio/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "csv": "text/csv",
    "html": "text/html",
    "md": "text/markdown",
    "txt": "text/plain",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "pdf": "application/pdf",
}
# By what a file begins with: (at, bytes, ending).
_BY_CONTENT = (
    (8, b"WAVE", "wav"),
    (8, b"WEBP", "webp"),
    (0, b"ID3", "mp3"),
    (0, b"\xff\xfb", "mp3"),
    (0, b"\xff\xf3", "mp3"),
    (0, b"\xff\xf2", "mp3"),
    (0, b"\xff\xf1", "aac"),
    (0, b"OggS", "ogg"),
    (0, b"fLaC", "flac"),
    (0, b"\x1a\x45\xdf\xa3", "webm"),
    (4, b"ftypM4A", "m4a"),
    (4, b"ftyp", "mp4"),
    (0, b"\x89PNG", "png"),
    (0, b"\xff\xd8\xff", "jpg"),
    (0, b"GIF8", "gif"),
    (0, b"%PDF", "pdf"),
)
_UNKNOWN = "application/octet-stream"


class Upload:
    """One file to send; ``Upload.of`` makes one of whatever a caller may give.

    Args:
        name: the file's name, as the provider is told it.
        media_type: such as ``audio/wav``.
        source: a path, bytes, or an open binary file, which is sent from where it stands.

    A file object must stay open until the call has ended. It may be read by several attempts at once; each
    begins where the file stood when it was given.

    Raises:
        InvalidRequestError: the source is nothing that can be sent: a file opened as text, for instance.
    """

    __slots__ = ("__weakref__", "_lock", "_spool", "_start", "media_type", "name", "source", "url")

    def __init__(self, name: str, media_type: str, source: _File) -> None:
        self.name, self.media_type = name, media_type
        self.url = source if isinstance(source, str) and _is_url(source) else None
        """The address, where the provider is to fetch the file itself; then there is nothing to read."""
        self.source: Any = b"" if self.url is not None else _source(source)
        self._start = _position(self.source) if _is_file(self.source) else 0
        self._lock = threading.Lock()
        self._spool: Any = None

    @classmethod
    def of(cls, file: FileTypes, *, name: str | None = None, media_type: str | None = None) -> Self:
        """Make one, or return the one that it is.

        Args:
            file: a path, bytes, an open binary file, ``(name, content)`` or ``(name, content, media type)``,
                or an ``http(s)`` address for providers that fetch it themselves.
            name: by default the file's own.
            media_type: by default what the name's ending says, or else what the file begins with.

        Raises:
            InvalidRequestError: it is nothing that can be sent.
        """
        if isinstance(file, cls) and name is None and media_type is None:
            return file
        source, name, media_type = _unpacked(file, name, media_type)
        made = cls(name or _own_name(source) or "", media_type or "", source)
        ending = made.name.rpartition(".")[2].lower() if "." in made.name else ""
        if ending not in _BY_NAME and made.url is None:
            ending = made._ending() or ending
            made.name = made.name or (f"file.{ending}" if ending else "file")
        made.media_type = made.media_type or _BY_NAME.get(ending, _UNKNOWN)
        return made

    @property
    def in_memory(self) -> bool:
        """Whether reading it takes no time."""
        return isinstance(self.source, bytes | io.BytesIO)

    @property
    def length(self) -> int:
        """How many bytes it has. Looks at the file, and copies what cannot be sought.

        Raises:
            InvalidRequestError: it cannot be read.
        """
        if isinstance(self.source, bytes):
            return len(self.source)
        try:
            if isinstance(self.source, Path) and _is_regular(self.source):
                return self.source.stat().st_size
            file, start = self._seekable()
            with self._lock:
                return int(file.seek(0, os.SEEK_END)) - start
        except (OSError, ValueError) as error:
            raise _unreadable(self.name, error) from None

    def pieces(self) -> Iterator[bytes]:
        """Its bytes from the beginning, 64 KiB at a time. Raises ``InvalidRequestError`` where they cannot be read."""
        try:
            yield from self._read()
        except (OSError, ValueError) as error:
            raise _unreadable(self.name, error) from None

    def at(self, offset: int, count: int) -> bytes | None:
        """Up to so many bytes from there on; ``None`` of what would have to be copied first, such as a pipe.

        Raises:
            InvalidRequestError: it cannot be read.
        """
        source = self.source
        try:
            if isinstance(source, bytes):
                return source[offset : offset + count]
            if isinstance(source, Path):
                if not _is_regular(source):
                    return None
                with source.open("rb", buffering=0) as opened:
                    opened.seek(offset)
                    return opened.read(count)
            if not _can_seek(source):
                return None
            with self._lock:
                source.seek(self._start + offset)
                found = source.read(count)
        except (OSError, ValueError) as error:
            raise _unreadable(self.name, error) from None
        return found if isinstance(found, bytes) else None

    def shown(self) -> str:
        """What it is, without its bytes. Looks at the file."""
        return f"<{self.name}: {self.length} bytes of {self.media_type}>"

    def _read(self) -> Iterator[bytes]:
        if isinstance(self.source, bytes):
            yield from (self.source[at : at + PIECE] for at in range(0, len(self.source), PIECE))
        elif isinstance(self.source, Path) and _is_regular(self.source):
            with self.source.open("rb") as opened:
                yield from iter(lambda: opened.read(PIECE), b"")
        else:
            yield from self._from_file()

    def _from_file(self) -> Iterator[bytes]:
        file, at = self._seekable()
        while True:
            # Attempts may race: each has its own place, and takes the file for one piece at a time.
            with self._lock:
                file.seek(at)
                piece = file.read(PIECE)
            if not isinstance(piece, bytes):
                raise _text(self.name)
            if not piece:
                return
            at += len(piece)
            yield piece

    def _seekable(self) -> tuple[Any, int]:
        """A file that can be sought, and where it begins."""
        if _is_file(self.source) and _can_seek(self.source):
            return self.source, self._start
        with self._lock:
            if self._spool is None:
                self._spool = self._copied()
                # A file that is left to the collector says so; this one is ours to close.
                weakref.finalize(self, self._spool.close)
        return self._spool, 0

    def _copied(self) -> Any:
        if isinstance(self.source, Path):
            with self.source.open("rb") as opened:
                return _spooled(opened.read, self.name)
        return _spooled(self.source.read, self.name)

    def _ending(self) -> str | None:
        """What it begins with, as an ending: only looked for where the name says nothing."""
        if isinstance(self.source, bytes):
            return _kind(self.source[:_HEAD])
        if not (_is_file(self.source) and _can_seek(self.source)):
            return None
        head = self.source.read(_HEAD)
        self.source.seek(self._start)
        return _kind(head) if isinstance(head, bytes) else None

    @override
    def __repr__(self) -> str:
        return f"Upload({self.url or self.name!r}, {self.media_type})"


FileTypes: TypeAlias = _File | Upload | tuple[Any, ...]
"""All that may be given as a file."""


def _unpacked(
    file: Any, name: str | None, media_type: str | None
) -> tuple[Any, str | None, str | None]:
    if isinstance(file, Upload):
        return file.url or file.source, name or file.name, media_type or file.media_type
    if not isinstance(file, tuple):
        return file, name, media_type
    if not 2 <= len(file) <= 4:  # noqa: PLR2004 - the openai SDK's forms, headers last
        raise InvalidRequestError(
            "a file as a tuple is (name, content) or (name, content, media type)"
        )
    told = file[2] if len(file) > 2 else None  # noqa: PLR2004
    return file[1], name or file[0], media_type or told


def _source(file: Any) -> Any:
    """What is read: bytes, a path, or a file."""
    if isinstance(file, bytes | bytearray | memoryview):
        return bytes(file)
    if isinstance(file, str | os.PathLike):
        if not os.fspath(file):
            raise InvalidRequestError("a file's path must not be empty")
        return Path(os.fsdecode(file))
    if not callable(getattr(file, "read", None)):
        raise InvalidRequestError(
            f"a file must be a path, bytes, an open file or (name, content), not {type(file).__name__}"
        )
    if isinstance(file, io.TextIOBase) or getattr(file, "encoding", None) is not None:
        raise _text(_own_name(file) or "the file")
    return file


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _is_file(source: Any) -> bool:
    return not isinstance(source, bytes | Path)


def _is_regular(path: Path) -> bool:
    """Whether its length can be told. Raises ``OSError`` where there is no such file."""
    return stat.S_ISREG(path.stat().st_mode)


def _own_name(file: Any) -> str | None:
    """The name without its folders; a file object may have a number for a name."""
    if not isinstance(file, str | os.PathLike):
        file = getattr(file, "name", None)
    if isinstance(file, str) and _is_url(file):
        file = file.partition("?")[0]
    return Path(os.fsdecode(file)).name if isinstance(file, str | os.PathLike) else None


def _can_seek(file: Any) -> bool:
    seekable = getattr(file, "seekable", None)
    return bool(seekable()) if callable(seekable) else False


def _position(file: Any) -> int:
    try:
        return int(file.tell()) if _can_seek(file) else 0
    except (OSError, ValueError) as error:
        raise _unreadable(_own_name(file) or "the file", error) from None


def _kind(head: bytes) -> str | None:
    return next((kind for at, begin, kind in _BY_CONTENT if head.startswith(begin, at)), None)


def _spooled(read: Callable[[int], Any], name: str) -> Any:
    spool = tempfile.SpooledTemporaryFile(_SPOOL_IN_MEMORY)  # noqa: SIM115 - the upload's, as long as it lives
    try:
        while piece := read(PIECE):
            if not isinstance(piece, bytes):
                raise _text(name)
            spool.write(piece)
    except BaseException:
        spool.close()
        raise
    return spool


def _text(name: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} is open as text: open it with mode 'rb'")


def _unreadable(name: str, error: Exception) -> InvalidRequestError:
    told, where = getattr(error, "strerror", None), getattr(error, "filename", None)
    why = str(told).lower() if told else str(error)
    return InvalidRequestError(f"{where or name} cannot be read: {why}")
