"""AWS event streams from bytes, cut anywhere, and to bytes: ``Frames.feed(bytes) -> Iterator[Frame]``, ``encoded``.

https://smithy.io/2.0/aws/amazon-eventstream.html, read 2026-11-22: a frame is a prelude (its length, its headers'
length, a CRC of the two), headers of ten types, the payload, and a CRC of it all; numbers are big-endian.
Rule 1: both CRCs are checked; what fails them is not read on. Rule 2: no byte is looked at twice while a frame is
incomplete. Rule 3: no JSON, no event's meaning.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

__all__ = ["BadFrame", "Frame", "Frames", "Value", "encoded"]

Value = bool | int | bytes | str | datetime | UUID
_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
_HEAD = _PRELUDE.size + _CRC.size
_LEAST = _HEAD + _CRC.size
_MAX_HEADERS = 128 * 1024
_MAX_PAYLOAD = 24 * 1024 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TRUE, _FALSE, _BYTES, _TEXT, _TIME, _UUID = 0, 1, 6, 7, 8, 9
_NUMBERS = {
    code: struct.Struct(form) for code, form in ((2, ">b"), (3, ">h"), (4, ">i"), (5, ">q"))
}
_LONG = _NUMBERS[5]
_LENGTH = struct.Struct(">H")


class BadFrame(ValueError):
    """The bytes are no frame: a checksum is wrong, or a length cannot be. ``data``: those that were looked at."""

    def __init__(self, message: str, data: bytes = b"") -> None:
        super().__init__(message)
        self.data = data


class Frame(NamedTuple):
    """One message: its headers by name, and its payload."""

    headers: Mapping[str, Value]
    payload: bytes

    def text(self, name: str) -> str:
        """A header that is a text; empty where there is none."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


class Frames:
    """Bytes in, frames out. ``pending``: whether a frame has begun and is not complete."""

    __slots__ = ("_buffer", "_lengths")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lengths: tuple[int, int] | None = None

    @property
    def pending(self) -> bytes:
        """The bytes of the frame that is not complete."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take the next bytes, cut anywhere; yield the frames they complete. Raises ``BadFrame``."""
        self._buffer += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        if self._lengths is None and len(self._buffer) >= _HEAD:
            self._lengths = _prelude(self._buffer)
        if self._lengths is None or len(self._buffer) < self._lengths[0]:
            return None
        (total, headers), self._lengths = self._lengths, None
        whole = bytes(memoryview(self._buffer)[:total])
        # CPython moves the start of a bytearray: what is left behind is not copied for each frame.
        del self._buffer[:total]
        return _frame(whole, headers)


def _prelude(data: bytearray) -> tuple[int, int]:
    """The lengths of the frame and of its headers, checked."""
    total, headers = _PRELUDE.unpack_from(data)
    (told,) = _CRC.unpack_from(data, _PRELUDE.size)
    # No more than the prelude, whatever has come by now: a failure does not depend on how bytes were cut.
    seen = bytes(memoryview(data)[:_HEAD])
    if crc32(memoryview(seen)[: _PRELUDE.size]) != told:
        raise BadFrame("the checksum of a frame's prelude is wrong", seen)
    payload = total - headers - _LEAST
    if payload < 0 or headers > _MAX_HEADERS or payload > _MAX_PAYLOAD:
        raise BadFrame(f"a frame of {total} bytes with {headers} of headers cannot be", seen)
    return total, headers


def _frame(data: bytes, headers: int) -> Frame:
    end = len(data) - _CRC.size
    (told,) = _CRC.unpack_from(data, end)
    if crc32(memoryview(data)[:end]) != told:
        raise BadFrame("the checksum of a frame is wrong", data)
    return Frame(_headers(data[_HEAD : _HEAD + headers]), data[_HEAD + headers : end])


def _headers(data: bytes) -> dict[str, Value]:
    found: dict[str, Value] = {}
    at = 0
    try:
        while at < len(data):
            length = data[at]
            name = _slice(data, at + 1, length).decode()
            if name in found:
                raise BadFrame(f"a frame has the header {name!r:.80} twice", data)
            found[name], at = _value(data, at + 1 + length)
    except (IndexError, struct.error, UnicodeDecodeError, OverflowError) as error:
        raise BadFrame(f"a frame's headers cannot be read: {error}", data) from None
    return found


def _value(data: bytes, at: int) -> tuple[Value, int]:
    """The value of the type that stands at this place, and where it ends."""
    kind, at = data[at], at + 1
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if (number := _NUMBERS.get(kind)) is not None:
        return number.unpack_from(data, at)[0], at + number.size
    if kind == _TIME:
        return _EPOCH + timedelta(milliseconds=_LONG.unpack_from(data, at)[0]), at + _LONG.size
    if kind == _UUID:
        return UUID(bytes=_slice(data, at, 16)), at + 16
    if kind not in (_BYTES, _TEXT):
        raise BadFrame(f"a frame has a header of the unknown type {kind}", data)
    (length,) = _LENGTH.unpack_from(data, at)
    value = _slice(data, at + _LENGTH.size, length)
    return value if kind == _BYTES else value.decode(), at + _LENGTH.size + length


def _slice(data: bytes, at: int, length: int) -> bytes:
    part = data[at : at + length]
    if len(part) < length:
        raise IndexError("they end too early")
    return part


def encoded(headers: Mapping[str, Value], payload: bytes) -> bytes:
    """Write one frame. A whole number becomes the shortest type that holds it."""
    names = b"".join(_written(name, value) for name, value in headers.items())
    head = _PRELUDE.pack(_LEAST + len(names) + len(payload), len(names))
    data = head + _CRC.pack(crc32(head)) + names + payload
    return data + _CRC.pack(crc32(data))


def _written(name: str, value: Value) -> bytes:
    key = name.encode()
    return bytes((len(key),)) + key + _typed(value)


def _typed(value: Value) -> bytes:
    if isinstance(value, bool):
        return bytes((_TRUE if value else _FALSE,))
    if isinstance(value, int):
        return _number(value)
    if isinstance(value, datetime):
        return bytes((_TIME,)) + _LONG.pack((value - _EPOCH) // timedelta(milliseconds=1))
    if isinstance(value, UUID):
        return bytes((_UUID,)) + value.bytes
    kind, data = (_TEXT, value.encode()) if isinstance(value, str) else (_BYTES, value)
    return bytes((kind,)) + _LENGTH.pack(len(data)) + data


def _number(value: int) -> bytes:
    for code, form in _NUMBERS.items():
        if -(1 << (8 * form.size - 1)) <= value < 1 << (8 * form.size - 1):
            return bytes((code,)) + form.pack(value)
    raise ValueError(f"{value} does not fit into eight bytes")
