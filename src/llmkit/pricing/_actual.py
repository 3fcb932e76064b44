"""What a call cost, from what its answer tells of it: tokens, other measures, or the amount itself.

Puts quantities and rates together. Reading a usage belongs in ``_usage``, choosing a rate in ``_rates``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from .._cost import Cost, CostLine, Measure, said, summed, unknown
from ..catalogue import ModelInfo
from ._conditions import NEVER
from ._rates import STANDARD, Call, Unpriceable, check_tier, price, sheet
from ._text import of_text
from ._usage import (
    BY_NONE,
    BY_TOKENS,
    Billed,
    Counts,
    calls,
    completion_of,
    count,
    plain,
    tokens,
    tokens_of,
    told,
)

__all__ = ["Find", "cost"]

Find = Callable[[str], ModelInfo | None]
"""Finds another model of the same provider by its name."""

# A fee, which has a line of its own wherever a model has one.
_REQUEST = "request/request"
_ONE_SIDED = frozenset({"embedding", "rerank", "moderation"})


class _Asked(NamedTuple):
    """What all rounds of a call have in common."""

    tier: str | None
    on: str | float | None
    seconds: float
    conditions: Mapping[str, str] | None
    find: Find | None


def cost(
    usage: object,
    model: ModelInfo | None,
    *,
    measures: Sequence[Measure] = (),
    service_tier: str | None = None,
    reported: Decimal | None = None,
    said_in: str = "",
    estimated: bool = False,
    model_name: str = "",
    on: str | float | None = None,
    seconds: float = 0,
    conditions: Mapping[str, str] | None = None,
    find: Find | None = None,
) -> Cost:
    """Prices a usage object in OpenAI's shape (attributes or keys; any may be missing), and measures.

    Args:
        usage: tokens, and calls of tools.
        model: whose rates hold; ``None`` where nobody knows it.
        measures: what else was used, of which those are priced that the model has rates for.
        service_tier: the tier that the answer names.
        reported: the amount in USD that the provider itself states, which is the total then.
        said_in: where it states that.
        estimated: marks a usage that was not reported but counted.
        model_name: what a model without a record is called in the reason.
        on: when the call began: an ISO date or time, or Unix seconds. Without, the day of the catalogue.
        seconds: how long it took.
        conditions: further facts that rates can depend on (``region``, ``ttl``, ``speed``).
        find: finds other models of the provider, for rounds that they did.

    Never raises for a strange usage: the answer is then unknown, or estimated, with a reason.
    """
    try:
        short = None
        if model is not None and not measures:
            short = of_text(usage, model, service_tier, on, conditions)
        if short is None or model is None:
            asked = _Asked(service_tier, on, seconds, conditions, find)
            ours = _worked_out(usage, model, measures, asked, model_name, estimated=estimated)
        else:
            ours = _summed(short[0], short[1], model, estimated=estimated)
    except (Unpriceable, ValueError) as error:
        ours = unknown(str(error))
    if reported is not None and reported.is_finite() and reported >= 0:
        return said(reported, said_in or "the answer", ours)
    return ours


def _summed(lines: list[CostLine], notes: list[str], model: ModelInfo, *, estimated: bool) -> Cost:
    if model.varies and any(line.rate for line in lines):
        notes.append(model.varies)
    if estimated:
        notes.append("the usage was estimated, not reported")
    return summed(tuple(lines), "estimated" if notes else "exact", notes, model.revision)


def _worked_out(
    usage: object,
    model: ModelInfo | None,
    measures: Sequence[Measure],
    asked: _Asked,
    model_name: str,
    *,
    estimated: bool,
) -> Cost:
    if usage is None and not measures:
        return unknown("no usage reported")
    if model is None:
        return unknown(f"no price for {model_name or 'this model'}")
    counts = plain(usage)
    if (other := counts.get("billed_model")) is not None:
        model = _who(model, other, asked)
    lines, notes = _priced(counts, model, measures, asked)
    return _summed(lines, notes, model, estimated=estimated)


def _priced(
    counts: Counts, model: ModelInfo, measures: Sequence[Measure], asked: _Asked
) -> tuple[list[CostLine], list[str]]:
    call, counted = _call(counts, model, measures, asked)
    which = _which(call, counts, measures, counted=counted)
    lines = _lines(call, counts, which)
    if "beside" in counts:
        lines += _beside(call, counts, asked)
    if not lines:
        raise Unpriceable(f"nothing that the answer tells has a rate for {model.name}")
    return lines, call.notes


def _call(
    usage: Counts, model: ModelInfo, measures: Sequence[Measure], asked: _Asked
) -> tuple[Call, bool]:
    """What rates are matched against, and whether tokens were counted at all."""
    prompt = count(usage, "prompt_tokens")
    completion = completion_of(usage, prompt)
    rates = sheet(model)
    # What costs a fee and nothing else needs no count.
    counted = prompt is not None and not rates.by_request
    if counted:
        if completion is None and model.mode not in _ONE_SIDED:
            raise Unpriceable("the usage has no completion tokens")
        if not prompt and not completion and not measures:
            raise Unpriceable("the usage reports no tokens at all")
    elif not measures and not rates.by_request:
        raise Unpriceable("no usage reported")
    facts = {**rates.defaults, **told(usage)}
    if asked.conditions:
        facts.update(asked.conditions)
    facts["service_tier"] = rates.tier(asked.tier)
    when = rates.moment(asked.on, asked.seconds) if rates.timed else NEVER
    call = Call(rates, facts, when, prompt or 0, completion or 0)
    if facts["service_tier"] != STANDARD:
        check_tier(model, facts["service_tier"], call.notes)
    return call, counted


def _which(call: Call, usage: Counts, measures: Sequence[Measure], *, counted: bool) -> Billed:
    if not measures:
        return BY_TOKENS if counted else BY_NONE
    # Chats have no measures.
    from ._measures import billed  # noqa: PLC0415

    return billed(call, measures, counted=counted, tokens_of=lambda name: tokens_of(usage, name))


def _lines(call: Call, usage: Counts, which: Billed) -> list[CostLine]:
    used = tokens(call, usage, which.sides, which.instead) if which.sides else []
    lines = [price(call, name, number, facts) for name, number, facts in used if number]
    measured = [one for one in which.measures if one.quantity and one.key != _REQUEST]
    lines += [price(call, one.key, one.quantity, one.facts) for one in measured]
    beside = calls(call, usage)
    return (
        lines + [price(call, name, n, facts) for name, n, facts in beside if n] if beside else lines
    )


def _beside(call: Call, usage: Counts, asked: _Asked) -> list[CostLine]:
    """What is billed beside the counts: each round by its own size, as a prompt's length may set its price."""
    rounds, lines = usage.get("beside"), list[CostLine]()
    if not isinstance(rounds, list):
        return lines
    # A round says less of itself than the whole does: what is known of that holds for it, too.
    same = asked._replace(conditions=call.facts)
    for one in rounds:
        counts = plain(one)
        again, _ = _call(counts, _who(call.model, counts.get("model"), asked), (), same)
        lines += _lines(again, counts, BY_TOKENS)
        call.notes += again.notes
    return lines


def _who(model: ModelInfo, name: object, asked: _Asked) -> ModelInfo:
    """The model that did a round. Raises Unpriceable where it is another that nobody knows."""
    if name is None or name == model.name:
        return model
    found = asked.find(name) if asked.find is not None and isinstance(name, str) else None
    if found is None:
        raise Unpriceable(f"no price for {name}, which did some of it")
    return found
