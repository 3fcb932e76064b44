"""ElevenLabs' speech to text and text to speech. A voice is part of the address, the format part of the query.

Sources, read 2026-11-22: github.com/elevenlabs/elevenlabs-docs (openapi.json), the elevenlabs package 2.78.0,
https://elevenlabs.io/docs/eleven-api/resources/errors. A stream has another address; its bytes are audio as they come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._calls import SpeechCall, TranscriptionCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from .._json import NotJSON, load
from .._multipart import Multipart, field_text
from ..errors import APIError, PaymentRequiredError
from ..types._model import lenient
from ..types.audio import Speech, Transcription, TranscriptionUsage, TranscriptionWord
from ._errors import error_from, unreadable
from ._params import Ledger, check_value, merge_extra, serialized
from ._reclassed import by_code
from ._subtitles import FORMATS, segmented, subtitles
from .openai_audio import SpeechDecoder
from .openai_audio._listen import boundary, form_request
from .openai_audio._spoken import parse_speech

__all__ = ["SPEECH", "TRANSCRIPTION", "ElevenLabsSpeech", "ElevenLabsTranscription"]

_PLAIN_FORMATS = frozenset({"json", "text", "verbose_json", "diarized_json"})
# It comes with 401, and stays until more is bought.
_KINDS = {"quota_exceeded": PaymentRequiredError}
_NAMES = {
    "language": "language_code",
    "keywords": "keyterms",
    "temperature": "temperature",
    "seed": "seed",
    "diarize": "diarize",
    "num_speakers": "num_speakers",
}


@dataclass(frozen=True, slots=True)
class ElevenLabsTranscription:
    """Speech to text."""

    def build(self, call: TranscriptionCall, to: Endpoint) -> HTTPRequest:
        """Write the call as a form. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        fields: dict[str, Any] = {"model_id": call.model, **_asked(call, ledger)}
        ledger.settle()
        files = [("file", call.file)] if call.file.url is None else []
        if call.file.url is not None:
            fields["cloud_storage_url"] = call.file.url
        form = Multipart(boundary(call), _written({**fields, **call.extra_body}), files)
        return form_request(call, to, "/speech-to-text", form, ledger)

    def parse(self, call: TranscriptionCall, response: HTTPResponse) -> Transcription:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        body = _any(response)
        if isinstance(body, Mapping) and isinstance(body.get("text"), str):
            made = _heard(body)
        elif isinstance(body, Mapping) and isinstance(body.get("transcripts"), list):
            made = _channels(body)
        elif isinstance(body, Mapping) and "request_id" in body and "detail" not in body:
            # With a webhook the text goes there.
            made = lenient(Transcription, body)
        else:
            raise _error(call, response, body)
        form = call.params.get("response_format")
        if form in FORMATS:
            made.text = subtitles(segmented(made.words or ()), form)
        return made

    def error(self, call: TranscriptionCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return _error(call, response, _any(response))


def _asked(call: TranscriptionCall, ledger: Ledger) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, given in (("translation", call.translate), ("stream", call.stream)):
        if given:
            ledger.refuse(name, True)
    for name, value in call.params.items():
        check_value(ledger, name, value)
        if name in _NAMES:
            fields[_NAMES[name]] = value
        elif name == "response_format" and value in _PLAIN_FORMATS:
            fields |= {"diarize": True} if value == "diarized_json" else {}
        elif name == "response_format" and value in FORMATS:
            ledger.adjust(name, "emulated", value, None, "written from the times of the words")
        elif name == "timestamp_granularities" and set(value) <= {"word", "character"}:
            fields["timestamps_granularity"] = "character" if "character" in value else "word"
        elif name in call.allowed:
            fields[name] = value
        else:
            ledger.refuse(name, value)
    return fields


def _written(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lists of texts come several times, lists of anything else as JSON."""
    for name, value in fields.items():
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            yield from ((name, item) for item in value)
        elif value is not None:
            yield name, field_text(value)


def _any(response: HTTPResponse) -> Any:
    try:
        return load(response.body)
    except NotJSON:
        return response.body.decode("utf-8", "replace")


def _error(call: Any, response: HTTPResponse, body: Any) -> APIError:
    """Errors are in ``detail``: an object with ``code`` (formerly ``status``), or a list of what is wrong where."""
    detail = body.get("detail") if isinstance(body, Mapping) else None
    if detail is None and response.status < 300:  # noqa: PLR2004
        return unreadable(call, response, "it has no text.")
    told: Any = body
    if isinstance(detail, Mapping):
        told = {"error": {**detail, "code": detail.get("code") or detail.get("status")}}
        told["error"].pop("status", None)
    elif isinstance(detail, list):
        told = {"error": {"message": "; ".join(map(_wrong, detail)), "type": "validation_error"}}
    made = error_from(call, response, told)
    made.body = body
    return by_code(_KINDS, made)


def _wrong(item: Any) -> str:
    if not isinstance(item, Mapping):
        return str(item)
    where = item.get("loc")
    place = ".".join(map(str, where)) if isinstance(where, list) else ""
    return f"{place}: {item.get('msg')}" if place else str(item.get("msg"))


def _heard(body: Mapping[str, Any]) -> Transcription:
    """The words without the spaces between them; those that are none (laughter …) keep their ``type``."""
    told = body.get("words")
    words = [_word(item) for item in told if _is_word(item)] if isinstance(told, list) else None
    fields = {k: v for k, v in body.items() if k != "words"}
    named = {"language": body.get("language_code"), "duration": body.get("audio_duration_secs")}
    made = lenient(Transcription, {**named, **fields})
    made.words = words
    return _counted(made)


def _counted(made: Transcription) -> Transcription:
    if made.duration is not None:
        made.usage = TranscriptionUsage(type="duration", seconds=made.duration)
    return made


def _is_word(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("type") != "spacing"


def _word(item: Mapping[str, Any]) -> TranscriptionWord:
    fields = {k: v for k, v in item.items() if k not in ("text", "speaker_id")}
    speaker = item.get("speaker_id")
    return lenient(TranscriptionWord, {**fields, "word": item.get("text"), "speaker": speaker})


def _channels(body: Mapping[str, Any]) -> Transcription:
    """Several channels, each a transcript of its own: one below the other."""
    each = [_heard(item) for item in body["transcripts"] if isinstance(item, Mapping)]
    named = {
        "text": "\n".join(one.text for one in each),
        "duration": body.get("audio_duration_secs"),
    }
    made = lenient(Transcription, {**body, **named})
    made.words = [word for one in each for word in one.words or ()] or None
    made.language = next((one.language for one in each if one.language), None)
    if made.duration is None:
        told = (one.duration for one in each if one.duration is not None)
        made.duration = max(told, default=None)
    return _counted(made)


# Format to the one of theirs that every plan has; what is none of these is one of theirs.
_FORMATS = {
    "mp3": "mp3_44100_128",
    "pcm": "pcm_24000",
    "opus": "opus_48000_128",
    "ulaw": "ulaw_8000",
    "alaw": "alaw_8000",
}
_SPOKEN = {"language": "language_code", "seed": "seed"}


@dataclass(frozen=True, slots=True)
class ElevenLabsSpeech:
    """Text to speech. ``voice`` is the id of one."""

    def build(self, call: SpeechCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        if not isinstance(call.voice, str) or not call.voice:
            raise ledger.invalid("voice must be the id of a voice")
        body: dict[str, Any] = {"text": call.text, "model_id": call.model}
        query = dict(to.query)
        for name, value in call.params.items():
            check_value(ledger, name, value)
            if name == "response_format":
                query["output_format"] = _format(value, call.params.get("sample_rate"), ledger)
            elif name == "speed":
                body["voice_settings"] = {"speed": value}
            elif name in _SPOKEN or name in call.allowed:
                body[_SPOKEN.get(name, name)] = value
            elif not (name == "stream_format" and value == "audio") and not (
                name == "sample_rate" and "response_format" in call.params
            ):
                ledger.refuse(name, value)
        ledger.settle()
        merge_extra(body, call.extra_body)
        path = f"/text-to-speech/{quote(call.voice, safe='')}{'/stream' if call.stream else ''}"
        return HTTPRequest(
            "POST",
            join_url(to.base_url, path, query),
            {"content-type": "application/json", "accept": "*/*", **to.headers},
            serialized(ledger, body),
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


def _format(form: Any, rate: Any, ledger: Ledger) -> str:
    """A format of theirs: codec, sample rate, bit rate."""
    if not isinstance(form, str) or ("_" not in form and form not in _FORMATS):
        ledger.refuse("response_format", form)
        return ""
    chosen = _FORMATS.get(form, form)
    if rate is None or "_" in form:
        return chosen
    codec, _, *rest = chosen.split("_")
    return "_".join([codec, str(rate), *rest])


TRANSCRIPTION = ElevenLabsTranscription()
SPEECH = ElevenLabsSpeech()
