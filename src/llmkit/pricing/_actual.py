"""What a call cost, from the usage that its answer reported.

Reads counts, splits them into dimensions without counting a token twice, and prices them.
Choosing a rate belongs in ``_rates``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from .._cost import Cost, CostLine, Measure, summed, unknown
from ..catalogue import FrozenMap, ModelInfo
from ._rates import Call, Unpriceable, check_tier, price, sheet, tiers

_NONE: Mapping[str, str] = FrozenMap()


def cost(
    usage: object,
    model: ModelInfo | None,
    *,
    measures: Sequence[Measure] = (),
    service_tier: str | None = None,
    reported: Decimal | None = None,
    estimated: bool = False,
    model_name: str = "",
    on: str | None = None,
    conditions: Mapping[str, str] | None = None,
) -> Cost:
    """Prices a usage object in OpenAI's shape (attributes or keys; any may be missing).

    ``service_tier`` is the tier that the answer names. ``reported`` is the amount the provider
    itself states, which wins. ``estimated`` marks a usage that was not reported but counted.
    ``on`` is the call's ISO date: without it, announced later prices do not apply.
    ``conditions`` are further facts that rates can depend on (``region``, ``ttl``, ``speed``).
    Never raises for a strange usage: the answer is then unknown, or estimated, with a reason.
    """
    if reported is not None and reported.is_finite() and reported >= 0:
        revision = model.revision if model else ""
        return Cost(reported, "provider_reported", revision=revision)
    if usage is None:
        return unknown("no usage reported")
    if model is None:
        return unknown(f"no price for {model_name or 'this model'}")
    try:
        counts = _plain(usage, depth=2)
        call = _call(counts, model, service_tier, on, conditions)
        lines = (*_lines(call, counts), *_beside(call, counts, model, service_tier))
    except Unpriceable as error:
        return unknown(str(error))
    if estimated:
        call.notes.append("the usage was estimated, not reported")
    return summed(lines, "estimated" if call.notes else "exact", call.notes, model.revision)


def _call(
    usage: object,
    model: ModelInfo,
    tier: str | None,
    on: str | None,
    conditions: Mapping[str, str] | None,
) -> Call:
    prompt, completion = _count(usage, "prompt_tokens"), _completion(usage)
    if prompt is None:
        raise Unpriceable("no usage reported")
    if completion is None and model.mode != "embedding":
        raise Unpriceable("the usage has no completion tokens")
    if not prompt and not completion:
        raise Unpriceable("the usage reports no tokens at all")
    facts = dict(model.defaults)
    facts |= _told(usage)
    facts |= conditions or {}
    facts["service_tier"] = tiers(model, tier)[0]
    call = Call(sheet(model), facts, prompt, completion or 0, on or "")
    check_tier(model, facts["service_tier"], call.notes)
    return call


def _told(usage: object) -> dict[str, str]:
    """What else the usage says that rates can depend on."""
    seen = (("speed", _field(usage, "speed")), ("region", _field(usage, "inference_geo")))
    return {key: value for key, value in seen if isinstance(value, str)}


def _completion(usage: object) -> int | None:
    """Tokens of the answer, reasoning included; where the total shows that it is not, it is added."""
    completion = _count(usage, "completion_tokens")
    reasoning = _count(_field(usage, "completion_tokens_details"), "reasoning_tokens") or 0
    prompt, total = _count(usage, "prompt_tokens"), _count(usage, "total_tokens")
    if completion is None or prompt is None or total != prompt + completion + reasoning:
        return completion
    return completion + reasoning


def _beside(call: Call, usage: object, model: ModelInfo, tier: str | None) -> Iterator[CostLine]:
    """What is billed beside the counts: each round by its own size, as a prompt's length may set its price."""
    rounds = _field(usage, "beside")
    for one in rounds if isinstance(rounds, list) else ():
        counts = _plain(one, depth=2)
        if (other := _field(counts, "model")) is not None:
            raise Unpriceable(f"tokens of another model are billed beside these: {other}")
        again = _call(counts, model, tier, call.on, call.facts)
        yield from _lines(again, counts)
        call.notes += again.notes


def _lines(call: Call, usage: object) -> Iterator[CostLine]:
    for dimension, quantity, facts in _quantities(call, usage):
        if quantity:
            yield price(call, dimension, quantity, facts)


