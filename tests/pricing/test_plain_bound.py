"""A plain chat is bound by rates that are found once for its model: to the same as by those found for it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit._http import HTTPRequest
from llmkit.catalogue import ModelInfo, models
from llmkit.catalogue._allowances import CAUTIOUS
from llmkit.pricing import bound, plain_bound
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


ODD: list[Mapping[str, Any]] = [
    {"max_tokens": 0},
    {"max_tokens": True},
    {"max_tokens": 5, "max_completion_tokens": 9, "stop": ["a"], "user": "ann"},
    {"max_tokens": None, "temperature": None},
    {"what": 1},
]
SAID: list[list[Any]] = [
    HELLO,
    LONG,
    [],
    [{"role": "user", "content": "Grüße"}],
    [{"role": "owl", "content": "hoot"}],
    [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
    [{"role": "user", "content": "hello", "name": "ann"}],
]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(MODELS),
    st.sampled_from(SAID),
    st.sampled_from([*PARAMS, *ODD]),
    st.sampled_from([PLAIN, CAUTIOUS, PLAIN._replace(beyond="answer", least=64), PLAIN._replace(refused="no")]),
    st.integers(0, 4000),
)  # fmt: skip
def test_in_one_step(
    model: ModelInfo, messages: list[Any], params: Mapping[str, Any], allowance: Any, size: int
) -> None:
    """What is bound in one step is bound as in all of them, or left to them."""
    asked = call(messages, **params)
    request = HTTPRequest("POST", "https://host/v1", {}, b"x" * size)
    how: dict[str, Any] = {"allowance": allowance, "request": request, "last": "2026-11-23"}
    general = bound(asked, model, **how)
    assert plain_bound(asked, model, allowance, request, "2026-11-23") in (None, general)


@pytest.mark.parametrize(
    "change",
    [{"extra_body": {"a": 1}}, {"extra_headers": {"x-tier": "a"}}, {"facts": {"region": "eu"}}],
)
def test_only_a_plain_one_is_bound_in_one_step(change: dict[str, Any]) -> None:
    """What may have a price of its own is looked at as a whole."""
    request = HTTPRequest("POST", "https://host/v1", {}, b"{}")
    bound(call(HELLO, max_tokens=5), GPT_4O, allowance=PLAIN, request=request, last="2026-11-23")
    for asked, there in (
        (call(HELLO, max_tokens=5), True),
        (call(HELLO, max_tokens=5, **change), False),
    ):
        found = plain_bound(asked, GPT_4O, PLAIN, request, "2026-11-23")
        assert (found is not None) is there
