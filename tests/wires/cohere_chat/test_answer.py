"""Answers and streams become completions and chunks, whatever is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit._fold import fold

from ._made import (
    HELLO,
    USAGE,
    WIRE,
    answer,
    body,
    call,
    decoded,
    events,
    framed,
    parsed,
    streamed,
    text,
)

THOUGHT = {"type": "thinking", "thinking": "Let me see."}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
DOCUMENT = {
    "type": "document",
    "id": "d:0",
    "document": {"id": "d:0", "title": "Facts", "text": "…"},
}
CITED = {
    "start": 0,
    "end": 3,
    "text": "Yes",
    "sources": [DOCUMENT],
    "type": "TEXT_CONTENT",
    "content_index": 1,
}

WHOLE = answer(
    THOUGHT,
    text("Yes, indeed."),
    tool_plan="Then I will call f.",
    tool_calls=[CALL],
    citations=[CITED],
    finish="TOOL_CALL",
)


@pytest.mark.parametrize("read", [parsed, streamed])
def test_everything_that_a_message_can_hold(read: Any) -> None:
    """Whole and streamed, an answer says the same in OpenAI's fields, and keeps what those cannot say."""
    completion = read(WHOLE)
    (choice,) = completion.choices
    said = choice.message
    assert (completion.id, completion.model) == ("ans_1", "command-test")
    assert said.content == "Yes, indeed."
    assert said.reasoning_content == "Let me see.Then I will call f."
    assert said.thinking_blocks == [THOUGHT]
    assert said.tool_calls[0].to_dict() | {"index": None} == CALL | {"index": None}
    (note,) = said.annotations
    assert note["type"] == "file_citation"
    assert note["file_citation"]["start_index"] == 0
    assert note["file_citation"]["title"] == "Facts"
    assert note["file_citation"]["source"] == DOCUMENT
    kept = {"tool_plan": "Then I will call f.", "citations": [CITED]}
    assert said.provider_specific_fields == kept
    assert (choice.finish_reason, choice.native_finish_reason) == ("tool_calls", "TOOL_CALL")


@pytest.mark.parametrize("read", [parsed, streamed])
def test_usage_is_what_is_billed(read: Any) -> None:
    """Billed units are the tokens that money is counted by; all else is kept beside them."""
    usage = read(answer(text("Hi"))).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 5, 15)
    assert usage.prompt_tokens_details is None
    assert {name: usage[name] for name in USAGE} == USAGE


@pytest.mark.parametrize(
    ("native", "expected"),
    [
        ({}, (None, None, None)),
        ({"tokens": {"input_tokens": 7, "output_tokens": 2}}, (7, 2, 9)),
        ({"billed_units": {"input_tokens": 7.0, "output_tokens": 2.0}}, (7, 2, 9)),
        ({"billed_units": {"output_tokens": 2}, "tokens": {"input_tokens": 7}}, (None, 2, None)),
        ({"billed_units": {"input_tokens": True}, "tokens": {}}, (None, None, None)),
        ({"billed_units": "many"}, (None, None, None)),
    ],
)
def test_counts_that_are_not_told_are_not_made_up(native: Any, expected: Any) -> None:
    """What was not told is None, and never zero; without billed units the tokens count."""
    usage = parsed(answer(text("Hi")) | {"usage": native}).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == expected


def test_cached_and_reasoning_tokens() -> None:
    """Reasoning is a part of the answer; what was cached is a part of the prompt only where all of it counts."""
    used = {"input_tokens": 70, "output_tokens": 20, "reasoning_tokens": 15}
    usage = parsed(answer(text("Hi")) | {"usage": {"tokens": used, "cached_tokens": 64}}).usage
    assert usage.prompt_tokens_details.cached_tokens == 64
    assert usage.completion_tokens_details.reasoning_tokens == 15


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("SOMETHING_NEW", "something_new"),
    ],
)
@pytest.mark.parametrize("read", [parsed, streamed])
def test_reasons(read: Any, reason: str, expected: str) -> None:
    """The reason for finishing is OpenAI's word, with the provider's own beside it."""
    (choice,) = read(answer(text("Hi"), finish=reason)).choices
    assert (choice.finish_reason, choice.native_finish_reason) == (expected, reason)


@pytest.mark.parametrize("given", ["", "null", " null "])
@pytest.mark.parametrize("read", [parsed, streamed])
def test_a_call_without_arguments(read: Any, given: str) -> None:
    """A call whose arguments are nothing has an object without members, so that it can be called."""
    native = answer(tool_calls=[{**CALL, "function": {"name": "f", "arguments": given}}])
    (made,) = read(native).choices[0].message.tool_calls
    assert made.function.arguments == "{}"


def test_arguments_that_only_begin_like_nothing() -> None:
    """What was held back because it might have been nothing is told all the same."""
    native = answer(tool_calls=[{**CALL, "function": {"name": "f", "arguments": "nul"}}])
    (made,) = streamed(native).choices[0].message.tool_calls
    assert made.function.arguments == "nul"
    (made,) = parsed(native).choices[0].message.tool_calls
    assert made.function.arguments == "nul"


