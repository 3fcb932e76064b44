"""The Gemini API's embeddings: ``batchEmbedContents``, a hundred contents a request.

Source: the v1beta reference (docs/wires/gemini.md), read 2026-11-22. ``embedContentConfig`` is newer than the fields of
the same names beside it, which every recorded client sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._call import Call
from ..._calls import EmbeddingCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.embedding import EmbeddingResponse
from .. import Steps
from .._batches import embedded_in_batches, split
from .._errors import unreadable
from .._objects import built, items, posted
from .._params import Ledger, check_value
from ..gemini._failures import failed
from ._where import model_path, object_in

__all__ = ["GeminiEmbeddings"]

_MOST = 100
_FIELDS = {"dimensions": "outputDimensionality", "title": "title", "task": "taskType"}
# OpenAI-like hosts' words for what a text is.
_TASKS = {
    "query": "RETRIEVAL_QUERY",
    "search_query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "passage": "RETRIEVAL_DOCUMENT",
    "search_document": "RETRIEVAL_DOCUMENT",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}


@dataclass(frozen=True, slots=True)
class GeminiEmbeddings:
    """The wire."""

    def build(self, call: EmbeddingCall, to: Endpoint) -> HTTPRequest:
        """Write the call as a POST to ``…:batchEmbedContents``."""
        ledger = Ledger(call)
        path = model_path(ledger, call.model)
        told = _told(ledger)
        requests = [
            {"model": path[1:], "content": _content(ledger, one), **told} for one in call.inputs
        ]
        return posted(ledger, to, f"{path}:batchEmbedContents", {"requests": requests})

    def steps(self, call: EmbeddingCall, to: Endpoint) -> Steps:
        """The requests of a call: one for each hundred inputs."""
        return embedded_in_batches(self, call, to, split(call.inputs, _MOST))

    def parse(self, call: EmbeddingCall, response: HTTPResponse) -> EmbeddingResponse:
        """Read vectors, of one content or several."""
        data = object_in(call, response)
        found = items(data.pop("embeddings", None)) or items([data.pop("embedding", None)])
        if not found:
            raise unreadable(call, response, "it has no list of vectors.")
        vectors = [
            {**one, "index": i, "embedding": one.pop("values", [])} for i, one in enumerate(found)
        ]
        usage = data.get("usageMetadata")
        read = usage.get("promptTokenCount") if isinstance(usage, Mapping) else None
        counted = None if read is None else {"prompt_tokens": read, "total_tokens": read}
        return built(
            EmbeddingResponse, {**data, "data": vectors, "model": call.model, "usage": counted}
        )

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)


def _told(ledger: Ledger) -> dict[str, Any]:
    """The parameters, which each content has for itself."""
    told: dict[str, Any] = {}
    for name, value in ledger.call.params.items():
        check_value(ledger, name, value)
        if name in _FIELDS:
            told[_FIELDS[name]] = value
        elif name == "input_type":
            told["taskType"] = _task(ledger, value)
        elif name in ledger.call.allowed:
            told[name] = value
        elif (name, value) != ("encoding_format", "float"):
            ledger.refuse(name, value)
    ledger.settle()
    return told


def _task(ledger: Ledger, given: Any) -> Any:
    sent = _TASKS.get(str(given).lower(), given)
    if sent != given:
        ledger.adjust("input_type", "renamed", given, sent, "tasks have these names there")
    return sent


def _content(ledger: Ledger, given: Any) -> Mapping[str, Any]:
    if isinstance(given, str):
        return {"parts": [{"text": given}]}
    if isinstance(given, Mapping):
        return given if "parts" in given else {"parts": [given]}
    raise ledger.invalid(f"input must be texts or contents, not {type(given).__name__}")
