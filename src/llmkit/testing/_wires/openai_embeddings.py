"""OpenAI's embeddings as their server answers them: vectors made of the texts' own bytes, so equal texts are equal.

Voyage's and Jina's are answered the same, with their names for length and format. Pure: a request's parts in, a
`Reply` out. Models behave as for chat: `missing-model`, `rate-limited`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import struct
from collections.abc import Mapping
from typing import Any, Final

from .._tokens import split
from ._wire import Reply, Say
from .openai_chat import OpenAIChat
from .openai_chat._door import authenticate, known, parsed
from .openai_chat._refusal import Refusal, bad_request, missing, wrong_type

__all__ = ["OpenAIEmbeddings", "vector"]

_DIMENSIONS: Final = 8
_MOST_INPUTS: Final = 2048
_MOST_DIMENSIONS: Final = 4096
_FORMATS: Final = ("float", "base64")


class OpenAIEmbeddings:
    """OpenAI's embeddings, under any prefix; it fails as its chat does."""

    name: Final = "openai_embeddings"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether vectors are asked for."""
        return path.partition("?")[0].rstrip("/").endswith("/embeddings")

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        try:
            if method != "POST":
                raise Refusal(405, f"Not allowed to {method} on {path}; use POST.")
            authenticate(headers.get("authorization", ""))
            return Reply(200, json.dumps(_answer(parsed(body))).encode())
        except Refusal as refusal:
            shown = json.dumps({"error": refusal.error}).encode()
            return Reply(refusal.status, shown, headers=refusal.headers)

    failure = staticmethod(OpenAIChat().failure)
    failure_frame = staticmethod(OpenAIChat().failure_frame)


def vector(text: str, dimensions: int = _DIMENSIONS) -> list[float]:
    """The vector of a text: of length 1, the same each time."""
    drawn = hashlib.shake_128(text.encode("utf-8", "surrogatepass")).digest(2 * dimensions)
    numbers = [n / 32768 for n in struct.unpack(f"<{dimensions}h", drawn)]
    length = math.sqrt(sum(n * n for n in numbers)) or 1.0
    return [n / length for n in numbers]


def _answer(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise bad_request("The body of your request must be a JSON object.")
    model = body.get("model")
    if not isinstance(model, str):
        raise missing("model")
    known(model)
    texts = _inputs(body)
    size, coded = _dimensions(body), _format(body) == "base64"
    tokens = sum(len(split(text)) for text in texts)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": i, "embedding": _written(text, size, coded=coded)}
            for i, text in enumerate(texts)
        ],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _inputs(body: Mapping[str, Any]) -> list[str]:
    given = body.get("input")
    if given is None:
        raise missing("input")
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not given:
        raise wrong_type("input", "a string or an array that is not empty", given)
    if all(type(item) is int for item in given):
        return [_token_text(given)]
    if len(given) > _MOST_INPUTS:
        raise bad_request(f"'input' holds more than {_MOST_INPUTS} items.", "input")
    return [item if isinstance(item, str) else _token_text(item) for item in given]


def _token_text(tokens: Any) -> str:
    if not isinstance(tokens, list) or not all(type(item) is int for item in tokens):
        raise wrong_type("input", "strings or arrays of token ids", tokens)
    return " ".join(map(str, tokens))


def _dimensions(body: Mapping[str, Any]) -> int:
    given = body.get("dimensions", body.get("output_dimension"))
    if given is None:
        return _DIMENSIONS
    if type(given) is not int:
        raise wrong_type("dimensions", "an integer", given)
    if not 1 <= given <= _MOST_DIMENSIONS:
        raise bad_request(f"'dimensions' must be from 1 to {_MOST_DIMENSIONS}.", "dimensions")
    return given


def _format(body: Mapping[str, Any]) -> str:
    given = body.get("encoding_format") or body.get("embedding_type") or "float"
    if given not in _FORMATS:
        raise bad_request(f"'encoding_format' must be one of {', '.join(_FORMATS)}.")
    return str(given)


def _written(text: str, dimensions: int, *, coded: bool) -> list[float] | str:
    numbers = vector(text, dimensions)
    if not coded:
        return numbers
    return base64.b64encode(struct.pack(f"<{dimensions}f", *numbers)).decode()
