"""Reranking as servers answer it: Cohere's second version, and the form of Jina's, Voyage's and others' ``/rerank``.

Pure: a request's parts in, a `Reply` out. Documents are ordered by how many of the query's words they have. Models
behave as for chat: `missing-model`, `rate-limited`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .._asked import fingerprint
from .._tokens import split
from ._wire import Reply, Say
from .cohere_chat._door import Refusal, answered, encoded, refused

__all__ = ["Rerank"]

_COHERE: Final = re.compile(r".*/v2/rerank")
_WORD: Final = re.compile(r"\w+")


class Rerank:
    """Reranking under any prefix; errors are Cohere's."""

    name: Final = "rerank"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether documents are to be ordered."""
        return path.partition("?")[0].rstrip("/").endswith("/rerank")

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        cohere = _COHERE.fullmatch(path.partition("?")[0].rstrip("/")) is not None
        return answered(method, headers, body, lambda given: _ranked(given, cohere=cohere))

    def failure(self, status: int, message: str) -> Reply:
        """An error answer."""
        return refused(Refusal(status, message))

    def failure_frame(self, status: int, message: str) -> bytes:
        """Nothing here is streamed: the error as a line."""
        return encoded({"message": message})


def _ranked(body: Mapping[str, Any], *, cohere: bool) -> Reply:
    query, documents = body.get("query"), body.get("documents")
    if not isinstance(query, str):
        raise Refusal(400, "invalid request: query must be a string")
    if not isinstance(documents, list) or not documents:
        raise Refusal(400, "invalid request: list of documents must not be empty")
    if cohere and not all(isinstance(document, str) for document in documents):
        raise Refusal(422, "invalid type: parameter documents must be a list of strings")
    texts = [_text(document) for document in documents]
    scores = [_score(query, text) for text in texts]
    order = sorted(range(len(texts)), key=lambda i: -scores[i])
    results: list[dict[str, Any]] = [{"index": i, "relevance_score": scores[i]} for i in order]
    most = body.get("top_n", body.get("top_k"))
    results = results[: len(results) if most is None else most]
    if body.get("return_documents") and not cohere:
        results = [{**r, "document": {"text": texts[r["index"]]}} for r in results]
    tokens = sum(len(split(text)) for text in [query, *texts])
    return Reply(200, encoded(_envelope(body, results, tokens, cohere=cohere)))


def _envelope(
    body: Mapping[str, Any], results: list[Any], tokens: int, *, cohere: bool
) -> dict[str, Any]:
    if cohere:
        billed = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
        return {"id": fingerprint(body), "results": results, "meta": billed}
    # One host says "data" for the results, and "top_k" for how many.
    listed = "data" if "top_k" in body else "results"
    made = {"object": "list", "model": body["model"], listed: results}
    return {**made, "usage": {"total_tokens": tokens}}


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)


def _score(query: str, text: str) -> float:
    """How many of the query's words the text has, from 0 to 1."""
    wanted = set(_WORD.findall(query.lower()))
    met = wanted & set(_WORD.findall(text.lower()))
    return round(len(met) / max(len(wanted), 1), 6)
