"""The most that a call can cost: which model's rates, which provider's allowances, and what was written of it.

Nothing is sent, fetched or asked for. The arithmetic is that of ``pricing``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

from .. import pricing
from .._call import Call
from .._calls import ResponsesCall
from .._http import HTTPRequest
from .._json import NotJSON, load
from .._upload import Upload
from ..catalogue import ModelInfo
from ..errors import ConfigurationError, InvalidRequestError, LLMKitError
from .address import mapping, model_of
from .job import Job, Leg

__all__ = ["bound_of", "bounded", "output_limit"]


def bounded(job: Job, *, exact: bool = False) -> pricing.Cost | pricing.Unbounded:
    """The bound for one attempt at the first deployment of a call; at any, where a router may choose.

    Raises:
        InvalidRequestError, UnsupportedParamsError: the call cannot be written.
    """
    legs = job.legs[:1] if job.way is None else job.way.legs()
    bounds = [bound_of(job, leg, _written(job, leg), exact=exact) for leg in legs]
    # What is not bounded somewhere is not bounded; of what is known nothing is more than what is not.
    return max(bounds, key=_much)


def _much(bound: pricing.Cost | pricing.Unbounded) -> tuple[int, Decimal]:
    if isinstance(bound, pricing.Unbounded):
        return 2, Decimal(0)
    return (1, Decimal(0)) if bound.total is None else (0, bound.total)


def _written(job: Job, leg: Leg) -> HTTPRequest | None:
    """The request, where nothing has to be fetched for it."""
    if job.media is not None:
        return None
    written: HTTPRequest = leg.wire.build(leg.call, leg.endpoint)
    return written


def bound_of(
    job: Job, leg: Leg, request: HTTPRequest | None, *, exact: bool = False
) -> pricing.Cost | pricing.Unbounded:
    """The bound for one attempt at a call that is ready to be sent."""
    from ..catalogue._allowances import allowance  # noqa: PLC0415

    call = leg.call
    query = mapping(leg.options, "extra_query") if "extra_query" in leg.options else None
    name = call.model if call.priced_as is None else call.priced_as
    model, allowed, last = _priced(job, call, name), allowance(call.provider, name), _last_day(job)
    if not (exact or query):
        plain = pricing.plain_bound(call, model, allowed, request, last)
        if plain is not None:
            return plain
    return pricing.bound(
        call,
        model,
        allowance=allowed,
        gauges=_gauges(partial(job.catalogue.counting, call.provider, name), exact=exact),
        request=request,
        last=last,
        query={k: v for k, v in query.items() if k not in _FREE_QUERY} if query else {},
        heeded=lambda: _heeded(leg),
    )


def output_limit(job: Job, leg: Leg) -> int | None:
    """The most tokens that the model of this call can answer with, where that is known."""
    call = leg.call
    model = _priced(job, call, call.model if call.priced_as is None else call.priced_as)
    return None if model is None else model.max_output_tokens


def _priced(job: Job, call: Call, name: str) -> ModelInfo | None:
    listed = model_of(job.catalogue, call.provider, name)
    return listed if call.price is None else _model(call.price, listed)


# Of which version of an API is asked, and in which form it answers.
_FREE_QUERY = frozenset({"api-version", "version", "alt", "beta"})
# No caller asks for so many.
_ODD_LIMIT = 777_777_767


def _heeded(leg: Leg) -> frozenset[tuple[str, ...]]:
    """Where a request of this wire says how long an answer may be: as it writes a limit that it was given."""
    found: set[tuple[str, ...]] = set()
    names = ("max_tokens", "max_completion_tokens")
    for name in ("max_output_tokens",) if isinstance(leg.call, ResponsesCall) else names:
        asked = replace(leg.call, params={**leg.call.params, name: _ODD_LIMIT}, extra_body={})
        try:
            body = load(leg.wire.build(asked, leg.endpoint).body)
        except (LLMKitError, NotJSON):
            continue  # it takes none by this name
        found.update(_places(body, ()))
    return frozenset(found)


def _places(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if value == _ODD_LIMIT:
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*path, name))


def _model(price: ModelInfo | None, listed: ModelInfo | None) -> ModelInfo | None:
    """Whose rates hold: those given with the call, which say nothing of limits."""
    if price is None or listed is None or price.max_output_tokens is not None:
        return price or listed
    limits = {name: getattr(listed, name) for name in _LIMITS}
    return replace(price, **limits)


_LIMITS = ("max_input_tokens", "max_output_tokens", "capabilities", "output_modalities")


def _gauges(rule: Callable[[], Mapping[str, Any]], *, exact: bool) -> pricing.Gauges:
    """What measures the call's attachments by the model's rule, and its texts where they are to be counted."""

    def part(given: Mapping[str, Any]) -> int | None:
        from ..tokens._media import part_tokens  # noqa: PLC0415

        counted = part_tokens(given, rule())
        return None if counted is None else counted.at_most

    counted = _counter(rule()) if exact else None
    return pricing.Gauges(part=part, seconds=_seconds, text=counted)


def _counter(rule: Mapping[str, Any]) -> Callable[[str], int | None] | None:
    """What counts a text in the model's own tokens, where they are known."""
    if "encoding" not in rule or rule.get("assumed"):
        return None

    def text(given: str) -> int | None:
        from ..tokens._text import count_text  # noqa: PLC0415

        try:
            return count_text(rule["encoding"], given).at_most
        except ConfigurationError:
            return None  # without tiktoken, or its tables: bytes will do

    return text


def _seconds(file: Upload) -> float | None:
    """The longest that a sound can last: of a file on disk, too, which is read where it stands."""
    from ..tokens._longest import longest  # noqa: PLC0415
    from ..tokens._payload import Payload  # noqa: PLC0415

    if file.url is not None:
        return None
    try:
        if file.at(0, 1) is None:
            return None
        source = file.source if isinstance(file.source, bytes) else None
        return longest(Payload.of_file(file) if source is None else Payload(source))
    except InvalidRequestError:
        return None  # whoever sends it says why


def _last_day(job: Job) -> str:
    """The day on which the call has ended at the latest, wherever its prices change first."""
    return _day(int((job.clock.wall() + job.timeouts.total + _AHEAD) // _SECONDS_A_DAY))


@lru_cache(maxsize=8)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * _SECONDS_A_DAY, UTC).date().isoformat()


_SECONDS_A_DAY = 86400
# Where the day begins first, it is this much later than in UTC.
_AHEAD = 14 * 3600
