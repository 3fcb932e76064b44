"""The most that a call can cost, worked out before it is sent.

Text is bounded by its UTF-8 bytes (a token holds at least one), the answer by its limit, the
rates by the dearest that can apply. What the request does not show cannot be bounded, and
says so. What a call did cost belongs in ``_actual``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .. import _json
from .._cost import MATH, Cost, CostLine, Unbounded, summed
from ..catalogue import FrozenMap, ModelInfo, Rate
from ._rates import STANDARD, Unpriceable, amount, check_tier, tiers, unit_price

# What a provider adds around the caller's bytes. Chat templates spend 3 to 8 tokens a message;
# Anthropic's page on tool use gives up to some 800 for the preamble that tools bring along.
MESSAGE_TOKENS: Final = 16
TOOL_TOKENS: Final = 64
PREAMBLE_TOKENS: Final = 1024
# A schema may be restated in the provider's own notation beside the original.
_RESTATED: Final = 2

_TEXT_PARTS: Final = frozenset({"text", "refusal", "thinking", "redacted_thinking", "tool_result"})
_SCHEMAS: Final = ("tools", "functions", "response_format")
_SHOWN: Final = ("function_call", "tool_choice", "system", "prediction", "instructions")
# Each lets the provider put something into the prompt that the request does not show.
_UNSEEN: Final = {
    "web_search_options": "a web search adds pages to the prompt",
    "plugins": "plugins add to the prompt",
    "previous_response_id": "a stored conversation joins the prompt",
    "conversation": "a stored conversation joins the prompt",
    "cached_content": "cached content joins the prompt",
    "cachedContent": "cached content joins the prompt",
    "prompt": "a stored prompt template joins the prompt",
    "mcp_servers": "remote tools run inside the call",
    "container": "a container runs inside the call",
}
_OWN_TOOLS: Final = frozenset({"function", "custom"})
_INPUT: Final = frozenset({"input", "cached_read", "cache_write", "image_input"})
_AUDIO_INPUT: Final = frozenset({"audio_input", "cached_audio_read"})
_OUTPUT: Final = frozenset({"output", "reasoning", "image_output"})


@dataclass(frozen=True, slots=True)
class _Ask:
    """A request as far as its price depends on it; ``prompt`` is tokens at most.

    ``writes``: a cache write may be billed; ``heard``: some part may be audio.
    """

    model: ModelInfo
    params: Mapping[str, object]
    prompt: int
    tiers: tuple[str, ...]
    facts: Mapping[str, str]
    on: str | None
    writes: bool
    heard: bool


def bound(
    messages: Sequence[Mapping[str, object]],
    params: Mapping[str, object],
    model: ModelInfo | None,
    *,
    on: str | None = None,
    conditions: Mapping[str, str] | None = None,
    part_tokens: Mapping[str, int] | None = None,
) -> Cost | Unbounded:
    """An upper bound for one attempt at a call, or why there is none. Never raises.

    ``params`` are the call's parameters as they are sent (JSON values). ``on`` is its ISO date;
    without it, announced later prices are reckoned with too. ``conditions`` are facts that fix
    a price condition (``region``); what is left open counts at its dearest. ``part_tokens`` is
    the most tokens that one part of a type can have (``{"image_url": 1600}``), for parts that
    are not text; without it they cannot be bounded.
    """
    if model is None:
        return Unbounded("no price for this model")
    try:
        ask = _ask(messages, params, model, on, conditions or {}, part_tokens or {})
        lines = tuple(_lines(ask))
    except Unpriceable as error:
        return Unbounded(str(error))
    return summed(lines, "estimated", ["an upper bound, not a cost"], model.revision)


def _ask(
    messages: Sequence[Mapping[str, object]],
    params: Mapping[str, object],
    model: ModelInfo,
    on: str | None,
    conditions: Mapping[str, str],
    part_tokens: Mapping[str, int],
) -> _Ask:
    extra = params.get("extra_body") or {}
    if not isinstance(extra, Mapping):
        raise Unpriceable("extra_body is not a mapping")
    merged = {**params, **extra}
    _refuse_unseen(merged, model)
    facts = {key: value for key, value in merged.items() if isinstance(value, str)}
    if "inference_geo" in facts:
        facts["region"] = facts["inference_geo"]
    tier = merged.get("service_tier")
    billed = tiers(model, tier if isinstance(tier, str) else None)
    if tier:
        check_tier(model, billed[0], [])
    tokens = sum(_message(message, part_tokens) for message in messages)
    tokens += _around(merged) + _bytes(extra or None, "extra_body")
    return _Ask(
        model=model,
        params=merged,
        prompt=tokens,
        tiers=billed,
        facts={**facts, **conditions},
        on=on,
        writes=_writes(messages, merged, model.cache_write_marker),
        heard=bool(part_tokens),
    )


def _refuse_unseen(params: Mapping[str, object], model: ModelInfo) -> None:
    for key, why in _UNSEEN.items():
        if params.get(key) is not None:
            raise Unpriceable(f"{key}: {why}")
    if model.supports("web_search_always"):
        raise Unpriceable(f"{model.name} searches the web in every call")
    for tool in _items(params, "tools"):
        kind = tool.get("type", "function") if isinstance(tool, Mapping) else None
        if kind not in _OWN_TOOLS:
            raise Unpriceable(f"the tool {kind!r} runs at the provider")


# --- the prompt ----------------------------------------------------------------------------


def _message(message: object, part_tokens: Mapping[str, int]) -> int:
    if not isinstance(message, Mapping):
        raise Unpriceable("a message is not a mapping")
    for key in ("audio", "images"):
        if message.get(key):
            raise Unpriceable(f"a message has {key}, whose tokens cannot be told")
    around = {key: value for key, value in message.items() if key != "content"}
    content = _content(message.get("content"), part_tokens)
    return MESSAGE_TOKENS + _bytes(around, "a message") + content


def _content(content: object, part_tokens: Mapping[str, int]) -> int:
    if content is None or isinstance(content, str):
        return _bytes(content, "content")
    if not isinstance(content, Sequence):
        raise Unpriceable("content is neither text nor a list of parts")
    return sum(_part(part, part_tokens) for part in content)


def _part(part: object, part_tokens: Mapping[str, int]) -> int:
    if isinstance(part, str):
        return _bytes(part, "a part")
    kind = part.get("type", "text") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or not isinstance(kind, str):
        raise Unpriceable("a part of a message has no type")
    if kind in part_tokens:
        return MESSAGE_TOKENS + part_tokens[kind]
    if kind not in _TEXT_PARTS:
        raise Unpriceable(f"how many tokens a part of type {kind} has is not known")
    around = {key: value for key, value in part.items() if key != "content"}
    return _bytes(around, f"a part of type {kind}") + _content(part.get("content"), part_tokens)


def _around(params: Mapping[str, object]) -> int:
    """Tokens of what stands beside the messages: schemas, choices, a prediction."""
    given = [key for key in _SCHEMAS if params.get(key)]
    tokens = sum(_RESTATED * _bytes(params[key], key) for key in given)
    tokens += sum(_bytes(params[key], key) for key in _SHOWN if params.get(key))
    tools = len(_items(params, "tools")) + len(_items(params, "functions"))
    return tokens + TOOL_TOKENS * tools + (PREAMBLE_TOKENS if given else 0)


def _items(params: Mapping[str, object], key: str) -> Sequence[object]:
    value = params.get(key) or ()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise Unpriceable(f"{key} is not a list")
    return value


def _bytes(value: object, what: str) -> int:
    """UTF-8 bytes of the value as JSON, which is at least what its text has."""
    try:
        return len(_json.dump(value)) if value is not None else 0
    except (ValueError, TypeError, UnicodeError):
        raise Unpriceable(f"{what} cannot be written as JSON, so not measured") from None


def _writes(
    messages: Sequence[Mapping[str, object]], params: Mapping[str, object], marker: str | None
) -> bool:
    """Whether the provider may bill writing to its prompt cache."""
    shown = [messages, *(params.get(key) for key in (*_SCHEMAS, "system", "extra_body"))]
    return marker is None or marker in params or marker.encode() in _json.dump(shown)


# --- rates ---------------------------------------------------------------------------------


def _lines(ask: _Ask) -> Iterator[CostLine]:
    n = max(_number(ask.params, "n", 1), _number(ask.params, "best_of", 1))
    yield _worst(ask, "input", _INPUT | (_AUDIO_INPUT if ask.heard else set()), ask.prompt * n)
    answer = n * (_answer(ask) + _bytes(ask.params.get("prediction"), "prediction"))
    modalities = ask.params.get("modalities")
    speaks = isinstance(modalities, Sequence) and "audio" in modalities
    yield _worst(ask, "output", _OUTPUT | ({"audio_output"} if speaks else set()), answer)
    if any(rate.key == "request/request" for rate in ask.model.rates):
        yield _worst(ask, "request/request", frozenset({"request/request"}), n)


def _answer(ask: _Ask) -> int:
    """The most output tokens that one choice can have."""
    names = ("max_tokens", "max_completion_tokens", "max_output_tokens")
    given = [_number(ask.params, key, 0) for key in names if ask.params.get(key) is not None]
    limit = max(given, default=ask.model.max_output_tokens)
    if limit is None:
        raise Unpriceable(f"no max_tokens, and the output limit of {ask.model.name} is not known")
    return limit


def _number(params: Mapping[str, object], key: str, default: int) -> int:
    value = params.get(key)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unpriceable(f"{key}={value!r} is not a count")
    return value


def _worst(ask: _Ask, name: str, dimensions: frozenset[str] | set[str], quantity: int) -> CostLine:
    rates = [rate for rate in ask.model.rates if rate.key in dimensions and _may(rate, ask)]
    if not any(rate.key == name for rate in rates):
        raise Unpriceable(f"no {name} rate for {ask.model.name}")
    rate = max(rates, key=unit_price)
    token = rate.unit == "token"
    open_to = [up for up in ask.model.uplifts if token and _fits(up.condition, ask)]
    worst = max(open_to, key=lambda up: up.factor, default=None)
    condition = {**rate.condition, **(worst.condition if worst else {})}
    factor = worst.factor if worst else Decimal(1)
    usd = MATH.multiply(rate.usd, factor)
    return amount(name, quantity, rate, usd, FrozenMap(condition), ask.model.revision)


def _fits(condition: Mapping[str, str | int], ask: _Ask) -> bool:
    """Whether an uplift may apply: nothing known of the call speaks against it."""
    return all(ask.facts.get(key, value) == value for key, value in condition.items())


def _may(rate: Rate, ask: _Ask) -> bool:
    """Whether the rate may apply to the call; where that is open, it may."""
    if rate.dimension == "cache_write" and not ask.writes:
        return False
    return all(_possible(key, wanted, ask) for key, wanted in rate.condition.items())


def _possible(key: str, wanted: str | int, ask: _Ask) -> bool:
    if key == "service_tier":
        return wanted in (*ask.tiers, STANDARD)
    if key == "input_tokens_over":
        return ask.prompt > int(wanted)
    if key == "from":
        return ask.on is None or ask.on >= str(wanted)
    if key == "ttl":
        return ask.facts.get(key, wanted) == wanted
    return ask.facts.get(key) == wanted
