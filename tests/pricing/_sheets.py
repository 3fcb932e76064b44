"""Models with rates made up for a test, and usages in OpenAI's shape."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from llmkit.catalogue import FrozenMap, ModelInfo, Rate

D = Decimal
PAGE = "https://prices.example/page"

_PLAIN = ModelInfo(
    provider="acme",
    name="m",
    aliases=(),
    mode="chat",
    max_input_tokens=None,
    max_output_tokens=None,
    input_modalities=frozenset({"text"}),
    output_modalities=frozenset({"text"}),
    capabilities=frozenset(),
    deprecated=None,
    rates=(),
    source=PAGE,
    read="2026-11-01",
    revision="2026-11-20",
    defaults=FrozenMap({"service_tier": "standard"}),
    priced_as=FrozenMap({"reasoning": "output", "image_input": "input"}),
)


def rate(key: str, usd: str, per: int = 1, **when: str | int) -> Rate:
    """A rate by its key: ``audio_input/second``, or the dimension alone for tokens."""
    dimension, _, unit = key.partition("/")
    since = {"from_": "from"}
    condition = FrozenMap({since.get(name, name): value for name, value in when.items()})
    return Rate(dimension, unit or "token", D(usd), per, condition, PAGE, "2026-11-01")


def model(*rates: Rate, **changes: Any) -> ModelInfo:
    """A model with just these rates."""
    return replace(_PLAIN, rates=rates, **changes)


def usage(prompt: int, completion: int, **rest: Any) -> dict[str, Any]:
    """Counts, and whatever else."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, **rest}
