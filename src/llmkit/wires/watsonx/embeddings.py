"""watsonx.ai's embeddings: ``POST /ml/v1/text/embeddings``, a thousand texts at once at most.

Sources, read 2026-11-22: https://cloud.ibm.com/apidocs/watsonx-ai#text-embeddings by way of ibm-watsonx-ai 1.8.1
(``foundation_models/embeddings``) and ``EmbeddingPayload`` of IBM's Java SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..._calls import EmbeddingCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ..._json import NotJSON, load
from ...errors import APIError
from ...types._model import lenient
from ...types.embedding import EmbeddingResponse
from .. import Steps
from .._batches import embedded_in_batches, split
from .._errors import unreadable
from .._params import HEADERS, Ledger, check_value, merge_extra, serialized
from ._errors import failed, is_error, stream_error
from ._place import concerned, url

__all__ = ["EMBEDDINGS", "WatsonxEmbeddings"]

_MOST = 1000
_READ = frozenset({"model_id", "results", "input_token_count"})


@dataclass(frozen=True, slots=True)
class WatsonxEmbeddings:
    """The wire. ``most``: inputs in one request."""

    most: int = _MOST

    def build(self, call: EmbeddingCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        body: dict[str, Any] = {**concerned(call.model, to), "inputs": _texts(ledger, call)}
        for name, value in call.params.items():
            _write(ledger, name, value, body)
        ledger.settle()
        merge_extra(body, call.extra_body)
        return HTTPRequest(
            method="POST",
            url=url(call.model, "embeddings", to),
            headers={**HEADERS, **to.headers},
            body=serialized(ledger, body),
            adjustments=(*call.adjustments, *ledger.adjustments),
        )

    def steps(self, call: EmbeddingCall, to: Endpoint) -> Steps:
        """The requests of a call: one for each thousand inputs."""
        return embedded_in_batches(self, call, to, split(call.inputs, self.most))

    def parse(self, call: EmbeddingCall, response: HTTPResponse) -> EmbeddingResponse:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        try:
            body = load(response.body)
        except NotJSON:
            raise unreadable(call, response, "it is no JSON.") from None
        if is_error(body):
            raise stream_error(call, response, body)
        if not isinstance(body, Mapping) or not isinstance(body.get("results"), list):
            raise unreadable(call, response, "it has no results.")
        return _answer(call, body)

    def error(self, call: EmbeddingCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return failed(call, response)


def _texts(ledger: Ledger, call: EmbeddingCall) -> list[str]:
    for position, item in enumerate(call.inputs):
        if not isinstance(item, str):
            kind = type(item).__name__
            raise ledger.invalid(
                f"input[{position}] must be a text, not {kind}: tokens are not taken"
            )
    return list(call.inputs)


def _write(ledger: Ledger, name: str, value: Any, body: dict[str, Any]) -> None:
    check_value(ledger, name, value)
    if name in ledger.call.allowed:
        body[name] = value
    elif (name, value) != ("encoding_format", "float"):
        hint = (
            "extra_body's parameters.truncate_input_tokens does it" if name == "truncation" else ""
        )
        ledger.refuse(name, value, hint)


def _answer(call: EmbeddingCall, body: Mapping[str, Any]) -> EmbeddingResponse:
    results = [item if isinstance(item, Mapping) else {} for item in body["results"]]
    data = [{**item, "object": "embedding", "index": i} for i, item in enumerate(results)]
    rest = {name: value for name, value in body.items() if name not in _READ}
    made = {**rest, "object": "list", "model": body.get("model_id") or call.model, "data": data}
    read = body.get("input_token_count")
    if isinstance(read, int):
        made["usage"] = {"prompt_tokens": read, "total_tokens": read}
    return lenient(EmbeddingResponse, made)


EMBEDDINGS = WatsonxEmbeddings()
