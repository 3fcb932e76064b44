"""Reranking as Cohere has it and most hosts have taken over: ``POST …/rerank``.

Sources, read 2026-11-22: https://docs.cohere.com/v2/reference/rerank and /v1/reference/rerank, the specifications of
Together and OpenRouter, https://docs.voyageai.com/reference/reranker-api, https://api.jina.ai/openapi.json, and
recorded answers. No provider's name here: what differs is in the fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._calls import RerankCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from .._json import NotJSON, dump_text, load
from ..errors import APIError, APIStatusError
from ..types._model import lenient
from ..types.rerank import RerankResponse
from ._cohere import address, beside, count, error, error_in
from ._errors import api_error, error_from, unreadable
from ._params import HEADERS, Ledger, check_value, merge_extra, serialized
from ._reclassed import by_code

__all__ = [
    "COHERE_V1",
    "COHERE_V2",
    "RERANK",
    "RERANK_BY_FIELDS",
    "CohereRerank",
    "documents_of",
]

# What YAML would read as something else than the text that it is.
_QUOTED = (
    "- ",
    "? ",
    ": ",
    "#",
    "&",
    "*",
    "!",
    "|",
    ">",
    "'",
    '"',
    "%",
    "@",
    "`",
    "[",
    "]",
    "{",
    "}",
    ",",
)
_LISTS = ("results", "data", "rankings")
_SCORES = ("relevance_score", "relevanceScore", "score", "logit")


@dataclass(frozen=True, slots=True)
class CohereRerank:
    """The wire. Each field states how a host differs."""

    path: str = "/rerank"
    version: str | None = None
    """The version in the path, which addresses are given with or without; errors are then the vendor's own."""
    taken: frozenset[str] = frozenset({"top_n"})
    """The parameters that the host has."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, type[APIStatusError]] = field(default_factory=dict)
    """The codes of errors whose status says something else."""
    texts: bool = False
    """Whether documents must be texts: mappings are then written as YAML, as the vendor advises."""

    def build(self, call: RerankCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        documents = documents_of(ledger, self.taken, texts=self.texts)
        body: dict[str, Any] = {"model": call.model, "query": call.query, "documents": documents}
        for name, value in call.params.items():
            check_value(ledger, name, value)
            if name in self.taken or name in call.allowed:
                body[self.renamed.get(name, name)] = value
            elif name not in _OURS:
                ledger.refuse(name, value)
        ledger.settle()
        merge_extra(body, call.extra_body)
        changes = (*call.adjustments, *ledger.adjustments)
        headers = {**HEADERS, **to.headers}
        return HTTPRequest("POST", self._url(to), headers, serialized(ledger, body), changes)

    def parse(self, call: RerankCall, response: HTTPResponse) -> RerankResponse:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        try:
            body = load(response.body)
        except NotJSON:
            raise unreadable(call, response, "it is no JSON.") from None
        if not isinstance(body, Mapping):
            raise unreadable(call, response, "it is JSON, but no object.")
        found = next((body[name] for name in _LISTS if isinstance(body.get(name), list)), None)
        if found is None:
            raise self._failure(call, response, body)
        made = {k: v for k, v in body.items() if k not in _LISTS and v is not None}
        made |= {"id": body.get("id") or call.id, "model": body.get("model") or call.model}
        made["results"] = [_result(call, item) for item in found if isinstance(item, Mapping)]
        made["usage"] = _usage(body)
        return lenient(RerankResponse, made)

    def error(self, call: RerankCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        if self.version is not None:
            return error(call, response)
        return by_code(self.errors, api_error(call, response))

    def _failure(
        self, call: RerankCall, response: HTTPResponse, body: Mapping[str, Any]
    ) -> APIError:
        if body.get("error"):
            return error_from(call, response, body)
        if isinstance(body.get("message"), str):
            return error_in(call, body, response.headers)
        return unreadable(call, response, "it has no list of results.")

    def _url(self, to: Endpoint) -> str:
        if self.version is None:
            return join_url(to.base_url, self.path, to.query)
        return address(to, self.version, self.path)


def documents_of(
    ledger: Ledger[RerankCall], taken: frozenset[str] = frozenset(), *, texts: bool
) -> list[Any]:
    """The documents as they are sent; what is done in place of a parameter that the host has not is listed.

    ``texts``: mappings are written as YAML.
    """
    call = ledger.call
    fields = None if "rank_fields" in taken else call.params.get("rank_fields")
    chosen = [_chosen(document, fields) for document in call.documents]
    if fields is not None:
        reason = "by leaving out the other fields of the documents"
        ledger.adjust("rank_fields", "emulated", fields, None, reason)
    if call.params.get("return_documents") and "return_documents" not in taken:
        reason = "by putting the documents into the results"
        ledger.adjust("return_documents", "emulated", True, None, reason)
    return [d if isinstance(d, str) or not texts else _yaml(d) for d in chosen]


# What can be done without the host.
_OURS = frozenset({"rank_fields", "return_documents"})


def _chosen(document: Any, fields: Sequence[str] | None) -> Any:
    """A document with only the fields that count; one that has none of them is left as it is."""
    if fields is None or not isinstance(document, Mapping):
        return document
    kept = {name: document[name] for name in fields if name in document}
    return kept or document


def _yaml(document: Mapping[str, Any]) -> str:
    """A mapping as YAML, a field a line; what is no plain text is written as JSON, which YAML includes."""
    return "".join(f"{name}: {_scalar(value)}\n" for name, value in document.items())


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return dump_text(value)
    plain = value.strip() == value and value.isprintable() and value
    odd = value.startswith(_QUOTED) or ": " in value or " #" in value or value.endswith(":")
    return value if plain and not odd else dump_text(value)


def _result(call: RerankCall, item: Mapping[str, Any]) -> dict[str, Any]:
    made = {name: value for name, value in item.items() if name not in _SCORES}
    made["relevance_score"] = next((item[name] for name in _SCORES if name in item), None)
    document, given = item.get("document"), _given(call, item.get("index"))
    unsaid = document is None and call.params.get("return_documents")
    if unsaid or (isinstance(document, str) and isinstance(given, Mapping)):
        # Instead of none, or of the text that the wire has made of a mapping.
        document = given
    if document is not None:
        made["document"] = {"text": document} if isinstance(document, str) else document
    return made


def _given(call: RerankCall, index: Any) -> Any:
    """The document of an index; ``None`` where the provider names one that nobody gave."""
    if not isinstance(index, int) or not 0 <= index < len(call.documents):
        return None
    document = call.documents[index]
    return dict(document) if isinstance(document, Mapping) else document


def _usage(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Search units and tokens, wherever this host tells them; ``None`` where it does not."""
    told = body.get("usage")
    made: dict[str, Any] = dict(told) if isinstance(told, Mapping) else {}
    billed, used = beside(body, "billed_units"), beside(body, "tokens")
    read = count(billed, "input_tokens")
    found = {
        "search_units": count(billed, "search_units"),
        "prompt_tokens": count(used, "input_tokens") if read is None else read,
    }
    made |= {name: value for name, value in found.items() if value is not None}
    return made or None


RERANK = CohereRerank()
"""What all hosts have that have taken the call over."""
RERANK_BY_FIELDS = CohereRerank(taken=frozenset({"top_n", "rank_fields", "return_documents"}))
"""Hosts with the vendor's first version: documents may be mappings, and come back."""
COHERE_V2 = CohereRerank(version="v2", taken=frozenset({"top_n", "max_tokens_per_doc"}), texts=True)
COHERE_V1 = CohereRerank(
    version="v1",
    taken=frozenset({"top_n", "rank_fields", "return_documents", "max_chunks_per_doc"}),
)
