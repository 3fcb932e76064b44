"""What a client tells its ``callbacks``: frozen, typed events, in the order in which things happen.

A callback is any callable of one event (or a coroutine function). What it raises is logged and goes nowhere else.
No event holds a key, a prompt or an answer, save those whose docstring says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Protocol

from typing_extensions import override

if TYPE_CHECKING:
    from ._call import Attempt, Call, CallInfo
    from ._operations import Settlement

__all__ = [
    "AttemptFailed",
    "AttemptStarted",
    "BudgetOverrun",
    "BudgetThresholdCrossed",
    "CacheHit",
    "CacheMissed",
    "CacheReached",
    "CacheUnreachable",
    "CallFinished",
    "CallStarted",
    "Callback",
    "CatchUpFailed",
    "Continued",
    "DeploymentCooledDown",
    "DeploymentRecovered",
    "Diverted",
    "EntryUnreadable",
    "Event",
    "FallingBack",
    "Hedged",
    "Hook",
    "Queued",
    "Rerouted",
    "RetryScheduled",
    "SpendKept",
    "SpendPosted",
    "StateReached",
    "StateUnreachable",
    "StoreReached",
    "StoreUnreachable",
    "StreamStarted",
]

_KEPT: Final = {
    "disk": "is on disk until it can be",
    "memory": "is in memory until it can be",
    "nowhere": "is not kept: all that was held becomes spend when its lease is over",
}


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
class Rerouted:
    """Another deployment of the group is tried at once; ``error`` is what the last one failed with."""

    call_id: str
    group: str
    deployment: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Queued:
    """No deployment of the group is free: the call waits, ``seconds`` at most before it looks again."""

    call_id: str
    group: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Hedged:
    """A second deployment is asked beside the first, which has not answered for ``after`` seconds."""

    call_id: str
    deployment: str
    after: float


@dataclass(frozen=True, slots=True)
class Continued:
    """A stream broke, and another deployment writes on; ``error`` is what it broke with."""

    call_id: str
    deployment: str
    error: Exception


@dataclass(frozen=True, slots=True)
class DeploymentCooledDown:
    """A deployment is let be for ``seconds``, ``strikes`` times in a row by now; ``reason``: what it failed with."""

    deployment: str
    group: str
    seconds: float
    reason: str
    strikes: int


@dataclass(frozen=True, slots=True)
class DeploymentRecovered:
    """A deployment that had been cooling down has answered."""

    deployment: str
    group: str


@dataclass(frozen=True, slots=True)
class StateUnreachable:
    """A router's store cannot be reached: no call goes out, or, if ``local``, this process keeps to its share."""

    store: str
    error: Exception
    local: bool
    alarming: ClassVar[bool] = True
    """Logged as a warning, whoever listens."""

    @override
    def __str__(self) -> str:
        so = "this process keeps to its share of each limit" if self.local else "calls are refused"
        return f"the router's store is unreachable, {so} until it is back: {self.error}"


@dataclass(frozen=True, slots=True)
class StateReached:
    """A router's store is there again, after ``seconds``."""

    store: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """The first chunk of a stream is there, ``seconds`` after the call began."""

    call_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class BudgetThresholdCrossed:
    """What is spent under a budget has come to ``mark``: told once for each crossing, whoever shares the store.

    ``scope``, ``window``, ``measure``: whose budget, over what time, of what (``usd``, ``requests``, ``tokens``).
    ``threshold``: the share of the limit; ``soft``: whether ``mark`` is, or is a share of, a soft limit.
    ``limit`` is ``None`` where nothing is refused. ``spent`` and ``held`` are as they stand now.
    ``call_id`` is the call's that crossed it; empty where it was recorded by hand.
    """

    scope: str
    window: str
    measure: str
    threshold: Decimal
    mark: Decimal
    limit: Decimal | None
    spent: Decimal
    held: Decimal
    soft: bool = False
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class BudgetOverrun:
    """A bill came to more than was held for it, or took budgets above their limit.

    ``held`` is ``None`` where nothing was held. ``exceeded`` are the scopes that are above their limit by it.
    """

    call_id: str
    usd: Decimal
    held: Decimal | None
    exceeded: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class StoreUnreachable:
    """A budget's store cannot be reached: no call goes out, or, where the budget is ``open``, each without a hold."""

    store: str
    error: Exception
    open: bool
    alarming: ClassVar[bool] = True
    """Logged as a warning, whoever listens."""

    @override
    def __str__(self) -> str:
        so = "calls go on without a hold" if self.open else "calls are refused"
        return f"the budget's store is unreachable, {so} until it is back: {self.error}"


