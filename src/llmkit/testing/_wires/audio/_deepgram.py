"""Deepgram's API as its server speaks it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from .._wire import Reply, Say
from ._sound import Clip, Refused, json_reply, query_of, sound, words_of

__all__ = ["Deepgram"]

_CODES: Final = {401: "INVALID_AUTH", 402: "ASR_PAYMENT_REQUIRED", 429: "TOO_MANY_REQUESTS"}


class Deepgram:
    """``/listen`` and ``/speak``."""

    name: Final = "deepgram"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Its two places."""
        return path.partition("?")[0].endswith(("/v1/listen", "/v1/speak"))

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        try:
            scheme, _, key = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "token" or not key.strip() or "invalid" in key:
                raise Refused(401, "Invalid credentials.")
            query = query_of(path)
            if not query.get("model"):
                raise Refused(400, "No model was named.")
            listens = path.partition("?")[0].endswith("/listen")
            return _listen(headers, query, body, say) if listens else _speak(query, body)
        except Refused as refused:
            return self.failure(refused.status, str(refused))

    def failure(self, status: int, message: str) -> Reply:
        """An error answer in the older of its forms, which transcription still has."""
        code = _CODES.get(status, "Bad Request" if status < 500 else "INTERNAL_SERVER_ERROR")  # noqa: PLR2004
        return json_reply(
            {"err_code": code, "err_msg": message, "request_id": "r-simulated"}, status
        )

    def failure_frame(self, status: int, message: str) -> bytes:
        """It streams bytes: there is no place for an error in them."""
        return b""


def _listen(
    headers: Mapping[str, str], query: Mapping[str, list[str]], body: bytes, say: Say
) -> Reply:
    name = "audio"
    if headers.get("content-type", "").startswith("application/json"):
        name = str(_object(body).get("url", ""))
        body = name.encode()
    if not body:
        raise Refused(400, "corrupt or unsupported data")
    clip = Clip.of(query["model"][0], name, body, say)
    speaker = {"speaker": 0} if query.get("diarize") == ["true"] else {}
    words = [
        {"word": w, "start": s, "end": e, "confidence": 0.99, **speaker}
        for w, s, e in words_of(clip)
    ]
    best = {"transcript": clip.text, "confidence": 0.99, "words": words}
    results: dict[str, Any] = {"channels": [{"alternatives": [best]}]}
    if query.get("utterances") == ["true"]:
        whole = {"start": 0.0, "end": clip.seconds, "transcript": clip.text, "channel": 0}
        results["utterances"] = [{**whole, "words": words, "id": clip.digest, **speaker}]
    metadata = {"request_id": clip.digest, "duration": clip.seconds, "channels": 1}
    return json_reply({"metadata": metadata, "results": results})


def _speak(query: Mapping[str, list[str]], body: bytes) -> Reply:
    text = _object(body).get("text")
    if not isinstance(text, str) or not text:
        raise Refused(400, "Input text contained no characters.")
    encoding = query.get("encoding", ["mp3"])[0]
    form = "wav" if query.get("container") == ["wav"] else encoding
    data, kind = sound(text, query["model"][0], form)
    return Reply(200, data, headers={"content-type": kind, "dg-char-count": str(len(text))})


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        raise Refused(400, "Invalid JSON submitted.") from None
    return found if isinstance(found, dict) else {}
