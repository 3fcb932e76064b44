"""Parrot's dialect: OpenAI's chat in an envelope. ``{"model", "request"}`` goes out, ``{"result"}`` comes back.

A wire is pure: values in, values out. It knows no socket, no clock and no environment, and keeps nothing between calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from llmkit.plugins import (
    APIError,
    ChatCall,
    ChatCompletion,
    ChatCompletionChunk,
    ChatDecoder,
    Endpoint,
    HTTPRequest,
    HTTPResponse,
    OpenAIChat,
)

__all__ = ["Enveloped"]

# What Parrot does not take is refused before anything is sent, or left out and listed with ``drop_params``.
_INNER = OpenAIChat(
    refused=frozenset({"logit_bias", "store", "input_audio", "developer"}),
    renamed={"max_completion_tokens": "max_tokens"},
    path="/generate",
    history=(),
)


@dataclass(frozen=True, slots=True)
class Enveloped:
    """The wire. What is OpenAI's is left to OpenAI's wire; only the envelope is done here."""

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call."""
        request = _INNER.build(replace(call, extra_body={}), to)
        body = json.loads(_bytes(request))
        # The caller's own fields go where the caller can see the whole body: beside the envelope's.
        wrapped = {"model": body.pop("model"), "request": body, **call.extra_body}
        return replace(request, body=json.dumps(wrapped, ensure_ascii=False).encode())

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer. What has no envelope is left as it is: the inner wire says what is wrong with it."""
        return _INNER.parse(call, replace(response, body=_opened(response.body)))

    def decoder(self, call: ChatCall) -> ChatDecoder:
        """A decoder for one stream."""
        return _Decoder(_INNER.decoder(call))

    def reads_url(self, url: str) -> bool:
        """Whether the host fetches addresses of pictures by itself."""
        return False

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error: its body has no envelope."""
        return _INNER.error(call, response)


class _Decoder:
    """Takes the envelope off each event. Bytes come cut anywhere, so lines are gathered first."""

    def __init__(self, inner: ChatDecoder) -> None:
        self._inner = inner
        self._line: list[bytes] = []
        self.done = False

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take the next bytes; yield the chunks that they complete."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            whole = b"".join([*self._line, line])
            self._line.clear()
            yield from self._inner.feed(_unwrapped(whole) + b"\n")
            self.done = self._inner.done
        if rest:
            self._line.append(rest)

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended."""
        yield from self._inner.feed(_unwrapped(b"".join(self._line)))
        yield from self._inner.finish()
        self.done = True


def _bytes(request: HTTPRequest) -> bytes:
    body = request.body
    if not isinstance(body, bytes):
        raise TypeError("a chat is never streamed out")
    return body


def _unwrapped(line: bytes) -> bytes:
    head, colon, said = line.partition(b":")
    return head + colon + _opened(said) if head == b"data" else line


def _opened(raw: bytes) -> bytes:
    """What is in the envelope, if there is one."""
    try:
        said: Any = json.loads(raw)
    except ValueError:
        return raw
    if isinstance(said, Mapping) and "result" in said:
        return json.dumps(said["result"]).encode()
    return raw
