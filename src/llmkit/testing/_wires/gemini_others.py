"""The Gemini API's files, cached contents, batches, embeddings and pictures as their server answers them.

Pure: a request's parts in, a `Reply` out. Keys and the form of errors are those of generateContent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .._tokens import split
from ._kept import CREATED_TEXT, Got, Routes, ids, routed
from ._wire import Reply, Say
from .gemini import Gemini
from .gemini._refusal import Refusal, bad_request
from .gemini._serve import admitted
from .openai_embeddings import vector
from .openai_others import PICTURE

__all__ = ["GeminiOthers"]

_SERVED: Final = re.compile(
    r"(?:/upload)?/v1(?:alpha|beta)/(?:(?:files|cachedContents|batches)(?:/.+)?"
    r"|models/[^/]+:(?:batchEmbedContents|embedContent|batchGenerateContent|predict))"
)
_DIMENSIONS: Final = 8


class GeminiOthers:
    """Files, cached contents, batches, embeddings and pictures; they fail as generateContent does."""

    name: Final = "gemini_others"
    _gemini: Final = Gemini()

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """By the path."""
        return _SERVED.fullmatch(path.partition("?")[0].rstrip("/")) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        try:
            admitted(headers, path)
            answer = routed(_ROUTES, method, path, headers, body)
            if answer is None:
                raise Refusal(404, f"Not Found: {method} {path.partition('?')[0]}")
        except Refusal as refusal:
            return self._gemini.failure(refusal.status, str(refusal))
        return answer

    failure = _gemini.failure
    failure_frame = _gemini.failure_frame


def _shown(value: Any) -> Reply:
    return Reply(200, json.dumps(value).encode())


def _announced(got: Got) -> Reply:
    if got.headers.get("x-goog-upload-command", "").startswith("upload"):
        name = ids("files/", got.body)
        return _shown({"file": {**_file(name), "sizeBytes": str(len(got.body))}})
    address = (
        f"{got.origin}/upload/v1beta/files?upload_id={ids('u', got.body)}&upload_protocol=resumable"
    )
    return Reply(200, b"", headers={"x-goog-upload-url": address, "x-goog-upload-status": "active"})


def _file(name: str) -> dict[str, Any]:
    return {
        "name": _there(name),
        "displayName": "simulated.txt",
        "mimeType": "text/plain",
        "sizeBytes": "12",
        "createTime": CREATED_TEXT,
        "updateTime": CREATED_TEXT,
        "expirationTime": "2025-01-03T00:00:00Z",
        "uri": f"https://generativelanguage.googleapis.com/v1beta/{name}",
        "state": "ACTIVE",
        "source": "UPLOADED",
    }


def _there(name: str) -> str:
    if "missing" in name:
        raise Refusal(403, f"You do not have permission to access {name} or it may not exist.")
    return name


def _gone(got: Got) -> Reply:
    _there(got.places["id"])
    return _shown({})


def _cache(got: Got, **over: Any) -> dict[str, Any]:
    body = got.json()
    name = f"cachedContents/{got.places.get('id') or ids('', body)}"
    told: dict[str, Any] = {k: body[k] for k in ("model", "displayName") if k in body}
    return {
        "name": _there(name),
        "model": "models/offline",
        "displayName": "",
        "createTime": CREATED_TEXT,
        "updateTime": CREATED_TEXT,
        "expireTime": body.get("expireTime") or "2025-01-01T01:00:00Z",
        "usageMetadata": {"totalTokenCount": len(split(json.dumps(body)))},
        **told,
        **over,
    }


def _new_cache(got: Got) -> Reply:
    if not got.json().get("model"):
        raise bad_request("* CreateCachedContentRequest.model: model is required")
    return _shown(_cache(got))


def _vectors(got: Got) -> Reply:
    requests = got.json().get("requests")
    if not isinstance(requests, list) or not requests:
        raise bad_request("* BatchEmbedContentsRequest.requests: requests is required")
    made = [{"values": _vector(one)} for one in requests]
    tokens = sum(len(split(_said(one))) for one in requests)
    return _shown({"embeddings": made, "usageMetadata": {"promptTokenCount": tokens}})


def _vector(request: dict[str, Any]) -> list[float]:
    return vector(_said(request), request.get("outputDimensionality") or _DIMENSIONS)


def _said(request: dict[str, Any]) -> str:
    parts = (request.get("content") or {}).get("parts") or []
    return "".join(part.get("text", "") for part in parts)


def _new_batch(got: Got) -> Reply:
    batch = got.json().get("batch") or {}
    return _shown(_operation(ids("batches/", batch), "PENDING", model=got.places["model"]))


def _operation(name: str, state: str = "SUCCEEDED", model: str = "offline") -> dict[str, Any]:
    ended = state == "SUCCEEDED"
    text = {"parts": [{"text": f"The simulator's answer in {name}."}], "role": "model"}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 6, "totalTokenCount": 7}
    answer = {
        "candidates": [{"content": text, "finishReason": "STOP", "index": 0}],
        "usageMetadata": usage,
        "modelVersion": model,
        "responseId": ids("", name),
    }
    inlined = {"inlinedResponses": [{"response": answer, "metadata": {"key": "1"}}]}
    done = {"done": True, "response": {"inlinedResponses": inlined}} if ended else {}
    metadata = {
        "model": f"models/{model}",
        "displayName": "simulated",
        "createTime": CREATED_TEXT,
        "batchStats": {"requestCount": "1", **({"successfulRequestCount": "1"} if ended else {})},
        "state": f"BATCH_STATE_{state}",
    }
    return {"name": _there(name), "metadata": metadata, **done}


def _pictures(got: Got) -> Reply:
    count = (got.json().get("parameters") or {}).get("sampleCount") or 1
    one = {"mimeType": "image/png", "bytesBase64Encoded": PICTURE}
    return _shown({"predictions": [one] * int(count)})


_ROUTES: Final[Routes] = (
    ("POST", "/upload/v1(?:alpha|beta)/files", _announced),
    ("GET", "/files", lambda got: _shown({"files": [_file("files/listed")]})),
    ("GET", "/files/(?P<id>[^/]+)", lambda got: _shown(_file(f"files/{got.places['id']}"))),
    ("DELETE", "/(?:files|cachedContents|batches)/(?P<id>[^/]+)", _gone),
    ("POST", "/cachedContents", _new_cache),
    ("GET", "/cachedContents", lambda got: _shown({"cachedContents": [_cache(got)]})),
    ("GET", "/cachedContents/(?P<id>[^/]+)", lambda got: _shown(_cache(got))),
    ("PATCH", "/cachedContents/(?P<id>[^/]+)", lambda got: _shown(_cache(got))),
    ("POST", "/models/[^/]+:batchEmbedContents", _vectors),
    ("POST", "/models/(?P<model>[^/]+):batchGenerateContent", _new_batch),
    ("POST", "/models/[^/]+:predict", _pictures),
    ("GET", "/batches", lambda got: _shown({"operations": [_operation("batches/listed")]})),
    ("GET", "/batches/(?P<id>[^/:]+)", lambda got: _shown(_operation(f"batches/{got.places['id']}"))),
    ("POST", "/batches/(?P<id>[^/:]+):cancel", _gone),
)  # fmt: skip
