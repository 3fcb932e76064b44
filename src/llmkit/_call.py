"""One call as values: what was asked (``Call``), changed (``Adjustment``), and became of it (``CallInfo``).

No I/O, no provider's knowledge; response models live in ``types``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from ._cost import Cost

from ._headers import LateHeaders
from ._ratelimit import rate_limits

__all__ = [
    "CONTEXT",
    "Adjustment",
    "Attempt",
    "Call",
    "CallInfo",
    "ChatCall",
    "MediaPolicy",
    "Timeouts",
    "fresh_id",
    "keep_headers",
    "keep_limits",
    "new_call_id",
    "whole_of",
]

Change = Literal["renamed", "clamped", "defaulted", "emulated", "moved", "dropped"]
Sent = Literal["no", "maybe", "yes"]

CONTEXT: Final[ContextVar[tuple[Any, ...]]] = ContextVar("llmkit_context", default=())
"""What ``llmkit.context`` says of the calls made here, the innermost last. It is here because every call looks."""


_fresh: list[str] = []
_AT_ONCE: Final = 64


def fresh_id() -> str:
    """32 hexadecimal digits that nobody has had: the milliseconds of about now, and 80 bits by chance.

    So rows that were made one after the other lie beside each other wherever they are kept by their ids, and a
    transaction writes few pages. The system is asked for many at a time: whoever asks it lets other threads go first,
    and waits for them.
    """
    try:
        return _fresh.pop()
    except IndexError:
        now, text = f"{time.time_ns() // 1_000_000:012x}", os.urandom(10 * _AT_ONCE).hex()
        made = sorted([now + text[at : at + 20] for at in range(0, len(text), 20)], reverse=True)
        last = made.pop()
        _fresh.extend(made)
        return last


if hasattr(os, "register_at_fork"):
    # The parent goes on with these.
    os.register_at_fork(after_in_child=_fresh.clear)


def new_call_id() -> str:
    """A fresh id for one call; it is the same for all its attempts."""
    return f"call_{fresh_id()}"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One entry of the parameter ledger: a parameter that was not sent just as it was given."""

    parameter: str
    change: Change
    given: Any
    sent: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may wait, in seconds.

    ``connect``: to open a connection. ``first_token``: from sending to the first byte of an answer, or
    the first chunk of a stream. ``idle``: between two pieces of an answer. ``total``: the whole call with
    its retries; always finite, so that whatever is held for a call can outlive it.
    """

    connect: float = 10.0
    first_token: float = 600.0
    idle: float = 120.0
    total: float = 1800.0

    def __post_init__(self) -> None:
        for name in ("connect", "first_token", "idle", "total"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and 0 < value < float("inf")):
                raise ValueError(
                    f"timeout {name!r} must be a positive, finite number, not {value!r}"
                )


@dataclass(frozen=True, slots=True)
class MediaPolicy:
    """What may be fetched for a prompt. ``seconds`` and ``max_bytes`` hold for each URL.

    ``public_only`` refuses addresses that are not on the public Internet (loopback, private, link-local …),
    as they are after name resolution, on the connection itself. Redirects are followed ``redirects`` times,
    each under the same rules. ``types`` are prefixes of the media types taken.
    """

    schemes: tuple[str, ...] = ("https",)
    public_only: bool = True
    max_bytes: int = 20 * 1024 * 1024
    seconds: float = 20.0
    redirects: int = 3
    types: tuple[str, ...] = ("image/", "audio/", "video/", "application/pdf", "text/")


@dataclass(frozen=True, slots=True)
class Call:
    """A call as a wire gets it: the provider's name for the model, and parameters. Each kind adds what it is about."""

    id: str
    provider: str
    model: str
    _: KW_ONLY
    params: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    drop_params: bool = False
    allowed: frozenset[str] = frozenset()
    """Parameters that are sent whatever the provider is known to refuse (``allowed_openai_params``)."""
    adjustments: tuple[Adjustment, ...] = ()
    """What was changed before the wire saw the call; it adds its own."""
    priced_as: str | None = None
    """The model whose price holds. ``None``: ``model`` is its name; empty: only the answer says what it is."""

    price: Any = None
    """A ``catalogue.ModelInfo`` made of prices that were given with the call; it goes before the catalogue's."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What is known of the call that rates can depend on: ``region``."""
    catalogue: Any = field(default=None, repr=False, compare=False)
    """The client's ``Catalogue``, where it is not the process's: what a wire asks about the model."""

    @property
    def makes(self) -> bool:
        """Whether it makes what stays with the provider, so that a second one would make another."""
        return False

    @property
    def content(self) -> Any:
        """What the call is about, such as its messages; ``None`` where that is a file, or nothing that is said."""
        return next(filter(None, (getattr(self, name, None) for name in _CONTENT)), None)

    @property
    def concerns(self) -> tuple[str, str] | None:
        """What it does with what, where it asks for no answer of a model: ``("files", "list")``."""
        return None


