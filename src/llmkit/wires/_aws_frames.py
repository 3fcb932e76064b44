"""A stream of AWS event frames as the body of an answer: exceptions raised, a plain body told by its first byte.

What an event means is its wire's affair.
"""

from __future__ import annotations

from collections.abc import Iterator

from .._call import Call
from .._eventstream import BadFrame, Frame, Frames
from .._http import HTTPResponse
from ._aws_errors import frame_error
from ._errors import unreadable
from ._plain import PlainBody

__all__ = ["FrameReader"]


class FrameReader:
    """Bytes in, events out. ``plain`` is the answer of a host that sent no frames."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._frames = Frames()
        self._plain = PlainBody(call)
        self._begun = False

    @property
    def plain(self) -> HTTPResponse | None:
        """The body that was none of frames; ``None`` where frames came."""
        return self._plain.response

    @property
    def pending(self) -> bytes:
        """The beginning of a frame that did not end."""
        return self._frames.pending

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take the next bytes; yield the events they complete, raise the exceptions."""
        if not self._begun:
            # No frame begins with white space: it would be too long to be one. A plain body may.
            data = data.lstrip()
            self._begun = bool(data)
        if self._plain.takes(data):
            return
        try:
            for frame in self._frames.feed(data):
                if (error := frame_error(self._call, frame)) is not None:
                    raise error
                yield frame
        except BadFrame as error:
            seen = HTTPResponse(200, body=error.data)
            raise unreadable(self._call, seen, f"it is no event stream: {error}.") from None
