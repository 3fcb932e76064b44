from __future__ import annotations

import copy
import json
import math
import unicodedata
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit.errors import ConfigurationError
from llmkit.tokens._trim import SHORTENED, CannotTrimError, _cut, trim, trimmed

System = {"role": "system", "content": "be brief"}


def user(text: str) -> dict[str, Any]:
    """A question."""
    return {"role": "user", "content": text}


def said(text: str) -> dict[str, Any]:
    """An answer."""
    return {"role": "assistant", "content": text}


def call(*ids: str) -> dict[str, Any]:
    """An answer that calls tools."""
    calls = [
        {"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id_ in ids
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(id_: str, text: str = "42") -> dict[str, Any]:
    """What a tool answered."""
    return {"role": "tool", "tool_call_id": id_, "content": text}


def weight(messages: Sequence[Any]) -> int:
    """A measure: the characters of what is said, and ten for each message."""
    return sum(
        10 + len(json.dumps(m.get("content", m.get("output")), ensure_ascii=False))
        for m in messages
    )


class Counting:
    """``weight``, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, messages: Sequence[Any]) -> int:
        self.asked += 1
        return weight(messages)


def test_what_fits_stays_as_it_is() -> None:
    """A new list of the very messages, even one that begins oddly."""
    messages = [said("hello"), result("x"), user("hi")]
    kept = trim(messages, 10_000, weight)
    assert kept == messages
    assert kept is not messages
    assert kept[0] is messages[0]
    assert trim([], 0, weight) == []


def test_the_oldest_turns_go_first_and_instructions_stay() -> None:
    """System and developer messages are kept wherever they stand, in their order."""
    late = {"role": "developer", "content": "and kind"}
    messages = [System, user("a" * 50), said("b"), late, user("c"), said("d")]
    assert trim(messages, weight(messages) - 1, weight) == [System, late, user("c"), said("d")]


def test_a_call_goes_with_its_results() -> None:
    """Of a long turn the question stays, and the newest calls that fit, each whole."""
    turn = [
        user("q"),
        call("1"),
        result("1", "x" * 80),
        call("2", "3"),
        result("2"),
        result("3"),
        said("so"),
    ]
    kept = trim(turn, weight(turn) - 1, weight)
    assert kept == [turn[0], *turn[3:]]
    assert trim(turn, weight([turn[0], turn[-1]]), weight) == [turn[0], turn[-1]]


def test_a_late_result_is_not_parted_from_its_call() -> None:
    """A result after another question keeps everything from its call on."""
    messages = [
        user("a" * 99),
        said("b"),
        user("c"),
        call("1"),
        user("wait"),
        result("1"),
        said("d"),
    ]
    assert trim(messages, weight(messages) - 1, weight) == messages[2:]


def test_results_out_of_order_keep_their_calls_together() -> None:
    """Ids of an earlier group that was joined to another still find it."""
    messages = [
        user("a" * 99), user("q"), call("1"), said("x"), call("2"), user("y"), result("1"), said("z"),
        result("2"), said("end"),
    ]  # fmt: skip
    kept = trim(messages, weight(messages[1:]), weight)
    assert kept == messages[1:]
    least = trim(messages, weight([messages[1], messages[-1]]), weight)
    assert least == [messages[1], messages[-1]]


def test_a_call_inside_a_joined_group_still_finds_its_result() -> None:
    """Two late results: the second's call is in the group that the first one made."""
    messages = [
        user("a" * 99), call("1"), user("b"), call("2"), result("1"), user("c"), said("d"), said("e"),
        result("2"),
    ]  # fmt: skip
    with pytest.raises(CannotTrimError):
        trim(messages, weight(messages) - 1, weight)


def test_other_forms_of_calls_stay_whole() -> None:
    """Anthropic's blocks, items of the Responses API, and Gemini's parts."""
    anthropic = [
        user("a" * 90),
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "4"}]},
        user("next"),
    ]
    assert trim(anthropic, weight(anthropic) - 1, weight) == anthropic[3:]
    responses = [
        user("q" * 9),
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "2", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "x" * 50},
        {"type": "function_call_output", "call_id": "2", "output": "y"},
        said("b"),
    ]
    assert trim(responses, weight(responses) - 1, weight) == [responses[0], responses[-1]]
    gemini = [
        {"role": "user", "parts": [{"text": "q"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "id": "1"}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "id": "1"}}]},
        {"role": "model", "parts": [{"text": "a"}]},
    ]
    assert trim(gemini, 3, len) == [gemini[0], gemini[3]]


