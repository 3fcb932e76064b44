"""ElevenLabs' API as its server speaks it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .._wire import Reply, Say
from ._sound import Clip, Refused, fields_of, json_reply, query_of, sound, words_of

__all__ = ["ElevenLabs"]

_PLACES: Final = re.compile(
    r"[^?]*?/(?:(?P<heard>speech-to-text)|text-to-speech/(?P<voice>[^/?]+)(?P<stream>/stream)?)"
)
_STATUSES: Final = {
    401: "invalid_api_key",
    404: "voice_not_found",
    429: "too_many_concurrent_requests",
}
_PIECE: Final = 32


class ElevenLabs:
    """Speech to text, and text to speech."""

    name: Final = "elevenlabs"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Its places."""
        return _PLACES.fullmatch(path.partition("?")[0]) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        place = _PLACES.fullmatch(path.partition("?")[0])
        try:
            key = headers.get("xi-api-key", "")
            if not key or "invalid" in key:
                raise Refused(401, "Invalid API key")
            if place is not None and place["voice"]:
                return _speak(place["voice"], path, body, stream=bool(place["stream"]))
            return _listen(headers, body, say)
        except Refused as refused:
            return self.failure(refused.status, str(refused))

    def failure(self, status: int, message: str) -> Reply:
        """An error answer: an object in ``detail``."""
        word = _STATUSES.get(status, "invalid_request" if status < 500 else "internal_error")  # noqa: PLR2004
        return json_reply({"detail": {"status": word, "message": message}}, status)

    def failure_frame(self, status: int, message: str) -> bytes:
        """It streams bytes: there is no place for an error in them."""
        return b""


def _listen(headers: Mapping[str, str], body: bytes, say: Say) -> Reply:
    fields, file = fields_of(headers, body)
    model = fields.get("model_id", [""])[0]
    address = fields.get("cloud_storage_url", [""])[0]
    if not model or (file is None and not address):
        raise Refused(422, "model_id and file: Field required")
    clip = Clip.of(model, *(file or (address, address.encode())), say)
    speaker = "speaker_0"
    words = [
        {"text": w, "start": s, "end": e, "type": "word", "speaker_id": speaker, "logprob": 0}
        for w, s, e in words_of(clip)
    ]
    told = {"language_code": "eng", "language_probability": 1.0, "text": clip.text}
    return json_reply({**told, "words": words})


def _speak(voice: str, path: str, body: bytes, *, stream: bool) -> Reply:
    try:
        asked: Any = json.loads(body)
    except ValueError:
        raise Refused(400, "Invalid JSON") from None
    text = asked.get("text") if isinstance(asked, dict) else None
    if not isinstance(text, str) or not text:
        raise Refused(422, "text: Field required")
    form = query_of(path).get("output_format", ["mp3_44100_128"])[0].partition("_")[0]
    data, kind = sound(text, voice, form)
    headers = {"content-type": kind, "character-cost": str(len(text))}
    if not stream:
        return Reply(200, data, headers=headers)
    pieces = tuple(data[at : at + _PIECE] for at in range(0, len(data), _PIECE))
    return Reply(200, frames=pieces, headers=headers)
