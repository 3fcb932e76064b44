"""How much the model thinks, and how much it may write: the two are one budget.

Source: https://platform.claude.com/docs/en/build-with-claude/thinking and …/effort, read 2026-11-22: a fixed budget is
at least 1,024 tokens and less than ``max_tokens``; newer models take only ``adaptive``, guided by the effort.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._listed import listed
from .._params import Ledger
from ._traits import EFFORTS, Traits

__all__ = ["filled", "write_effort", "write_max_tokens"]

_LEAST = 1024
# Effort to tokens, for models that take only a number. Ours; the ledger says so each time.
_BUDGETS = {
    "minimal": _LEAST,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 32768,
    "max": 32768,
}


def filled(traits: Traits, ledger: Ledger, thinking: Any) -> Any:
    """``thinking`` as given; where it is only turned on (as DeepSeek spells it), how much is added."""
    if thinking != {"type": "enabled"}:
        return thinking
    sent: dict[str, Any] = {"type": "adaptive"}
    if traits.thinking == "budget":
        sent = {"type": "enabled", "budget_tokens": _BUDGETS["medium"]}
    ledger.adjust("thinking", "defaulted", thinking, sent, "the model must be told how much")
    return sent


def write_effort(traits: Traits, ledger: Ledger, effort: Any, body: dict[str, Any]) -> None:
    """Put ``reasoning_effort`` into the body, as the model takes it."""
    if effort is None:
        return
    if effort != "none" and not (isinstance(effort, str) and effort in _BUDGETS):
        raise ledger.invalid(
            f"reasoning_effort is {effort!r:.40}; it must be none, {', '.join(_BUDGETS)}"
        )
    if effort == "none":
        _rest(traits, ledger, body)
    elif traits.thinking == "none":
        ledger.refuse("reasoning_effort", effort, "the model does not think")
    elif traits.thinking == "budget":
        _by_budget(ledger, str(effort), body)
    else:
        _by_effort(traits, ledger, str(effort), body)


def _rest(traits: Traits, ledger: Ledger, body: dict[str, Any]) -> None:
    if traits.thinking == "always":
        ledger.refuse("reasoning_effort", "none", "the model always thinks")
    elif traits.thinking != "none":
        body.setdefault("thinking", {"type": "disabled"})


def _by_effort(traits: Traits, ledger: Ledger, effort: str, body: dict[str, Any]) -> None:
    level = _nearest(effort, traits.efforts)
    if level != effort:
        reason = f"the model's levels are {', '.join(traits.efforts)}"
        ledger.adjust("reasoning_effort", "clamped", effort, level, reason)
    body.setdefault("thinking", {"type": "adaptive"})
    body.setdefault("output_config", {})["effort"] = level


def _nearest(effort: str, levels: tuple[str, ...]) -> str:
    """The highest level that is not above what was asked for, else the lowest."""
    wanted = EFFORTS.index(effort) if effort in EFFORTS else -1
    fitting = [level for level in levels if EFFORTS.index(level) <= wanted]
    return fitting[-1] if fitting else levels[0]


def _by_budget(ledger: Ledger, effort: str, body: dict[str, Any]) -> None:
    if "thinking" in body:
        ledger.refuse("reasoning_effort", effort, "'thinking' says it for this model")
        return
    limit = body.get("max_tokens")
    budget = _BUDGETS[effort] if limit is None else min(_BUDGETS[effort], limit - 1)
    if budget < _LEAST:
        reason = f"thinking takes {_LEAST} tokens at least, and max_tokens leaves {budget}"
        ledger.refuse("reasoning_effort", effort, reason)
        return
    sent = {"type": "enabled", "budget_tokens": budget}
    body["thinking"] = sent
    reason = "the model takes a number of tokens, not a level"
    ledger.adjust("reasoning_effort", "emulated", effort, sent, reason)


def write_max_tokens(default: int, ledger: Ledger, body: dict[str, Any]) -> None:
    """Give the mandatory ``max_tokens`` where the caller gave none."""
    if body.get("max_tokens") is not None:
        return
    model = listed(ledger.call, ledger.call.model)
    limit = model.max_output_tokens if model else None
    reason = "the dialect demands it; this is the catalogue's limit of the model's output"
    if limit is None:
        limit, reason = default, "the dialect demands it, and the model's own limit is not known"
    budget = _budget(body.get("thinking"))
    if limit <= budget:
        limit += budget
    body["max_tokens"] = limit
    ledger.adjust("max_tokens", "defaulted", None, limit, reason)


def _budget(thinking: Any) -> int:
    budget = thinking.get("budget_tokens") if isinstance(thinking, Mapping) else None
    return budget if isinstance(budget, int) else 0
