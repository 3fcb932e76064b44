"""Ollama's embeddings: ``/api/embed``, and the older ``/api/embeddings`` at an address that ends so.

Sources, read 2026-11-22: https://docs.ollama.com/api/embed, and ``EmbedRequest`` and ``EmbeddingRequest`` in the
server's ``api/types.go`` (github.com/ollama/ollama). The older form takes one text a request, and counts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._calls import EmbeddingCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from .._json import NotJSON, load
from ..errors import APIError
from ..types._model import lenient
from ..types.embedding import EmbeddingResponse
from . import Steps
from ._batches import embedded_in_batches
from ._errors import unreadable
from ._params import HEADERS, Ledger, check_value, merge_extra, serialized
from .ollama_chat import error, stream_error
from .openai_embeddings import EMBEDDINGS, OpenAIEmbeddings

__all__ = ["OLLAMA_EMBED", "OllamaEmbed"]

_PATH, _OLDER, _COMPATIBLE = "/api/embed", "/api/embeddings", "/v1"
# Parameter to the server's name for it; both forms take what else there is as ``options`` in ``extra_body``.
_NAMES = {"dimensions": "dimensions", "truncation": "truncate"}
_TRUNCATED = {"END": True, "NONE": False}
_READ = frozenset({"model", "embeddings", "embedding", "prompt_eval_count"})


@dataclass(frozen=True, slots=True)
class OllamaEmbed:
    """The wire. Which form is spoken, the address says: ``…/api/embeddings``, ``…/v1``, or any other."""

    compatible: OpenAIEmbeddings = EMBEDDINGS
    """How requests are written to an address that ends in ``/v1``."""

    def build(self, call: EmbeddingCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        if _ends(to, _COMPATIBLE):
            return self.compatible.build(call, to)
        ledger = Ledger(call)
        body: dict[str, Any] = {"model": call.model, **_inputs(ledger, call, to)}
        for name, value in call.params.items():
            _write(ledger, name, value, body)
        ledger.settle()
        merge_extra(body, call.extra_body)
        changes = (*call.adjustments, *ledger.adjustments)
        path = "" if _ends(to, _OLDER) else _PATH
        url = join_url(to.base_url, path, to.query)
        return HTTPRequest(
            "POST", url, {**HEADERS, **to.headers}, serialized(ledger, body), changes
        )

    def steps(self, call: EmbeddingCall, to: Endpoint) -> Steps:
        """One request, or in the older form one for each text."""
        batches = [(item,) for item in call.inputs] if _ends(to, _OLDER) else [call.inputs]
        return embedded_in_batches(self, call, to, batches)

    def parse(self, call: EmbeddingCall, response: HTTPResponse) -> EmbeddingResponse:
        """Read an answer below 300, in any form. Raises an ``APIError``: also for an error inside a 200."""
        try:
            body = load(response.body)
        except NotJSON:
            raise unreadable(call, response, "it is no JSON.") from None
        if isinstance(body, Mapping) and "data" in body:
            return self.compatible.parse(call, response)
        if isinstance(body, Mapping) and body.get("error"):
            raise stream_error(call, response, body)
        vectors = _vectors(body)
        if vectors is None:
            raise unreadable(call, response, "it has no vectors.")
        return _answer(call, body, vectors)

    def error(self, call: EmbeddingCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return error(call, response)


def _ends(to: Endpoint, path: str) -> bool:
    return to.base_url.partition("?")[0].rstrip("/").endswith(path)


def _inputs(ledger: Ledger, call: EmbeddingCall, to: Endpoint) -> dict[str, Any]:
    for position, item in enumerate(call.inputs):
        if not isinstance(item, str):
            kind = type(item).__name__
            raise ledger.invalid(
                f"input[{position}] must be a text, not {kind}: tokens are not taken"
            )
    if _ends(to, _OLDER):
        return {"prompt": call.inputs[0]}
    return {"input": call.inputs[0] if len(call.inputs) == 1 else list(call.inputs)}


def _write(ledger: Ledger, name: str, value: Any, body: dict[str, Any]) -> None:
    check_value(ledger, name, value)
    if name == "truncation" and isinstance(value, str) and value not in _TRUNCATED:
        ledger.refuse(name, value, "texts are cut at their end, or not at all")
    elif name in _NAMES:
        body[_NAMES[name]] = _TRUNCATED.get(value, value) if isinstance(value, str) else value
    elif name in ledger.call.allowed:
        body[name] = value
    elif (name, value) != ("encoding_format", "float"):
        ledger.refuse(name, value)


def _vectors(body: Any) -> list[Any] | None:
    if not isinstance(body, Mapping):
        return None
    if isinstance(body.get("embeddings"), list):
        vectors: list[Any] = body["embeddings"]
        return vectors
    # The older form has no vector for no text.
    return [body["embedding"]] if isinstance(body.get("embedding"), list) else None


def _answer(call: EmbeddingCall, body: Mapping[str, Any], vectors: list[Any]) -> EmbeddingResponse:
    rest = {name: value for name, value in body.items() if name not in _READ}
    read = body.get("prompt_eval_count")
    data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
    made = {**rest, "object": "list", "model": body.get("model") or call.model, "data": data}
    if isinstance(read, int):
        made["usage"] = {"prompt_tokens": read, "total_tokens": read}
    return lenient(EmbeddingResponse, made)


OLLAMA_EMBED = OllamaEmbed()
