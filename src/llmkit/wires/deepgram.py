"""Deepgram's ``/listen`` and ``/speak``: all parameters in the query, the audio as the body itself.

Sources, read 2026-11-22: github.com/deepgram/deepgram-api-specs (openapi.yml),
https://developers.deepgram.com/reference/errors, the deepgram-sdk package 7.17.0. ``extra_body`` goes into the
query, where every other field of theirs has its place. Nothing is streamed in but by WebSocket, which this is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._calls import SpeechCall, TranscriptionCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from .._json import NotJSON, dump, load
from ..errors import APIError
from ..types._model import lenient
from ..types.audio import (
    Speech,
    Transcription,
    TranscriptionSegment,
    TranscriptionUsage,
    TranscriptionWord,
)
from ._errors import error_from, unreadable
from ._params import Ledger, check_value, serialized
from ._subtitles import FORMATS, segmented, subtitles
from .openai_audio import SpeechDecoder
from .openai_audio._spoken import parse_speech

__all__ = ["LISTEN", "SPEAK", "DeepgramListen", "DeepgramSpeak"]

_JSON = {"content-type": "application/json", "accept": "*/*"}
_PLAIN_FORMATS = frozenset({None, "json", "text", "verbose_json", "diarized_json"})


@dataclass(frozen=True, slots=True)
class DeepgramListen:
    """Transcription."""

    def build(self, call: TranscriptionCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        query = {"model": call.model, **_asked(call, ledger), **call.extra_body}
        ledger.settle()
        url = _url(to, "/listen", query)
        changes = (*call.adjustments, *ledger.adjustments)
        if call.file.url is not None:
            return HTTPRequest(
                "POST", url, {**_JSON, **to.headers}, dump({"url": call.file.url}), changes
            )
        headers = {"content-type": call.file.media_type, "accept": "*/*", **to.headers}
        return HTTPRequest("POST", url, headers, adjustments=changes, upload=call.file)

    def parse(self, call: TranscriptionCall, response: HTTPResponse) -> Transcription:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        body = _object(call, response)
        results = body.get("results")
        if isinstance(results, Mapping):
            made = _heard(body, results)
        elif "request_id" in body and "err_code" not in body:
            # With a callback the text goes there.
            made = lenient(Transcription, body)
        else:
            raise _error(call, response, body)
        form = call.params.get("response_format")
        if form in FORMATS:
            made.text = subtitles(made.segments or segmented(made.words or ()), form)
        return made

    def error(self, call: TranscriptionCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return _error(call, response, _any(response))


def _asked(call: TranscriptionCall, ledger: Ledger) -> dict[str, Any]:
    """What was asked for, as Deepgram's query has it; what it has no word for is refused."""
    query: dict[str, Any] = {}
    if call.translate:
        ledger.refuse("translation", True, "it translates nothing")
    if call.stream:
        ledger.refuse("stream", True, "it streams by WebSocket only")
    for name, value in call.params.items():
        check_value(ledger, name, value)
        if name in ("language", "diarize") or name in call.allowed:
            query[name] = value
        elif name == "languages":
            query["detect_language"] = value
        elif name == "keywords":
            query["keyterm" if "nova-3" in call.model or "flux" in call.model else "keywords"] = (
                value
            )
        elif name == "timestamp_granularities":
            # Words always have their times.
            query |= {"utterances": True} if "segment" in value else {}
        elif name == "response_format":
            query |= _form(value, ledger)
        else:
            ledger.refuse(name, value)
    return query


def _form(form: Any, ledger: Ledger) -> dict[str, Any]:
    if form in FORMATS:
        ledger.adjust("response_format", "emulated", form, None, "written from the times it tells")
        return {"utterances": True}
    if form not in _PLAIN_FORMATS:
        ledger.refuse("response_format", form)
    return {"diarize": True, "utterances": True} if form == "diarized_json" else {}


def _url(to: Endpoint, path: str, query: Mapping[str, Any]) -> str:
    """The address with its query: lists as names that come several times, booleans as JSON writes them."""
    url = join_url(to.base_url, path, to.query)
    pairs = [f"{quote(name)}={quote(_word(v), safe='')}" for name, v in _pairs(query)]
    return f"{url}{'&' if '?' in url else '?'}{'&'.join(pairs)}"


