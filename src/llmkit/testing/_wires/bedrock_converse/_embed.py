"""Embeddings by InvokeModel: Titan's and Cohere's bodies. The vectors are made of the texts, and always the same."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any, Final

from ..._tokens import split
from ._refusal import invalid

__all__ = ["embedded"]

_SIZE: Final = 8
_LARGEST: Final = 4096


def embedded(model: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to *body*, in the form of its maker."""
    if isinstance(body.get("inputText"), str):
        size = _size(body.get("dimensions"))
        count = len(split(body["inputText"]))
        return {"embedding": _vector(body["inputText"], size), "inputTextTokenCount": count}
    texts = body.get("texts")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise invalid("Malformed input request: required key [inputText] or [texts] not found")
    if not body.get("input_type"):
        raise invalid("Malformed input request: required key [input_type] not found")
    vectors = [_vector(text, _size(body.get("output_dimension"))) for text in texts]
    return {
        "id": "embedding",
        "response_type": "embeddings_floats",
        "embeddings": vectors,
        "texts": texts,
    }


def _size(given: Any) -> int:
    if given is None:
        return _SIZE
    if not isinstance(given, int) or not 0 < given <= _LARGEST:
        raise invalid(f"dimensions must be a whole number up to {_LARGEST}")
    return given


def _vector(text: str, size: int) -> list[float]:
    raw = [hashlib.sha256(f"{i} {text}".encode()).digest()[0] / 255 - 0.5 for i in range(size)]
    length = math.hypot(*raw) or 1.0
    return [round(number / length, 6) for number in raw]
