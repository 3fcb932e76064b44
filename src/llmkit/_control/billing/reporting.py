"""What somebody reports as a charge: an answer of llmkit's or of another SDK's, a usage, or an amount. Sends nothing.

Everything is strict here: whoever reports by hand is told what is wrong, before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from ..._call import CallInfo, whole_of
from ..._cost import Cost, Measure
from ...catalogue import Catalogue
from ...errors import ConfigurationError
from ...pricing._usage import plain
from ...types.answer import Answer
from ...types.usage import Usage
from ..attributes import Attributes
from ..costing import Terms, cost_of_answer, cost_of_usage
from ..foreign import adopted, as_mapping, usage_of
from .charge import Charge, Finish
from .currency import Currency
from .facts import usable

__all__ = ["Around", "Reported", "Said", "finish_of", "moment", "used"]

_FREE: Final = "none"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 10**11
"""Seconds beyond this are milliseconds: it is the year 5138."""
_COUNTS: Final = (
    "prompt_tokens", "input_tokens", "promptTokenCount", "prompt_token_count", "total_tokens",
)  # fmt: skip


class Reported(NamedTuple):
    """The events' ids, and the state that each is in. Without any, there was nothing to bill."""

    ids: tuple[str, ...] = ()
    states: tuple[str, ...] = ()


class Said(NamedTuple):
    """What is said of a report beside what is reported."""

    subscription: str | None = None
    customer: str | None = None
    id: str | None = None
    at: datetime | float | None = None
    model: str | None = None
    provider: str | None = None
    usage: Any = None
    metadata: Mapping[str, Any] | None = None
    kind: str = "chat"


class _Told(NamedTuple):
    usd: Decimal | None
    status: str
    reason: str
    usage: Mapping[str, Any]


class Around(NamedTuple):
    """What a report is made in: ``attributes`` that contexts say; ``now`` in milliseconds; ``fresh``, an id."""

    attributes: Attributes
    catalogue: Catalogue
    currency: Currency
    now: int
    fresh: str


def finish_of(given: Any, said: Said, around: Around) -> Finish:
    """A report as the end of a call.

    Raises:
        ConfigurationError: an amount, a time or an id is none.
        TypeError: what is given is no answer, no usage and no amount.
    """
    whole = given if isinstance(given, Mapping) else whole_of(given)
    if isinstance(whole, Answer) and whole._call is not None:  # noqa: SLF001 - whether it was called
        return _of_answer(whole, said, around.attributes)
    at = around.now if said.at is None else moment(said.at)
    told = _told(whole, said, around, at)
    id_ = around.fresh if said.id is None else _id(said.id)
    about = said.provider or "", said.model or _model(whole), said.kind
    charge = Charge(
        id_, at, "reported", *about, told.usd, told.status, told.reason, False, told.usage
    )
    return Finish(id_, _whose(around.attributes, said), (charge,), said.metadata or {})


def _of_answer(answer: Answer, said: Said, attributes: Attributes) -> Finish:
    """An answer of llmkit's: its call's id and end, so that no report of it, and no client, bills it twice."""
    for name in ("id", "at", "usage", "model", "provider"):
        if getattr(said, name) is not None:
            raise ConfigurationError(f"an answer of llmkit's has its own {name}: leave it out")
    info: CallInfo = answer.call
    whose = _whose({**attributes, **info.attributes}, said)
    metadata = {**info.metadata, **(said.metadata or {})}
    cost, usage = answer.cost, answer.counted()
    if info.mocked or info.cache_hit or cost.status == _FREE:
        return Finish(info.id, whose, (), metadata)
    charge = Charge(
        info.id,
        int((info.started + info.seconds) * 1000),
        "completed",
        info.provider,
        info.model,
        info.kind,
        cost.total,
        cost.status,
        cost.reason or "",
        usage is None and cost.status == "estimated",
        used(usage, answer.measured(None), answer.tier()),
    )
    return Finish(info.id, whose, (charge,), metadata)


def used(
    usage: Usage | None, measures: Iterable[Measure] = (), tier: str | None = None
) -> dict[str, Any]:
    """What was used as a charge has it."""
    found = {} if usage is None else dict(plain(usage))
    if beside := [_measured(one) for one in measures]:
        found["measures"] = beside
    if tier:
        found["service_tier"] = tier
    return found


def _measured(one: Measure) -> dict[str, Any]:
    return {
        "dimension": one.dimension,
        "quantity": str(one.quantity),
        "unit": one.unit,
        "facts": dict(one.facts),
    }


def _told(given: Any, said: Said, around: Around, at: int) -> _Told:
    if isinstance(given, Cost | Decimal | int | float | str):
        numbers = {} if said.usage is None else used(usage_of(said.usage))
        if isinstance(given, Cost):
            return _priced(given, numbers)
        return _Told(around.currency.dollars(given, "what is reported"), "given", "", numbers)
    terms = Terms(around.catalogue, said.model, said.provider, on=at / 1000)
    if _is_usage(given):
        return _priced(cost_of_usage(given, terms), used(usage_of(given)))
    answer = given if isinstance(given, Answer) else adopted(given)
    numbers = used(answer.counted(), answer.measured(None), answer.tier())
    return _priced(cost_of_answer(given, terms), numbers)


def _priced(cost: Cost, usage: Mapping[str, Any]) -> _Told:
    return _Told(cost.total, cost.status, cost.reason or "", usage)


def _is_usage(given: Any) -> bool:
    """Whether it is a usage by itself, and no answer that has one."""
    if isinstance(given, Usage):
        return True
    data = {} if isinstance(given, Answer) else as_mapping(given)
    return any(name in data for name in _COUNTS)


def _model(given: Any) -> str:
    """The model that an answer names."""
    named = given.get("model") if isinstance(given, Mapping) else getattr(given, "model", None)
    return named if isinstance(named, str) else ""


def _id(given: Any) -> str:
    if not usable(given):
        raise ConfigurationError(f"id is a text that is another for each report, not {given!r:.80}")
    return str(given)


def _whose(attributes: Attributes, said: Said) -> Attributes:
    """What is said of a report goes before what is said around it."""
    found = dict(attributes)
    for kind in ("subscription", "customer"):
        value = getattr(said, kind)
        if value is None:
            continue
        if not usable(value):
            raise ConfigurationError(f"{kind} is an id, not {value!r:.80}")
        found[kind] = (value,)
    return found


def moment(at: Any, what: str = "at") -> int:
    """When something was used, in milliseconds of Unix time: a time with a zone, or seconds of Unix time.

    Raises:
        ConfigurationError: a time without a zone, milliseconds, or neither.
    """
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise ConfigurationError(f"{what} has no time zone: datetime.now(timezone.utc) has one")
        return (at - _EPOCH) // timedelta(milliseconds=1)
    if isinstance(at, bool) or not isinstance(at, int | float | Decimal):
        raise ConfigurationError(f"{what} is a datetime or seconds of Unix time, not {at!r:.80}")
    seconds = Decimal(repr(float(at)) if isinstance(at, float) else at)
    if not seconds.is_finite() or not 0 < seconds < _LATEST:
        raise ConfigurationError(
            f"{what} is in seconds of Unix time, such as 1763780000.123, not {at}"
        )
    return int(seconds * 1000)
