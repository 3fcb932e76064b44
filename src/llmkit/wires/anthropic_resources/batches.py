"""Anthropic's batches of messages: the calls go in the request itself, the results come as lines of JSON.

Source: the types and resources of anthropic 2.12.0, read 2026-11-22. A call may be given as a chat; it is then written
as a chat to that model would be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._call import Call, ChatCall
from ..._calls import ResourceCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ..._json import dump
from ...errors import APIError
from ...types.answer import Answer
from ...types.batch import Batch, BatchDeleted, BatchList, BatchResult, BatchResults
from .._actions import chosen, named
from .._batched import Asked, asked_for
from .._objects import built, items, object_of, posted, written
from .._params import Ledger
from .._times import unix
from ..anthropic_messages import AnthropicMessages
from ..anthropic_messages._errors import error
from ..openai_resources.batches import lines
from ._where import BETA, cursor, get, one, rooted

__all__ = ["AnthropicBatches", "ResultsDecoder"]

_PATH = "/messages/batches"
_STATUS = {"in_progress": "in_progress", "canceling": "cancelling", "ended": "completed"}
_COUNTS = {"succeeded": "completed", "errored": "failed"}


@dataclass(frozen=True, slots=True)
class AnthropicBatches:
    """The wire. ``chat`` writes the calls that are given as chats, and reads the answers."""

    chat: AnthropicMessages = field(default_factory=AnthropicMessages)

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call."""
        ledger = Ledger(call)
        return chosen(ledger, call, _BUILD)(self, ledger, call, to)  # type: ignore[no-any-return]

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read a batch, a page of batches, or results."""
        if call.action == "content":
            return BatchResults(data=[self.result(call, line) for line in lines(call, response)])
        if call.action == "list":
            data = object_of(call, response, "data")
            data["data"] = [_known(batch) for batch in items(data["data"])]
            return built(BatchList, {**cursor(data), "object": "list"})
        data = object_of(call, response, "id")
        return built(BatchDeleted, data) if call.action == "delete" else built(Batch, _known(data))

    def decoder(self, call: ResourceCall) -> ResultsDecoder:
        """A decoder for results as they come: there may be more than one wants to hold."""
        return ResultsDecoder(self, call)

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return error(call, response)

    def result(self, call: Call, line: dict[str, Any]) -> BatchResult:
        """One line of results."""
        told = line.get("result")
        told = told if isinstance(told, dict) else {}
        message = told.get("message")
        chat = ChatCall(call.id, call.provider, call.model, [])
        made = isinstance(message, dict)
        response = self.chat.parse(chat, HTTPResponse(200, body=dump(message))) if made else None
        failure = told.get("error")
        inner = failure.get("error") if isinstance(failure, dict) else None
        return built(
            BatchResult,
            {
                **{name: value for name, value in line.items() if name != "result"},
                "status": told.get("type") or "errored",
                "response": response,
                "error": inner or failure,
            },
        )


class ResultsDecoder:
    """Lines of results, cut anywhere, to results."""

    def __init__(self, wire: AnthropicBatches, call: ResourceCall) -> None:
        self._wire, self._call = wire, call
        self._rest: list[bytes] = []
        self._all: list[BatchResult] = []
        self.done = False

    def feed(self, data: bytes) -> Iterator[BatchResult]:
        """Take the next bytes; yield the results that they complete."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            yield from self._line(b"".join([*self._rest, line]))
            self._rest = []
        if rest:
            self._rest.append(rest)

    def finish(self) -> Iterator[BatchResult]:
        """The bytes have ended."""
        yield from self._line(b"".join(self._rest))
        self._rest = []
        self.done = True

    def result(self) -> BatchResults:
        """All results that have come."""
        return BatchResults(data=self._all)

    def _line(self, line: bytes) -> Iterator[BatchResult]:
        for read in lines(self._call, HTTPResponse(200, body=line)):
            self._all.append(self._wire.result(self._call, read))
            yield self._all[-1]


def _known(batch: dict[str, Any]) -> dict[str, Any]:
    """A batch in OpenAI's words, beside the provider's own."""
    times = {name: unix(batch.get(name)) for name in ("created_at", "expires_at")}
    cancelled = unix(batch.get("cancel_initiated_at"))
    counts = batch.get("request_counts")
    state = str(batch.get("processing_status"))
    return {
        **batch,
        **times,
        "object": "batch",
        "endpoint": "/v1/messages",
        "completion_window": "24h",
        "status": _STATUS.get(state, state),
        "completed_at": unix(batch.get("ended_at")),
        "cancelling_at": cancelled,
        "request_counts": _counts(counts) if isinstance(counts, dict) else None,
    }


def _counts(counts: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: n for name, n in counts.items() if isinstance(n, int)}
    told = {_COUNTS.get(name, name): n for name, n in numbers.items()}
    return {**counts, "total": sum(numbers.values()), **told}


def _create(
    wire: AnthropicBatches, ledger: Ledger, call: ResourceCall, to: Endpoint
) -> HTTPRequest:
    given = named(ledger, {"requests": "requests", "completion_window": "completion_window"})
    given.pop("completion_window", None)  # there is one only, and it is OpenAI's: a day
    features: dict[str, None] = {}
    calls = [
        {"custom_id": asked.custom_id, "params": _params(wire, ledger, asked, features)}
        for asked in asked_for(ledger, given.get("requests"))
    ]
    made = posted(ledger, rooted(to), _PATH, {"requests": calls})
    made.lists = frozenset({BETA})
    return made.with_headers({BETA: ",".join(features)}) if features else made


def _params(
    wire: AnthropicBatches, ledger: Ledger, asked: Asked, features: dict[str, None]
) -> Mapping[str, Any]:
    if asked.chat is None:
        return asked.native or {}
    made = wire.chat.build(asked.chat, Endpoint(""))
    ledger.adjustments += made.adjustments
    features.update(dict.fromkeys(filter(None, made.headers.get(BETA, "").split(","))))
    return written(made)


def _list(wire: AnthropicBatches, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    return get(ledger, to, _PATH, named(ledger, {"limit": "limit", "after": "after_id"}))


def _one(wire: AnthropicBatches, ledger: Ledger, call: ResourceCall, to: Endpoint) -> HTTPRequest:
    named(ledger, {})
    path = f"{_PATH}/{one(ledger, 'batch_id', call.target)}"
    if call.action == "cancel":
        return get(ledger, to, f"{path}/cancel", method="POST")
    if call.action == "content":
        return get(ledger, to, f"{path}/results", accept="*/*")
    return get(ledger, to, path, method="DELETE" if call.action == "delete" else "GET")


_BUILD = {
    "create": _create,
    "list": _list,
    "retrieve": _one,
    "cancel": _one,
    "content": _one,
    "delete": _one,
}
