"""Every recorded answer priced: lines that add up, no token twice, and a reason wherever there is no amount.

The figures that OpenRouter, xAI and others state on their answers are the oracle for the catalogue's own.
"""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from llmkit.pricing import Cost

from . import _costs

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN: dict[str, str] = {
    r"no price for \S+": "the catalogue has no record under the name",
    r"no \w+ rate( per \w+)? for \S+": "a record without a price for what was used",
    r"no \w+ rates for \S+": "a service tier without a price",
    r"no usage reported": "the answer has no usage at all",
    r"the answer does not say what was used": "nor anything else that is billed",
    r"the answer does not tell the \w+ tokens": "a part of it",
    r"the usage reports no tokens at all": "zeros only",
    r"the usage has \w+=.*": "a count that is none",
    r"nothing that the answer tells has a rate for \S+": "a record without prices",
}
"""Why an amount may be unknown, and nothing else."""

NOT_OURS: dict[tuple[str, str], str] = {
    ("openrouter", "anthropic/claude-3-5-sonnet-20241022"): "the price of the host that served it",
    ("openrouter", "google/gemini-3.6-flash"): "the price of that day",
    (
        "openrouter",
        "mistralai/mistral-small-3.1-24b-instruct",
    ): "the price of the host that served it",
    ("openrouter", "moonshotai/kimi-k2.5"): "the price of the host that served it",
    ("openrouter", "openai/gpt-5.1-codex-mini"): "a web search that the usage does not tell",
    ("openrouter", "openai/gpt-5.6-sol"): "the price of that day",
    ("openrouter", "openai/gpt-oss-120b"): "the price of the host that served it",
    ("openrouter", "openai/gpt-oss-20b"): "the price of the host that served it",
    ("openrouter", "qwen/qwen3-30b-a3b-instruct-2507"): "the price of the host that served it",
    ("openrouter", "x-ai/grok-3-beta"): "a host that was dearer",
    ("openrouter", "z-ai/glm-4.6"): "the price of the host that served it",
    (
        "vercel_ai_gateway",
        "openai/gpt-5",
    ): "reasoning charged once within the answer and once beside it",
}
"""Provider and model → why its own figure is another than the catalogue's."""

LEAST_EQUAL = {"openrouter": 130, "xai": 80, "vercel_ai_gateway": 20}
"""Answers whose stated cost the catalogue must come to."""

# What is stated is rounded; the finest is xAI's tick.
_ROUNDED = {"perplexity": Decimal("0.000011")}
_TICK = Decimal("1e-9")


@pytest.fixture(scope="module")
def priced(recordings: Path) -> tuple[_costs.Priced, ...]:
    """Every recorded answer, priced."""
    return _costs.priced()


def both(one: _costs.Priced) -> list[Cost]:
    """The cost, and the catalogue's own beside it."""
    cost = one.answer.cost
    return [cost, cost.ours] if cost.ours is not None else [cost]


def test_there_are_thousands(priced: tuple[_costs.Priced, ...]) -> None:
    """The answers were read, not skipped."""
    assert len(priced) > 3_700
    assert len({one.provider for one in priced}) > 35


def test_lines_add_up(priced: tuple[_costs.Priced, ...]) -> None:
    """In every status the lines come to the total, exactly, in anybody's arithmetic."""
    for one in priced:
        for cost in both(one):
            total = sum((line.amount for line in cost.lines), Decimal(0))
            assert cost.total is None or cost.total == total, one.row.id
            assert all(line.amount >= 0 and line.quantity > 0 for line in cost.lines), one.row.id


