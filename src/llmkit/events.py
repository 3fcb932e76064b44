"""What a client tells its ``callbacks``: frozen, typed events, in the order in which things happen.

A callback is any callable of one event (or a coroutine function). What it raises is logged and goes nowhere else.
No event holds a key, a prompt or an answer, save those whose docstring says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from decimal import Decimal

    from ._call import Attempt, Call
    from ._operations import Settlement

__all__ = [
    "AttemptFailed",
    "AttemptStarted",
    "CallFinished",
    "CallStarted",
    "Callback",
    "Diverted",
    "Event",
    "FallingBack",
    "Hook",
    "RetryScheduled",
    "StreamStarted",
]


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call begins."""

    call_id: str
    provider: str
    model: str
    stream: bool
    kind: str = "chat"
    """The kind of call: ``chat``, ``embedding``, …"""


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A request is about to leave."""

    call_id: str
    number: int
    provider: str
    model: str
    url: str


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """A try failed; ``error`` is what it raised."""

    call_id: str
    attempt: Attempt
    error: Exception


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """The same deployment is tried again after ``seconds``."""

    call_id: str
    number: int
    seconds: float
    error: Exception


@dataclass(frozen=True, slots=True)
class FallingBack:
    """The next deployment is tried, because this one failed for good."""

    call_id: str
    provider: str
    model: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Diverted:
    """This deployment answers instead of the one asked for: ``scope`` has used up ``threshold`` of its budget."""

    call_id: str
    provider: str
    model: str
    scope: str
    threshold: Decimal


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """The first chunk of a stream is there, ``seconds`` after the call began."""

    call_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CallFinished:
    """The terminal event: exactly one for each call, whatever happened to it.

    ``response`` is the answer (for streams: as far as it came); ``None`` where there is none.
    """

    settlement: Settlement
    response: Any = None
    error: BaseException | None = None


Event = (
    CallStarted
    | AttemptStarted
    | AttemptFailed
    | RetryScheduled
    | FallingBack
    | Diverted
    | StreamStarted
    | CallFinished
)

Callback = Callable[[Any], "Awaitable[None] | None"]


class Hook(Protocol):
    """A guardrail: may change a call or an answer, or refuse it by raising an ``LLMKitError``.

    Either method may be absent, and either may be a coroutine function.
    """

    def before_call(self, call: Call) -> Call | None:
        """See the call before it is built; return another one, or ``None`` to leave it."""

    def after_call(self, call: Call, response: Any) -> Any:
        """See the complete answer (a stream's once it has ended); return another one, or ``None``."""
