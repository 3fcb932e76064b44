"""Bytes of an attachment, read where they are needed: out of base64 text without decoding all of it.

What the bytes mean belongs in ``_image_size``, ``_duration`` and ``_pdf``.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from .._upload import Upload

__all__ = ["MOST_DECODED", "Payload", "data_url"]

# Nobody takes a larger request; what is beyond it is not looked at.
MOST_DECODED: Final = 96 << 20
_BLANKS: Final = " \t\r\n"
_URLSAFE: Final = str.maketrans("-_", "+/")
_DATA_URL: Final = re.compile(r"data:([^,;]{0,127})((?:;[^,;]{0,127}){0,8}),", re.IGNORECASE)


class Payload:
    """Random access to bytes, or to the bytes that a base64 text stands for.

    Broken base64 reads as if it ended there; nothing here raises.
    """

    __slots__ = ("_file", "_raw", "_text", "size")

    def __init__(self, data: str | bytes) -> None:
        self._raw: bytes | None = None
        self._text = ""
        self._file: Upload | None = None
        if isinstance(data, bytes):
            self._raw = data
            self.size = len(data)
            return
        # Few senders break lines; who does pays for one pass over the text.
        self._text = "".join(data.split()) if any(blank in data for blank in _BLANKS) else data
        self.size = len(self._text) * 3 // 4 - self._text[-2:].count("=")

    @classmethod
    def of_file(cls, file: Upload) -> Self:
        """Access to a file, which is read where it stands. Raises ``InvalidRequestError`` where it cannot be."""
        made = cls(b"")
        made._raw, made._file, made.size = None, file, file.length
        return made

    def at(self, offset: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``offset`` (fewer, or none, past the end)."""
        if self._file is not None:
            return self._file.at(offset, count) or b""
        if self._raw is not None:
            return self._raw[offset : offset + count]
        skip = offset % 3
        start = offset // 3 * 4
        return _decoded(self._text[start : start + (skip + count + 2) // 3 * 4])[skip:][:count]

    def whole(self) -> bytes:
        """Everything up to ``MOST_DECODED`` bytes."""
        return self.at(0, MOST_DECODED)


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text.translate(_URLSAFE) + "=" * (-len(text) % 4))
    except (Error, ValueError):
        return b""


def data_url(url: str) -> tuple[str, Payload] | None:
    """The media type (lower case, maybe empty) and the bytes of a ``data:`` URL; ``None`` for any other."""
    found = _DATA_URL.match(url)
    if found is None:
        return None
    rest = url[found.end() :]
    base64 = found[2].lower().endswith(";base64")
    return found[1].lower(), Payload(rest if base64 else unquote_to_bytes(rest))
