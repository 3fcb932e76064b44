"""Embeddings by InvokeModel: each maker has a body of its own, told by the model's name.

Sources, read 2026-11-22: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html,
…/model-parameters-titan-embed-mm.html, …/model-parameters-embed-v3.html, …/model-parameters-embed-v4.html,
https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html, and recorded traffic.
"""

from __future__ import annotations

import re
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
from .._aws_errors import failed, failure
from .._aws_paths import bare, model_url
from .._batches import embedded_in_batches, split
from .._errors import unreadable
from .._numbers import whole
from .._params import HEADERS, Ledger, check_value, merge_extra, serialized
from ._bodies import BODIES, Body

__all__ = ["EMBEDDINGS", "BedrockEmbeddings"]

_COUNT = "x-amzn-bedrock-input-token-count"


@dataclass(frozen=True, slots=True)
class BedrockEmbeddings:
    """The wire. ``bodies``: pattern in the model's name, and how its maker writes; the first that fits holds."""

    bodies: tuple[tuple[str, Body], ...] = BODIES

    def build(self, call: EmbeddingCall, to: Endpoint) -> HTTPRequest:
        """Write the first request. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger, form = Ledger(call), self._body(call)
        inputs = call.inputs[: form.most]
        body = form.write(ledger, inputs, self._given(ledger, call, form))
        ledger.settle()
        merge_extra(body, call.extra_body)
        changes = (*call.adjustments, *ledger.adjustments)
        url = model_url(to, call.model, "invoke")
        headers = {**HEADERS, **to.headers}
        return HTTPRequest("POST", url, headers, serialized(ledger, body), changes)

    def steps(self, call: EmbeddingCall, to: Endpoint) -> Steps:
        """The requests of a call: one for each batch, which for most makers is one input."""
        return embedded_in_batches(self, call, to, split(call.inputs, self._body(call).most))

    def parse(self, call: EmbeddingCall, response: HTTPResponse) -> EmbeddingResponse:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        try:
            data = load(response.body)
        except NotJSON:
            raise unreadable(call, response, "it is not JSON") from None
        found = self._body(call).read(data) if isinstance(data, Mapping) else None
        if found is None:
            if isinstance(data, Mapping) and data.keys() & {"message", "__type"}:
                raise failure(call, response, data)
            raise unreadable(call, response, "it has no vectors")
        items = [{"index": i, "embedding": vector} for i, vector in enumerate(found.vectors)]
        count = found.tokens if found.tokens is not None else _header(response)
        made: dict[str, Any] = {**found.beside, "data": items, "model": bare(call.model)}
        if count is not None:
            made["usage"] = {"prompt_tokens": count, "total_tokens": count}
        return lenient(EmbeddingResponse, made)

    def error(self, call: EmbeddingCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return failed(call, response)

    def _body(self, call: EmbeddingCall) -> Body:
        fitting = (body for pattern, body in self.bodies if re.search(pattern, call.model))
        if (found := next(fitting, None)) is None:
            raise Ledger(call).invalid(
                f"how {bare(call.model)!r:.80} is asked for embeddings is not known: its name has no maker in it"
            )
        return found

    def _given(self, ledger: Ledger, call: EmbeddingCall, form: Body) -> dict[str, Any]:
        """The parameters that this maker takes; the others are refused."""
        given: dict[str, Any] = {}
        for name, value in call.params.items():
            check_value(ledger, name, value)
            if (name, value) == ("encoding_format", "float"):
                continue
            if name in form.taken or name in call.allowed:
                given[name] = value
            else:
                ledger.refuse(name, value, "this model does not take it")
        return given


def _header(response: HTTPResponse) -> int | None:
    """Makers that do not count are counted by AWS."""
    return whole(response.headers.get(_COUNT))


EMBEDDINGS = BedrockEmbeddings()
