"""Effects: what a flow wants done. A flow decides, a driver (in ``_io``) performs; nothing here waits.

A flow is a generator: it yields an effect and is sent the outcome, or has the failure thrown in.
Rule 1: the small functions below yield for others, who get typed outcomes; what every call passes yields by itself.
Rule 2: when a call is cancelled the driver throws ``Cancelled``. The flow may answer it with ``Store`` and
``Notify`` (they run shielded, for a second at most) and must re-raise it.
Rule 3: a flow that is closed or collected gets ``GeneratorExit`` and may not yield: it pushes its settlement on the
queue it was given, which the next call, ``close()`` or exit drains.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ._call import Sent
from ._http import HTTPRequest, HTTPResponse

__all__ = [
    "Acquire",
    "Cancelled",
    "Consult",
    "Deadlines",
    "Decoder",
    "Effect",
    "Fetch",
    "FetchPolicy",
    "Flow",
    "Handle",
    "Limit",
    "Notify",
    "Opened",
    "Race",
    "Read",
    "Relay",
    "Send",
    "Sleep",
    "Store",
    "acquire",
    "consult",
    "fetch",
    "notify",
    "race",
    "read",
    "relay",
    "send",
    "sleep",
    "store",
]

T = TypeVar("T")


class Cancelled(BaseException):
    """Thrown into a flow whose call is given up: task cancelled, Ctrl-C, stream closed early."""

    def __init__(self, sent: Sent, reason: str = "cancelled") -> None:
        super().__init__(reason)
        self.sent: Sent = sent
        self.reason = reason


class Decoder(Protocol):
    """What turns a stream's bytes into chunks."""

    done: bool
    """Whether the terminal event has come: nothing that follows matters."""

    def feed(self, data: bytes) -> Iterator[Any]:
        """Take bytes, cut anywhere; yield the chunks they complete."""

    def finish(self) -> Iterator[Any]:
        """The bytes have ended; yield what remains, or raise if the end came too early."""


class Handle(Protocol):
    """A driver's grip on an open answer; flows only pass it on."""


@dataclass(slots=True)
class Deadlines:
    """Absolute limits on the driver's clock, and relative ones, in seconds."""

    total: float
    connect: float
    first_token: float
    idle: float


@dataclass(slots=True)
class Send:
    """Send a request. With a ``decoder``, the answer is opened as a stream and read up to its first chunk.

    The outcome is an ``HTTPResponse``, or ``Opened`` for a stream whose status is below 400.
    """

    request: HTTPRequest
    deadlines: Deadlines
    decoder: Decoder | None = None


@dataclass(slots=True)
class Opened:
    """A stream that has begun: its head, the chunks read so far, and the grip on the rest."""

    response: HTTPResponse
    handle: Any
    decoder: Decoder
    first: Sequence[Any]
    deadlines: Deadlines
    pending: Exception | None = None
    """A failure that came right behind the first chunks: it is raised once they are handed over."""


class FetchPolicy(Protocol):
    """What a driver keeps to when it fetches for a prompt."""

    @property
    def public_only(self) -> bool:
        """Whether only public addresses may be connected to."""

    @property
    def max_bytes(self) -> int:
        """Most bytes of a body."""

    @property
    def seconds(self) -> float:
        """Longest time for one URL."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Get what a URL in a prompt points at, without following redirects. The outcome is an ``HTTPResponse``."""

    url: str
    policy: FetchPolicy


@dataclass(frozen=True, slots=True)
class Read:
    """Get what a file holds, such as credentials. The outcome is its bytes, or ``None`` where there is no such file."""

    path: str


@dataclass(slots=True)
class Sleep:
    """Wait."""

    seconds: float


@dataclass(slots=True)
class Store:
    """Perform an operation on a store, or on what performs others as a store does; ``None`` is the client's ledger."""

    operation: Any
    on: Any = None


@dataclass(slots=True)
class Notify:
    """Tell the callbacks."""

    event: Any


@dataclass(slots=True)
class Consult:
    """Ask a hook: call ``function(*arguments)``, await it if need be; its failure is the call's failure."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class Limit(Protocol):
    """A limit on how much may happen at once, for both colours; the client makes it."""

    capacity: int

    def acquire(self, deadline: float) -> Callable[[], None]:
        """Take a place, blocking; return what gives it back."""

    def aacquire(self, deadline: float) -> Awaitable[Callable[[], None]]:
        """Take a place, awaiting; return what gives it back."""


@dataclass(slots=True)
class Acquire:
    """Take one place under a limit, waiting until ``deadline``; the outcome is a function that gives it back."""

    limit: Limit
    deadline: float


@dataclass(frozen=True, slots=True)
class Race:
    """Run flows against each other; each later one starts ``after`` seconds behind, if none has won.

    The first to return wins and is the outcome as (index, value); the others are cancelled, and settle
    themselves. If all fail, the last failure is thrown in.
    """

    flows: Sequence[Generator[Any, Any, Any]]
    after: float


@dataclass(slots=True)
class Relay:
    """Hand the stream to the caller. The outcome, when it has ended, is its folded response.

    ``fold`` gives the answer as far as it has come, at any time.
    """

    opened: Opened
    session: Any


Effect = Send | Fetch | Read | Sleep | Store | Notify | Consult | Acquire | Race | Relay
Flow = Generator[Effect, Any, T]


def send(
    request: HTTPRequest, deadlines: Deadlines, decoder: Decoder | None = None
) -> Flow[HTTPResponse | Opened]:
    """Send a request; an ``APIConnectionError`` with ``sent`` is raised where no answer comes."""
    return (yield Send(request, deadlines, decoder))  # type: ignore[no-any-return]


def fetch(url: str, policy: FetchPolicy) -> Flow[HTTPResponse]:
    """Get what a URL in a prompt points at."""
    return (yield Fetch(url, policy))  # type: ignore[no-any-return]


def read(path: str) -> Flow[bytes | None]:
    """Get what a file holds; ``None`` where it cannot be read."""
    return (yield Read(path))  # type: ignore[no-any-return]


def sleep(seconds: float) -> Flow[None]:
    """Wait."""
    yield Sleep(seconds)


def store(operation: Any, on: Any = None) -> Flow[Any]:
    """Perform an operation on a store, or on the client's ledger."""
    return (yield Store(operation, on))


def notify(event: Any) -> Flow[None]:
    """Tell the callbacks; it never fails."""
    yield Notify(event)


def consult(function: Callable[..., Any], *arguments: Any) -> Flow[Any]:
    """Ask a hook."""
    return (yield Consult(function, arguments))


def acquire(limit: Limit, deadline: float) -> Flow[Callable[[], None]]:
    """Take one place under a limit."""
    return (yield Acquire(limit, deadline))  # type: ignore[no-any-return]


def race(flows: Sequence[Flow[T]], after: float) -> Flow[tuple[int, T]]:
    """Run flows against each other; return the winner's index and value."""
    return (yield Race(flows, after))  # type: ignore[no-any-return]


def relay(opened: Opened, session: Any) -> Flow[Any]:
    """Hand the stream to the caller; return when it has ended."""
    return (yield Relay(opened, session))
