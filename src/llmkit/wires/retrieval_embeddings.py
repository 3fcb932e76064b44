"""Embeddings at the vendors of models for retrieval: OpenAI's answer, and requests with parameters of their own.

Sources, read 2026-11-22: https://docs.voyageai.com/reference/embeddings-api and …/multimodal-embeddings-api (also
https://www.mongodb.com/docs/api/doc/atlas-embedding-and-reranking-api/), https://api.jina.ai/openapi.json, recorded
traffic. No provider's name here: what differs is in the fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._calls import EmbeddingCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from ..errors import APIError, APIStatusError
from ..types.embedding import EmbeddingResponse
from . import Steps
from ._batches import embedded_in_batches, split
from ._errors import api_error
from ._params import HEADERS, Ledger, check_value, merge_extra, serialized
from ._reclassed import by_code
from .openai_embeddings import EMBEDDINGS

__all__ = ["RetrievalEmbeddings"]

_IMAGE = "data:image/"
# What base64 holds, as ``struct`` has it.
_CODES = {"int8": "b", "binary": "b", "uint8": "B", "ubinary": "B"}


@dataclass(frozen=True, slots=True)
class RetrievalEmbeddings:
    """The wire. ``values`` respells what a parameter is given as; what becomes ``None`` is the default there."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Parameter to the host's name for it; one that is not here is refused."""
    values: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)
    errors: Mapping[str, type[APIStatusError]] = field(default_factory=dict)
    """The codes of errors whose status says something else."""
    whole: str | None = None
    """A parameter that makes all inputs one text: they cannot go in several requests then."""
    most: int | None = None
    most_bytes: int | None = None
    parts: tuple[str, str] | None = None
    """The models (a pattern) whose inputs have parts, and the path of their own at which they are."""
    mapped: bool = False
    """Whether inputs beside texts are mappings such as ``{"image": …}``, and go with the texts."""

    def build(self, call: EmbeddingCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        parted = self._is_parted(call)
        body: dict[str, Any] = {"model": call.model, **self._inputs(ledger, parted=parted)}
        for name, value in call.params.items():
            check_value(ledger, name, value)
            self._write(ledger, name, value, body)
        ledger.settle()
        if parted and "encoding_format" in body:
            body["output_encoding"] = body.pop("encoding_format")
        merge_extra(body, call.extra_body)
        changes = (*call.adjustments, *ledger.adjustments)
        path = self.parts[1] if self.parts and parted else "/embeddings"
        url = join_url(to.base_url, path, to.query)
        headers = {**HEADERS, **to.headers}
        return HTTPRequest("POST", url, headers, serialized(ledger, body), changes)

    def steps(self, call: EmbeddingCall, to: Endpoint) -> Steps:
        """The requests of a call: one for each batch, where there are more inputs than fit into one."""
        whole = self.whole is not None and (
            call.params.get(self.whole) or call.extra_body.get(self.whole)
        )
        batches = [call.inputs] if whole else split(call.inputs, self.most, self.most_bytes)
        return embedded_in_batches(self, call, to, batches)

    def parse(self, call: EmbeddingCall, response: HTTPResponse) -> EmbeddingResponse:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        read = EMBEDDINGS.parse(call, response)
        code = _CODES.get(str(call.params.get("output_dtype")), "f")
        for item in read.data:
            item._code = code  # noqa: SLF001 - only the wire knows it
        return read

    def error(self, call: EmbeddingCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return by_code(self.errors, api_error(call, response))

    def _write(self, ledger: Ledger[Any], name: str, value: Any, body: dict[str, Any]) -> None:
        if name not in self.names:
            if name in ledger.call.allowed:
                body[name] = value
            else:
                ledger.refuse(name, value)
            return
        known = self.values.get(name, {})
        sent = known.get(value, value) if isinstance(value, str | bool) else value
        new = self.names[name]
        if sent is None:
            return
        if body.setdefault(new, sent) != sent:
            raise ledger.invalid(f"{name!r} and another parameter are one field here: {new!r}")

    def _is_parted(self, call: EmbeddingCall) -> bool:
        if self.parts is None:
            return False
        return re.search(self.parts[0], call.model) is not None or not all(
            isinstance(item, str) for item in call.inputs
        )

    def _inputs(self, ledger: Ledger[EmbeddingCall], *, parted: bool) -> dict[str, Any]:
        inputs = ledger.call.inputs
        if parted:
            return {"inputs": [_parted(ledger, i, item) for i, item in enumerate(inputs)]}
        for place, item in enumerate(inputs):
            if not isinstance(item, str) and not (self.mapped and isinstance(item, Mapping)):
                raise ledger.invalid(f"input[{place}] must be a text, not {type(item).__name__}")
        bare = ledger.call.alone and isinstance(inputs[0], str)
        return {"input": inputs[0] if bare else list(inputs)}


def _parted(ledger: Ledger[EmbeddingCall], place: int, item: Any) -> Mapping[str, Any]:
    """One input of several parts: native (``content``), OpenAI's parts, or a text or image by itself."""
    if isinstance(item, Mapping) and "content" in item:
        return item
    parts = item if isinstance(item, list | tuple) else [item]
    if not all(isinstance(part, str | Mapping) for part in parts):
        raise ledger.invalid(f"input[{place}] must be a text, an image or parts of both")
    return {"content": [_part(part) for part in parts]}


def _part(part: Any) -> Any:
    if isinstance(part, str):
        return _image(part) if part.startswith(_IMAGE) else {"type": "text", "text": part}
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else None
    return _image(url) if isinstance(url, str) else part


def _image(url: str) -> dict[str, str]:
    name = "image_base64" if url.startswith("data:") else "image_url"
    return {"type": name, name: url}
