"""Answers, whole and in events: OpenAI's form, with errors in the service's own. A stream ends with its usage.

What the service adds (``model_version``, ``created_at``, warnings in ``system``) is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event
from ...errors import APIError
from ...types.chat import ChatCompletion, ChatCompletionChunk
from .._errors import unreadable
from ..openai_chat import OpenAIChatDecoder
from ..openai_chat._decode import parse_body
from ._errors import is_error, stream_error

__all__ = ["WatsonxDecoder", "parse"]


def parse(call: ChatCall, response: HTTPResponse) -> ChatCompletion:
    """Read an answer below 300. An error inside a 200 is raised as what it says it is."""
    try:
        data = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None
    if is_error(data):
        raise stream_error(call, response, data)
    return parse_body(call, response, data)


class WatsonxDecoder(OpenAIChatDecoder):
    """Feed it bytes, cut anywhere; it yields chunks. ``done`` once the bytes have ended."""

    @override
    def _at_once(self, event: Event) -> ChatCompletionChunk | None:
        """Its errors are told by more than OpenAI's."""
        return None if b'"errors"' in event.data else super()._at_once(event)

    @override
    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended; a plain body instead of events may be an error."""
        if (plain := self._plain.response) is not None:
            parse(self._call, plain)
        yield from super().finish()

    @override
    def _chunk(self, event: Event, data: dict[str, Any]) -> ChatCompletionChunk | None:
        if is_error(data):
            raise self._broken(data)
        return super()._chunk(event, data)

    @override
    def _broken(self, body: Any) -> APIError:
        if (
            isinstance(body, dict)
            and isinstance(body.get("error"), dict)
            and is_error(body["error"])
        ):
            # An event named as an error holds one.
            body = body["error"]
        return stream_error(self._call, HTTPResponse(200), body)
