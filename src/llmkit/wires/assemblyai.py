"""AssemblyAI's transcription: upload, order, ask until it is done.

Sources, read 2026-11-22: https://www.assemblyai.com/docs/api-reference/overview, the assemblyai package 1.8.2,
https://assemblyai.com/docs/pre-recorded-audio/transcript-status. Times are milliseconds there,
and seconds here. Subtitles and sentences are requests of their own, made where they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._calls import TranscriptionCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from .._json import NotJSON, load
from ..errors import APIError
from ..types._model import lenient
from ..types.audio import (
    Transcription,
    TranscriptionSegment,
    TranscriptionUsage,
    TranscriptionWord,
)
from . import Step, Steps
from ._errors import api_error, error_from, unreadable
from ._params import HEADERS, Ledger, check_value, merge_extra, serialized
from ._subtitles import FORMATS

__all__ = ["TRANSCRIPTION", "AssemblyAITranscription"]

_RAW = {"content-type": "application/octet-stream", "accept": "application/json"}
_PLAIN_FORMATS = frozenset({"json", "text", "verbose_json", "diarized_json"})
# Models that are named one by one; the newer ones are a list, of which the first that knows the language is used.
_SINGLE = frozenset({"best", "nano", "slam-1", "universal"})
_NAMES = {
    "language": "language_code",
    "prompt": "prompt",
    "temperature": "temperature",
    "keywords": "keyterms_prompt",
    "diarize": "speaker_labels",
    "num_speakers": "speakers_expected",
}
_EVER = 1e15  # milliseconds: more is no time
_UNDER_WAY = ("queued", "processing")
# Seconds between two questions: a short recording takes a few, a long one minutes.
_FIRST_WAIT, _LONGEST_WAIT, _GROWTH = 0.5, 5.0, 1.5


@dataclass(frozen=True, slots=True)
class AssemblyAITranscription:
    """The wire."""

    def build(self, call: TranscriptionCall, to: Endpoint) -> HTTPRequest:
        """Write the first request: the upload, or the order where there is an address already."""
        order = self._order(call, to, call.file.url or "")
        if call.file.url is not None:
            return order
        url = join_url(to.base_url, "/upload", to.query)
        headers = {**_RAW, **to.headers}
        return HTTPRequest("POST", url, headers, adjustments=order.adjustments, upload=call.file)

    def steps(self, call: TranscriptionCall, to: Endpoint) -> Steps:
        """Upload, order, ask until it is done, and fetch what is kept apart."""
        audio = call.file.url
        if audio is None:
            response = yield Step(self.build(call, to))
            audio = _object(call, response).get("upload_url")
            if not isinstance(audio, str):
                raise unreadable(call, response, "it has no upload_url.")
        response = yield Step(self._order(call, to, audio), repeatable=False)
        wait = _FIRST_WAIT
        while (body := _status(call, response)).get("status") in _UNDER_WAY:
            path = f"/transcript/{quote(str(body.get('id')), safe='')}"
            response = yield Step(_get(to, path), wait=wait)
            wait = min(_LONGEST_WAIT, wait * _GROWTH)
        made = self.parse(call, response)
        return (yield from _apart(call, to, made))

    def parse(self, call: TranscriptionCall, response: HTTPResponse) -> Transcription:
        """Read a transcript. Raises an ``APIError`` for one that failed."""
        return _heard(_status(call, response))

    def error(self, call: TranscriptionCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return api_error(call, response)

    def _order(self, call: TranscriptionCall, to: Endpoint, audio: str) -> HTTPRequest:
        ledger = Ledger(call)
        models = (
            {"speech_model": call.model}
            if call.model in _SINGLE
            else {"speech_models": [call.model]}
        )
        body: dict[str, Any] = {"audio_url": audio, **models, **_asked(call, ledger)}
        ledger.settle()
        merge_extra(body, call.extra_body)
        return HTTPRequest(
            "POST",
            join_url(to.base_url, "/transcript", to.query),
            {**HEADERS, **to.headers},
            serialized(ledger, body),
            (*call.adjustments, *ledger.adjustments),
        )


def _asked(call: TranscriptionCall, ledger: Ledger) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, given in (("translation", call.translate), ("stream", call.stream)):
        if given:
            ledger.refuse(name, True)
    for name, value in call.params.items():
        check_value(ledger, name, value)
        if name in _NAMES:
            fields[_NAMES[name]] = value
        elif name == "languages":
            fields["language_detection"] = True
            fields["language_detection_options"] = {"expected_languages": value}
        elif name == "response_format" and value in _PLAIN_FORMATS | FORMATS:
            fields |= {"speaker_labels": True} if value == "diarized_json" else {}
        elif name in call.allowed:
            fields[name] = value
        elif name != "timestamp_granularities":
            # Words always have their times; segments are asked for afterwards.
            ledger.refuse(name, value)
    return fields


def _get(to: Endpoint, path: str) -> HTTPRequest:
    headers = {"accept": "*/*", **to.headers}
    return HTTPRequest("GET", join_url(to.base_url, path, to.query), headers)


def _apart(call: TranscriptionCall, to: Endpoint, made: Transcription) -> Steps:
    """Subtitles, and sentences where there are no utterances."""
    place = f"/transcript/{quote(str(made.get('id')), safe='')}"
    form = call.params.get("response_format")
    if form in FORMATS:
        response = yield Step(_get(to, f"{place}/{form}"))
        made.text = response.body.decode("utf-8", "replace")
    if "segment" in (call.params.get("timestamp_granularities") or ()) and not made.segments:
        response = yield Step(_get(to, f"{place}/sentences"))
        made.segments = _segments(_object(call, response).get("sentences"))
    return made


def _object(call: TranscriptionCall, response: HTTPResponse) -> Mapping[str, Any]:
    try:
        body = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is no JSON.") from None
    if not isinstance(body, Mapping):
        raise unreadable(call, response, "it is no JSON object.")
    return body


def _status(call: TranscriptionCall, response: HTTPResponse) -> Mapping[str, Any]:
    """A transcript under way or done. Raises an ``APIError`` for anything else."""
    body = _object(call, response)
    status = body.get("status")
    if status == "completed" or (status in _UNDER_WAY and body.get("id")):
        return body
    if body.get("error"):
        raise error_from(call, response, body)
    raise unreadable(call, response, "it is no transcript.")


def _heard(body: Mapping[str, Any]) -> Transcription:
    """A transcript in OpenAI's form, with all that it has beside it."""
    made = lenient(
        Transcription,
        {
            **{name: value for name, value in body.items() if name != "words"},
            "text": body.get("text") or "",
            "language": body.get("language_code"),
            "duration": body.get("audio_duration"),
        },
    )
    made.words = list(_words(body.get("words"))) or None
    made.segments = _segments(body.get("utterances"))
    if made.duration is not None:
        made.usage = TranscriptionUsage(type="duration", seconds=made.duration)
    return made


def _items(value: Any) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _timed(item: Mapping[str, Any]) -> dict[str, Any]:
    """Milliseconds as seconds."""
    times = {name: item[name] / 1000 for name in ("start", "end") if _is_number(item.get(name))}
    return {**item, **times}


def _is_number(value: Any) -> bool:
    """Whether it can be a time at all: JSON's numbers have no largest one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _EVER


def _words(told: Any) -> Iterator[TranscriptionWord]:
    for item in _items(told):
        fields = {name: value for name, value in _timed(item).items() if name != "text"}
        yield lenient(TranscriptionWord, {**fields, "word": item.get("text")})


def _segments(told: Any) -> list[TranscriptionSegment] | None:
    made = []
    for item in _items(told):
        fields = {name: value for name, value in _timed(item).items() if name != "words"}
        made.append(lenient(TranscriptionSegment, fields))
    return made or None


TRANSCRIPTION = AssemblyAITranscription()