def _quantities(call: Call, usage: object) -> Iterator[tuple[str, int, Mapping[str, str]]]:
    writes = _cache_writes(call, usage)
    for dimension, quantity in _input(call, usage, sum(writes.values())):
        yield dimension, quantity, _NONE
    for ttl, quantity in writes.items():
        yield "cache_write", quantity, {"ttl": ttl} if ttl else _NONE
    for dimension, quantity in _output(call, usage):
        yield dimension, quantity, _NONE
    if call.has("request/request"):
        yield "request/request", 1, _NONE
    searches = _count(_field(usage, "server_tool_use"), "web_search_requests") or 0
    # A model that charges a search with every request has it in that fee.
    if call.has("web_search/call") or not call.has("request/request"):
        yield "web_search/call", searches, _NONE


def _cache_writes(call: Call, usage: object) -> dict[str, int]:
    """Tokens written to the cache by TTL; under ``""`` those whose TTL is not told."""
    split = _field(usage, "cache_creation")
    found = {ttl: _count(split, f"ephemeral_{ttl}_input_tokens") or 0 for ttl in call.sheet.ttls}
    inner = _count(_field(usage, "prompt_tokens_details"), "cache_write_tokens")
    outer = _count(usage, "cache_creation_input_tokens")
    total = max(inner or 0, outer or 0, sum(found.values()))
    return {**found, "": total - sum(found.values())}


def _cache_reads(call: Call, usage: object) -> int:
    inner = _count(_field(usage, "prompt_tokens_details"), "cached_tokens")
    outer = _count(usage, "cache_read_input_tokens")
    told = [count for count in (inner, outer) if count is not None]
    if inner is not None and outer is not None and inner != outer:
        call.notes.append("two counts of cached tokens differ, the smaller was priced")
    return min(told, default=0)


def _input(call: Call, usage: object, written: int) -> Iterator[tuple[str, int]]:
    cached = _cache_reads(call, usage)
    fresh = call.prompt - cached - written
    if fresh < 0:
        fresh = call.prompt
        call.notes.append("cached tokens exceed the prompt, which was priced in full beside them")
    details = _field(usage, "prompt_tokens_details")
    for dimension, name in (("audio_input", "audio_tokens"), ("image_input", "image_tokens")):
        count = _count(details, name)
        if count and _apart(call, dimension):
            own = min(count, fresh)
            fresh -= own
            if dimension == "audio_input":
                reheard = _reheard(call, count, own, cached)
                cached -= reheard
                yield "cached_audio_read", reheard
                own = max(own, count - reheard)
            yield dimension, own
    yield "input", fresh
    yield "cached_read", cached


def _reheard(call: Call, audio: int, fresh: int, cached: int) -> int:
    """How many of the cached tokens were audio: none as far as the fresh ones can hold it all.

    Fresh audio is the dearest reading of a usage that does not say, so it is assumed.
    """
    if audio and cached:
        call.notes.append("which cached tokens were audio is not told, as few as possible assumed")
    if audio - fresh > cached:
        call.notes.append("audio tokens exceed the prompt")
    return min(audio - fresh, cached)


def _output(call: Call, usage: object) -> Iterator[tuple[str, int]]:
    details = _field(usage, "completion_tokens_details")
    parts = {
        "reasoning": _count(details, "reasoning_tokens") or 0,
        "audio_output": _count(details, "audio_tokens") or 0,
        "image_output": _count(details, "image_tokens") or 0,
    }
    rest = call.completion - sum(parts.values())
    if rest < 0:
        rest = call.completion
        call.notes.append("details exceed the completion, which was priced in full beside them")
    for dimension, count in parts.items():
        if count and _apart(call, dimension):
            yield dimension, count
        else:
            rest += count
    yield "output", rest


def _apart(call: Call, dimension: str) -> bool:
    """Whether such tokens get a line of their own: a rate of their own, or none at all."""
    return call.has(dimension) or dimension not in call.model.priced_as


def _plain(source: object, depth: int) -> object:
    """A response model as the mapping that it stands for: looking one up for what it lacks is slow."""
    fields = getattr(source, "__dict__", None) if hasattr(source, "__pydantic_extra__") else None
    if fields is None or not depth:
        return source
    named = {**fields, **(getattr(source, "__pydantic_extra__", None) or {})}
    return {
        name: value if type(value) is int else _plain(value, depth - 1)
        for name, value in named.items()
        if value is not None
    }


def _field(source: object, name: str) -> object:
    if source is None:
        return None
    if type(source) is dict or isinstance(source, Mapping):
        return source.get(name)
    return getattr(source, name, None)


def _count(source: object, name: str) -> int | None:
    value = source.get(name) if type(source) is dict else _field(source, name)
    if value is None or (type(value) is int and value >= 0):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unpriceable(f"the usage has {name}={value!r}")
    return value
