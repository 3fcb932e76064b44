"""Members, pools and draws for tests of who goes first: plain values, made by hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from llmkit._control.routing.deployment import Deployment
from llmkit._control.routing.member import Member
from llmkit._control.routing.pool import Pool
from llmkit._control.routing.settings import Settings
from llmkit._control.routing.strategies import strategy_of
from llmkit._control.routing.wanted import Wanted
from llmkit.catalogue import ModelInfo, Rate

MODEL = "openai/gpt-4o-mini"
Draw = Callable[[], float]

INFO = ModelInfo(
    provider="acme",
    name="small",
    aliases=(),
    mode="chat",
    max_input_tokens=1000,
    max_output_tokens=200,
    input_modalities=frozenset({"text"}),
    output_modalities=frozenset({"text"}),
    capabilities=frozenset({"tools"}),
    deprecated=None,
    rates=(),
    source="",
    read="",
)


def info(**changes: Any) -> ModelInfo:
    """A model's record with these fields."""
    return replace(INFO, **changes)


RATE = Rate("input", "token", Decimal(1), 1_000_000, {}, "", "")


def member(
    name: str = "a",
    *,
    model: str = MODEL,
    known: ModelInfo | None = None,
    price: tuple[str, str] | None = None,
    **declared: Any,
) -> Member:
    """One member of the group ``g`` (a wildcard's: ``*``) with the id ``name``."""
    made = Member(Deployment("*" if "*" in model else "g", model, id=name, **declared))
    made.info = known
    made.price = None if price is None else (Decimal(price[0]), Decimal(price[1]))
    return made


def several(count: int, **declared: Any) -> list[Member]:
    """Members ``m0``, ``m1`` … that are declared alike."""
    return [member(f"m{number}", **declared) for number in range(count)]


def pool(members: Iterable[Member], strategy: Any = "simple-shuffle", **settings: Any) -> Pool:
    """A pool of them."""
    arguments = settings.pop("arguments", {})
    return Pool(members, Settings(**settings), strategy_of(strategy, arguments), "g")


def chat(*texts: str, **said: Any) -> Wanted:
    """A chat of these texts; keywords are fields of ``Wanted``."""
    messages = [{"role": "user", "content": text} for text in texts or ("hello",)]
    said.setdefault("subject", {"messages": messages})
    return Wanted("g", **said)


def seeded(seed: int = 7) -> Draw:
    """A generator of draws."""
    return random.Random(seed).random


def names(members: Iterable[Member]) -> list[str]:
    """Their ids, in order."""
    return [one.id for one in members]