def test_arguments_as_an_object() -> None:
    """Arguments that came as an object are written as text."""
    native = answer(tool_calls=[{**CALL, "function": {"name": "f", "arguments": {"a": 1}}}])
    assert parsed(native).choices[0].message.tool_calls[0].function.arguments == '{"a":1}'


@pytest.mark.parametrize(
    ("source", "kind", "field", "value"),
    [
        ({"id": "d", "document": {"url": "https://a.test", "title": "A"}}, "url_citation", "url", "https://a.test"),
        ({"id": "https://b.test", "tool_output": {"x": 1}}, "url_citation", "url", "https://b.test"),
        ({"id": "d"}, "file_citation", "file_id", "d"),
    ],
)  # fmt: skip
def test_sources(source: Any, kind: str, field: str, value: str) -> None:
    """A source with an address is a citation of a page, any other one of a document."""
    citation = {"start": 1, "end": 2, "text": "e", "sources": [source, source, "?"]}
    found = parsed(answer(text("Yes"), citations=[citation, "?"])).choices[0].message.annotations
    assert [note["type"] for note in found] == [kind, kind]
    assert found[0][kind][field] == value


@pytest.mark.parametrize("read", [parsed, streamed])
def test_places_are_in_the_whole_text(read: Any) -> None:
    """A citation's place in its block becomes one in the whole text; of thinking there is none in the text."""
    cited = [
        {**CITED, "content_index": 2},
        {**CITED, "type": "THINKING_CONTENT", "content_index": 1},
        {**CITED, "type": "PLAN"},
        {"start": None, "end": None, "text": "?", "sources": [DOCUMENT]},
    ]
    said = read(answer(text("One. "), THOUGHT, text("Yes."), citations=cited)).choices[0].message
    assert said.content == "One. Yes."
    places = [note["file_citation"]["start_index"] for note in said.annotations]
    assert places == [5, None]
    assert said.provider_specific_fields["citations"] == cited


@pytest.mark.parametrize("read", [parsed, streamed])
def test_blocks_that_nobody_knows_yet_are_kept(read: Any) -> None:
    """A block of another type is in neither text nor reasoning, but not lost."""
    odd = {"type": "drawing", "strokes": [1, 2], "name": "cat"}
    said = read(answer(text("Look:"), odd)).choices[0].message
    assert said.content == "Look:"
    assert said.provider_specific_fields == {"content": [text("Look:"), odd]}


def test_tokens_without_probabilities() -> None:
    """Only a token's id is sure to be told: its text is kept with it all the same."""
    items = [
        {"text": "Hi", "token_ids": [1, 2]},
        {"text": "!", "token_ids": [3], "logprobs": [-1.0]},
    ]
    (choice,) = parsed(answer(text("Hi!")) | {"logprobs": items}).choices
    assert choice.logprobs is not None
    told = [(t.token, t.logprob, t.token_id) for t in choice.logprobs.content or ()]
    assert told == [("Hi", None, 1), ("", None, 2), ("!", -1.0, 3)]


def test_logprobs() -> None:
    """Log-probabilities are told token by token; a piece of several tokens has its text at the first."""
    items = [
        {"text": "Hi", "token_ids": [1], "logprobs": [-0.5]},
        {"text": " there", "token_ids": [2, 3], "logprobs": [-1.0, -2.0]},
    ]
    (choice,) = parsed(answer(text("Hi there")) | {"logprobs": items}).choices
    told = [(token.token, token.logprob, token.token_id) for token in choice.logprobs.content]
    assert told == [("Hi", -0.5, 1), (" there", -1.0, 2), ("", -2.0, 3)]
    happened = events(answer(text("Hi")))
    deltas = [event for event in happened if event["type"] == "content-delta"]
    for event, item in zip(deltas, items, strict=True):
        event["logprobs"] = item
    (choice,) = fold(decoded(framed(happened))).choices
    assert [(token.token, token.logprob) for token in choice.logprobs.content] == [
        (token, logprob) for token, logprob, _ in told
    ]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"content": None},
        {"content": "bare"},
        {"content": [3, "x"], "tool_calls": ["x", {}], "citations": "x", "tool_plan": 3},
        {"tool_calls": [{"function": "f"}]},
    ],
)
def test_odd_messages_never_raise(message: Any) -> None:
    """Whatever the message is, there is an answer."""
    completion = parsed({"message": message})
    assert completion.id == "call_0"
    assert completion.choices[0].message.content == (
        "bare" if message.get("content") == "bare" else None
    )
    assert completion.usage is None
    assert completion.model_dump_json()


def test_unknown_fields_are_kept() -> None:
    """Fields that nobody knows yet stay, on the answer and on the message."""
    native = answer(text("Hi"), mood="fine") | {"region": "eu", "model": "command-other"}
    completion = parsed(native)
    assert (completion["region"], completion.model) == ("eu", "command-other")
    assert completion.choices[0].message["mood"] == "fine"


