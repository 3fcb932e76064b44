"""A plain chat is bound by rates that are found once for its model: to the same as by those found for it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit.catalogue import ModelInfo, models
from llmkit.pricing import bound
from llmkit.pricing._kinds_bound import Ask

from ._bounded import GPT_4O, HELLO, PLAIN, PRO, SONNET, call, priced

LONG: list[Any] = [{"role": "user", "content": "x" * 250_000}]
PARAMS: list[Mapping[str, Any]] = [
    {},
    {"max_tokens": 7, "temperature": 1.0},
    {"n": 3, "max_completion_tokens": 20},
    {"service_tier": "flex"},
    {"modalities": ["text", "audio"]},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
]
MODELS: list[ModelInfo] = [
    *(one for name in ("openai", "anthropic", "gemini") for one in models(name)),
    priced({"input": "1", "output": "2", "request/request": "3"}),
    priced({"input/character": "1", "output/character": "2"}),
    priced({"input": "1"}),
]


def both(model: ModelInfo, messages: list[Any], params: Mapping[str, Any], last: Any) -> list[Any]:
    """What it is bound to, three times: twice plainly, and once the general way."""
    asked = call(messages, **params)
    found = [bound(asked, model, allowance=PLAIN, last=last) for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ask, "is_plain", False)
        # A copy knows nothing of what was found.
        return [*found, bound(asked, replace(model), allowance=PLAIN, last=last)]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(MODELS),
    st.sampled_from([HELLO, LONG]),
    st.sampled_from(PARAMS),
    st.sampled_from([None, "2026-11-23", "2031-01-01"]),
)
def test_as_the_general_way(
    model: ModelInfo, messages: list[Any], params: Mapping[str, Any], last: Any
) -> None:
    """Line by line, whatever was asked before; and where there is no bound, for the same reason."""
    first, again, general = both(model, messages, params, last)
    assert first == again == general


@pytest.mark.parametrize("model", [GPT_4O, SONNET, PRO])
def test_it_is_found_once(model: ModelInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another prompt, as long as it is no dearer by its length, is looked up."""
    bound(call(HELLO), model, allowance=PLAIN)
    monkeypatch.setattr("llmkit.pricing._kinds_bound._usual", None)
    assert bound(call([*HELLO, *HELLO]), model, allowance=PLAIN)
