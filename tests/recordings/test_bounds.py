"""Every recorded exchange against the bound of its call: what it used and cost is never above.

Prices are made up, so that every model has some and each kind of token another; where the catalogue has the model,
its own are used as well.
"""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import llmkit
from llmkit import pricing
from llmkit.catalogue import Catalogue, FrozenMap, ModelInfo, Rate

from . import _priced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llmkit.types.usage import Usage

    from ._priced import Exchange

EXPLAINED = {
    "i12786": "the recorder put a few words in place of a prompt of 18,000 tokens",
    "i12787": "the recorder put a few words in place of a prompt of 18,000 tokens",
}
"""Row → why what was billed is more than what the recorded request can have been."""
REASONS = (
    "runs at the provider, or is not known here",
    "of type .* has is not known",
    "what is stored at the provider joins the prompt",
    "a search adds pages to the prompt",
    "search(es)? the web in every call|may search",
    "it runs inside the call",
    "billed later",
    "another model or host|another model may answer",
    "how long it is kept",
    "what this field costs is not known",
    "beside the rest",
    "several times",
    "a part of a message has no type",
    "a message has .*, whose tokens cannot be told",
    "a picture has is not known|given pictures",
    "how long the sound lasts|how many tokens the sound has",
    "not a mapping|neither text nor",
    "^refused$",
)
"""Every reason for which a recorded call has no bound fits one of these."""
MOST_REFUSED = 0.20


class MadeUp(Catalogue):
    """A catalogue that has every model of every provider."""

    def find(self, provider: str, model: str) -> ModelInfo:
        """A model of that name."""
        return _model(provider, model)


@cache
def _model(provider: str, name: str) -> ModelInfo:
    asked = any(host in provider for host in ("anthropic", "bedrock", "vertex"))
    return ModelInfo(
        provider=provider,
        name=name,
        aliases=(),
        mode="chat",
        max_input_tokens=1_000_000,
        max_output_tokens=64_000,
        input_modalities=frozenset({"text"}),
        output_modalities=frozenset({"text"}),
        capabilities=frozenset({"reasoning"}),
        deprecated=None,
        rates=tuple(_rate(key, usd) for key, usd in RATES.items()),
        source="page",
        read="2026-11-22",
        defaults=FrozenMap({"ttl": "5m"}),
        priced_as=FrozenMap(
            {"reasoning": "output", "image_input": "input", "video_input": "input"}
        ),
        cache_write_marker="cache_control" if asked else None,
    )


RATES = {
    "input": "1", "cached_read": "0.1", "cache_write": "1.25", "audio_input": "3", "output": "5",
    "audio_output": "7", "image_output": "6", "search/search": "2000",
}  # fmt: skip


def _rate(key: str, usd: str) -> Rate:
    dimension, _, unit = key.partition("/")
    return Rate(
        dimension, unit or "token", Decimal(usd), 1_000_000, FrozenMap(), "page", "2026-11-22"
    )


class Replayed:
    """A client that is answered with what was recorded."""

    def __init__(self, catalogue: Catalogue | None) -> None:
        transport = httpx.MockTransport(lambda _: self.exchange.answer())
        self.exchange: Exchange
        self.client = llmkit.Client(
            catalogue=catalogue,
            http_client=httpx.Client(transport=transport),
            environ={},
            num_retries=0,
        )

    def bound(self, exchange: Exchange, *, exact: bool = False) -> pricing.Cost | pricing.Unbounded:
        """The bound of the recorded call."""
        access = {"api_key": "test-key", "base_url": _priced.BASE}
        try:
            return self.client.cost_bound(
                exchange.function, exact=exact, **access, **exchange.keywords
            )
        except llmkit.UnsupportedParamsError:
            # By the catalogue's facts it cannot be asked so; other tests replay it.
            return pricing.Unbounded("refused")

    def answer(self, exchange: Exchange) -> Any:
        """The whole answer; ``None`` where it was an error after all."""
        self.exchange = exchange
        call = getattr(self.client, exchange.function)
        try:
            made = call(api_key="test-key", base_url=_priced.BASE, **exchange.keywords)
            if isinstance(made, llmkit.Stream):
                list(made)
                return made.response
        except llmkit.APIError:
            return None
        return made


