"""Embeddings as Cohere has them, both versions: texts, images, and inputs that mix them, in several number formats.

Sources: https://docs.cohere.com/v2/reference/embed and /v1/reference/embed in their machine-readable form
(2026-08-20), recorded answers; read 2026-11-22. No request has more than 96 inputs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._calls import EmbeddingCall
from .._http import Endpoint, HTTPRequest, HTTPResponse
from .._json import NotJSON, load
from ..errors import APIError
from ..types._model import lenient
from ..types.embedding import EmbeddingResponse
from . import Steps
from ._batches import embedded_in_batches, split
from ._cohere import address, beside, count, error, error_in
from ._errors import unreadable
from ._params import HEADERS, Ledger, check_value, merge_extra, serialized

__all__ = ["EMBED_V1", "EMBED_V2", "CohereEmbed"]

_MOST = 96
_IMAGE = "data:image/"
_DEFAULT = "search_document"
# Other vendors' words for the same.
_MEANT = {"query": "search_query", "document": "search_document", "passage": "search_document"}
_TRUNCATED = {True: "END", False: "NONE"}
# The inputs themselves come back with the vectors: nobody needs them twice.
_ECHO = frozenset({"embeddings", "texts", "inputs"})


@dataclass(frozen=True, slots=True)
class CohereEmbed:
    """The wire. ``version``: the API's; the first has no inputs that mix texts and images."""

    version: str = "v2"
    one_image: str = r"-v3\b"
    """The models (a pattern) that take one image a request."""

    def build(self, call: EmbeddingCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        body: dict[str, Any] = {"model": call.model, **self._inputs(ledger)}
        for name, value in call.params.items():
            check_value(ledger, name, value)
            if name in _WRITE:
                _WRITE[name](ledger, value, body)
            elif name in call.allowed:
                body[name] = value
            else:
                ledger.refuse(name, value)
        ledger.settle()
        self._type(ledger, body)
        merge_extra(body, call.extra_body)
        changes = (*call.adjustments, *ledger.adjustments)
        url = address(to, self.version, "/embed")
        headers = {**HEADERS, **to.headers}
        return HTTPRequest("POST", url, headers, serialized(ledger, body), changes)

    def steps(self, call: EmbeddingCall, to: Endpoint) -> Steps:
        """The requests of a call: one for each 96 inputs, one for each image of the older models."""
        old = re.search(self.one_image, call.model) is not None
        alone = old and all(_is_image(item) for item in call.inputs)
        return embedded_in_batches(self, call, to, split(call.inputs, 1 if alone else _MOST))

    def parse(self, call: EmbeddingCall, response: HTTPResponse) -> EmbeddingResponse:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        try:
            body = load(response.body)
        except NotJSON:
            raise unreadable(call, response, "it is no JSON.") from None
        if not isinstance(body, Mapping):
            raise unreadable(call, response, "it is JSON, but no object.")
        found = body.get("embeddings")
        if not isinstance(found, list | Mapping):
            if isinstance(body.get("message"), str):
                raise error_in(call, body, response.headers)
            raise unreadable(call, response, "it has no embeddings.")
        made = {name: value for name, value in body.items() if name not in _ECHO}
        made |= {"object": "list", "model": body.get("model") or call.model}
        made["data"] = _vectors(call, found)
        made["usage"] = _usage(body)
        return lenient(EmbeddingResponse, made)

    def error(self, call: EmbeddingCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return error(call, response)

    def _inputs(self, ledger: Ledger[EmbeddingCall]) -> dict[str, Any]:
        inputs = ledger.call.inputs
        images = [_is_image(item) for item in inputs]
        if all(images):
            return {"images": list(inputs)}
        if all(isinstance(item, str) for item in inputs) and not any(images):
            return {"texts": list(inputs)}
        if self.version == "v1":
            raise ledger.invalid("inputs must be all texts, or all images as data URLs, here")
        return {"inputs": [_mixed(ledger, i, item) for i, item in enumerate(inputs)]}

    def _type(self, ledger: Ledger[EmbeddingCall], body: dict[str, Any]) -> None:
        """``input_type`` is mandatory: what it is has to be said, or be supposed."""
        if "input_type" in body or "input_type" in ledger.call.extra_body:
            return
        body["input_type"] = "image" if "images" in body else _DEFAULT
        reason = "it is mandatory; queries want 'search_query'"
        ledger.adjust("input_type", "defaulted", None, body["input_type"], reason)


def _is_image(item: Any) -> bool:
    return isinstance(item, str) and item.startswith(_IMAGE)


def _mixed(ledger: Ledger[EmbeddingCall], place: int, item: Any) -> Mapping[str, Any]:
    """One input of several parts: native (``content``), or OpenAI's parts, or a text or image beside such."""
    if isinstance(item, str):
        item = [_part(item)]
    if isinstance(item, Mapping):
        return item if "content" in item else {"content": [item]}
    if isinstance(item, list | tuple) and all(isinstance(part, str | Mapping) for part in item):
        return {"content": [_part(part) for part in item]}
    raise ledger.invalid(f"input[{place}] must be a text, an image or parts of both, not token ids")


def _part(item: Any) -> Any:
    if not isinstance(item, str):
        return item
    if _is_image(item):
        return {"type": "image_url", "image_url": {"url": item}}
    return {"type": "text", "text": item}


def _write_type(ledger: Ledger[Any], value: Any, body: dict[str, Any]) -> None:
    body["input_type"] = _MEANT.get(value, value) if isinstance(value, str) else value


def _write_format(ledger: Ledger[Any], value: Any, body: dict[str, Any]) -> None:
    body.setdefault("embedding_types", [value])


def _write_formats(ledger: Ledger[Any], value: Any, body: dict[str, Any]) -> None:
    body["embedding_types"] = [value] if isinstance(value, str) else list(value)


def _write_truncation(ledger: Ledger[Any], value: Any, body: dict[str, Any]) -> None:
    body["truncate"] = _TRUNCATED[value] if isinstance(value, bool) else str(value).upper()


def _write_dimensions(ledger: Ledger[Any], value: Any, body: dict[str, Any]) -> None:
    body["output_dimension"] = value


def _write_max_tokens(ledger: Ledger[Any], value: Any, body: dict[str, Any]) -> None:
    body["max_tokens"] = value


_WRITE: dict[str, Callable[[Ledger[Any], Any, dict[str, Any]], None]] = {
    "input_type": _write_type,
    "encoding_format": _write_format,
    "embedding_types": _write_formats,
    "truncation": _write_truncation,
    "dimensions": _write_dimensions,
    "max_tokens": _write_max_tokens,
}


def _vectors(call: EmbeddingCall, found: Any) -> list[dict[str, Any]]:
    """One entry for each input; where several formats were asked for, each has all of them beside its first."""
    if isinstance(found, list):
        return [_entry(i, vector) for i, vector in enumerate(found)]
    told = {kind: listed for kind, listed in found.items() if isinstance(listed, list)}
    if not told:
        return []
    first = next((kind for kind in _asked(call) if kind in told), next(iter(told)))
    entries = [_entry(i, vector) for i, vector in enumerate(told[first])]
    if len(told) > 1:
        for i, entry in enumerate(entries):
            entry["embeddings"] = {k: listed[i] for k, listed in told.items() if i < len(listed)}
    return entries


def _entry(index: int, vector: Any) -> dict[str, Any]:
    return {"object": "embedding", "index": index, "embedding": vector}


def _asked(call: EmbeddingCall) -> Sequence[Any]:
    given = call.params.get("embedding_types") or [call.params.get("encoding_format")]
    return [given] if isinstance(given, str) else list(given)


def _usage(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Billed units: texts' and images' tokens are one prompt. Older models bill images by their number."""
    billed = beside(body, "billed_units")
    if not billed:
        return None
    made: dict[str, Any] = {"billed_units": dict(billed)}
    told = [count(billed, name) for name in ("input_tokens", "image_tokens")]
    counts = [number for number in told if number is not None]
    if counts:
        made |= {"prompt_tokens": sum(counts), "total_tokens": sum(counts)}
    if told[1]:
        made["prompt_tokens_details"] = {"image_tokens": told[1]}
    return made


EMBED_V2 = CohereEmbed()
EMBED_V1 = CohereEmbed("v1")
