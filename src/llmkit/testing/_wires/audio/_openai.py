"""OpenAI's audio API as its server speaks it. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from .._wire import Reply, Say
from ..openai_chat import OpenAIChat
from ._sound import Clip, Refused, fields_of, json_reply, sound, words_of

__all__ = ["OpenAIAudio"]

_PATHS: Final = ("/audio/transcriptions", "/audio/translations", "/audio/speech")
_FORMATS: Final = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")


class OpenAIAudio:
    """Transcription, translation and speech, under any prefix."""

    name: Final = "openai_audio"

    def __init__(self) -> None:
        self._errors = OpenAIChat()

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """The three places of audio."""
        return path.partition("?")[0].rstrip("/").endswith(_PATHS)

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        place = path.partition("?")[0].rstrip("/").rpartition("/")[2]
        try:
            _check(method, headers)
            if place == "speech":
                return _speak(body)
            return _listen(
                headers, body, say, "translate" if place == "translations" else "transcribe"
            )
        except Refused as refused:
            return self.failure(refused.status, str(refused))

    def failure(self, status: int, message: str) -> Reply:
        """An error answer in OpenAI's form."""
        return self._errors.failure(status, message)

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as an event of a stream."""
        return self._errors.failure_frame(status, message)


def _check(method: str, headers: Mapping[str, str]) -> None:
    if method != "POST":
        raise Refused(405, f"Not allowed to {method} here; use POST.")
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or "invalid" in key:
        raise Refused(401, "Incorrect API key provided.")


def _listen(headers: Mapping[str, str], body: bytes, say: Say, task: str) -> Reply:
    fields, file = fields_of(headers, body)
    model = fields.get("model", [""])[0]
    form = fields.get("response_format", ["json"])[0]
    if not model:
        raise Refused(400, "you must provide a model parameter")
    if file is None:
        raise Refused(400, "you must provide a file")
    if form not in _FORMATS:
        raise Refused(400, f"response_format must be one of {', '.join(_FORMATS)}")
    clip = Clip.of(model, *file, say)
    if fields.get("stream") == ["true"]:
        return Reply(200, frames=tuple(map(_event, _events(clip))))
    if form in ("text", "srt", "vtt"):
        return Reply(
            200, _text(clip, form).encode(), headers={"content-type": "text/plain; charset=utf-8"}
        )
    return json_reply(_answer(clip, form, fields.get("timestamp_granularities", []), task))


def _answer(clip: Clip, form: str, granularities: list[str], task: str) -> dict[str, Any]:
    if form == "json":
        return {"text": clip.text, "usage": _usage(clip)}
    segment = {"id": 0, "start": 0.0, "end": clip.seconds, "text": clip.text}
    told: dict[str, Any] = {"task": task, "duration": clip.seconds, "text": clip.text}
    if form == "diarized_json":
        return {
            **told,
            "segments": [{**segment, "id": "seg_0", "speaker": "A"}],
            "usage": _usage(clip),
        }
    if "word" in granularities:
        told["words"] = [{"word": w, "start": s, "end": e} for w, s, e in words_of(clip)]
    if "segment" in granularities or not granularities:
        told["segments"] = [segment]
    usage = {"type": "duration", "seconds": round(clip.seconds)}
    return {**told, "language": "english", "usage": usage}


def _usage(clip: Clip) -> dict[str, Any]:
    heard, written = clip.tokens
    details = {"audio_tokens": heard, "text_tokens": 0}
    return {
        "type": "tokens",
        "input_tokens": heard,
        "input_token_details": details,
        "output_tokens": written,
        "total_tokens": heard + written,
    }


def _events(clip: Clip) -> list[dict[str, Any]]:
    pieces = [f"{' ' * (at > 0)}{word}" for at, word in enumerate(clip.text.split(" "))]
    deltas: list[dict[str, Any]] = [{"type": "transcript.text.delta", "delta": p} for p in pieces]
    return [*deltas, {"type": "transcript.text.done", "text": clip.text, "usage": _usage(clip)}]


def _event(value: object) -> bytes:
    return b"data: %b\n\n" % json.dumps(value, ensure_ascii=False).encode(errors="replace")


def _text(clip: Clip, form: str) -> str:
    whole = int(clip.seconds * 1000)
    end = f"00:{whole // 60_000:02}:{whole // 1000 % 60:02}"
    if form == "srt":
        return f"1\n00:00:00,000 --> {end},{whole % 1000:03}\n{clip.text}\n\n"
    if form == "vtt":
        return f"WEBVTT\n\n00:00:00.000 --> {end}.{whole % 1000:03}\n{clip.text}\n\n"
    return f"{clip.text}\n"


def _speak(body: bytes) -> Reply:
    try:
        asked = json.loads(body)
    except ValueError:
        raise Refused(400, "We could not parse the JSON body of your request.") from None
    for name in ("model", "input", "voice"):
        told = asked.get(name, asked.get(f"{name}_id")) if isinstance(asked, dict) else None
        if not told:
            raise Refused(400, f"you must provide a {name} parameter")
    voice = str(asked.get("voice", asked.get("voice_id")))
    data, kind = sound(str(asked["input"]), voice, str(asked.get("response_format", "mp3")))
    if asked.get("stream_format") != "sse" and not asked.get("stream"):
        return Reply(200, data, headers={"content-type": kind})
    written, spoken = len(str(asked["input"]).split()), len(data) // 8
    usage = {"input_tokens": written, "output_tokens": spoken, "total_tokens": written + spoken}
    audio = base64.b64encode(data).decode()
    events = (
        {"type": "speech.audio.delta", "audio": audio},
        {"type": "speech.audio.done", "usage": usage},
    )
    return Reply(200, frames=tuple(map(_event, events)))