def test_without_a_question_the_newest_messages_stay() -> None:
    """Nobody asks, so a conversation may begin with an answer, but not with a lone result."""
    messages = [said("a" * 50), call("1"), result("1"), said("b")]
    assert trim(messages, weight(messages) - 1, weight) == messages[1:]
    assert trim(messages, weight(messages[3:]), weight) == messages[3:]


def test_too_small_a_limit_is_refused_with_both_numbers() -> None:
    """The error tells what the least measures."""
    messages = [System, user("a" * 500), said("b"), user("c" * 100)]
    with pytest.raises(CannotTrimError, match="the least that must stay") as caught:
        trim(messages, 50, weight)
    assert isinstance(caught.value, ConfigurationError)
    assert (caught.value.least, caught.value.limit) == (weight([System, messages[-1]]), 50)
    with pytest.raises(CannotTrimError):
        trim([System], 5, weight)


def test_a_question_is_shortened_in_the_middle_only_if_allowed() -> None:
    """Beginning and end stay, a mark stands between, and as much is kept as fits."""
    messages = [System, user("begin " + "x" * 500 + " end")]
    with pytest.raises(CannotTrimError):
        trim(messages, 100, weight)
    kept = trim(messages, 100, weight, shorten=True)
    text = kept[1]["content"]
    assert kept[0] is System
    assert text.startswith("begin ")
    assert text.endswith(" end")
    assert SHORTENED in text
    assert 98 <= weight(kept) <= 100
    with pytest.raises(CannotTrimError):
        trim(messages, 20, weight, shorten=True)


def test_a_result_is_shortened_where_the_question_is_not_enough() -> None:
    """A huge answer of a tool is cut, the question left alone if it needs not be."""
    messages = [user("q"), call("1"), result("1", "x" * 900)]
    kept = trim(messages, 120, weight, shorten=True)
    assert kept[:2] == messages[:2]
    assert len(kept[2]["content"]) < 100
    assert weight(kept) <= 120


def test_both_are_shortened_if_they_must_be() -> None:
    """A long question and a long result together."""
    messages = [user("q" * 400), call("1"), result("1", "x" * 400)]
    kept = trim(messages, 130, weight, shorten=True)
    assert weight(kept) <= 130
    assert SHORTENED in kept[0]["content"]
    assert SHORTENED in kept[2]["content"]


def test_a_text_is_left_alone_that_the_mark_would_not_shorten() -> None:
    """Five characters in place of three help nobody."""
    assert _cut("abc", 0) == "abc"
    assert _cut("abcdefgh", 2) == "a" + SHORTENED + "h"


