"""Batches that are made empty and then filled, as xAI has them: the answers come in pages.

Sources, read 2026-11-22: recorded traffic, https://docs.x.ai/docs/guides/batch-api (its beginning), and for cancelling
and pages https://batchwork.dev/providers/xai. Each call names its API:
``chat_get_completion``, or ``responses`` and others where it is given as the provider writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from ._times import unix
from .openai_chat import OpenAIChat
from .openai_chat._decode import parse_body

__all__ = ["BAGS", "BatchBags"]

_PATH, _CHAT = "/batches", "chat_get_completion"
_MOST, _PAGES = 100, 1000
_LISTING = {"limit": "limit", "after": "pagination_token"}


@dataclass(frozen=True, slots=True)
class BatchBags:
    """The wire. ``chat`` writes the calls that are given as chats."""

    chat: OpenAIChat = field(default_factory=OpenAIChat)

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call's first request."""
        ledger = Ledger(call)
        return chosen(ledger, call, _BUILD)(ledger, call, to)  # type: ignore[no-any-return]

    def steps(self, call: ResourceCall, to: Endpoint) -> Steps:
        """One request; three to make a batch, fill it and see it; as many as there are pages of results."""
        ledger = Ledger(call)
        filling = self._filling(ledger, call) if call.action == "create" else None
        response = yield Step(self.build(call, to))
        if call.action == "content":
            return (yield from self._pages(call, to, response))
        if filling is not None:
            path = _path(ledger, object_of(call, response, "batch_id")["batch_id"])
            yield Step(posted(ledger, to, f"{path}/requests", {"batch_requests": filling}))
            response = yield Step(asked(ledger, to, path))
        return self.parse(call, response)

    def _filling(self, ledger: Ledger, call: ResourceCall) -> list[dict[str, Any]]:
        calls = asked_for(ledger, call.params.get("requests"))
        return [
            {"batch_request_id": one.custom_id, "batch_request": self._request(ledger, one)}
            for one in calls
        ]

    def _request(self, ledger: Ledger, one: Asked) -> Mapping[str, Any]:
        if one.chat is None:
            return one.native or {}
        made = self.chat.build(one.chat, Endpoint(""))
        ledger.adjustments += made.adjustments
        return {_CHAT: written(made)}

    def _pages(self, call: ResourceCall, to: Endpoint, response: HTTPResponse) -> Steps:
        data = object_of(call, response, "results")
        found = items(data["results"])
        path = f"{_path(Ledger(call), call.target)}/results"
        for _ in range(_PAGES):
            if not data.get("pagination_token"):
                break
            query = {"limit": _MOST, "pagination_token": data["pagination_token"]}
            response = yield Step(asked(Ledger(call), to, path, query))
            data = object_of(call, response, "results")
            found += items(data["results"])
        return BatchResults(data=[_result(call, one) for one in found])

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read a batch, a page of batches, or a page of results."""
        if call.action == "content":
            data = object_of(call, response, "results")
            return BatchResults(data=[_result(call, one) for one in items(data["results"])])
        if call.action == "list":
            data = object_of(call, response, "batches")
            token = data.get("pagination_token") or None
            batches = [_known(batch) for batch in items(data["batches"])]
            return built(
                BatchList, {"data": batches, "next_cursor": token, "has_more": bool(token)}
            )
        return built(Batch, _known(object_of(call, response, "batch_id")))

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return api_error(call, response)


def _known(batch: dict[str, Any]) -> dict[str, Any]:
    """A batch in OpenAI's words, beside the provider's own."""
    told = batch.get("state")
    state: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    pending, total = state.get("num_pending"), state.get("num_requests")
    done = total and not pending
    status = "completed" if done else "in_progress" if total else "validating"
    return batch | {
        "id": batch.get("batch_id"),
        "object": "batch",
        "status": "cancelled" if batch.get("cancel_time") else status,
        "created_at": unix(batch.get("create_time")),
        "expires_at": unix(batch.get("expire_time")),
        "cancelling_at": unix(batch.get("cancel_time")),
        "request_counts": {
            "total": total,
            "completed": state.get("num_success"),
            "failed": state.get("num_error"),
            "processing": pending,
            "canceled": state.get("num_cancelled"),
        },
    }


def _result(call: Call, one: dict[str, Any]) -> BatchResult:
    told = one.get("batch_result")
    told = told if isinstance(told, dict) else {}
    answers = told.get("response")
    answer = answers.get(_CHAT) if isinstance(answers, dict) else None
    made = parse_body(call, HTTPResponse(200), answer) if isinstance(answer, dict) else answers
    rest = {k: v for k, v in one.items() if k != "batch_result"}
    return built(
        BatchResult,
        {
            **rest,
            "custom_id": str(one.get("batch_request_id") or ""),
            "status": "succeeded" if made is not None else "errored",
            "response": made,
            "error": told.get("error"),
        },
    )


def _path(ledger: Ledger, name: str | None) -> str:
    return f"{_PATH}/{segment(ledger, 'batch_id', name)}"


def _create(ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    names = ("requests", "display_name", "completion_window", "endpoint")
    given = named(ledger, {name: name for name in names})
    asked_for(ledger, given.get("requests"))
    return posted(ledger, to, _PATH, {"name": given.get("display_name") or call.id})


def _list(ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    return asked(ledger, to, _PATH, named(ledger, _LISTING))


def _one(ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    named(ledger, {})
    path = _path(ledger, call.target)
    if call.action == "cancel":
        return asked(ledger, to, f"{path}:cancel", method="POST")
    if call.action == "content":
        return asked(ledger, to, f"{path}/results", {"limit": _MOST})
    return asked(ledger, to, path)


_BUILD = {"create": _create, "list": _list, "retrieve": _one, "cancel": _one, "content": _one}


BAGS = BatchBags()
