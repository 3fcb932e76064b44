"""The bound of what nobody should send, and the properties that it has for everything."""

from __future__ import annotations

import copy
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit import catalogue
from llmkit.catalogue import ModelInfo
from llmkit.catalogue._allowances import CAUTIOUS
from llmkit.pricing import Cost, Unbounded, cost

from ._bounded import GPT_4O, HELLO, bounded, call, chat, most, reason

UNHURRIED = settings(deadline=None)
MODELS = st.sampled_from(
    [m for m in catalogue.models() if m.mode == "chat" and not m.supports("audio_output")]
)
ROLES = st.sampled_from(["user", "assistant", "system", "tool", "developer"])
MESSAGES = st.builds(
    lambda role, text: {"role": role, "content": text}, ROLES, st.text(max_size=200)
)


class Odd:
    """Breaks whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(name)


class Reads(dict[str, Any]):
    """A mapping that cannot be read."""

    def items(self) -> Any:
        raise KeyError("nothing here")


def cycle() -> list[Any]:
    """A list within itself."""
    made: list[Any] = []
    made.append({"role": "user", "content": made, "more": 1})
    return made


def deep() -> list[Any]:
    """A message that is nested beyond all measure."""
    part: Any = "x"
    for _ in range(100_000):
        part = [{"type": "tool_result", "content": part}]
    return [{"role": "user", "content": part}]


@pytest.mark.parametrize(
    "messages",
    [
        cycle(), deep(), [Odd()], [Reads(role="user", content="x", more=1)], [b"bytes"],
        [{"role": "user", "content": b"bytes"}], [{"role": "user", "content": {"a": 1}}],
        [{"role": Odd(), "content": "x"}], [{"role": "user", "content": "x", "odd": Odd()}],
        [{"role": "user", "content": "x", "odd": cycle()}], {"role": "user"}, iter(HELLO), Odd(), None,
    ],
    ids=[str(n) for n in range(14)],
)  # fmt: skip
def test_strange_messages_have_a_reason(messages: Any) -> None:
    """Never an exception, and never a figure."""
    assert reason(chat(messages))


@pytest.mark.parametrize(
    "params",
    [
        {"n": float("nan")}, {"n": float("inf")}, {"tools": [Odd()]},
        {"tools": cycle()}, {"response_format": cycle()}, {"system": cycle()}, {"modalities": Odd()},
        {"service_tier": Odd()}, {"extra_body": {"generation_config": Odd()}}, {"thinking": Odd()},
    ],
    ids=[str(n) for n in range(10)],
)  # fmt: skip
def test_strange_parameters_have_a_reason(params: dict[str, Any]) -> None:
    """The same for what stands beside the messages."""
    assert reason(chat(**params))


def test_numbers_have_no_end() -> None:
    """A huge limit is a huge amount, exactly."""
    huge = 10**30
    result = bounded(chat(max_tokens=huge, service_tier="default"))
    assert most(result)["output"] == huge
    assert result.total is not None
    assert result.total > 10**24


@UNHURRIED
@given(st.lists(MESSAGES, max_size=4), MESSAGES)
def test_another_message_never_lowers_it(messages: list[Any], more: Any) -> None:
    """Nor does what the first ones were change."""
    before = copy.deepcopy(messages)
    less = bounded(chat(messages, max_tokens=10)).total
    greater = bounded(chat([*messages, more], max_tokens=10)).total
    assert less is not None
    assert greater is not None
    assert less < greater
    assert messages == before


@UNHURRIED
@given(
    st.sampled_from(["max_tokens", "n", "tools", "system", "prediction", "service_tier"]),
    st.integers(1, 100),
    st.integers(0, 100),
)
def test_asking_for_more_never_lowers_it(name: str, few: int, more: int) -> None:
    """A larger value of a parameter, or one more, costs no less."""
    values = {
        "tools": lambda n: [{"type": "function", "function": {"name": "f"}}] * n,
        "system": lambda n: "a" * n,
        "prediction": lambda n: {"content": "a" * n},
        "service_tier": lambda n: "default" if n < 50 else "priority",
    }
    value = values.get(name, lambda n: n)

    def total(n: int) -> Any:
        return bounded(chat(extra_body={"max_tokens": 10, name: value(n)})).total

    assert total(few) <= total(few + more)


@UNHURRIED
@given(st.text(max_size=300))
def test_a_text_has_no_more_tokens_than_its_bound(text: str) -> None:
    """Bytes, in every normal form that a tokenizer may bring it into."""
    allowed = CAUTIOUS._replace(preamble=0)
    tokens = most(chat([{"role": "user", "content": text}], max_tokens=1, allowance=allowed))[
        "input"
    ]
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        normal = unicodedata.normalize(form, text)  # type: ignore[arg-type]
        assert tokens >= len(normal.encode("utf-8", "surrogatepass"))


@st.composite
def usages(draw: st.DrawFn, most_in: int, most_out: int) -> dict[str, Any]:
    """A usage whose details stay within its totals."""
    prompt, completion = draw(st.integers(1, most_in)), draw(st.integers(0, most_out))
    cached = draw(st.integers(0, prompt))
    written = draw(st.integers(0, prompt - cached))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": draw(st.integers(0, completion))},
    }


@UNHURRIED
@given(
    MODELS,
    st.text(max_size=300),
    st.integers(1, 5000),
    st.sampled_from([None, "auto", "default", "flex", "fast", "priority"]),
    st.data(),
)
def test_no_usage_within_the_bound_costs_more_than_it(
    priced: ModelInfo, text: str, limit: int, tier: str | None, data: st.DataObject
) -> None:
    """Whatever is cached or written, in whichever tier and region the provider bills: never above."""
    long = text * data.draw(st.sampled_from([1, 50, 1000]))
    part = {"type": "text", "text": long, "cache_control": {"type": "ephemeral"}}
    params = {"max_tokens": limit, **({"service_tier": tier} if tier else {})}
    above = chat([{"role": "user", "content": [part]}], of=priced, **params)
    if isinstance(above, Unbounded):
        known = {priced.varies} - {""} or {"rate", "limit"}
        assert priced.supports("web_search_always") or any(why in above.reason for why in known)
        return
    quantities = most(above)
    used = data.draw(usages(int(quantities["input"]), int(quantities["output"])))
    billed = data.draw(st.sampled_from([*priced.tiers.get(tier or "", ("standard",)), "batch"]))
    region = data.draw(st.sampled_from([{}, {"region": "us"}, {"region": "eu"}]))
    ttl = data.draw(st.sampled_from([{}, {"ttl": "1h"} if priced.cache_write_marker else {}]))
    on = data.draw(st.sampled_from([None, "2026-11-22", "2027-06-01"]))
    paid = cost(used, priced, service_tier=billed, conditions={**region, **ttl}, on=on)
    if paid.total is not None and above.total is not None:
        assert paid.total <= above.total


def test_a_bound_leaves_the_call_alone() -> None:
    """It reads; asked twice it says the same."""
    made = call(copy.deepcopy(HELLO), max_tokens=9, tools=[{"type": "function", "name": "f"}])
    before = copy.deepcopy(made)
    first, second = (chat(made.messages, **made.params) for _ in range(2))
    assert isinstance(first, Cost)
    assert first == second
    assert made == before
    assert GPT_4O.name == "gpt-4o"
