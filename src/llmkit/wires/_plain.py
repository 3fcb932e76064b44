"""A host that ignores ``stream`` and answers with one JSON body: told by its first byte, and gathered.

What an answer means is its wire's affair.
"""

from __future__ import annotations

from .._call import Call
from .._http import HTTPResponse
from ._errors import unreadable

__all__ = ["PlainBody"]

_NOT_SSE = b"{[<"
_MAX_BODY = 64 * 1024 * 1024


class PlainBody:
    """Shown every piece of a stream, it takes them if they are no events."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._body: bytearray | None = None
        self._sniffed = False
        self.open = True
        """Whether it still has to be shown pieces: once events have begun to come, it takes none."""

    @property
    def response(self) -> HTTPResponse | None:
        """The answer that was gathered; ``None`` where events came."""
        return None if self._body is None else HTTPResponse(200, body=bytes(self._body))

    def takes(self, data: bytes) -> bool:
        """Whether this piece belongs to a plain body, which then has it. Raises where that grows too long."""
        if not self._sniffed and (start := data.lstrip()[:1]):
            self._sniffed = True
            self.open = start in _NOT_SSE
            if self.open:
                self._body = bytearray()
        if self._body is None:
            return False
        # White space before it may have gone elsewhere, in a piece of its own.
        self._body += data if self._body else data.lstrip()
        if len(self._body) > _MAX_BODY:
            start_of_it = HTTPResponse(200, body=bytes(self._body[:1000]))
            raise unreadable(self._call, start_of_it, f"it has more than {_MAX_BODY} bytes")
        return True