def test_texts_in_parts_are_shortened_and_pictures_are_not() -> None:
    """Only what is text is cut, and the given parts stay as they are."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts = [
        {"type": "text", "text": "t" * 300},
        picture,
        "plain" * 60,
        5,
        {"type": "text", "text": "ok"},
    ]
    messages = [{"role": "user", "content": parts}]
    before = copy.deepcopy(messages)
    kept = trim(messages, 400, weight, shorten=True)
    assert messages == before
    shown = kept[0]["content"]
    assert [SHORTENED in str(p.get("text") if isinstance(p, dict) else p) for p in shown] == [
        True, False, True, False, False,
    ]  # fmt: skip
    assert shown[1] is picture
    block = {"type": "tool_result", "tool_use_id": "1", "content": "r" * 500}
    short = trim([{"role": "user", "content": [block]}], 100, weight, shorten=True)
    assert SHORTENED in short[0]["content"][0]["content"]


def test_no_character_is_cut_in_two() -> None:
    """An accent stays with its letter, a family of joined people together."""
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    for piece in ("e\u0301", family, "\u2764\ufe0f"):
        text = piece * 60
        for limit in range(40, 120):
            kept = trim([user(text)], limit, weight, shorten=True)[0]["content"]
            head, _, tail = kept.partition(SHORTENED)
            assert head == piece * (len(head) // len(piece))
            assert tail == piece * (len(tail) // len(piece))
    marks = "e" + "\u0301" * 500
    kept = trim([user(marks)], 60, weight, shorten=True)[0]["content"]
    assert unicodedata.normalize("NFC", kept)


@pytest.mark.parametrize("size", [10, 1000, 4000])
def test_measures_are_few(size: int) -> None:
    """Some times the logarithm of the length, not the length."""
    messages = [m for i in range(size) for m in (user(f"q{i}"), said("a"))]
    for limit in (30, 500, weight(messages) - 1):
        counting = Counting()
        trim(messages, limit, counting)
        assert counting.asked <= math.log2(2 * size) + 3
    long = [user("q"), *(m for i in range(size) for m in (call(str(i)), result(str(i))))]
    counting = Counting()
    trim(long, 200, counting)
    assert counting.asked <= math.log2(2 * size) + 4


def test_trim_messages_takes_a_part_of_the_models_limit() -> None:
    """LiteLLM's numbers: three quarters of the input limit, or max_tokens as it is; unknown limits trim nothing."""
    messages = [user("a" * 100), said("b"), user("c")]
    assert trimmed(messages, weight) == (messages, None)
    kept, left = trimmed(messages, weight, max_input_tokens=100)
    assert kept == [user("c")]
    assert left == 75 - weight(kept)
    assert trimmed(messages, weight, max_tokens=20, max_input_tokens=10**6).messages == [user("c")]
    everything = trimmed(messages, weight, max_input_tokens=1000, trim_ratio=0.5)
    assert everything == (messages, 500 - weight(messages))


# --- whatever the conversation -------------------------------------------------------------

texts = st.text(max_size=40)


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Turns of questions, answers and calls with their results, with instructions anywhere."""
    messages: list[dict[str, Any]] = []
    for i in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(["user", "said", "call", "system"]))
        if kind == "user":
            messages.append(user(draw(texts)))
        elif kind == "said":
            messages.append(said(draw(texts)))
        elif kind == "system":
            messages.append(
                {"role": draw(st.sampled_from(["system", "developer"])), "content": draw(texts)}
            )
        else:
            ids = [f"{i}-{n}" for n in range(draw(st.integers(1, 3)))]
            messages += [call(*ids), *(result(id_, draw(texts)) for id_ in ids)]
    return messages


@settings(max_examples=400, deadline=None)
@given(conversations(), st.integers(0, 400), st.booleans())
def test_whatever_is_kept_is_whole(
    messages: list[dict[str, Any]],
    limit: int,
    shorten: bool,  # noqa: FBT001 - hypothesis gives it by position
) -> None:
    """The invariants: it fits, instructions stay, no call without its result, nothing given is changed."""
    before = copy.deepcopy(messages)
    try:
        kept = trim(messages, limit, weight, shorten=shorten)
    except CannotTrimError:
        return
    finally:
        assert messages == before
    assert weight(kept) <= limit
    _check_order(kept, messages)
    _check_calls(kept)
    spoken = [m for m in kept if m["role"] not in {"system", "developer"}]
    if kept != messages and spoken:
        assert spoken[0]["role"] != "tool"
        if any(m["role"] == "user" for m in messages):
            assert spoken[0]["role"] == "user"
    if not shorten:
        assert all(any(m is given for given in messages) for m in kept)
    _check_newest(kept, messages)


def _check_order(kept: list[Any], messages: list[Any]) -> None:
    fixed = [m for m in messages if m["role"] in {"system", "developer"}]
    assert [m for m in kept if m["role"] in {"system", "developer"}] == fixed


def _check_calls(kept: list[Any]) -> None:
    made = [c["id"] for m in kept for c in m.get("tool_calls", ())]
    answered = [m["tool_call_id"] for m in kept if m["role"] == "tool"]
    assert made == answered


def _check_newest(kept: list[Any], messages: list[Any]) -> None:
    spoken = [m for m in messages if m["role"] not in {"system", "developer"}]
    if spoken:
        last = next(m for m in reversed(kept) if m["role"] not in {"system", "developer"})
        assert last["role"] == spoken[-1]["role"]
