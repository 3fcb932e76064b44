"""``mock_response=``: an answer without a provider, in the form that a real one would have.

A text becomes the answer's text, a mapping is taken as the answer, an exception is raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._call import Call, ChatCall
from .._flow import Deadlines, Flow, Opened
from .._http import HTTPRequest, HTTPResponse
from ..errors import InvalidRequestError
from ..types._model import lenient
from ..types.answer import Answer
from ..types.chat import ChatCompletion, ChatCompletionChunk

__all__ = ["mocked", "mocking"]

_PIECE = 8


def mocked(call: Call, given: Any) -> Answer | Opened:
    """Make the answer, or raise it."""
    if isinstance(given, BaseException):
        raise given
    if isinstance(given, type) and issubclass(given, BaseException):
        raise given("mock_response")
    if not isinstance(call, ChatCall):
        return _other(call, given)
    completion = _completion(call, given)
    return _opened(completion) if call.stream else completion


def mocking(account: Any, leg: Any, request: HTTPRequest, given: Any) -> Flow[Answer | Opened]:
    """The same as a flow, noted on the account of the call."""
    account.leaving(leg, request.adjustments)
    made = mocked(leg.call, given)
    account.mocked = account.info.mocked = True
    return made
    yield  # a flow, as those that ask somebody are


def _other(call: Call, given: Any) -> Answer:
    if isinstance(given, Answer) and not call.stream:
        return given.model_copy(deep=True)
    raise InvalidRequestError(
        "mock_response must be an exception or the answer itself here, and cannot be streamed"
    )


def _completion(call: ChatCall, given: Any) -> ChatCompletion:
    if isinstance(given, ChatCompletion):
        return given.model_copy(deep=True)
    if isinstance(given, str):
        choice = {"index": 0, "message": {"content": given}, "finish_reason": "stop"}
        return lenient(ChatCompletion, {"id": call.id, "model": call.model, "choices": [choice]})
    if isinstance(given, Mapping):
        return lenient(ChatCompletion, {"id": call.id, "model": call.model, **given})
    kind = type(given).__name__
    raise InvalidRequestError(
        f"mock_response must be a text, a mapping, a ChatCompletion or an exception, not {kind}"
    )


class _Ended:
    """The decoder of a stream whose chunks are all there."""

    done = True

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Nothing comes."""
        yield from ()

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """Nothing is left."""
        yield from ()


def _opened(completion: ChatCompletion) -> Opened:
    chunks = list(_chunks(completion))
    return Opened(HTTPResponse(200), None, _Ended(), chunks, Deadlines(0, 0, 0, 0))


def _chunks(completion: ChatCompletion) -> Iterator[ChatCompletionChunk]:
    for choice in completion.choices:
        message = choice.message.to_dict()
        text = message.pop("content", None) or ""
        for position, call in enumerate(message.get("tool_calls") or ()):
            call["index"] = position
        yield _chunk(completion, choice.index, {"role": "assistant", **message})
        for start in range(0, len(text), _PIECE):
            yield _chunk(completion, choice.index, {"content": text[start : start + _PIECE]})
        yield _chunk(completion, choice.index, {}, choice.finish_reason or "stop")
    if completion.usage is not None:
        end = {"id": completion.id, "model": completion.model, "choices": []}
        yield lenient(ChatCompletionChunk, {**end, "usage": completion.usage.to_dict()})


def _chunk(
    completion: ChatCompletion, index: int, delta: dict[str, Any], finish: str | None = None
) -> ChatCompletionChunk:
    data = {
        "id": completion.id,
        "created": completion.created,
        "model": completion.model,
        "choices": [{"index": index, "delta": delta, "finish_reason": finish}],
    }
    return lenient(ChatCompletionChunk, data)
