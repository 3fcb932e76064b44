"""Calls and models for the tests of the bound, and how a bound is read."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from llmkit import catalogue
from llmkit._call import ChatCall
from llmkit.catalogue import FrozenMap, ModelInfo, Rate
from llmkit.catalogue._allowances import Allowance
from llmkit.pricing import Cost, Unbounded, bound

D = Decimal
HELLO: list[Any] = [{"role": "user", "content": "hello"}]
PLAIN = Allowance(preamble=0, tools=0, longer=(), least=1, slack=0, beyond="")
"""A provider that adds nothing."""


def model(provider: str, name: str) -> ModelInfo:
    """A model that the catalogue must have."""
    found = catalogue.find(provider, name)
    assert found is not None
    return found


GPT_4O = model("openai", "gpt-4o")
SONNET = model("anthropic", "claude-sonnet-4-5")
PRO = model("gemini", "gemini-2.5-pro")


def priced(rates: dict[str, str], **changed: Any) -> ModelInfo:
    """A model with rates by their keys, in USD for one unit, and nothing else."""
    made = []
    for key, usd in rates.items():
        dimension, _, unit = key.partition("/")
        made.append(Rate(dimension, unit or "token", D(usd), 1, FrozenMap(), "page", "2026-11-22"))
    bare = replace(
        GPT_4O,
        name="made-up",
        rates=tuple(made),
        tiers=FrozenMap(),
        uplifts=(),
        priced_as=FrozenMap(),
        capabilities=frozenset(),
    )
    return replace(bare, **changed)


def call(messages: Any = HELLO, /, **rest: Any) -> ChatCall:
    """A chat; ``extra_body``, ``extra_headers``, ``facts``, … and otherwise parameters."""
    own = {"extra_body", "extra_headers", "facts", "adjustments"}
    fields = {name: rest.pop(name) for name in own & rest.keys()}
    return ChatCall("call", "openai", "gpt-4o", messages=messages, params=rest, **fields)


def chat(messages: Any = HELLO, /, of: ModelInfo | None = GPT_4O, **rest: Any) -> Cost | Unbounded:
    """The bound of a chat with a provider that adds nothing."""
    how = {n: rest.pop(n) for n in ("allowance", "gauges", "request", "last") if n in rest}
    return bound(call(messages, **rest), of, **{"allowance": PLAIN, **how})


def bounded(result: Cost | Unbounded) -> Cost:
    """The bound, which must be one."""
    assert isinstance(result, Cost), result
    return result


def most(result: Cost | Unbounded) -> dict[str, Any]:
    """Units at most by dimension."""
    return {line.dimension: line.quantity for line in bounded(result).lines}


def rates(result: Cost | Unbounded) -> list[Decimal]:
    """The rates of its lines."""
    return [line.rate for line in bounded(result).lines]


def reason(result: Cost | Unbounded) -> str:
    """Why there is no bound."""
    assert isinstance(result, Unbounded), result
    assert not result
    return result.reason
