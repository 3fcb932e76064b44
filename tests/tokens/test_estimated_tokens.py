from __future__ import annotations

import json
import random
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmkit.catalogue import counting
from llmkit.tokens._estimate import prompt_tokens, schema_tokens, text_tokens, utf8_bytes

CLAUDE = counting("anthropic", "claude-sonnet-4-5")
NEW_CLAUDE = counting("anthropic", "claude-sonnet-5")
GEMINI = counting("gemini", "gemini-2.5-flash")
PLAIN = counting("nobody", "anything")
TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}


@pytest.mark.parametrize(
    ("text", "rule", "tokens"),
    [
        ("", PLAIN, 0),
        ("Hello there", CLAUDE, 2),
        ("Hello there", NEW_CLAUDE, 3),
        ("What is the capital of France?", GEMINI, 7),
        ("internationalization", PLAIN, 5),
        ("12345", GEMINI, 5),
        ("12345", PLAIN, 3),
        ("a\n\nb", PLAIN, 3),
        ("你好世界", PLAIN, 4),
        ("привет", PLAIN, 3),
        ("été", PLAIN, 2),
    ],
)
def test_a_text_is_estimated_by_what_it_is_made_of(text: str, rule: Any, tokens: int) -> None:
    """Words, long words, digits, lines and scripts each have their weight."""
    found = text_tokens(text, rule)
    assert int(found) == tokens
    assert not found.exact
    assert "estimated" in found.notes[0]


@given(st.text())
def test_no_text_has_more_tokens_than_bytes(text: str) -> None:
    """The bound is the text's UTF-8, and the estimate never passes it."""
    for rule in (CLAUDE, GEMINI, NEW_CLAUDE, PLAIN, {}):
        found = text_tokens(text, rule)
        assert found.at_most == utf8_bytes(text) >= len(text.encode("utf-8", "surrogatepass"))
        assert found <= found.at_most


@given(st.text(), st.text())
def test_a_longer_text_has_no_fewer_tokens(text: str, more: str) -> None:
    """What is added with a break between adds."""
    assert text_tokens(f"{text}\n{more}", PLAIN) >= text_tokens(text, PLAIN) - 1


def test_half_a_character_is_counted() -> None:
    """A lone surrogate raises nothing."""
    assert text_tokens("\ud83d", PLAIN).at_most == 3


@pytest.mark.parametrize(
    "piece", ["a", " ", "\n", "0", "!", "é", "好", "\U0001f600", "a b\n", "\n "]
)
def test_time_is_linear_and_short(piece: str) -> None:
    """A million characters of anything within a second, so below 100 ns each on a machine at rest."""
    text = piece * (1_000_000 // len(piece))
    begun = time.perf_counter()
    text_tokens(text, CLAUDE)
    assert time.perf_counter() - begun < 1


def test_slices_make_no_difference() -> None:
    """A long text counts what its pieces count, but for a word cut in two."""
    words = random.Random(2).choices(["alpha", "beta", "12", "gamma\n", "Δέλτα"], k=60_000)
    text = " ".join(words)
    one = int(text_tokens(text, PLAIN))
    many = sum(
        int(text_tokens(" ".join(words[i : i + 6000]), PLAIN)) for i in range(0, 60_000, 6000)
    )
    assert abs(one - many) < 40


def test_a_prompt_has_something_around_its_messages() -> None:
    """A greeting to Claude is 8 tokens, one to Gemini as many as its words and signs."""
    hello = [{"role": "user", "content": "Hello"}]
    assert prompt_tokens(hello, CLAUDE) in range(7, 10)
    assert prompt_tokens(hello, GEMINI) in range(1, 4)


def test_the_bound_of_a_prompt_is_its_json_and_the_terms_of_its_rule() -> None:
    """A byte a token, and what is allowed for a message and a prompt of the provider's own."""
    messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
    shown = sum(len(json.dumps(message, separators=(",", ":"))) for message in messages)
    assert prompt_tokens(messages, CLAUDE).at_most == shown + 2 * 16
    grok = prompt_tokens(messages, counting("xai", "grok-4"))
    assert grok.at_most == shown + 2 * 16 + 2048
    assert any("prompt of its own" in note for note in grok.notes)
    cited = [
        {"role": "user", "content": [{"type": "text", "text": "a", "citations": {"enabled": True}}]}
    ]
    plain = [
        {"role": "user", "content": [{"type": "text", "text": "a", "citatiozz": {"enabled": True}}]}
    ]
    assert (prompt_tokens(cited, CLAUDE).at_most or 0) - (
        prompt_tokens(plain, CLAUDE).at_most or 0
    ) == 1024


def test_marks_for_machines_are_not_read_as_text() -> None:
    """Signatures, ids and pictures in a field of their own do not count in the estimate."""
    said = {"role": "assistant", "content": "Hi"}
    marked = {**said, "id": "x" * 500, "thoughtSignature": "y" * 500, "images": ["z" * 500]}
    assert int(prompt_tokens([marked], GEMINI)) == int(prompt_tokens([said], GEMINI))


def test_content_of_any_form_is_read() -> None:
    """Parts, nested results, tuples, and values that are no text."""
    parts = (
        {"type": "tool_result", "content": [{"type": "text", "text": "four words are here"}]},
        5,
        None,
    )
    found = prompt_tokens([{"role": "user", "content": parts}], {})
    assert int(found) == 4


def test_tools_and_schemas_cost_too() -> None:
    """The preamble that tools bring along, and twice the bytes as a bound."""
    assert schema_tokens({}, CLAUDE).exact
    assert schema_tokens({"tools": []}, CLAUDE) == 0
    one = schema_tokens({"tools": [TOOL]}, CLAUDE)
    two = schema_tokens({"tools": [TOOL, TOOL]}, CLAUDE)
    assert 440 < one < two < 600
    written = len(json.dumps([TOOL], separators=(",", ":")))
    assert one.at_most == 2 * written + 64 + 1024
    form = schema_tokens({"response_format": {"type": "json_object"}}, CLAUDE)
    assert 0 < form < 40
    assert schema_tokens({"response_format": {"type": "json_object"}}, GEMINI) == 0
    messages = [{"role": "user", "content": "Hello"}]
    both = prompt_tokens(messages, CLAUDE, {"tools": [TOOL]})
    assert int(both) == int(prompt_tokens(messages, CLAUDE)) + int(one)


def test_what_json_cannot_say_is_measured_as_shown() -> None:
    """A value of any kind in a schema raises nothing."""
    strange = schema_tokens({"response_format": {"x": object()}}, CLAUDE)
    assert strange > 0


def test_the_bound_holds_in_the_form_that_a_tokenizer_may_use() -> None:
    """NFKC makes eighteen characters of one ligature; its three bytes were no bound."""
    text = "\ufdfa" * 100
    said = prompt_tokens([{"role": "user", "content": text}], CLAUDE)
    for found in (text_tokens(text, CLAUDE), said):
        assert found.at_most is not None
        assert found.at_most >= len(unicodedata.normalize("NFKC", text).encode())
