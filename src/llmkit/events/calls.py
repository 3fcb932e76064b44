"""What is told of every call: that it begins, its attempts, what becomes of it; and who is told, and who may refuse."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .._call import Attempt, Call, CallInfo
    from .._settlements import Settlement

__all__ = [
    "AttemptFailed",
    "AttemptStarted",
    "CallFinished",
    "CallStarted",
    "Callback",
    "Diverted",
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
    base_url: str = ""
    """Where it goes first; empty where that is not known yet: a router, or the provider, has to find it."""


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A request is about to leave.

    ``params`` and ``content`` are what is asked, without keys and headers: the parameters, and the prompt (messages, a
    text, inputs) as the call has it. They are here for who is told to look at content, and in no log.
    """

    call_id: str
    number: int
    provider: str
    model: str
    url: str
    params: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    content: Any = field(default=None, repr=False, compare=False)


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

    ``response`` is the answer (for streams: as far as it came); ``None`` where there is none. ``call`` is what happened
    to the call, also where nobody answered: its attempts, whose it is, where it went. Neither is in the event's text,
    which a log may have.
    """

    settlement: Settlement
    response: Any = field(default=None, repr=False)
    error: BaseException | None = None
    call: CallInfo | None = field(default=None, repr=False)


Callback = Callable[[Any], "Awaitable[None] | None"]


class Hook(Protocol):
    """A guardrail: may change a call or an answer, or refuse it by raising an ``LLMKitError``.

    Either method may be absent, and either may be a coroutine function. One that has ``pure = True`` does nothing but
    say what it makes of the call: with a cache, a router consults it for each deployment that may have answered before.
    """

    def before_call(self, call: Call) -> Call | None:
        """See the call before it is built; return another one, or ``None`` to leave it."""

    def after_call(self, call: Call, response: Any) -> Any:
        """See the complete answer (a stream's once it has ended); return another one, or ``None``."""
