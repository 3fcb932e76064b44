"""Fronts: the formats that chat is asked in. One pure module for each, to and from the one internal form: chat's.

The internal form is what a ``ChatCall`` has (messages, params), ``ChatCompletion`` and ``ChatCompletionChunk``. No
front knows another one, and none knows who will answer. No socket, no clock, no provider's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .._call import Adjustment
    from ..errors import APIError
    from ..types.chat import ChatCompletion, ChatCompletionChunk
    from ..types.usage import Usage

__all__ = ["Asked", "Events", "Front"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in the internal form.

    ``native``: fields that only the front's own API knows. Whoever makes the call sends them as ``extra_body``
    where that API answers, and refuses (or lists) them elsewhere. ``kept``: what an answer in this format
    repeats of its request. ``adjustments``: what was asked for, means nothing here, and is not sent.
    """

    model: str
    messages: list[Any]
    params: dict[str, Any]
    stream: bool = False
    native: Mapping[str, Any] = field(default_factory=dict)
    adjustments: tuple[Adjustment, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict)


class Events(Protocol):
    """A stream of chunks, told as the front's events, in its order."""

    @property
    def usage(self) -> Usage | None:
        """What was used so far, in chat's terms."""

    def add(self, chunk: ChatCompletionChunk) -> Iterator[dict[str, Any]]:
        """Take the next chunk; yield the events that it makes."""

    def finish(self) -> Iterator[dict[str, Any]]:
        """The chunks have ended; yield the events that end the stream."""

    def result(self) -> dict[str, Any]:
        """The whole answer, as far as it has come."""


class Front(Protocol):
    """What each front's module offers."""

    def read(self, body: Mapping[str, Any]) -> Asked:
        """A request's body in the internal form. Raises ``InvalidRequestError``."""

    def write(self, completion: ChatCompletion, asked: Asked | None = None) -> dict[str, Any]:
        """A whole answer in the front's format."""

    def events(self, asked: Asked | None = None) -> Events:
        """A teller of one stream."""

    def error(self, failure: APIError) -> tuple[int, dict[str, Any]]:
        """A failure as its status and body."""

    def frame(self, event: Mapping[str, Any]) -> bytes:
        """An event as it is sent."""
