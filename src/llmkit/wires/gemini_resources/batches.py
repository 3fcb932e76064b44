"""The Gemini API's batches: the calls in the request or in a file, the answers in the operation or in a file.

Source: ``GenerateContentBatch`` of the v1beta reference and https://ai.google.dev/gemini-api/docs/batch-api, read
2026-11-22. A call's name is its metadata's ``key``, or what else a client called it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._call import Call, ChatCall
from ..._calls import ResourceCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ..._json import dump
from ...errors import APIError
from ...types.answer import Answer
from ...types.batch import Batch, BatchDeleted, BatchList, BatchResult, BatchResults
from .. import Step, Steps
from .._actions import chosen, named
from .._batched import Asked, asked_for
from .._numbers import whole
from .._objects import asked, built, items, posted, written
from .._params import Ledger
from .._times import unix
from ..gemini import Gemini
from ..gemini._failures import failed
from ..openai_resources.batches import lines
from ._where import LISTING, downloaded, model_path, object_in, page, resource

__all__ = ["GeminiBatches"]

_STATUS = {
    "BATCH_STATE_PENDING": "validating",
    "BATCH_STATE_RUNNING": "in_progress",
    "BATCH_STATE_SUCCEEDED": "completed",
    "BATCH_STATE_FAILED": "failed",
    "BATCH_STATE_CANCELLED": "cancelled",
    "BATCH_STATE_EXPIRED": "expired",
}
_COUNTS = {
    "requestCount": "total",
    "successfulRequestCount": "completed",
    "failedRequestCount": "failed",
    "pendingRequestCount": "processing",
}
_CREATE = ("requests", "input_file_id", "display_name", "completion_window", "endpoint")


@dataclass(frozen=True, slots=True)
class GeminiBatches:
    """The wire. ``chat`` writes the calls that are given as chats, and reads the answers."""

    chat: Gemini = field(default_factory=Gemini)

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call; of results, the request for the operation."""
        ledger = Ledger(call)
        return chosen(ledger, call, _BUILD)(self, ledger, call, to)  # type: ignore[no-any-return]

    def steps(self, call: ResourceCall, to: Endpoint) -> Steps:
        """One request; for results that are in a file, the file too."""
        response = yield Step(self.build(call, to))
        if call.action == "content":
            file = _output(object_in(call, response, "name")).get("responsesFile")
            if isinstance(file, str):
                content = yield Step(downloaded(Ledger(call), to, file))
                return BatchResults(data=[self._result(call, o) for o in lines(call, content)])
        return self.parse(call, response)

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read an operation, a page of them, or the results that one has in itself."""
        if call.action in ("delete", "cancel"):
            object_in(call, response)
            name = call.target or ""
            gone = call.action == "delete"
            return BatchDeleted(id=name) if gone else Batch(id=name, status="cancelling")
        if call.action == "list":
            data = object_in(call, response)
            batches = [_known(operation) for operation in items(data.get("operations"))]
            return built(BatchList, page(data, "operations", batches))
        data = object_in(call, response, "name")
        return self._results(call, data) if call.action == "content" else built(Batch, _known(data))

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)

    def _results(self, call: ResourceCall, data: dict[str, Any]) -> BatchResults:
        inlined = _output(data).get("inlinedResponses")
        if not isinstance(inlined, Mapping):
            raise Ledger(call).invalid(
                f"batch {data['name']} has no results: its status is {_known(data)['status']!r}"
            )
        found = items(inlined.get("inlinedResponses"))
        return BatchResults(data=[self._result(call, one) for one in found])

    def _result(self, call: Call, one: dict[str, Any]) -> BatchResult:
        labels = one.get("metadata")
        labels = labels if isinstance(labels, Mapping) else {}
        told = {k: v for k, v in one.items() if k not in ("response", "error")}
        answer, error = one.get("response"), one.get("error")
        name = str(labels.get("key") or labels.get("custom_id") or one.get("key") or "")
        if not isinstance(answer, dict):
            return built(
                BatchResult, {**told, "custom_id": name, "status": "errored", "error": error}
            )
        chat = ChatCall(call.id, call.provider, call.model, ())
        response = self.chat.parse(chat, HTTPResponse(200, body=dump(answer)))
        return built(BatchResult, {**told, "custom_id": name, "response": response})


def _output(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where the answers are: of an operation that is done, or of its batch."""
    metadata = data.get("metadata")
    places = (
        data.get("response"),
        metadata.get("output") if isinstance(metadata, Mapping) else None,
    )
    return next((place for place in places if isinstance(place, Mapping)), {})


def _known(data: dict[str, Any]) -> dict[str, Any]:
    """A batch in OpenAI's words, beside the provider's own."""
    metadata = data.get("metadata")
    batch = metadata if isinstance(metadata, dict) else data
    stats = batch.get("batchStats")
    state = str(batch.get("state"))
    return {
        "id": data.get("name") or batch.get("name") or "",
        "endpoint": "generateContent",
        "model": str(batch.get("model") or "").removeprefix("models/") or None,
        "status": _STATUS.get(state, state),
        "output_file_id": _output(data).get("responsesFile"),
        "created_at": unix(batch.get("createTime")),
        "completed_at": unix(batch.get("endTime")),
        "request_counts": _counts(stats if isinstance(stats, Mapping) else {}),
        "display_name": batch.get("displayName"),
        "errors": data.get("error"),
        "provider_fields": data,
    }


def _counts(stats: Mapping[str, Any]) -> dict[str, int]:
    """Numbers of 64 bits are texts there."""
    told = {_COUNTS[name]: whole(n) for name, n in stats.items() if name in _COUNTS}
    return {name: n for name, n in told.items() if n is not None}


def _create(wire: GeminiBatches, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    given = named(ledger, {name: name for name in _CREATE})
    if (file := given.get("input_file_id")) is not None:
        config: dict[str, Any] = {"fileName": file}
        model = call.model
    else:
        chats = asked_for(ledger, given.get("requests"))
        model = call.model or next((one.chat.model for one in chats if one.chat), "")
        config = {"requests": {"requests": [_request(wire, ledger, one, model) for one in chats]}}
    batch = {"displayName": given.get("display_name") or call.id, "inputConfig": config}
    path = f"{model_path(ledger, model)}:batchGenerateContent"
    return posted(ledger, to, path, {"batch": batch})


def _request(wire: GeminiBatches, ledger: Ledger, one: Asked, model: str) -> dict[str, Any]:
    metadata = {"key": one.custom_id}
    if one.chat is None:
        return {"request": one.native, "metadata": metadata}
    if one.chat.model != model:
        raise ledger.invalid("all calls of a batch are for one model there")
    made = wire.chat.build(one.chat, Endpoint(""))
    ledger.adjustments += made.adjustments
    name = model_path(ledger, model)[1:]
    return {"request": {"model": name, **written(made)}, "metadata": metadata}


def _list(wire: GeminiBatches, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    return asked(ledger, to, "/batches", named(ledger, LISTING))


def _one(wire: GeminiBatches, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    named(ledger, {})
    path = resource(ledger, "batches", call.target)
    if call.action == "cancel":
        return asked(ledger, to, f"{path}:cancel", method="POST")
    return asked(ledger, to, path, method="DELETE" if call.action == "delete" else "GET")


_BUILD = {
    "create": _create,
    "list": _list,
    "retrieve": _one,
    "cancel": _one,
    "content": _one,
    "delete": _one,
}
