"""Embeddings as Vertex AI has them: ``:predict``, many texts a request, or ``:embedContent``, one content a request.

Sources, read 2026-11-22: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-text-embeddings (250
texts and 20,000 tokens a request; gemini-embedding-001 one text), the types of google-genai 3.4.0, recorded traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._call import Call
from .._calls import EmbeddingCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from .._json import NotJSON, load
from ..errors import APIError
from ..types._model import lenient
from ..types.embedding import EmbeddingResponse
from . import Steps
from ._batches import embedded_in_batches, split
from ._errors import unreadable
from ._numbers import whole
from ._params import HEADERS, Ledger, check_value, merge_extra, serialized
from .gemini._failures import failed, failure, is_error

__all__ = ["CONTENTS", "SINGLE_TEXTS", "TEXTS", "EmbedContent", "PredictEmbeddings"]

_SAFE = "-._~@:"
_RESOURCES = ("endpoints/", "projects/", "publishers/", "models/")
# What other providers call a task goes by Google's name.
_TASKS = {
    "query": "RETRIEVAL_QUERY",
    "search_query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "search_document": "RETRIEVAL_DOCUMENT",
    "passage": "RETRIEVAL_DOCUMENT",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
_TAKEN = frozenset({"dimensions", "task", "input_type", "title", "truncation"})


@dataclass(frozen=True, slots=True)
class _Told:
    """The parameters of a call, by what they mean."""

    task: Any = None
    title: Any = None
    dimensions: Any = None
    truncate: Any = None


def _told(ledger: Ledger) -> _Told:
    given = {name: value for name, value in ledger.call.params.items() if value is not None}
    for name, value in given.items():
        check_value(ledger, name, value)
        if name not in _TAKEN and (name, value) != ("encoding_format", "float"):
            ledger.refuse(name, value)
    if "task" in given and "input_type" in given:
        raise ledger.invalid("give 'task' or 'input_type', not both: they are one parameter here")
    truncate = given.get("truncation")
    if truncate is not None and not isinstance(truncate, bool):
        ledger.refuse("truncation", truncate, "here it is on or off")
    ledger.settle()
    task = given.get("task", _task(ledger, given.get("input_type")))
    return _Told(task, given.get("title"), given.get("dimensions"), truncate)


def _task(ledger: Ledger, given: Any) -> Any:
    sent = _TASKS.get(str(given).lower(), given)
    if sent != given:
        ledger.adjust("input_type", "renamed", given, sent, "tasks have these names there")
    return sent


def _said(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _posted(
    ledger: Ledger, call: EmbeddingCall, to: Endpoint, method: str, body: dict[str, Any]
) -> HTTPRequest:
    merge_extra(body, call.extra_body)
    name = call.model
    if name.startswith(_RESOURCES):
        path = "/" + quote(name, safe=_SAFE + "/")
    else:
        path = f"/publishers/google/models/{quote(name, safe=_SAFE)}"
    if ".." in path.split("/"):
        raise ledger.invalid(f"model {name!r:.200} is no model's name")
    url = join_url(to.base_url, path + method, to.query)
    changes = (*call.adjustments, *ledger.adjustments)
    return HTTPRequest("POST", url, {**HEADERS, **to.headers}, serialized(ledger, body), changes)


def _object(call: EmbeddingCall, response: HTTPResponse) -> dict[str, Any]:
    try:
        body = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is no JSON.") from None
    if is_error(body):
        raise failure(call, response, body)
    if not isinstance(body, dict):
        raise unreadable(call, response, "it is JSON, but no object.")
    return body


def _answer(
    call: EmbeddingCall, rest: Mapping[str, Any], data: list[dict[str, Any]], read: int | None
) -> EmbeddingResponse:
    usage = None if read is None else {"prompt_tokens": read, "total_tokens": read}
    made = {**rest, "data": data, "model": call.model, "usage": usage}
    return lenient(EmbeddingResponse, made)


@dataclass(frozen=True, slots=True)
class PredictEmbeddings:
    """The older form. ``most``: texts in one request, ``most_bytes`` their bytes."""

    most: int | None = 250
    most_bytes: int | None = 60_000
    """A token has three or four bytes in common languages: so much keeps below the limit of 20,000."""

    def build(self, call: EmbeddingCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        told = _told(ledger)
        fields = _said(task_type=told.task, title=told.title)
        body: dict[str, Any] = {
            "instances": [{**_instance(ledger, one), **fields} for one in call.inputs]
        }
        parameters = _said(outputDimensionality=told.dimensions, autoTruncate=told.truncate)
        if parameters:
            body["parameters"] = parameters
        return _posted(ledger, call, to, ":predict", body)

    def steps(self, call: EmbeddingCall, to: Endpoint) -> Steps:
        """The requests of a call: one for each batch."""
        batches = split(call.inputs, self.most, self.most_bytes)
        return embedded_in_batches(self, call, to, batches)

    def parse(self, call: EmbeddingCall, response: HTTPResponse) -> EmbeddingResponse:
        """Read the vectors. Raises an ``APIError``: also for an error inside a 200."""
        body = _object(call, response)
        predictions = body.pop("predictions", None)
        if not isinstance(predictions, list):
            raise unreadable(call, response, "it has no predictions.")
        data, counts = [], []
        for index, prediction in enumerate(predictions):
            found = prediction.get("embeddings") if isinstance(prediction, Mapping) else None
            if not isinstance(found, Mapping) or not isinstance(found.get("values"), list):
                raise unreadable(call, response, "a prediction is no vector.")
            rest = {k: v for k, v in found.items() if k != "values"}
            data.append({**rest, "index": index, "embedding": found["values"]})
            counts.append(_count(found.get("statistics"), "token_count"))
        read = None if None in counts else sum(filter(None, counts))
        return _answer(call, body, data, read)

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return failed(call, response)


def _instance(ledger: Ledger, given: Any) -> dict[str, Any]:
    """A text, or what other models of this form take, as it is."""
    if isinstance(given, str):
        return {"content": given}
    if isinstance(given, Mapping):
        return dict(given)
    raise ledger.invalid(f"input must be texts, not {type(given).__name__}")


def _count(place: Any, name: str) -> int | None:
    # Some answers have it as 4.0.
    return whole(place.get(name)) if isinstance(place, Mapping) else None


@dataclass(frozen=True, slots=True)
class EmbedContent:
    """The newer form: texts, pictures and documents as contents."""

    def build(self, call: EmbeddingCall, to: Endpoint) -> HTTPRequest:
        """Write the call, of one input. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        told = _told(ledger)
        body: dict[str, Any] = {"content": _content(ledger, call.inputs[0])}
        config = _said(
            taskType=told.task,
            title=told.title,
            outputDimensionality=told.dimensions,
            autoTruncate=told.truncate,
        )
        if config:
            body["embedContentConfig"] = config
        return _posted(ledger, call, to, ":embedContent", body)

    def steps(self, call: EmbeddingCall, to: Endpoint) -> Steps:
        """The requests of a call: one for each input."""
        return embedded_in_batches(self, call, to, split(call.inputs, 1))

    def parse(self, call: EmbeddingCall, response: HTTPResponse) -> EmbeddingResponse:
        """Read the vector. Raises an ``APIError``: also for an error inside a 200."""
        body = _object(call, response)
        found = body.pop("embedding", None)
        if not isinstance(found, Mapping) or not isinstance(found.get("values"), list):
            raise unreadable(call, response, "it has no vector.")
        rest = {k: v for k, v in found.items() if k != "values"}
        data = [{**rest, "index": 0, "embedding": found["values"]}]
        return _answer(call, body, data, _count(body.get("usageMetadata"), "promptTokenCount"))

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return failed(call, response)


def _content(ledger: Ledger, given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        return {"parts": [{"text": given}]}
    if isinstance(given, Mapping):
        return dict(given) if "parts" in given else {"parts": [given]}
    raise ledger.invalid(f"input must be texts or contents, not {type(given).__name__}")


TEXTS = PredictEmbeddings()
SINGLE_TEXTS = PredictEmbeddings(most=1)
CONTENTS = EmbedContent()
