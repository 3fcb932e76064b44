"""OpenAI's batches: a file of calls in, files of answers out.

Source: the types of openai 3.54.0, read 2026-11-22. An answer's line has ``custom_id``, ``response`` (``status_code``,
``request_id``, ``body``) and ``error``; failed calls are in a file of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..._call import Call
from ..._calls import ResourceCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ..._json import NotJSON, load
from ...errors import APIError
from ...types.answer import Answer
from ...types.batch import Batch, BatchList, BatchResult, BatchResults
from .. import Step, Steps
from .._actions import chosen, named, no_requests
from .._errors import api_error, unreadable
from .._objects import asked, built, items, object_of, posted, segment
from .._params import Ledger
from ..openai_chat._decode import parse_body

__all__ = ["BATCHES", "OpenAIBatches", "lines", "result"]

_CREATE = {
    "input_file_id": "input_file_id",
    "endpoint": "endpoint",
    "completion_window": "completion_window",
    "metadata": "metadata",
    "output_expires_after": "output_expires_after",
}
_FIRST_ERROR = 300


@dataclass(frozen=True, slots=True)
class OpenAIBatches:
    """The wire."""

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call; of results, the request for the batch that names their files."""
        ledger = Ledger(call)
        return chosen(ledger, call, _BUILD)(ledger, call, to)  # type: ignore[no-any-return]

    def steps(self, call: ResourceCall, to: Endpoint) -> Steps:
        """One request; for results, the batch first and then its one or two files."""
        response = yield Step(self.build(call, to))
        if call.action != "content":
            return self.parse(call, response)
        batch = object_of(call, response, "id")
        found: list[BatchResult] = []
        for name in _result_files(call, batch):
            path = f"/files/{segment(Ledger(call), 'file_id', name)}/content"
            content = yield Step(asked(Ledger(call), to, path, accept="*/*"))
            found += (result(call, line) for line in lines(call, content))
        return BatchResults(data=found)

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read a batch, a page of batches, or a file of results."""
        if call.action == "content":
            return BatchResults(data=[result(call, line) for line in lines(call, response)])
        if call.action == "list":
            return _page(object_of(call, response, "data"))
        return built(Batch, object_of(call, response, "id"))

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return api_error(call, response)


def _result_files(call: ResourceCall, batch: dict[str, Any]) -> list[str]:
    files = [batch.get("output_file_id"), batch.get("error_file_id")]
    names = [name for name in files if isinstance(name, str)]
    if not names:
        raise Ledger(call).invalid(
            f"batch {batch['id']} has no results: its status is {batch.get('status')!r}"
        )
    return names


def lines(call: Call, response: HTTPResponse) -> list[dict[str, Any]]:
    """The objects of a JSONL file. Raises ``APIResponseValidationError`` where it is none."""
    try:
        found = [load(line) for line in response.body.split(b"\n") if line.strip()]
    except NotJSON:
        raise unreadable(call, response, "a line of the results is not JSON") from None
    if any(not isinstance(line, dict) for line in found):
        raise unreadable(call, response, "a line of the results is no object")
    return found


def result(call: Call, line: dict[str, Any]) -> BatchResult:
    """One line of a file of results."""
    answer = line.get("response")
    answer = answer if isinstance(answer, dict) else {}
    code, body = answer.get("status_code"), answer.get("body")
    failed = line.get("error") or (isinstance(code, int) and code >= _FIRST_ERROR)
    told = {name: line[name] for name in line if name not in ("response", "error")}
    if failed:
        error = line.get("error") or (body.get("error") if isinstance(body, dict) else None) or body
        return built(
            BatchResult, {**told, "status": _failure(error), "status_code": code, "error": error}
        )
    made = _completion(call, body)
    return built(
        BatchResult, {**told, "status": "succeeded", "status_code": code, "response": made}
    )


def _failure(error: Any) -> str:
    code = error.get("code") if isinstance(error, dict) else None
    return {"batch_expired": "expired", "batch_cancelled": "canceled"}.get(str(code), "errored")


def _completion(call: Call, body: Any) -> Any:
    """A chat's answer as such; that of an embedding and the like as it is."""
    if isinstance(body, dict) and body.get("object") == "chat.completion":
        return parse_body(call, HTTPResponse(200), body)
    return body


def _page(data: dict[str, Any]) -> BatchList:
    batches = data["data"] = items(data["data"])
    more = data["has_more"] = bool(data.get("has_more"))
    last = data.get("last_id") or (batches[-1].get("id") if batches else None)
    data["next_cursor"] = last if more else None
    return built(BatchList, data)


def _create(ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    no_requests(ledger, call)
    body = named(ledger, _CREATE)
    for name in ("input_file_id", "endpoint"):
        if name not in body:
            raise ledger.invalid(f"{name} is missing")
    body.setdefault("completion_window", "24h")
    return posted(ledger, to, "/batches", body)


def _list(ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    return asked(ledger, to, "/batches", named(ledger, {"limit": "limit", "after": "after"}))


def _one(ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    named(ledger, {})
    path = f"/batches/{segment(ledger, 'batch_id', call.target)}"
    if call.action == "cancel":
        return asked(ledger, to, f"{path}/cancel", method="POST")
    return asked(ledger, to, path)


_BUILD = {"create": _create, "list": _list, "retrieve": _one, "cancel": _one, "content": _one}


BATCHES = OpenAIBatches()
