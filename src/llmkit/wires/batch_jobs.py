"""Batches as jobs, as Mistral has them: the calls in the request or in files, the answers in the job or in a file.

Source: the OpenAPI document in github.com/mistralai/platform-docs-public, read 2026-11-22. The model is the job's, not
each call's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .._call import Call
from .._calls import ResourceCall
from .._http import Endpoint, HTTPRequest, HTTPResponse
from ..errors import APIError
from ..types.answer import Answer
from ..types.batch import Batch, BatchList, BatchResult, BatchResults
from . import Step, Steps
from ._actions import chosen, named
from ._batched import Asked, asked_for
from ._errors import api_error
from ._objects import asked, built, items, object_of, posted, segment, written
from ._params import Ledger
from .openai_chat import OpenAIChat
from .openai_resources.batches import lines, result

__all__ = ["JOBS", "BatchJobs"]

_PATH = "/batch/jobs"
_STATUS = {
    "QUEUED": "validating",
    "RUNNING": "in_progress",
    "SUCCESS": "completed",
    "FAILED": "failed",
    "TIMEOUT_EXCEEDED": "expired",
    "CANCELLATION_REQUESTED": "cancelling",
    "CANCELLED": "cancelled",
}
_CREATE = (
    "input_file_id",
    "endpoint",
    "completion_window",
    "metadata",
    "requests",
    "timeout_hours",
)
_WINDOW = "24h"


@dataclass(frozen=True, slots=True)
class BatchJobs:
    """The wire. ``chat`` writes the calls that are given as chats."""

    chat: OpenAIChat = field(default_factory=OpenAIChat)

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call; of results, the request for the job."""
        ledger = Ledger(call)
        return chosen(ledger, call, _BUILD)(self, ledger, call, to)  # type: ignore[no-any-return]

    def steps(self, call: ResourceCall, to: Endpoint) -> Steps:
        """One request; for results that are not in the job itself, its files too."""
        response = yield Step(self.build(call, to))
        if call.action != "content":
            return self.parse(call, response)
        job = object_of(call, response, "id")
        found = [result(call, line) for line in items(job.get("outputs"))]
        names = (
            [job.get("error_file")] if found else [job.get("output_file"), job.get("error_file")]
        )
        for name in filter(None, names):
            path = f"/files/{segment(Ledger(call), 'file_id', name)}/content"
            content = yield Step(asked(Ledger(call), to, path, accept="*/*"))
            found += (result(call, line) for line in lines(call, content))
        return self._results(call, job, found)

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read a job, a page of jobs, or the results that a job has in itself."""
        if call.action == "list":
            data = object_of(call, response, "data")
            return built(BatchList, data | {"data": [_known(job) for job in items(data["data"])]})
        job = object_of(call, response, "id")
        if call.action == "content":
            found = [result(call, line) for line in items(job.get("outputs"))]
            return self._results(call, job, found)
        return built(Batch, _known(job))

    def _results(
        self, call: ResourceCall, job: dict[str, Any], found: list[BatchResult]
    ) -> BatchResults:
        if not found:
            raise Ledger(call).invalid(
                f"batch {job['id']} has no results: its status is {job.get('status')!r}"
            )
        return BatchResults(data=found)

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return api_error(call, response)


def _known(job: dict[str, Any]) -> dict[str, Any]:
    """A job in OpenAI's words, beside the provider's own."""
    inputs, state = job.get("input_files"), str(job.get("status"))
    return job | {
        "status": _STATUS.get(state, state),
        "input_file_id": inputs[0] if isinstance(inputs, list) and inputs else None,
        "output_file_id": job.get("output_file"),
        "error_file_id": job.get("error_file"),
        "in_progress_at": job.get("started_at"),
        "request_counts": {
            "total": job.get("total_requests"),
            "completed": job.get("succeeded_requests"),
            "failed": job.get("failed_requests"),
        },
    }


def _create(wire: BatchJobs, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    given = named(ledger, {name: name for name in _CREATE})
    window = given.pop("completion_window", _WINDOW)
    if window != _WINDOW and "timeout_hours" not in given:
        raise ledger.invalid(f"completion_window is {window!r}; say it as timeout_hours")
    body: dict[str, Any] = {"endpoint": given.pop("endpoint", None) or "/v1/chat/completions"}
    if call.model:
        body["model"] = call.model
    if (file := given.pop("input_file_id", None)) is not None:
        body["input_files"] = [file]
    else:
        chats = asked_for(ledger, given.pop("requests", None))
        body["requests"] = [_request(wire, ledger, chat, body) for chat in chats]
    return posted(ledger, to, _PATH, body | given)


def _request(wire: BatchJobs, ledger: Ledger, one: Asked, job: dict[str, Any]) -> dict[str, Any]:
    if one.chat is None:
        return {"custom_id": one.custom_id, "body": one.native}
    made = wire.chat.build(one.chat, Endpoint(""))
    ledger.adjustments += made.adjustments
    body = written(made)
    if job.setdefault("model", body["model"]) != body.pop("model"):
        raise ledger.invalid("all calls of a batch are for one model there")
    return {"custom_id": one.custom_id, "body": body}


def _list(wire: BatchJobs, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    return asked(ledger, to, _PATH, named(ledger, {"limit": "page_size", "page": "page"}))


def _one(wire: BatchJobs, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    named(ledger, {})
    path = f"{_PATH}/{segment(ledger, 'batch_id', call.target)}"
    if call.action == "cancel":
        return asked(ledger, to, f"{path}/cancel", method="POST")
    return asked(ledger, to, path)


_BUILD = {"create": _create, "list": _list, "retrieve": _one, "cancel": _one, "content": _one}


JOBS = BatchJobs()
