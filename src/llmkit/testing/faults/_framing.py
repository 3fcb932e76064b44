"""Events as each kind of stream has them: what breaks one, what means nothing between them, what never ends.

Which kind a stream is, its first bytes say: AWS's frames begin with a length, JSON lines with a brace, all else is
taken for server-sent events.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from ..._eventstream import Frames, encoded

__all__ = ["JSON", "Framing", "framing_of"]

_LINE: Final = 64 * 1024
_PADDING: Final = {":event-type": "padding", ":message-type": "event"}
_LEAST: Final = len(encoded(_PADDING, b"{}"))
# The most that a frame may hold, and what of a frame is not its payload, but for its last four bytes.
_MOST: Final = 24 * 1024 * 1024
_HEAD: Final = encoded(_PADDING, b"")[12:-4]


@dataclass(frozen=True, slots=True)
class Framing:
    """One kind of stream."""

    halve: Callable[[bytes], bytes]
    """An event with half of its JSON."""
    run_on: Callable[[bytes], bytes]
    """An event without what ends it."""
    pad: Callable[[int], bytes]
    """So many bytes (where frames are, at least) that mean nothing."""
    opening: bytes
    """What an event without end begins with."""


def _halved(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _half_event(frame: bytes) -> bytes:
    """*frame* with half of its data, and its event's name if it has one."""
    name, colon, data = frame.partition(b"data:")
    return (name + colon + _halved(data) if colon else _halved(name)) + b"\n\n"


def _in_one_line(frame: bytes) -> bytes:
    return frame.replace(b"\r", b"").replace(b"\n", b"")


def _half_frames(data: bytes) -> bytes:
    """Whole frames, of which each has half of its payload."""
    return b"".join(encoded(f.headers, _halved(f.payload)) for f in Frames().feed(data))


def _lines(start: bytes) -> Callable[[int], bytes]:
    """Lines of spaces, cut at their beginning: the last one must end."""
    line = start + b" " * (_LINE - len(start) - 1) + b"\n"
    return lambda size: (line * (size // _LINE + 1))[-size:] if size else b""


def _idle_frames(size: int) -> bytes:
    """Events of a type that nobody knows."""
    whole, rest = divmod(size, _LINE)
    last = _idle_frame(max(rest, _LEAST)) if rest else b""
    return _idle_frame(_LINE) * whole + last


def _opening() -> bytes:
    """A frame of the greatest size there is, up to its payload."""
    lengths = struct.pack(">II", 12 + len(_HEAD) + _MOST + 4, len(_HEAD))
    return lengths + struct.pack(">I", crc32(lengths)) + _HEAD


def _idle_frame(size: int) -> bytes:
    return encoded(_PADDING, b"{}" + b" " * (size - _LEAST))


_EVENTS: Final = Framing(_half_event, _in_one_line, _lines(b":"), b"data: ")
_JSON_LINES: Final = Framing(
    lambda line: _halved(line) + b"\n", _in_one_line, _lines(b" "), b'{"text": "'
)
_FRAMES: Final = Framing(_half_frames, lambda frame: frame[:-4], _idle_frames, _opening())
JSON: Final = Framing(_halved, _halved, lambda size: b" " * size, b'{"text": "')
"""An answer in one piece."""

_KINDS: Final[Mapping[bytes, Framing]] = {b"{": _JSON_LINES, b"\0": _FRAMES}


def framing_of(frames: Sequence[bytes]) -> Framing:
    """What kind a stream is; `JSON` for none."""
    return _KINDS.get(frames[0][:1], _EVENTS) if frames else JSON
