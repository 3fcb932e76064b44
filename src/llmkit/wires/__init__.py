"""Wires: one HTTP dialect each, written and read purely. No socket, no clock, no environment, no provider's name.

A wire is a stateless frozen dataclass whose fields are the dialect's few knobs. It is tested with literals, and used
unchanged by both drivers, dry run, recorder and simulator.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from .._call import Call, ChatCall
    from .._http import Endpoint, HTTPRequest, HTTPResponse
    from ..errors import APIError
    from ..types.answer import Answer
    from ..types.chat import ChatCompletion, ChatCompletionChunk

__all__ = ["ChatDecoder", "ChatWire", "EventDecoder", "Step", "Steps", "Wire"]

C_contra = TypeVar("C_contra", bound="Call", contravariant=True)
A_co = TypeVar("A_co", bound="Answer", covariant=True)


class Wire(Protocol[C_contra, A_co]):
    """How one kind of call is written and its answer read.

    A wire that streams has a ``decoder(call)`` too, an ``EventDecoder``. One whose call takes several requests has
    ``steps(call, to)``, see ``Steps``; its ``build`` writes the first of them.
    """

    def build(self, call: C_contra, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""

    def parse(self, call: C_contra, response: HTTPResponse) -> A_co:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""

    def error(self, call: C_contra, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""


@dataclass(slots=True)
class Step:
    """One request of several. ``wait``: seconds to let pass before it. ``stream``: its answer is the stream.

    ``repeatable``: whether it is sent again where nobody can say whether it arrived; a second one of what makes
    something (a job, a file) would make another. By default, a POST of a call that makes what stays is not.
    """

    request: HTTPRequest
    wait: float = 0.0
    stream: bool = False
    repeatable: bool | None = None


Steps = Generator[Step, "HTTPResponse", Any]
"""A call of several requests: yields each, is sent each one's answer below 300, returns the whole answer.

Each is repeated by itself where it fails; an answer of 300 and above is raised by way of the wire's ``error``.
"""


class EventDecoder(Protocol):
    """A stream's bytes to the events of one kind of call. Raises only errors of ``llmkit.errors``."""

    done: bool
    """Whether the terminal event has come: nothing that follows matters."""

    def feed(self, data: bytes) -> Iterator[Any]:
        """Take bytes, cut anywhere; yield the events they complete."""

    def finish(self) -> Iterator[Any]:
        """The bytes have ended; yield what remains, or raise if the end came too early."""

    def result(self) -> Answer:
        """The whole answer, as far as it has come."""


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
