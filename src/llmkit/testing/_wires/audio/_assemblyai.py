"""AssemblyAI's transcripts as their server speaks them. Pure: what is to be known later travels in the ids."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .._wire import Reply, Say
from ._sound import Clip, Refused, json_reply, words_of

__all__ = ["AssemblyAI"]

_PLACES: Final = re.compile(
    r"[^?]*?/(?:(?P<upload>upload)|transcript(?:/(?P<id>[^/?]+)(?:/(?P<part>srt|vtt|sentences))?)?)"
)


class AssemblyAI:
    """Upload, order, ask."""

    name: Final = "assemblyai"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Its places."""
        return _PLACES.fullmatch(path.partition("?")[0]) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        place = _PLACES.fullmatch(path.partition("?")[0])
        try:
            key = headers.get("authorization", "")
            if not key or "invalid" in key or key.lower().startswith("bearer "):
                raise Refused(401, "Authentication error, API token missing/invalid")
            if place is None or place["upload"]:
                return _uploaded(body)
            if place["id"]:
                return _asked(place["id"], place["part"], say)
            return _ordered(body)
        except Refused as refused:
            return self.failure(refused.status, str(refused))

    def failure(self, status: int, message: str) -> Reply:
        """An error answer: a text in ``error``."""
        return json_reply({"error": message}, status)

    def failure_frame(self, status: int, message: str) -> bytes:
        """It streams nothing."""
        return b""


def _uploaded(body: bytes) -> Reply:
    if not body:
        raise Refused(422, "Upload failed: the file is empty")
    name = f"{hashlib.sha256(body).hexdigest()[:16]}-{len(body)}"
    return json_reply({"upload_url": f"https://cdn.simulated.test/upload/{name}"})


def _ordered(body: bytes) -> Reply:
    try:
        order: Any = json.loads(body)
    except ValueError:
        raise Refused(400, "Invalid JSON") from None
    if not isinstance(order, dict) or not order.get("audio_url"):
        raise Refused(400, "audio_url is required")
    known = {name: order.get(name) for name in ("audio_url", "speech_models", "speaker_labels")}
    token = base64.urlsafe_b64encode(json.dumps(known).encode()).decode().rstrip("=")
    return json_reply({"id": token, "status": "queued", "audio_url": order["audio_url"]})


def _asked(token: str, part: str | None, say: Say) -> Reply:
    try:
        order = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        audio = str(order["audio_url"])
    except (ValueError, binascii.Error, KeyError, TypeError):
        raise Refused(404, "Transcript lookup error, transcript id not found") from None
    model = str((order.get("speech_models") or ["best"])[0])
    clip = Clip.of(model, audio, audio.encode(), say)
    speaker = {"speaker": "A"} if order.get("speaker_labels") else {}
    end = round(clip.seconds * 1000)
    whole = {"text": clip.text, "start": 0, "end": end, "confidence": 0.99, **speaker}
    if part == "sentences":
        return json_reply({"id": token, "sentences": [whole]})
    if part is not None:
        begin = "WEBVTT\n\n" if part == "vtt" else "1\n"
        return Reply(
            200,
            f"{begin}00:00 --> 00:01\n{clip.text}\n".encode(),
            headers={"content-type": "text/plain"},
        )
    return json_reply(_transcript(token, clip, speaker, whole if speaker else None))


def _transcript(
    token: str, clip: Clip, speaker: Mapping[str, str], utterance: Any
) -> dict[str, Any]:
    words = [
        {"text": w, "start": round(s * 1000), "end": round(e * 1000), "confidence": 0.99, **speaker}
        for w, s, e in words_of(clip)
    ]
    return {
        "id": token,
        "status": "completed",
        "text": clip.text,
        "words": words,
        "utterances": [utterance] if utterance else None,
        "language_code": "en_us",
        "audio_duration": max(1, round(clip.seconds)),
    }
