"""Wires: one HTTP dialect each, written and read purely. No socket, no clock, no environment, no provider's name.

A wire is a stateless frozen dataclass whose fields are the dialect's few knobs. It is tested with literals, and used
unchanged by both drivers, dry run, recorder and simulator.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .._call import ChatCall
    from .._http import Endpoint, HTTPRequest, HTTPResponse
    from ..errors import APIError
    from ..types.chat import ChatCompletion, ChatCompletionChunk

__all__ = ["ChatDecoder", "ChatWire"]


class ChatDecoder(Protocol):
    """A stream's bytes to chunks in OpenAI's form. Raises only errors of ``llmkit.errors``."""

    done: bool
    """Whether the terminal event has come: nothing that follows matters."""

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take bytes, cut anywhere; yield the chunks they complete."""

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended; yield what remains, or raise if the end came too early."""


class ChatWire(Protocol):
    """How a chat call is written and its answer read."""

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer below 400. Raises an ``APIError``: also for an error inside a 200."""

    def decoder(self, call: ChatCall) -> ChatDecoder:
        """A decoder for one stream."""

    def reads_url(self, url: str) -> bool:
        """Whether the provider fetches an http(s) address in a message by itself."""

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an answer of 400 and above."""