def test_an_answer_goes_back_as_it_came() -> None:
    """Plan, thinking and calls are sent back where they were."""
    said = parsed(WHOLE).choices[0].message
    (_, back, _) = body([*HELLO, said, {"role": "tool", "tool_call_id": "c1", "content": "1"}])[
        "messages"
    ]
    expected = {k: v for k, v in WHOLE["message"].items() if k != "citations"}
    assert back == expected


def test_cuts_change_nothing() -> None:
    """A stream gives the same chunks wherever its bytes are cut."""
    data = framed(events(WHOLE))
    whole = decoded(data)
    for at in range(len(data)):
        decoder = WIRE.decoder(call(stream=True))
        assert [*decoder.feed(data[:at]), *decoder.feed(data[at:]), *decoder.finish()] == whole
        assert decoder.done


def test_a_stream_without_its_last_word() -> None:
    """What ends a stream is message-end; the line after it may be missing."""
    data = framed(events(WHOLE)).removesuffix(b"data: [DONE]\n\n")
    assert decoded(data) == decoded(framed(events(WHOLE)))


def test_blocks_and_calls_whose_end_is_not_told() -> None:
    """Ends of blocks and calls may be missing: the message's end is theirs, too."""
    kinds = ("content-end", "tool-call-end")
    happened = [event for event in events(WHOLE) if event["type"] not in kinds]
    assert fold(decoded(framed(happened))) == streamed(WHOLE)


def test_a_stream_without_a_reason_has_ended_all_the_same() -> None:
    """A host that tells no reason: calls are one, and else it has stopped."""
    for native, expected in ((WHOLE, "tool_calls"), (answer(text("Hi")), "stop")):
        happened = events(native)
        happened[-1]["delta"] = {}
        completion = fold(decoded(framed(happened)))
        assert completion.choices[0].finish_reason == expected
        assert completion.usage is None


def test_events_that_nobody_knows_yet() -> None:
    """Unknown events, JSON or not, pings and odd forms are passed over."""
    odd = (
        b": ping\n\nevent: ping\ndata: not json\n\n"
        b'event: later\ndata: {"type":"later"}\n\ndata: 3\n\n'
        b'data: {"type":"content-delta","delta":{"message":{"content":3}}}\n\n'
        b'data: {"type":"tool-call-delta","delta":{"message":{"tool_calls":[]}}}\n\n'
        b'data: {"type":"tool-plan-delta","delta":3}\n\n'
        b'data: {"type":"citation-start","delta":{"message":{"citations":[3]}}}\n\n'
        b'data: {"type":"content-end","index":9}\n\ndata: {"type":"tool-call-end","index":[]}\n\n'
    )
    assert decoded(odd + framed(events(WHOLE))) == decoded(framed(events(WHOLE)))


def test_one_body_for_a_stream() -> None:
    """A host that does not stream is read as a stream of one chunk."""
    chunks = decoded(json.dumps(WHOLE).encode())
    assert len(chunks) == 1
    assert fold(chunks).choices[0].message.to_dict()["content"] == "Yes, indeed."
    assert fold(chunks).choices[0].message.tool_calls[0].id == "c1"


@pytest.mark.parametrize(
    "data", [b"", b"data: [DONE]\n\n", framed(events(WHOLE)[:-1]), b"event: x\n\n"]
)
def test_a_stream_that_breaks(data: bytes) -> None:
    """A stream that ends before its end was cut."""
    with pytest.raises(llmkit.StreamInterruptedError):
        decoded(data)


@pytest.mark.parametrize("data", [b"what is this\n\n", b"data: {\n\n", b"<html></html>", b"{"])
def test_a_stream_that_is_none(data: bytes) -> None:
    """What is no stream of events is said to be none."""
    with pytest.raises(llmkit.APIResponseValidationError):
        decoded(data)


def test_an_event_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event longer than any provider's is not read on."""
    decoder = WIRE.decoder(call(stream=True))
    monkeypatch.setattr(decoder._sse, "_limit", 100)
    with pytest.raises(llmkit.APIResponseValidationError, match="more than 100 bytes"):
        list(decoder.feed(b"data: " + b"x" * 200))


def test_white_space_for_arguments_is_not_held_for_ever() -> None:
    """What begins with more white space than anybody writes is told as it came, piece by piece."""
    given = " " * 200 + "{}"
    native = answer(tool_calls=[{**CALL, "function": {"name": "f", "arguments": ""}}])
    happened = events(native)
    at = next(i for i, e in enumerate(happened) if e["type"] == "tool-call-end")
    pieces = [
        {
            "type": "tool-call-delta",
            "index": 0,
            "delta": {"message": {"tool_calls": {"function": {"arguments": letter}}}},
        }
        for letter in given
    ]
    chunks = decoded(framed([*happened[:at], *pieces, *happened[at:]]))
    (made,) = fold(chunks).choices[0].message.tool_calls
    assert made.function.arguments == given
    assert len(chunks) > 100