@pytest.fixture(scope="module")
def exchanges(recordings: Path) -> list[Exchange]:
    """All of them, where there are recordings."""
    found = list(_priced.every())
    assert len(found) > 3000
    return found


@pytest.fixture(scope="module")
def made_up() -> Iterator[Replayed]:
    """A client with prices for everything."""
    replayed = Replayed(MadeUp())
    with replayed.client:
        yield replayed


@pytest.fixture(scope="module")
def listed() -> Iterator[Replayed]:
    """A client with the catalogue's own prices."""
    replayed = Replayed(None)
    with replayed.client:
        yield replayed


def _used(answer: Any) -> Usage | None:
    counted = getattr(answer, "counted", None)
    usage: Usage | None = counted() if callable(counted) else None
    return usage


def _over(exchange: Exchange, above: pricing.Cost, usage: Usage) -> str | None:
    """What is more than was allowed for, if anything is."""
    most: Counter[str] = Counter()
    for line in above.lines:
        most[line.dimension] += int(line.quantity)
    if (usage.prompt_tokens or 0) > most["input"]:
        return f"{usage.prompt_tokens} tokens of prompt, at most {most['input']}"
    if (usage.completion_tokens or 0) > most["output"] + most["image_output"]:
        return f"{usage.completion_tokens} tokens of answer, at most {most['output']}"
    paid = pricing.cost(usage, _model("", ""), service_tier=None)
    assert above.total is not None
    return f"{paid} above {above}" if paid.total is not None and paid.total > above.total else None


@pytest.mark.parametrize("exact", [False, True], ids=["bytes", "counted"])
def test_no_recorded_usage_is_above_its_bound(
    exchanges: list[Exchange], made_up: Replayed, *, exact: bool
) -> None:
    """Tokens in, tokens out, and their cost at made-up prices, for every provider and every kind."""
    compared, wrong = 0, {}
    for exchange in exchanges:
        above = made_up.bound(exchange, exact=exact)
        usage = _used(made_up.answer(exchange)) if isinstance(above, pricing.Cost) else None
        if usage is None or not isinstance(above, pricing.Cost):
            continue
        compared += 1
        if (more := _over(exchange, above, usage)) is not None:
            wrong[exchange.id] = more
    assert wrong.keys() == EXPLAINED.keys(), {k: v for k, v in wrong.items() if k not in EXPLAINED}
    assert compared > 3000


def test_no_listed_price_makes_a_recorded_call_dearer(
    exchanges: list[Exchange], listed: Replayed
) -> None:
    """The same with the catalogue's prices, where it has the model, and with what the provider itself said."""
    compared, wrong = 0, {}
    for exchange in exchanges:
        above = listed.bound(exchange)
        answer = listed.answer(exchange) if isinstance(above, pricing.Cost) else None
        cost = getattr(answer, "cost", None)
        if cost is None or cost.total is None or not isinstance(above, pricing.Cost):
            continue
        compared += 1
        assert above.total is not None
        if cost.total > above.total and exchange.id not in EXPLAINED:
            wrong[exchange.id] = (
                f"{exchange.keywords.get('model')}: {cost} ({cost.status}) above {above}"
            )
    assert not wrong
    assert compared > 400


def test_every_refusal_has_a_reason_of_these(exchanges: list[Exchange], made_up: Replayed) -> None:
    """Most calls have a bound; why another has none is one of a few things."""
    counts: Counter[str] = Counter()
    odd = set()
    for exchange in exchanges:
        found = made_up.bound(exchange)
        if isinstance(found, pricing.Cost):
            continue
        kind = next((reason for reason in REASONS if re.search(reason, found.reason)), None)
        counts[kind or ""] += 1
        odd |= {found.reason} if kind is None else set()
    assert not odd
    assert counts.total() < MOST_REFUSED * len(exchanges), counts
