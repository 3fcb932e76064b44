"""Reranking at Bedrock: by the agents' runtime, or by invoking a model with its maker's body.

Sources, read 2026-11-22: ``Rerank`` in the service model of bedrock-agent-runtime in botocore 1.44.5,
https://docs.aws.amazon.com/bedrock/latest/userguide/rerank-api.html, and recorded traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .._calls import RerankCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from .._json import NotJSON, load
from ..errors import APIError
from ..types._model import lenient
from ..types.rerank import RerankResponse
from ._aws_errors import failed, failure
from ._aws_paths import bare, model_url, region_in
from ._errors import unreadable
from ._params import HEADERS, Ledger, merge_extra, serialized

__all__ = ["BEDROCK_RERANK", "BedrockRerank"]

_ROUTE = "invoke/"
_VERSION = 2
_TAKEN = frozenset({"top_n", "return_documents"})
_PARTITIONS = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))


@dataclass(frozen=True, slots=True)
class BedrockRerank:
    """The wire. A model under the route ``invoke/`` is invoked, any other is the agents' runtime's."""

    def build(self, call: RerankCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        for name, value in call.params.items():
            if name not in _TAKEN:
                ledger.refuse(name, value)
        ledger.settle()
        if call.params.get("return_documents"):
            reason = "by putting the documents into the results"
            ledger.adjust("return_documents", "emulated", True, None, reason)
        invoked = call.model.startswith(_ROUTE)
        body = _invoked(call) if invoked else _ranked(ledger, call, to)
        merge_extra(body, call.extra_body)
        url = (
            model_url(to, call.model, "invoke")
            if invoked
            else join_url(to.base_url, "/rerank", to.query)
        )
        changes = (*call.adjustments, *ledger.adjustments)
        return HTTPRequest(
            "POST", url, {**HEADERS, **to.headers}, serialized(ledger, body), changes
        )

    def parse(self, call: RerankCall, response: HTTPResponse) -> RerankResponse:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        try:
            data = load(response.body)
        except NotJSON:
            raise unreadable(call, response, "it is not JSON") from None
        if not isinstance(data, Mapping) or not isinstance(data.get("results"), list):
            if isinstance(data, Mapping) and data.keys() & {"message", "__type"}:
                raise failure(call, response, data)
            raise unreadable(call, response, "it has no list of results")
        made = {k: v for k, v in data.items() if v is not None}
        made |= {"id": data.get("id") or call.id, "model": bare(call.model)}
        made["results"] = [_result(call, r) for r in data["results"] if isinstance(r, Mapping)]
        return lenient(RerankResponse, made)

    def error(self, call: RerankCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return failed(call, response)


def _invoked(call: RerankCall) -> dict[str, Any]:
    """The maker's own body."""
    made: dict[str, Any] = {"query": call.query, "documents": [*call.documents]}
    made["api_version"] = _VERSION
    return made | ({"top_n": call.params["top_n"]} if call.params.get("top_n") is not None else {})


def _ranked(ledger: Ledger[Any], call: RerankCall, to: Endpoint) -> dict[str, Any]:
    """The agents' runtime's body: texts and mappings stand as sources in the request."""
    model: dict[str, Any] = {"modelArn": _arn(ledger, call, to)}
    config: dict[str, Any] = {"modelConfiguration": model}
    if call.params.get("top_n") is not None:
        config["numberOfResults"] = call.params["top_n"]
    return {
        "queries": [{"type": "TEXT", "textQuery": {"text": call.query}}],
        "sources": [{"type": "INLINE", "inlineDocumentSource": _source(d)} for d in call.documents],
        "rerankingConfiguration": {
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": config,
        },
    }


def _source(document: Any) -> dict[str, Any]:
    if isinstance(document, Mapping):
        return {"type": "JSON", "jsonDocument": document}
    return {"type": "TEXT", "textDocument": {"text": document}}


def _arn(ledger: Ledger[Any], call: RerankCall, to: Endpoint) -> str:
    """The service wants an ARN: of a foundation model, it is made of its name and the address's region."""
    name = bare(call.model)
    if name.startswith("arn:"):
        return name
    region = region_in(urlsplit(to.base_url).hostname or "")
    if region is None:
        raise ledger.invalid("give the model's ARN: the address has no region to make one of")
    partition = next((p for start, p in _PARTITIONS if region.startswith(start)), "aws")
    return f"arn:{partition}:bedrock:{region}::foundation-model/{name}"


def _result(call: RerankCall, item: Mapping[str, Any]) -> dict[str, Any]:
    made = {k: v for k, v in item.items() if k not in ("relevanceScore", "relevance_score")}
    made["relevance_score"] = item.get("relevanceScore", item.get("relevance_score"))
    index = item.get("index")
    known = isinstance(index, int) and 0 <= index < len(call.documents)
    if known and item.get("document") is None and call.params.get("return_documents"):
        document = call.documents[index]  # type: ignore[index]
        made["document"] = dict(document) if isinstance(document, Mapping) else {"text": document}
    return made


BEDROCK_RERANK = BedrockRerank()
