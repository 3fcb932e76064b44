"""Vectors as Vertex AI answers them: ``predict`` of many texts, ``embedContent`` of one content.

Limits: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-text-embeddings, read 2026-11-22.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ..._tokens import split
from ..openai_embeddings import vector
from ._refusal import bad_request

__all__ = ["METHODS", "embedded"]

METHODS: Final = ("predict", "embedContent")
_MOST: Final = 250
_SINGLE: Final = "gemini-embedding-001"
_DIMENSIONS: Final = 8


def embedded(method: str, model: str, body: bytes) -> dict[str, Any]:
    """The answer to a request for vectors. Raises `Refusal`."""
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    if not isinstance(asked, Mapping):
        raise bad_request("Invalid JSON payload received.")
    return _predicted(model, asked) if method == "predict" else _of_content(asked)


def _predicted(model: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    instances = asked.get("instances")
    if not isinstance(instances, list) or not instances:
        raise bad_request("The request has no instances.")
    most = 1 if model == _SINGLE else _MOST
    if len(instances) > most:
        raise bad_request(
            f"{len(instances)} instance(s) is allowed per prediction: at most {most}."
        )
    texts = [one.get("content") if isinstance(one, Mapping) else None for one in instances]
    size = _size(asked.get("parameters"))
    if not all(isinstance(text, str) and text for text in texts):
        raise bad_request("The text content is empty.")
    return {
        "predictions": [{"embeddings": _embedding(str(text), size)} for text in texts],
        "metadata": {"billableCharacterCount": sum(len(str(text)) for text in texts)},
    }


def _embedding(text: str, size: int) -> dict[str, Any]:
    statistics = {"truncated": False, "token_count": len(split(text))}
    return {"values": vector(text, size), "statistics": statistics}


def _of_content(asked: Mapping[str, Any]) -> dict[str, Any]:
    content = asked.get("content")
    parts = content.get("parts") if isinstance(content, Mapping) else None
    if not isinstance(parts, list) or not all(isinstance(part, Mapping) for part in parts):
        raise bad_request("The request has no content.")
    text = "\n".join(str(part.get("text", "")) for part in parts)
    count = len(split(text))
    return {
        "embedding": {"values": vector(text, _size(asked.get("embedContentConfig")))},
        "usageMetadata": {"promptTokenCount": count, "totalTokenCount": count},
    }


def _size(options: Any) -> int:
    given = options.get("outputDimensionality") if isinstance(options, Mapping) else None
    return given if type(given) is int and given > 0 else _DIMENSIONS
