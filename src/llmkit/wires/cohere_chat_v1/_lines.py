"""A stream of the first version to the objects of its lines: bare JSON, or framed as server-sent events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._call import Call
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from .._errors import unreadable

__all__ = ["Lines"]

_MOST = 64 * 1024 * 1024
# What frames the data, or says nothing.
_AROUND = (b"event:", b"id:", b"retry:", b":", b"[DONE]")


class Lines:
    """Bytes in, cut anywhere; objects out. No byte is looked at twice while a line is incomplete."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._partial: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Take the next bytes. Raises ``APIResponseValidationError`` for what is no such stream."""
        *lines, last = data.split(b"\n")
        for line in lines:
            whole = b"".join([*self._partial, line])
            self._partial, self._size = [], 0
            yield from self._line(whole)
        if last:
            self._partial.append(last)
            self._size += len(last)
            if self._size > _MOST:
                shown = HTTPResponse(200, body=self._partial[0][:1000])
                raise unreadable(self._call, shown, f"a line has more than {_MOST} bytes")

    def finish(self) -> Iterator[dict[str, Any]]:
        """The bytes have ended; the last line need not."""
        whole, self._partial = b"".join(self._partial), []
        yield from self._line(whole)

    def _line(self, line: bytes) -> Iterator[dict[str, Any]]:
        said = line.strip().removeprefix(b"data:").strip()
        if not said or said.startswith(_AROUND):
            return
        try:
            data = load(said)
        except NotJSON:
            response = HTTPResponse(200, body=said)
            raise unreadable(self._call, response, "a line of the stream is not JSON") from None
        if isinstance(data, dict):
            yield data
