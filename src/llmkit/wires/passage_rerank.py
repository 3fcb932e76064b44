"""Reranking in its other form: passages instead of documents, logits instead of scores, no choice of how many.

Source, read 2026-11-22: https://docs.nvidia.com/nim/nemo-retriever/text-reranking/2.3/using-reranking.html. No
provider's name here: what differs is in the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._calls import RerankCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from ..errors import APIError
from ..types.rerank import RerankResponse
from ._errors import api_error
from ._params import HEADERS, Ledger, check_value, merge_extra, serialized
from .cohere_rerank import RERANK, documents_of

__all__ = ["PassageRerank"]

_TRUNCATE = {True: "END", False: "NONE"}


@dataclass(frozen=True, slots=True)
class PassageRerank:
    """The wire. ``hosted``: a base URL, and the address (with ``{model}``) that stands for it here."""

    path: str = "/ranking"
    hosted: tuple[str, str] = ("", "")

    def build(self, call: RerankCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        passages = [_passage(document) for document in documents_of(ledger, texts=True)]
        body: dict[str, Any] = {
            "model": call.model,
            "query": {"text": call.query},
            "passages": passages,
        }
        for name, value in call.params.items():
            check_value(ledger, name, value)
            _write(ledger, name, value, body)
        ledger.settle()
        merge_extra(body, call.extra_body)
        changes = (*call.adjustments, *ledger.adjustments)
        headers = {**HEADERS, **to.headers}
        return HTTPRequest("POST", self._url(call, to), headers, serialized(ledger, body), changes)

    def parse(self, call: RerankCall, response: HTTPResponse) -> RerankResponse:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        read = RERANK.parse(call, response)
        most = call.params.get("top_n")
        if isinstance(most, int):
            read.results = read.results[: max(most, 0)]
        return read

    def error(self, call: RerankCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return api_error(call, response)

    def _url(self, call: RerankCall, to: Endpoint) -> str:
        base, address = self.hosted
        if base and to.base_url.rstrip("/") == base:
            # Dots in a model's name are underscores in its address.
            return join_url(address.format(model=call.model.replace(".", "_")), "", to.query)
        return join_url(to.base_url, self.path, to.query)


def _passage(document: Any) -> Mapping[str, Any]:
    return {"text": document}


def _write(ledger: Ledger[RerankCall], name: str, value: Any, body: dict[str, Any]) -> None:
    if name == "truncation":
        body["truncate"] = _TRUNCATE[bool(value)]
    elif name == "top_n":
        reason = "by leaving out the results behind those"
        ledger.adjust(name, "emulated", value, None, reason)
    elif name in ledger.call.allowed:
        body[name] = value
    elif name not in ("rank_fields", "return_documents"):
        ledger.refuse(name, value)