@dataclass(frozen=True, slots=True)
class StoreReached:
    """A budget's store is there again, after ``seconds``."""

    store: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SpendKept:
    """A settlement could not be made where it belongs; it is kept, and made later.

    ``usd`` is what was spent. ``where``: in the catch-up ledger on ``disk``, in ``memory``, or ``nowhere``: then the
    hold becomes spend when its lease ends.
    """

    hold: str
    usd: Decimal
    where: Literal["disk", "memory", "nowhere"]
    reason: str

    @override
    def __str__(self) -> str:
        return f"a settlement of ${self.usd:f} could not be made ({self.reason}); it {_KEPT[self.where]}"

    @property
    def alarming(self) -> bool:
        """Logged as a warning where it is ``nowhere``."""
        return self.where == "nowhere"


@dataclass(frozen=True, slots=True)
class SpendPosted:
    """So many entries of the catch-up ledger were made up for; ``usd`` is what they came to."""

    entries: int
    usd: Decimal


@dataclass(frozen=True, slots=True)
class CatchUpFailed:
    """The catch-up ledger could not be read or written, or the store refused what it is owed; nothing is dropped.

    ``hold``: which is concerned, if it is one. It is tried again.
    """

    hold: str
    reason: str
    alarming: ClassVar[bool] = True
    """Logged as a warning, whoever listens."""

    @override
    def __str__(self) -> str:
        whose = f" of {self.hold}" if self.hold else ""
        return (
            f"the catch-up ledger{whose} could not be worked off, and is tried again: {self.reason}"
        )


@dataclass(frozen=True, slots=True)
class CacheHit:
    """The answer is one that was kept ``age`` seconds ago, under ``key``: nobody is asked."""

    call_id: str
    key: str
    age: float


@dataclass(frozen=True, slots=True)
class CacheMissed:
    """The cache was looked into and has no answer, under ``key``; of an embedding's inputs it may know some."""

    call_id: str
    key: str
    inputs: int = 0
    """So many of the call's inputs are known, and only the others are asked for."""


@dataclass(frozen=True, slots=True)
class EntryUnreadable:
    """What the cache has under ``key`` is damaged, or nothing that llmkit wrote: the call goes on without it."""

    call_id: str
    key: str
    reason: str
    alarming: ClassVar[bool] = True
    """Logged as a warning, whoever listens."""

    @override
    def __str__(self) -> str:
        return f"the cache's entry {self.key} cannot be used: {self.reason}"


@dataclass(frozen=True, slots=True)
class CacheUnreachable:
    """A cache's store has failed: calls go on without it, and it is let be for a while."""

    store: str
    error: Exception
    alarming: ClassVar[bool] = True
    """Logged as a warning, whoever listens."""

    @override
    def __str__(self) -> str:
        return f"the cache {self.store} cannot be used, calls go on without it: {self.error}"


@dataclass(frozen=True, slots=True)
class CacheReached:
    """A cache's store works again, after ``seconds``."""

    store: str
    seconds: float


Event = (
    CallStarted
    | AttemptStarted
    | AttemptFailed
    | RetryScheduled
    | FallingBack
    | Diverted
    | Rerouted
    | Queued
    | Hedged
    | Continued
    | DeploymentCooledDown
    | DeploymentRecovered
    | StateUnreachable
    | StateReached
    | StreamStarted
    | BudgetThresholdCrossed
    | BudgetOverrun
    | CallFinished
    | StoreUnreachable
    | StoreReached
    | SpendKept
    | SpendPosted
    | CatchUpFailed
    | CacheHit
    | CacheMissed
    | EntryUnreadable
    | CacheUnreachable
    | CacheReached
)

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
