"""OpenAI's embeddings, which many hosts have taken over: ``POST /embeddings``.

Sources, read 2026-11-22: https://platform.openai.com/docs/api-reference/embeddings/create (2,048 inputs and 300,000
tokens a request). No provider's name here: what differs is in the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._calls import EmbeddingCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from .._json import NotJSON, load
from ..errors import APIError
from ..types._model import lenient
from ..types.embedding import EmbeddingResponse
from . import Steps
from ._batches import embedded_in_batches, split
from ._errors import api_error, error_from, unreadable
from ._params import HEADERS, Ledger, check_value, merge_extra, serialized

__all__ = ["EMBEDDINGS", "LIMITED", "OpenAIEmbeddings"]

# OpenAI's own parameters; the rest is other providers', and refused where nobody says that it is taken.
_OWN = frozenset({"dimensions", "encoding_format", "user"})


@dataclass(frozen=True, slots=True)
class OpenAIEmbeddings:
    """``taken``: parameters beyond OpenAI's. ``most``: inputs in one request, ``most_bytes`` their text's.

    ``code``: what base64 holds, as ``struct`` has it: 32-bit floats, or another format.
    """

    path: str = "/embeddings"
    taken: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)
    most: int | None = None
    most_bytes: int | None = None
    code: str = "f"

    def build(self, call: EmbeddingCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        body: dict[str, Any] = {
            "model": call.model,
            "input": call.inputs[0] if call.alone else list(call.inputs),
        }
        for name, value in call.params.items():
            check_value(ledger, name, value)
            if self._takes(name) or name in call.allowed:
                body[self.renamed.get(name, name)] = value
            else:
                ledger.refuse(name, value)
        ledger.settle()
        merge_extra(body, call.extra_body)
        changes = (*call.adjustments, *ledger.adjustments)
        url = join_url(to.base_url, self.path, to.query)
        headers = {**HEADERS, **to.headers}
        return HTTPRequest("POST", url, headers, serialized(ledger, body), changes)

    def steps(self, call: EmbeddingCall, to: Endpoint) -> Steps:
        """The requests of a call: one for each batch, where there are more inputs than fit into one."""
        batches = split(call.inputs, self.most, self.most_bytes)
        return embedded_in_batches(self, call, to, batches)

    def parse(self, call: EmbeddingCall, response: HTTPResponse) -> EmbeddingResponse:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        try:
            body = load(response.body)
        except NotJSON:
            raise unreadable(call, response, "it is no JSON.") from None
        if isinstance(body, Mapping) and isinstance(body.get("data"), list):
            read = lenient(EmbeddingResponse, body)
            read.model = read.model or call.model
            read.data.sort(key=lambda item: item.index)
            for item in read.data:
                item._code = self.code  # noqa: SLF001 - only the wire knows it
            return read
        if isinstance(body, Mapping) and body.get("error"):
            raise error_from(call, response, body)
        raise unreadable(call, response, "it has no list of vectors.")

    def error(self, call: EmbeddingCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return api_error(call, response)

    def _takes(self, name: str) -> bool:
        return (name in _OWN or name in self.taken) and name not in self.refused


EMBEDDINGS = OpenAIEmbeddings()
# A token has a byte or more, in common languages three or four: so much text keeps below the limit of tokens.
LIMITED = OpenAIEmbeddings(most=2048, most_bytes=800_000)
