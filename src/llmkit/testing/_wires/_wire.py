"""The interface that the simulator knows a wire by, and what a wire gives it to send. Pure: no sockets here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .._answer import Answer
from .._asked import Asked

__all__ = ["Reply", "Say", "Wire"]

Say = Callable[[Asked], Answer]
"""What decides the answer: `answer`, or a script."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer; *frames* (server-sent events) are sent one by one in place of *body*."""

    status: int
    body: bytes = b""
    frames: tuple[bytes, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class Wire(Protocol):
    """A provider's HTTP API as its server speaks it. Each method is total: none raises."""

    @property
    def name(self) -> str:
        """The wire's name, as in `llmkit.wires`."""

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether a request is meant for this wire; *headers* have lower-case names."""

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request, a refusal in the wire's own form included."""

    def failure(self, status: int, message: str) -> Reply:
        """An error answer as this API writes it, with the type or code that goes with *status*."""

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as it comes in the middle of a stream that began with a 200."""