def _pairs(query: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in query.items():
        if isinstance(value, list | tuple):
            yield from ((name, item) for item in value)
        elif value is not None:
            yield name, value


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _any(response: HTTPResponse) -> Any:
    try:
        return load(response.body)
    except NotJSON:
        return response.body.decode("utf-8", "replace")


def _object(call: TranscriptionCall, response: HTTPResponse) -> Mapping[str, Any]:
    body = _any(response)
    if not isinstance(body, Mapping):
        raise unreadable(call, response, "it is no JSON object.")
    return body


def _error(call: Any, response: HTTPResponse, body: Any) -> APIError:
    """Errors have one of two forms: ``err_code`` and ``err_msg``, or ``category``, ``message`` and ``details``."""
    if not isinstance(body, Mapping):
        return error_from(call, response, body)
    words = [body.get("err_msg") or body.get("message") or body.get("reason"), body.get("details")]
    told = ": ".join(str(word) for word in words if word)
    if not told and response.status < 300:  # noqa: PLR2004
        return unreadable(call, response, "it has no results.")
    code = body.get("err_code") or body.get("category")
    made = error_from(call, response, {**body, "error": {"message": told or None, "code": code}})
    made.body = body
    told_id = body.get("request_id")
    made.request_id = made.request_id or (told_id if isinstance(told_id, str) else None)
    return made


def _heard(body: Mapping[str, Any], results: Mapping[str, Any]) -> Transcription:
    """Deepgram's answer in OpenAI's form; its own two fields are kept beside it."""
    channels = _mappings(results.get("channels"))
    best = [next(iter(_mappings(channel.get("alternatives"))), {}) for channel in channels]
    words = [w for at, b in enumerate(best) for w in _words(b, at if len(best) > 1 else None)]
    told = body.get("metadata")
    metadata: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    made = lenient(
        Transcription,
        {
            **body,
            "text": "\n".join(str(b.get("transcript") or "") for b in best),
            "language": next(
                (c["detected_language"] for c in channels if "detected_language" in c), None
            ),
            "duration": metadata.get("duration"),
        },
    )
    made.words = words or None
    made.segments = _segments(results, best)
    if made.duration is not None:
        made.usage = TranscriptionUsage(type="duration", seconds=made.duration)
    return made


def _mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _words(alternative: Mapping[str, Any], channel: int | None) -> Iterator[TranscriptionWord]:
    for word in _mappings(alternative.get("words")):
        fields = {**word, "word": word.get("punctuated_word") or word.get("word")}
        if channel is not None:
            fields["channel"] = channel
        yield lenient(TranscriptionWord, _with_speaker(fields))


def _with_speaker(fields: Mapping[str, Any]) -> dict[str, Any]:
    speaker = fields.get("speaker")
    return dict(fields) if speaker is None else {**fields, "speaker": str(speaker)}


def _segments(
    results: Mapping[str, Any], best: Sequence[Mapping[str, Any]]
) -> list[TranscriptionSegment] | None:
    """Utterances, or else the sentences of paragraphs, where either was asked for."""
    if utterances := _mappings(results.get("utterances")):
        parts = [{**u, "text": u.get("transcript")} for u in utterances]
    else:
        parts = [part for alternative in best for part in _sentences(alternative)]
    return [lenient(TranscriptionSegment, _with_speaker(part)) for part in parts] or None


def _sentences(alternative: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    told = alternative.get("paragraphs")
    for paragraph in _mappings(told.get("paragraphs")) if isinstance(told, Mapping) else ():
        for sentence in _mappings(paragraph.get("sentences")):
            yield {**sentence, "speaker": paragraph.get("speaker")}


# Format to encoding and container; what is none of these is an encoding of theirs.
_SPOKEN: Mapping[str, Mapping[str, str]] = {
    "mp3": {"encoding": "mp3"},
    "opus": {"encoding": "opus", "container": "ogg"},
    "aac": {"encoding": "aac"},
    "flac": {"encoding": "flac"},
    "wav": {"encoding": "linear16", "container": "wav"},
    "pcm": {"encoding": "linear16", "container": "none"},
}


@dataclass(frozen=True, slots=True)
class DeepgramSpeak:
    """Speech. The voice is part of the model's name; ``voice`` completes it (``aura-2`` and ``thalia-en``)."""

    def build(self, call: SpeechCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        query: dict[str, Any] = {"model": _voice(call)}
        for name, value in call.params.items():
            check_value(ledger, name, value)
            if name == "response_format":
                query |= _SPOKEN.get(value, {"encoding": value})
            elif name in ("sample_rate", "speed") or name in call.allowed:
                query[name] = value
            elif not (name == "stream_format" and value == "audio"):
                ledger.refuse(name, value)
        ledger.settle()
        return HTTPRequest(
            "POST",
            _url(to, "/speak", {**query, **call.extra_body}),
            {**_JSON, **to.headers},
            serialized(ledger, {"text": call.text}),
            (*call.adjustments, *ledger.adjustments),
        )

    def parse(self, call: SpeechCall, response: HTTPResponse) -> Speech:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        if response.body.lstrip().startswith(b"{") and isinstance(body := _any(response), Mapping):
            raise _error(call, response, body)
        return parse_speech(call, response)

    def decoder(self, call: SpeechCall) -> SpeechDecoder:
        """A decoder for one stream."""
        return SpeechDecoder(call)

    def error(self, call: SpeechCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return _error(call, response, _any(response))


_FAMILY = re.compile(r"[a-z]+(-\d+)?")


def _voice(call: SpeechCall) -> str:
    """The model's whole name. Raises ``InvalidRequestError`` where model and voice contradict each other."""
    voice = call.voice
    if voice is None or voice == call.model:
        return call.model
    if isinstance(voice, str) and _FAMILY.fullmatch(call.model):
        return voice if voice.startswith(f"{call.model}-") else f"{call.model}-{voice}"
    raise Ledger(call).invalid(
        f"the model {call.model!r} has its voice in its name; leave voice={voice!r:.80} out"
    )


LISTEN = DeepgramListen()
SPEAK = DeepgramSpeak()
