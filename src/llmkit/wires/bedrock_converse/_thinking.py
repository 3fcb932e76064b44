"""How much the model thinks: each maker's models are told in their own words, beside the dialect's fields.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html,
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html, the service model (``effort``), and
recorded requests (``thinking``, ``reasoningConfig``, ``reasoning_effort``); read 2026-11-22.
"""

from __future__ import annotations

from typing import Any

from .._params import Ledger
from ..anthropic_messages._thinking import filled
from ..anthropic_messages._thinking import write_effort as write_messages_effort
from ._traits import Traits

__all__ = ["write_effort", "write_thinking"]

_EXTRA = "additionalModelRequestFields"
_ALL = ("minimal", "low", "medium", "high", "xhigh", "max")


def write_thinking(traits: Traits, ledger: Ledger, given: Any, body: dict[str, Any]) -> None:
    """Put ``thinking`` into the body as it is; the models of one maker know it."""
    if traits.effort:
        ledger.refuse("thinking", given, "these models are told by reasoning_effort")
        return
    sent = given if traits.messages is None else filled(traits.messages, ledger, given)
    body.setdefault(_EXTRA, {})["thinking"] = sent


def write_effort(traits: Traits, ledger: Ledger, effort: Any, body: dict[str, Any]) -> None:
    """Put ``reasoning_effort`` into the body, as the model takes it."""
    if effort is None:
        return
    if traits.messages is not None:
        _by_messages(traits, ledger, effort, body)
    elif not traits.effort:
        reason = "how this model is told is not known; say it in extra_body, in additionalModelRequestFields"
        ledger.refuse("reasoning_effort", effort, reason)
    else:
        _by_level(traits, ledger, effort, body)


def _by_messages(traits: Traits, ledger: Ledger, effort: Any, body: dict[str, Any]) -> None:
    """As the Messages dialect does it; its fields are then put where this one has them."""
    assert traits.messages is not None  # noqa: S101 - for the type checker: the caller has looked
    extra = body.get(_EXTRA, {})
    limit = body.get("inferenceConfig", {}).get("maxTokens")
    scratch = {"max_tokens": limit} | (
        {"thinking": extra["thinking"]} if "thinking" in extra else {}
    )
    write_messages_effort(traits.messages, ledger, effort, scratch)
    if "thinking" in scratch:
        body.setdefault(_EXTRA, {})["thinking"] = scratch["thinking"]
    if "output_config" in scratch:
        body.setdefault("outputConfig", {}).update(scratch["output_config"])


def _by_level(traits: Traits, ledger: Ledger, effort: Any, body: dict[str, Any]) -> None:
    if effort not in ("none", *_ALL):
        raise ledger.invalid(
            f"reasoning_effort is {effort!r:.40}; it must be none, {', '.join(_ALL)}"
        )
    extra = body.setdefault(_EXTRA, {})
    if effort == "none":
        if traits.effort == "levels":
            extra["reasoningConfig"] = {"type": "disabled"}
        else:
            ledger.refuse("reasoning_effort", effort, "the model always thinks")
        return
    level = _nearest(effort, traits.efforts)
    if level != effort:
        reason = f"the model's levels are {', '.join(traits.efforts)}"
        ledger.adjust("reasoning_effort", "clamped", effort, level, reason)
    if traits.effort == "levels":
        extra["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": level}
    else:
        extra["reasoning_effort"] = level


def _nearest(effort: str, levels: tuple[str, ...]) -> str:
    """The highest level that is not above what was asked for, else the lowest."""
    fitting = [level for level in levels if _ALL.index(level) <= _ALL.index(effort)]
    return fitting[-1] if fitting else levels[0]