def test_no_token_is_counted_twice(priced: tuple[_costs.Priced, ...]) -> None:
    """Where nothing had to be assumed, the tokens of the lines are those of the usage."""
    checked = 0
    for one in priced:
        ours = both(one)[-1]
        usage = one.answer.counted()
        if ours.status != "exact" or usage is None or usage.beside or usage.prompt_tokens is None:
            continue
        tokens = sum(line.quantity for line in ours.lines if line.unit == "token")
        reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
        counted = usage.prompt_tokens + (usage.completion_tokens or 0)
        # Where the total shows that reasoning is not in the completion, it is billed beside it.
        apart = reasoning if usage.total_tokens == counted + reasoning else 0
        cited = usage.get("citation_tokens") or 0
        if tokens:
            assert tokens in (counted + apart, counted + apart + cited), one.row.id
            checked += 1
    assert checked > 2_500


def test_an_amount_is_never_zero_by_mistake(priced: tuple[_costs.Priced, ...]) -> None:
    """Zero is what the vendor says, or lists, or what ran at home."""
    for one in priced:
        for cost in both(one):
            if cost.total == 0 and cost.status != "none":
                assert cost.lines, one.row.id
                assert all(line.rate == 0 for line in cost.lines), one.row.id


def test_what_is_unknown_has_a_reason_of_the_list(priced: tuple[_costs.Priced, ...]) -> None:
    """Each reason is one of the few that there are."""
    for one in priced:
        for cost in both(one):
            if cost.total is None:
                assert cost.status == "unknown"
                assert any(re.fullmatch(known, cost.reason or "") for known in UNKNOWN), (
                    one.row.id,
                    cost.reason,
                )


def test_most_is_known(priced: tuple[_costs.Priced, ...]) -> None:
    """Of the makers' own models nearly every recorded answer has an amount."""
    known: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for one in priced:
        every[one.provider] += 1
        known[one.provider] += one.answer.cost.total is not None
    shares = {name: known[name] / every[name] for name in every}
    for name in ("openai", "anthropic", "gemini", "deepseek", "mistral", "xai", "groq"):
        assert shares[name] > 0.9, (name, shares[name])
    assert sum(known.values()) / sum(every.values()) > 0.85


def test_stated_costs_are_those_of_the_catalogue(priced: tuple[_costs.Priced, ...]) -> None:
    """What a provider says that a call cost is what its usage comes to, where that was told, or there is a reason."""
    equal: Counter[str] = Counter()
    unexplained = []
    for one in priced:
        cost = one.answer.cost
        if cost.reported is None or cost.ours is None or cost.ours.total is None:
            continue
        if "the usage was estimated" in (cost.ours.reason or ""):
            continue
        allowed = _ROUNDED.get(one.provider, _TICK)
        if abs(cost.reported - cost.ours.total) <= allowed:
            equal[one.provider] += 1
        elif cost.ours.status == "exact" and (one.provider, one.model) not in NOT_OURS:
            unexplained.append((one.row.id, one.model, cost.reported, cost.ours.total))
    assert not unexplained
    for name, least in LEAST_EQUAL.items():
        assert equal[name] >= least, (name, equal[name])


def test_a_stated_cost_is_a_line_with_its_place(priced: tuple[_costs.Priced, ...]) -> None:
    """The total is what the provider said, and the line says where it did."""
    stated = [one for one in priced if one.answer.cost.status == "provider_reported"]
    assert len(stated) > 300
    for one in stated:
        (line,) = one.answer.cost.lines
        assert line.dimension == "reported"
        assert line.source.endswith("in the answer")
        assert line.amount == one.answer.cost.total == one.answer.cost.reported
        assert one.answer.cost.ours is not None


def test_a_round_of_another_model_is_priced_as_that_model(
    priced: tuple[_costs.Priced, ...],
) -> None:
    """A model that took a refused call over, and an adviser, are billed at their own rates."""
    found = {one.row.id: one.answer.cost for one in priced}
    if "i13546" in found:
        # 412 x 5 + 264 x 25: not the rates of the model that was asked.
        assert found["i13546"].total == Decimal("0.00866")
    if "i10331" in found:
        rates = {line.rate for line in found["i10331"].lines if line.dimension == "input"}
        assert len(rates) == 2