_CONTENT: Final = ("messages", "input", "inputs", "prompt", "text", "query")


@dataclass(frozen=True, slots=True)
class ChatCall(Call):
    """A chat call: its messages."""

    messages: Sequence[Any]

    @property
    def wants_usage_chunk(self) -> bool:
        """Whether the caller asked for the closing chunk that has usage and no choices."""
        return bool((self.params.get("stream_options") or {}).get("include_usage"))


class Attempt(NamedTuple):
    """One try at one deployment, as it ended."""

    number: int
    provider: str
    model: str
    started: float
    seconds: float
    error: str | None = None
    status_code: int | None = None
    sent: Sent = "no"
    waited: float = 0.0
    """Seconds slept before this attempt."""
    deployment: str = ""
    """The router's id of it, where one chose it."""


@dataclass(slots=True)
class CallInfo:
    """What happened to a call; ``response.call``.

    Times are Unix time in seconds, durations seconds. ``raw`` is the body as the provider sent it (empty
    for streams), ``headers`` those of the last answer.
    """

    id: str
    provider: str = ""
    model: str = ""
    base_url: str = ""
    key_source: str | None = None
    """Which environment variable or argument the key came from; never the key."""
    transport: str = ""
    started: float = 0.0
    seconds: float = 0.0
    first_chunk_seconds: float | None = None
    attempts: list[Attempt] = field(default_factory=list)
    ledger: tuple[Adjustment, ...] = ()
    status_code: int | None = None
    request_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    rate_limits: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = field(default=b"", repr=False)
    cache_hit: bool = False
    cache_key: str | None = None
    """Under which the answer is kept, or would be; ``None`` without a cache, and of embeddings: each has its own."""
    saved_cache_cost: Cost | None = None
    """Of a hit: what its answer would have cost, had it been asked for now; unknown where it has no price, and no zero.
    ``None``: the answer was asked for."""
    mocked: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "chat"
    """The kind of call: ``chat``, ``embedding``, …"""
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Whose it is, by kind: ``{"user": ("ann",), "tag": ("batch",)}``. Budgets are kept by it."""
    group: str = ""
    """What a router was asked for."""
    deployment: str = ""
    """Which of its deployments answered, or was asked last."""


class _Late:
    """An attribute of ``CallInfo`` that is worked out when it is first looked at: few answers are ever asked for it."""

    def __init__(self, slot: Any, read: Callable[[CallInfo, Any], Any]) -> None:
        self._slot, self._read = slot, read
        self.keep: Callable[[CallInfo, Any], None] = slot.__set__
        """Sets it to what is still to be read."""

    def __get__(self, info: CallInfo | None, kind: type[CallInfo] | None = None) -> Any:
        if info is None:
            return self
        kept = self._slot.__get__(info)
        if kept.__class__ is not dict and (read := self._read(info, kept)) is not kept:
            kept = read
            self.keep(info, kept)
        return kept

    def __set__(self, info: CallInfo, value: Any) -> None:
        self.keep(info, value)


def _headers(_: CallInfo, kept: Any) -> Any:
    return kept.read() if kept.__class__ is LateHeaders else kept


def _limits(info: CallInfo, kept: Any) -> Any:
    return rate_limits(info.headers) if kept is None else kept


_late_headers, _late_limits = (
    _Late(vars(CallInfo)["headers"], _headers),
    _Late(vars(CallInfo)["rate_limits"], _limits),
)
for _name, _late in (("headers", _late_headers), ("rate_limits", _late_limits)):
    setattr(CallInfo, _name, _late)
keep_headers: Final = _late_headers.keep
"""Sets a call's headers; ``LateHeaders`` are read when they are looked at."""
keep_limits: Final = _late_limits.keep
"""Sets a call's rate limits; ``None``: those of its headers, when they are looked at."""


def whole_of(given: Any) -> Any:
    """An answer as it is, or what a stream came to. Raises ``StreamConsumedError`` for one that has not ended."""
    # Asked of the class: a stream that has not ended looks as if it had none.
    own = hasattr(type(given), "response") or "response" in getattr(given, "__dict__", ())
    return given.response if own else given
