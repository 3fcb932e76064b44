"""A transcription's answer, in each of its formats, and its stream of events.

Mistral's events have other names and the same content; they are given OpenAI's names, and what they say beside that is
kept. (openapi.yaml of github.com/mistralai/platform-docs-public, read 2026-11-22.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._calls import TranscriptionCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event, SSEDecoder, TooLong
from ...types._model import lenient
from ...types.audio import (
    Transcription,
    TranscriptionEvent,
    TranscriptionSegment,
)
from .._errors import error_from, incomplete, unreadable
from .._plain import PlainBody

__all__ = ["TranscriptionDecoder", "parse", "read"]

_TEXTS = frozenset({"text/plain", "text/vtt", "application/x-subrip"})
_PAGES = (b"<!doctype", b"<html")
_AS_TEXT = frozenset({"text", "srt", "vtt"})
_DELTA, _SEGMENT, _DONE = "transcript.text.delta", "transcript.text.segment", "transcript.text.done"
# Mistral's names for the same events.
_NAMES = {
    "transcription.text.delta": _DELTA,
    "transcription.segment": _SEGMENT,
    "transcription.done": _DONE,
}


def parse(call: TranscriptionCall, response: HTTPResponse) -> Transcription:
    """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
    try:
        body = load(response.body)
    except NotJSON:
        body = None
    if isinstance(body, Mapping):
        if isinstance(body.get("text"), str):
            return read(body)
        if body.get("error") or body.get("object") == "error":
            raise error_from(call, response, body)
    if _is_text(call, response, body):
        return Transcription(text=response.body.decode("utf-8", "replace"))
    raise unreadable(call, response, "it has no text.")


def _is_text(call: TranscriptionCall, response: HTTPResponse, body: Any) -> bool:
    """Whether it is what was asked for as text; some hosts know one format only, and that is text."""
    if response.content_type == "text/html" or response.body.lstrip()[:9].lower().startswith(
        _PAGES
    ):
        return False
    if call.params.get("response_format") in _AS_TEXT:
        return True
    told = response.content_type in _TEXTS or response.body.startswith(b"WEBVTT")
    return body is None and told


def read(body: Mapping[str, Any]) -> Transcription:
    """An answer in JSON: usage in OpenAI's names, durations as numbers, speakers under one name."""
    fields = dict(body)
    if isinstance(usage := body.get("usage"), Mapping):
        fields["usage"] = _usage(usage)
    for name in ("segments", "words"):
        if isinstance(items := body.get(name), list):
            fields[name] = [_speaker(item) for item in items]
    return lenient(Transcription, fields)


def _usage(told: Mapping[str, Any]) -> dict[str, Any]:
    """Mistral counts a prompt's and a completion's tokens, and beside them ``prompt_audio_seconds``."""
    if "prompt_tokens" not in told:
        return dict(told)
    ours = {"input_tokens": told["prompt_tokens"], "output_tokens": told.get("completion_tokens")}
    seconds = told.get("prompt_audio_seconds")
    return {"type": "tokens", **told, **ours, **({"seconds": seconds} if seconds else {})}


def _speaker(item: Any) -> Any:
    """``speaker_id`` as ``speaker``, and numbers as text."""
    if not isinstance(item, Mapping):
        return item
    speaker = item.get("speaker", item.get("speaker_id"))
    return dict(item) if speaker is None else {**item, "speaker": str(speaker)}


class TranscriptionDecoder:
    """Bytes in, events out; ``result`` is the whole answer as far as it has come."""

    def __init__(self, call: TranscriptionCall) -> None:
        self._call = call
        self._events = SSEDecoder()
        self._plain = PlainBody(call)
        self._as_text = call.params.get("response_format") in _AS_TEXT
        self._raw = bytearray()
        self._text: list[str] = []
        self._segments: list[TranscriptionSegment] = []
        self._told: dict[str, Any] = {}
        self._seen = self.done = False
        self._whole: Transcription | None = None

    def feed(self, data: bytes) -> Iterator[TranscriptionEvent]:
        """Take bytes, cut anywhere; yield the events they complete. Raises an ``APIError``."""
        if self.done:
            return
        if self._as_text and not self._seen:
            self._raw += data
        if self._plain.takes(data):
            return
        try:
            for event in self._events.feed(data):
                yield from self._read(event)
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def finish(self) -> Iterator[TranscriptionEvent]:
        """The bytes have ended. Raises where that was too early."""
        if self.done:
            return
        if (response := self._plain.response) is not None:
            yield from self._at_once(parse(self._call, response))
            return
        for event in self._events.finish():
            yield from self._read(event)
        if self.done:
            return
        if self._raw and not self._seen:
            # Who ignores "stream" answers in the format that was asked for.
            yield from self._at_once(parse(self._call, HTTPResponse(200, body=bytes(self._raw))))
            return
        raise incomplete(self._call, b"" if self._seen else bytes(self._events.stray))

    def result(self) -> Transcription:
        """The whole answer, as far as it has come."""
        if self._whole is not None:
            return self._whole
        made = read({"text": "".join(self._text), **self._told})
        if self._segments and not made.segments:
            made.segments = list(self._segments)
        if self.done:
            self._whole = made
        return made

    def _at_once(self, whole: Transcription) -> Iterator[TranscriptionEvent]:
        """A host that does not stream: one delta, and the end."""
        self.done, self._whole = True, whole
        yield TranscriptionEvent(type=_DELTA, delta=whole.text)
        yield TranscriptionEvent(type=_DONE, text=whole.text, usage=whole.usage)

    def _read(self, event: Event) -> Iterator[TranscriptionEvent]:
        if self.done or event.data.strip() == b"[DONE]":
            return
        try:
            body = load(event.data)
        except NotJSON:
            raise unreadable(
                self._call, HTTPResponse(200, body=event.data), "an event is no JSON."
            ) from None
        if not isinstance(body, Mapping):
            raise unreadable(
                self._call, HTTPResponse(200, body=event.data), "an event is no object."
            )
        kind = str(body.get("type") or event.name)
        if body.get("error") or kind == "error":
            raise error_from(self._call, HTTPResponse(200), body)
        self._seen = True
        yield self._taken(_NAMES.get(kind, kind), dict(body))

    def _taken(self, kind: str, body: dict[str, Any]) -> TranscriptionEvent:
        if kind == _DELTA:
            body.setdefault("delta", body.pop("text", None))
            self._text.append(body["delta"] if isinstance(body["delta"], str) else "")
        elif kind == _DONE:
            self._ended(body)
        elif isinstance(language := body.get("audio_language"), str):
            self._told["language"] = language
        if isinstance(usage := body.get("usage"), Mapping):
            body["usage"] = _usage(usage)
        made = lenient(TranscriptionEvent, {**_speaker(body), "type": kind})
        if kind == _SEGMENT:
            self._segments.append(lenient(TranscriptionSegment, made.to_dict()))
        return made

    def _ended(self, body: dict[str, Any]) -> None:
        self.done = True
        self._told |= {k: v for k, v in body.items() if k not in ("type", "text") and v is not None}
        if isinstance(body.get("text"), str):
            self._told["text"] = body["text"]
