"""OpenAI's chat completions as a front: the internal form is this one, so there is little to do but to look.

Source: https://platform.openai.com/docs/api-reference/chat, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._fold import Fold
from ..errors import APIError
from ..types.chat import ChatCompletion, ChatCompletionChunk
from ..types.params import ModelParams
from ..types.usage import Usage
from . import Asked
from ._checks import invalid, listed, mapping, status_of, text
from ._sse import bare

__all__ = ["DONE", "ChatEvents", "error", "events", "frame", "read", "write"]

DONE = b"data: [DONE]\n\n"
"""What ends a stream, after its last event."""

_OTHERS = frozenset({"model", "messages", "stream"})
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_REFUSED = 500


def read(body: Mapping[str, Any]) -> Asked:
    """A request's body in the internal form. Unknown fields are ``native``: some host may know them."""
    given = body if type(body) is dict else mapping(body, "the request")
    said = given.get("messages")
    messages = [*said] if type(said) is list else listed(said, "messages")
    if not messages:
        raise invalid("messages must have at least one message", "messages")
    for i, message in enumerate(messages):
        if type(message) is dict and type(message.get("role")) is str:
            continue
        text(mapping(message, f"messages[{i}]").get("role"), f"messages[{i}].role")
    known = ModelParams.__annotations__
    params: dict[str, Any] = {}
    native: dict[str, Any] = {}
    for name, value in given.items():
        # null stands for a field that is left out.
        if name not in _OTHERS and value is not None:
            (params if name in known else native)[name] = value
    model = given.get("model")
    model = model if type(model) is str else text(model, "model")
    return Asked(model, messages, params, bool(given.get("stream")), native)


def write(completion: ChatCompletion, asked: Asked | None = None) -> dict[str, Any]:
    """A whole answer."""
    made = completion.model_dump(exclude_unset=True)
    return {"object": "chat.completion", **made}


class ChatEvents:
    """A stream's chunks. The chunk that only tells the usage is for those who asked for it."""

    def __init__(self, asked: Asked | None = None) -> None:
        options = {} if asked is None else asked.params.get("stream_options") or {}
        self._usage = bool(options.get("include_usage"))
        self._fold = Fold()

    def add(self, chunk: ChatCompletionChunk) -> Iterator[dict[str, Any]]:
        """Take the next chunk."""
        self._fold.add(chunk)
        if chunk.choices or self._usage:
            yield {"object": "chat.completion.chunk", **chunk.model_dump(exclude_unset=True)}

    def finish(self) -> Iterator[dict[str, Any]]:
        """The chunks have ended; ``DONE`` is all that follows."""
        yield from ()

    @property
    def usage(self) -> Usage | None:
        """What was used so far, in chat's terms."""
        return self._fold.usage

    def result(self) -> dict[str, Any]:
        """The whole answer, as far as it has come."""
        return write(self._fold.result())


def events(asked: Asked | None = None) -> ChatEvents:
    """A teller of one stream."""
    return ChatEvents(asked)


def error(failure: APIError) -> tuple[int, dict[str, Any]]:
    """A failure as its status and body."""
    status = status_of(failure)
    default = "server_error" if status >= _REFUSED else "invalid_request_error"
    told = {"message": failure.message, "type": failure.type or _TYPES.get(status, default)}
    return status, {"error": told | {"param": failure.param, "code": failure.code}}


def frame(event: Mapping[str, Any]) -> bytes:
    """An event as it is sent."""
    return bare(event)
