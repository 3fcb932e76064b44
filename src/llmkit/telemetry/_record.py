"""``record``: a finished call as one flat row, which is what sinks write down. No key, prompt or answer is in it.

Nothing here performs I/O, and nothing knows a sink.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from .._call import Attempt, CallInfo
from .._control.attributes import attributes
from .._secret import redact
from ..events import CallFinished
from ..types.usage import Usage

__all__ = ["FailedAttempt", "Record", "failed_attempts", "record"]

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
_LONGEST: Final = 1_000
"""Characters of a text in metadata."""
_MOST: Final = 50
"""Entries of a mapping or a list in metadata."""
_DEEPEST: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One call, whatever became of it. Times are Unix time in seconds, durations seconds, money USD.

    ``None`` means unknown, never zero. ``kind`` is ``chat``, ``embedding`` …; ``outcome`` is one of ``Settlement``'s,
    ``error`` the class of what was raised, ``status_code`` the provider's last. ``seconds`` are those of the whole
    call with its retries, ``first_chunk_seconds`` those to a stream's first chunk. ``attempts`` counts all tries.
    ``cached_tokens`` and ``cache_write_tokens`` are part of ``prompt_tokens``. ``cost`` is exact; where it is ``None``,
    ``cost_reason`` says why. ``saved_cache_cost`` is what the answer of a ``cache_hit`` would have cost, where that is
    known. ``user`` … ``tags`` are as the call and ``llmkit.context`` said; what looks like a
    key is hidden in them and in ``metadata``, of which long texts are cut.
    """

    id: str
    kind: str
    provider: str
    model: str
    group: str
    deployment: str
    base_url: str
    stream: bool
    outcome: str
    error: str | None
    status_code: int | None
    started: float
    seconds: float
    first_chunk_seconds: float | None
    attempts: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    usage_source: str
    cost: Decimal | None
    cost_status: str
    cost_reason: str | None
    user: str | None
    team: str | None
    organisation: str | None
    customer: str | None
    key: str | None
    session: str | None
    tags: tuple[str, ...]
    metadata: Mapping[str, Any]
    request_id: str | None
    response_id: str | None
    response_model: str | None
    finish_reasons: tuple[str, ...]
    cache_hit: bool
    saved_cache_cost: Decimal | None = None

    @property
    def failed(self) -> bool:
        """Whether the caller got no whole answer, and had not given it up himself."""
        return self.outcome not in _WELL

    def asdict(self) -> dict[str, Any]:
        """By name, in the order above."""
        return {name: getattr(self, name) for name in _NAMES}


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """A try that failed, of a call that may have gone well in the end."""

    id: str
    """The call's."""
    number: int
    provider: str
    model: str
    deployment: str
    started: float
    seconds: float
    error: str
    status_code: int | None
    sent: str
    """Whether the request had left: ``no``, ``maybe``, ``yes``."""


_NAMES: Final = tuple(one.name for one in fields(Record))
_WELL: Final = frozenset({"completed", "mocked", "closed"})
_WHOSE: Final = ("user", "team", "organisation", "customer", "key", "session")


def record(event: CallFinished) -> Record:
    """The row of a finished call."""
    ended, answer = event.settlement, event.response
    info = event.call or getattr(answer, "call", None) or CallInfo(ended.call_id)
    whose = _whose(info, ended.metadata)
    named: dict[str, Any] = {name: next(iter(whose.get(name, ())), None) for name in _WHOSE}
    return Record(
        id=ended.call_id,
        kind=ended.kind,
        provider=ended.provider,
        model=ended.model,
        group=info.group,
        deployment=info.deployment,
        base_url=_address(info.base_url),
        stream=ended.stream,
        outcome=ended.outcome,
        error=(ended.error or "").partition(" ")[0] or None,
        status_code=getattr(event.error, "status_code", None) or info.status_code,
        started=ended.started,
        seconds=ended.seconds,
        first_chunk_seconds=info.first_chunk_seconds,
        attempts=ended.attempts,
        prompt_tokens=ended.prompt_tokens,
        completion_tokens=ended.completion_tokens,
        **_parts(answer),
        usage_source=ended.usage_source,
        cost=ended.cost,
        cost_status=ended.cost_status,
        cost_reason=ended.cost_reason,
        **named,
        tags=tuple(whose.get("tag", ())),
        metadata=_plain(ended.metadata) if ended.metadata else _NONE,
        request_id=ended.request_id,
        **_said(answer),
        cache_hit=info.cache_hit,
        saved_cache_cost=None if info.saved_cache_cost is None else info.saved_cache_cost.total,
    )


def failed_attempts(event: CallFinished) -> tuple[FailedAttempt, ...]:
    """The tries of a finished call that failed, in their order."""
    info = event.call or getattr(event.response, "call", None)
    tries: Iterable[Attempt] = () if info is None else info.attempts
    return tuple(
        FailedAttempt(
            id=event.settlement.call_id,
            number=one.number,
            provider=one.provider,
            model=one.model,
            deployment=one.deployment,
            started=one.started,
            seconds=one.seconds,
            error=one.error,
            status_code=one.status_code,
            sent=one.sent,
        )
        for one in tries
        if one.error is not None
    )


def _address(base_url: str) -> str:
    """Where a call went, without what an address can say beside: a name and a password, a query."""
    if not base_url:
        return ""
    try:
        parts = urlsplit(base_url)
        place = parts.netloc.rpartition("@")[2]
        return redact(urlunsplit((parts.scheme, place, parts.path, "", "")))
    except ValueError:
        return ""


def _whose(info: CallInfo, metadata: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """Whose the call is. A call that says it in its metadata alone is not asked by a client that keeps no account."""
    said = info.attributes or attributes({}, {}, metadata)
    return {kind: tuple(map(redact, values)) for kind, values in said.items()}


def _parts(answer: Any) -> dict[str, Any]:
    """What the provider counted within prompt and answer."""
    usage = answer.counted() if hasattr(answer, "counted") else None
    if not isinstance(usage, Usage):
        return dict.fromkeys(("cached_tokens", "cache_write_tokens", "reasoning_tokens"))
    read, wrote = usage.prompt_tokens_details, usage.completion_tokens_details
    return {
        "cached_tokens": _first(usage.cache_read_input_tokens, read and read.cached_tokens),
        "cache_write_tokens": _first(
            usage.cache_creation_input_tokens, read and read.cache_write_tokens
        ),
        "reasoning_tokens": _first(wrote and wrote.reasoning_tokens),
    }


def _first(*values: Any) -> int | None:
    return next((value for value in values if isinstance(value, int)), None)


def _said(answer: Any) -> dict[str, Any]:
    """What the answer says of itself."""
    choices = getattr(answer, "choices", None) or ()
    # An end that was expected and did not come is one, too.
    reasons = (getattr(one, "finish_reason", None) or "error" for one in choices)
    return {
        "response_id": _text(getattr(answer, "id", None)),
        "response_model": _text(getattr(answer, "model", None)),
        "finish_reasons": tuple(map(str, reasons)),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _plain(value: Any, depth: int = 0) -> Any:
    """What a caller put into metadata, as JSON can have it: small, and without what looks like a key."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact(value[:_LONGEST])
    if depth < _DEEPEST and isinstance(value, Mapping):
        some = list(value.items())[:_MOST]
        return {redact(str(name)[:_LONGEST]): _plain(one, depth + 1) for name, one in some}
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [_plain(one, depth + 1) for one in list(value)[:_MOST]]
    # Not its text, which may say anything.
    return f"<{type(value).__name__}>"
