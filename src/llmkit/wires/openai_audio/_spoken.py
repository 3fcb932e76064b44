"""Speech as it comes: bytes, or events and JSON that have them in base64; whole, and as a stream of bytes.

OpenAI's events have ``audio``, Mistral's and its JSON ``audio_data`` (openapi.yaml of
github.com/mistralai/platform-docs-public, read 2026-11-22).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..._calls import SpeechCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event, SSEDecoder, TooLong
from ...types._model import lenient
from ...types.audio import Speech, SpeechUsage
from .._errors import error_from, incomplete, unreadable
from .._numbers import whole

__all__ = ["SpeechDecoder", "parse_speech"]

_SNIFFED = 16
_SPACE, _DELETE = 0x20, 0x7F
_MOST = 256 * 1024 * 1024


def parse_speech(call: SpeechCall, response: HTTPResponse) -> Speech:
    """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
    if not response.body:
        raise unreadable(call, response, "it is empty.")
    decoder = SpeechDecoder(call)
    for _ in (*decoder.feed(response.body), *decoder.finish()):
        pass
    made = decoder.result()
    if made.content and response.content_type.startswith(("audio/", "video/")):
        made.media_type = response.content_type
    if made.usage is None:
        made.usage = _billed(response.headers)
    return made


def _billed(headers: Mapping[str, str]) -> SpeechUsage | None:
    """Characters, where an answer's head counts them."""
    counts = (whole(headers.get(name)) for name in _CHARACTERS)
    told = next((count for count in counts if count is not None), None)
    return None if told is None else SpeechUsage(characters=told)


# Deepgram's and ElevenLabs' headers, as seen and documented 2026-11-22.
_CHARACTERS = ("dg-char-count", "character-cost", "x-character-count")


class SpeechDecoder:
    """Bytes in, audio out. What it is shows at its beginning: audio begins with no brace, and with no event."""

    def __init__(self, call: SpeechCall) -> None:
        self._call = call
        self._start = bytearray()
        self._read: Callable[[bytes], Iterator[bytes]] | None = None
        self._events = SSEDecoder()
        self._content: list[bytes] = []
        self._text = bytearray()
        self._usage: SpeechUsage | None = None
        self.done = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes, cut anywhere; yield the audio in them. Raises an ``APIError``."""
        if self._read is None:
            self._start += data
            if len(self._start) < _SNIFFED:
                return
            data = self._begun()
        assert self._read is not None  # noqa: S101 - it has begun
        yield from self._kept(self._read(data))

    def finish(self) -> Iterator[bytes]:
        """The bytes have ended. Raises where that was too early."""
        if self._read is None and self._start:
            start = self._begun()
            yield from self._kept(self._read_of(start)(start))
        if self._read == self._from_events:
            yield from self._kept(self._rest())
            if not self.done:
                raise incomplete(self._call)
        elif self._read == self._from_json:
            yield from self._kept(self._from_object())
        if not self._content and not self.done:
            raise unreadable(self._call, HTTPResponse(200), "it is empty.")
        self.done = True

    def result(self) -> Speech:
        """The audio, as far as it has come."""
        content = b"".join(self._content)
        self._content = [content] if content else []
        return Speech(content=content, media_type=_kind(content), usage=self._usage)

    def _begun(self) -> bytes:
        start, self._start = bytes(self._start), bytearray()
        self._read = self._read_of(start)
        return start

    def _read_of(self, start: bytes) -> Callable[[bytes], Iterator[bytes]]:
        text = start.lstrip()
        # Samples without a header may begin with anything, but hardly with so much that can be read.
        readable = all(_SPACE <= byte < _DELETE or byte in b"\t\r\n" for byte in start[:_SNIFFED])
        if readable and text.startswith((b"{", b"<")):
            return self._from_json
        if readable and text.startswith((b"data:", b"event:", b"id:", b":", b"retry:")):
            return self._from_events
        return self._plainly

    def _kept(self, pieces: Any) -> Iterator[bytes]:
        for piece in pieces:
            if piece:
                self._content.append(piece)
                yield piece

    def _plainly(self, data: bytes) -> Iterator[bytes]:
        yield data

    def _from_json(self, data: bytes) -> Iterator[bytes]:
        self._text += data
        if len(self._text) > _MOST:
            begin = HTTPResponse(200, body=bytes(self._text[:1000]))
            raise unreadable(self._call, begin, f"it has more than {_MOST} bytes.")
        yield from ()

    def _from_object(self) -> Iterator[bytes]:
        response = HTTPResponse(200, body=bytes(self._text))
        try:
            body = load(response.body)
        except NotJSON:
            raise unreadable(self._call, response, "it is no audio.") from None
        yield self._audio(body, response)

    def _from_events(self, data: bytes) -> Iterator[bytes]:
        try:
            for event in self._events.feed(data):
                yield from self._event(event)
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def _rest(self) -> Iterator[bytes]:
        for event in self._events.finish():
            yield from self._event(event)

    def _event(self, event: Event) -> Iterator[bytes]:
        if self.done or event.data.strip() == b"[DONE]":
            self.done = True
            return
        response = HTTPResponse(200, body=event.data)
        try:
            body = load(event.data)
        except NotJSON:
            raise unreadable(self._call, response, "an event is no JSON.") from None
        kind = str((isinstance(body, Mapping) and body.get("type")) or event.name)
        if kind.endswith(".done"):
            self.done = True
            self._count(body)
            return
        if isinstance(body, Mapping) and not _speaks(body, kind):
            return
        yield self._audio(body, response)

    def _audio(self, body: Any, response: HTTPResponse) -> bytes:
        if isinstance(body, Mapping) and (body.get("error") or body.get("type") == "error"):
            raise error_from(self._call, HTTPResponse(200), body)
        told = body.get("audio", body.get("audio_data")) if isinstance(body, Mapping) else None
        if not isinstance(told, str):
            raise unreadable(self._call, response, "it has no audio.")
        self._count(body)
        try:
            return base64.b64decode(told, validate=True)
        except ValueError:
            raise unreadable(self._call, response, "its audio is no base64.") from None

    def _count(self, body: Any) -> None:
        usage = body.get("usage") if isinstance(body, Mapping) else None
        if isinstance(usage, Mapping):
            ours = {}
            if "prompt_tokens" in usage:
                ours = {
                    "input_tokens": usage["prompt_tokens"],
                    "output_tokens": usage.get("completion_tokens"),
                }
            self._usage = lenient(SpeechUsage, {**usage, **ours})


def _speaks(body: Mapping[str, Any], kind: str) -> bool:
    """Whether an event must have audio: kinds that nobody knows yet need not, and say so by their type."""
    known = kind in ("", "message", "error") or kind.endswith(".delta")
    return known or bool(body.get("error")) or "audio" in body or "audio_data" in body


_KINDS = (
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"RIFF", "audio/wav"),
)


def _kind(content: bytes) -> str:
    return next((kind for start, kind in _KINDS if content.startswith(start)), "")
