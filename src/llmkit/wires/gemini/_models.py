"""What has to be known of a model to write to it: how its thinking is set, and what it refuses.

No machine-readable source has these; they were taken from what others report of Google's guide on thinking and of its
OpenAI endpoint's table of efforts (docs/wires/gemini.md names them), read 2026-11-22.
"""

from __future__ import annotations

import re

from ..._call import Call
from .._listed import listed

__all__ = ["BUDGETS", "can_stop_thinking", "levels", "thinks_by_level", "without"]

# 2.5 takes a budget of tokens; everything since takes a level. What came before does not think.
_BY_BUDGET = re.compile(r"2\.5|2\.0|1\.5|gemma|robotics-er-1\.")
_LEVELS = ("minimal", "low", "medium", "high")
_FEWER_LEVELS = (
    (re.compile(r"gemini-3-pro"), ("low", "high")),
    (re.compile(r"gemini-3\.\d+-pro"), ("low", "medium", "high")),
)
BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
"""Tokens to think with, by effort, as Google's own OpenAI endpoint is reported to have them."""


def thinks_by_level(model: str) -> bool:
    """Whether thinking is set by ``thinkingLevel`` (3 and later) or ``thinkingBudget`` (2.5)."""
    return _BY_BUDGET.search(model) is None


def levels(model: str) -> tuple[str, ...]:
    """The levels that the model takes, least first."""
    fewer = (taken for pattern, taken in _FEWER_LEVELS if pattern.search(model))
    return next(fewer, _LEVELS)


def can_stop_thinking(model: str) -> bool:
    """Whether a budget of 0 is taken: 2.5 Pro always thinks."""
    return "2.5-pro" not in model


def without(call: Call, capability: str) -> bool:
    """Whether the catalogue tells what the model can do, and this is not among it. What nobody tells is no refusal."""
    known = listed(call, call.model.removeprefix("models/"))
    if known is None or known.capabilities <= _FROM_PRICES:
        return False
    return not known.supports(capability)


# These a price tells already, of a model of which nothing else may be known.
_FROM_PRICES = frozenset({"prompt_caching", "web_search"})
