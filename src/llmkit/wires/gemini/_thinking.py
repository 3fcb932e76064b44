"""``reasoning_effort`` and ``thinking`` to ``thinkingConfig``: by budget or by level, as the model wants it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._params import Ledger
from ._models import BUDGETS, can_stop_thinking, levels, thinks_by_level, without

__all__ = ["thinking_config"]

_MIN_PRO_BUDGET = 128
_MORE_THAN_HIGH = ("xhigh", "max")


def thinking_config(ledger: Ledger, effort: Any, thinking: Any) -> dict[str, Any] | None:
    """What ``generationConfig.thinkingConfig`` must be, or nothing."""
    name = "reasoning_effort" if thinking is None else "thinking"
    given = effort if thinking is None else thinking
    if given is None:
        return None
    if thinking is not None and effort is not None:
        raise ledger.invalid(
            "give 'reasoning_effort' or 'thinking', not both: they set one thing here"
        )
    wanted = _wanted(ledger, effort, thinking)
    if without(ledger.call, "reasoning"):
        if wanted != "none":
            ledger.refuse(name, given, "the model does not think")
        return None
    if isinstance(wanted, str):
        return _by_effort(ledger, name, given, wanted)
    return _by_budget(ledger, given, wanted)


def _wanted(ledger: Ledger, effort: Any, thinking: Any) -> str | int:
    """An effort in words, or a number of tokens; -1 leaves it to the model."""
    if thinking is None:
        return _effort(ledger, effort)
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    if kind == "disabled":
        return "none"
    if kind == "adaptive":
        return -1
    budget = thinking.get("budget_tokens") if isinstance(thinking, Mapping) else None
    if kind != "enabled" or not isinstance(budget, int | None):
        raise ledger.invalid(
            "thinking must be {'type': 'enabled', 'budget_tokens': …}, {'type': 'adaptive'} or "
            f"{{'type': 'disabled'}}, not {thinking!r:.80}"
        )
    return -1 if budget is None else budget


def _effort(ledger: Ledger, effort: Any) -> str:
    known = (*BUDGETS, "none", *_MORE_THAN_HIGH)
    if effort not in known:
        raise ledger.invalid(
            f"reasoning_effort must be one of {', '.join(known)}, not {effort!r:.80}"
        )
    if effort in _MORE_THAN_HIGH:
        ledger.adjust("reasoning_effort", "clamped", effort, "high", "the provider's most is high")
        return "high"
    return str(effort)


def _by_effort(ledger: Ledger, name: str, given: Any, effort: str) -> dict[str, Any]:
    if thinks_by_level(ledger.call.model):
        return _level(ledger, name, given, effort)
    if effort != "none":
        made = {"thinkingBudget": BUDGETS[effort], "includeThoughts": True}
        ledger.adjust(name, "renamed", given, made, "this model's thinking is set in tokens")
        return made
    if can_stop_thinking(ledger.call.model):
        return {"thinkingBudget": 0}
    made = {"thinkingBudget": _MIN_PRO_BUDGET}
    ledger.adjust(name, "clamped", given, made, "this model cannot be kept from thinking")
    return made


def _level(ledger: Ledger, name: str, given: Any, effort: str) -> dict[str, Any]:
    taken = levels(ledger.call.model)
    if effort == "none":
        ledger.adjust(name, "clamped", given, taken[0], "this model cannot be kept from thinking")
        return {"thinkingLevel": taken[0]}
    level = effort if effort in taken else _next(taken, effort)
    if level != effort:
        ledger.adjust(name, "clamped", given, level, "this model has no such level")
    return {"thinkingLevel": level, "includeThoughts": True}


def _next(taken: tuple[str, ...], effort: str) -> str:
    order = list(BUDGETS)
    return next(level for level in taken if order.index(level) > order.index(effort))


def _by_budget(ledger: Ledger, given: Any, budget: int) -> dict[str, Any]:
    shown = _includes(given, default=budget != 0)
    if not thinks_by_level(ledger.call.model):
        return {"thinkingBudget": budget, **shown}
    if budget < 0:
        return shown
    fitting = (name for name, tokens in BUDGETS.items() if budget <= tokens)
    level = next((name for name in fitting if name in levels(ledger.call.model)), "high")
    made = {"thinkingLevel": level, **shown}
    ledger.adjust("thinking", "renamed", given, made, "this model's thinking is set by level")
    return made


def _includes(given: Any, *, default: bool) -> dict[str, Any]:
    """Whether thoughts are shown; ``display: omitted`` is Anthropic's word for not."""
    if isinstance(given, Mapping) and given.get("display") == "omitted":
        return {}
    return {"includeThoughts": True} if default else {}
