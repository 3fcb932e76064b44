"""Answers in one piece and streamed: they say the same, whatever comes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import llmkit
from llmkit._fold import fold
from llmkit.wires.anthropic_messages import AnthropicMessages

from ._made import (
    BUDGETED,
    OLD,
    WIRE,
    call,
    decoded,
    events,
    framed,
    message,
    parsed,
    streamed,
)

TEXT = {"type": "text", "text": "Hello"}
THOUGHT = {"type": "thinking", "thinking": "Let me see", "signature": "c2ln"}
HIDDEN = {"type": "redacted_thinking", "data": "eHl6"}
CALL = {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1, "b": [2]}}
BARE = {"type": "tool_use", "id": "t2", "name": "now", "input": {}}
SERVER = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"url": "u"}]}
ON_WEB = {"type": "web_search_result_location", "url": "https://a.test", "title": "A"}
ON_WEB |= {"cited_text": "quoted", "encrypted_index": "e"}
ON_PAGE = {"type": "page_location", "document_index": 0, "document_title": "D"}
ON_PAGE |= {"cited_text": "said", "start_page_number": 1, "end_page_number": 2}
CITED = {"type": "text", "text": "As found", "citations": [ON_WEB, ON_PAGE]}


def reading(completion: Any) -> Any:
    """An answer as plain data; arguments as what they say, not how they are spaced."""
    dumped = completion.model_dump()
    for choice in dumped["choices"]:
        for made in choice["message"].get("tool_calls") or ():
            made["function"]["arguments"] = json.loads(made["function"]["arguments"])
    return dumped


ANSWERS = {
    "text": message(TEXT),
    "nothing": message(),
    "empty text": message({"type": "text", "text": ""}),
    "thinking": message(THOUGHT, HIDDEN, TEXT),
    "thinking not shown": message({**THOUGHT, "thinking": ""}, TEXT),
    "calls": message(TEXT, CALL, BARE, stop_reason="tool_use"),
    "interleaved": message(THOUGHT, TEXT, {**THOUGHT, "signature": "2"}, CALL),
    "call by code": message({**CALL, "caller": {"type": "code_execution_20260120"}}),
    "call directly": message({**CALL, "caller": {"type": "direct"}}),
    "search": message(SERVER, FOUND, TEXT, CITED, TEXT),
    "server call without arguments": message({**SERVER, "input": {}}, TEXT),
    "paused": message(SERVER, stop_reason="pause_turn"),
    "refused": message(stop_reason="refusal", stop_details={"type": "refusal", "category": "bio"}),
    "refused within": message(TEXT, stop_reason="refusal"),
    "stopped": message(TEXT, stop_reason="stop_sequence", stop_sequence="END"),
    "unknown": message({"type": "of_tomorrow", "x": {"y": 1}}, TEXT, stop_reason="bored"),
    "container": message(TEXT, container={"id": "c1"}, context_management=None),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_streamed_equals_whole(name: str) -> None:
    """A stream, folded, is what the answer in one piece would have been."""
    native = ANSWERS[name]
    assert reading(streamed(native)) == reading(parsed(native))


def test_fields() -> None:
    """Text, thinking and calls are where OpenAI's clients look for them."""
    answer = parsed(message(THOUGHT, HIDDEN, TEXT, CALL, BARE, stop_reason="tool_use"))
    (choice,) = answer.choices
    assert choice.message.content == "Hello"
    assert choice.message.reasoning_content == "Let me see"
    assert choice.message.thinking_blocks == [THOUGHT, HIDDEN]
    first, second = choice.message.tool_calls or ()
    assert (first.id, first.type, first.function.name) == ("t1", "function", "add")
    assert first.function.arguments == '{"a":1,"b":[2]}'
    assert second.function.arguments == "{}"
    assert (answer.id, answer.model, answer.object) == ("msg_1", BUDGETED, "chat.completion")
    assert "provider_specific_fields" not in choice.message


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
        ("compaction", "compaction"),
        (None, None),
    ],
)
def test_finish_reasons(reason: str | None, finish: str | None) -> None:
    """OpenAI's words where it has one; what it has none for is kept, and the native word always."""
    choice = parsed(message(TEXT, stop_reason=reason)).choices[0]
    assert choice.finish_reason == finish
    assert choice.get("stop_reason") == reason


def test_refusals_are_results() -> None:
    """A refusal is told as one; its explanation is not taken for the model's words when it goes back."""
    details = {"type": "refusal", "category": "bio", "explanation": "Too risky."}
    said = parsed(message(stop_reason="refusal", stop_details=details)).choices[0]
    assert (said.finish_reason, said.message.refusal) == ("content_filter", "Too risky.")
    assert said.message.content is None
    messages = [{"role": "user", "content": "A"}, said.message, {"role": "user", "content": "B"}]
    made = json.loads(WIRE.build(call(messages), _here()).body)
    assert [turn["role"] for turn in made["messages"]] == ["user"]
    assert parsed(message(stop_reason="refusal")).choices[0].message.refusal == "refusal"
    calling = parsed(message(CALL, stop_reason="refusal")).choices[0].message
    assert calling.tool_calls
    assert "provider_specific_fields" not in calling


def _here() -> Any:
    from llmkit._http import Endpoint

    return Endpoint("https://api.test")


def test_annotations() -> None:
    """Citations are annotations that say where in the text they stand."""
    answer = parsed(message(SERVER, FOUND, TEXT, CITED)).choices[0].message
    assert answer.content == "HelloAs found"
    where = {"start_index": 5, "end_index": 13}
    web = {"url": "https://a.test", "title": "A", "cited_text": "quoted"}
    assert answer.annotations == [
        {"type": "url_citation", "url_citation": {**where, **web}},
        {"type": "file_citation", "file_citation": {**ON_PAGE, **where}},
    ]


def test_search_results_are_cited_by_their_source() -> None:
    """The source of a search result may be an address or not."""
    by = {"type": "search_result_location", "title": "A", "cited_text": "q"}
    block = {**TEXT, "citations": [{**by, "source": "https://s.test"}, {**by, "source": "shelf"}]}
    notes = parsed(message(block)).choices[0].message.annotations or []
    assert [note["type"] for note in notes] == ["url_citation", "file_citation"]
    assert parsed(message({**TEXT, "citations": ["?"]})).choices[0].message.annotations is None


# --- usage ------------------------------------------------------------------------------------

USAGE = {
    "input_tokens": 10,
    "output_tokens": 50,
    "cache_read_input_tokens": 200,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
    "output_tokens_details": {"thinking_tokens": 15},
    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
    "service_tier": "priority",
    "inference_geo": "us",
    "speed": "fast",
}


def test_usage() -> None:
    """The prompt is all that was read, cache included; every detail is kept."""
    answer = parsed(message(TEXT, usage=USAGE))
    usage = answer.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (240, 50, 290)
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 200
    assert usage.prompt_tokens_details.cache_write_tokens == 30
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == 15
    assert usage.cache_creation is not None
    assert usage.cache_creation.ephemeral_1h_input_tokens == 10
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (200, 30)
    assert usage["server_tool_use"]["web_fetch_requests"] == 1
    assert (usage["inference_geo"], usage["speed"]) == ("us", "fast")
    assert "input_tokens" not in usage
    assert answer.service_tier == "priority"


def test_usage_is_priced_by_age() -> None:
    """Cache writes are priced by how long they live: what the counts are for."""
    from llmkit import catalogue, pricing

    usage = parsed(message(TEXT, usage={**USAGE, "service_tier": None, "speed": "standard"})).usage
    cost = pricing.cost(usage, catalogue.find("anthropic", BUDGETED))
    lines = {(line.dimension, line.condition.get("ttl")): line.quantity for line in cost.lines}
    assert lines[("cache_write", "5m")] == 20
    assert lines[("cache_write", "1h")] == 10
    assert lines[("cached_read", None)] == 200
    assert lines[("input", None)] == 10


COMPACTING = {
    "input_tokens": 23_000,
    "output_tokens": 1_000,
    "iterations": [
        {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500},
        {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000},
        None,
    ],
}


def test_compaction_is_billed_beside_the_totals() -> None:
    """The totals leave out the rounds that compact the conversation: they are counted apart, and priced."""
    from llmkit import catalogue, pricing

    usage = parsed(message(TEXT, usage=COMPACTING)).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (23_000, 1_000)
    assert [(one.prompt_tokens, one.completion_tokens) for one in usage.beside] == [
        (180_000, 3_500)
    ]
    model = catalogue.find("anthropic", BUDGETED)
    cost = pricing.cost(usage, model)
    parts = [
        pricing.cost({"prompt_tokens": read, "completion_tokens": written}, model).total
        for read, written in ((23_000, 1_000), (180_000, 3_500))
    ]
    assert cost.total == sum(parts)


def test_an_advisors_tokens_make_the_cost_unknown() -> None:
    """Another model's rounds have a price of their own, which is not taken for this model's."""
    from llmkit import catalogue, pricing

    rounds = [{"type": "advisor_message", "model": "m2", "input_tokens": 9, "output_tokens": 2}]
    usage = parsed(message(TEXT, usage={**COMPACTING, "iterations": rounds})).usage
    assert usage.beside[0].model == "m2"
    cost = pricing.cost(usage, catalogue.find("anthropic", BUDGETED))
    assert cost.total is None
    assert "no price for m2, which did some of it" in cost.reason


@pytest.mark.parametrize(
    ("native", "expected"),
    [
        ({}, {}),
        ({"input_tokens": None, "output_tokens": 3}, {"completion_tokens": 3}),
        ({"input_tokens": True}, {}),
        (
            {"input_tokens": 1, "cache_creation": {"ephemeral_5m_input_tokens": 4, "x": None}},
            {
                "prompt_tokens": 5,
                "prompt_tokens_details": {"cache_write_tokens": 4},
                "cache_creation_input_tokens": 4,
                "cache_creation": {"ephemeral_5m_input_tokens": 4, "x": None},
            },
        ),
        ({"cache_creation": {}}, {"cache_creation": {}}),
    ],
)
def test_partial_usage(native: dict[str, Any], expected: dict[str, Any]) -> None:
    """What was not told is not there; nothing becomes zero."""
    from llmkit.wires.anthropic_messages._usage import translated

    assert translated(native) == expected


def test_streamed_usage() -> None:
    """The end's counts hold, and what they leave out is the beginning's."""
    happened = events(message(TEXT, usage=USAGE))
    happened[-2]["usage"] = {"output_tokens": 60, "input_tokens": 11, "cache_creation": None}
    usage = fold(decoded(framed(happened))).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (241, 60)
    assert usage.cache_creation is not None
    assert usage.cache_creation.ephemeral_5m_input_tokens == 20


def test_usage_comes_once_and_last() -> None:
    """No chunk with choices has a usage, and the whole one is the last."""
    chunks = decoded(framed(events(message(TEXT))))
    assert not any(chunk.usage for chunk in chunks if chunk.choices)
    whole = [c.usage.completion_tokens is not None for c in chunks if c.usage]
    assert whole == [False, True]
    assert chunks[-1].choices == []


def test_a_broken_stream_tells_what_the_prompt_used() -> None:
    """The prompt's side is told at once: of a stream that breaks, nothing else ever will be."""
    happened = events(message(TEXT, usage=USAGE))[:3]
    decoder = WIRE.decoder(call(stream=True))
    partial = fold(decoder.feed(framed(happened)))
    assert partial.usage is not None
    assert (partial.usage.prompt_tokens, partial.usage.completion_tokens) == (240, None)
    with pytest.raises(llmkit.StreamInterruptedError):
        list(decoder.finish())


# --- emulated formats -------------------------------------------------------------------------

FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"n": {}}}},
}


@pytest.mark.parametrize("stream", [False, True])
def test_the_emulating_tool_is_the_answer(stream: bool) -> None:  # noqa: FBT001 - a case
    """The call of our own tool is told as text, with a finish that fits, and no call."""
    block = {"type": "tool_use", "id": "t1", "name": "answer_in_json", "input": {"n": 4}}
    native = message(block, stop_reason="tool_use")
    asked = {"model": OLD, "response_format": FORMAT}
    answer = streamed(native, **asked) if stream else parsed(native, **asked)
    (choice,) = answer.choices
    assert json.loads(choice.message.content or "") == {"n": 4}
    assert choice.finish_reason == "stop"
    assert choice.message.tool_calls is None
    assert "provider_specific_fields" not in choice.message
    back = json.loads(WIRE.build(call([choice.message]), _here()).body)["messages"]
    assert json.loads(back[0]["content"]) == {"n": 4}


@pytest.mark.parametrize("stream", [False, True])
def test_an_empty_emulated_answer(stream: bool) -> None:  # noqa: FBT001 - a case
    """An answer without properties is an object all the same, and other tools stay calls."""
    mine = {"type": "tool_use", "id": "t1", "name": "answer_in_json", "input": {}}
    native = message(mine, CALL, stop_reason="tool_use")
    asked = {"model": OLD, "response_format": FORMAT}
    answer = streamed(native, **asked) if stream else parsed(native, **asked)
    assert answer.choices[0].message.content == "{}"
    assert [c.id for c in answer.choices[0].message.tool_calls or ()] == ["t1"]


# --- what may come ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"3", b'{"id": "x"}', b'{"content": "text"}', b'{"content": [}'],
)
def test_unreadable(body: bytes) -> None:
    """What is no answer is an error that can be shown."""
    with pytest.raises(llmkit.APIResponseValidationError, match="could not be read"):
        parsed(body)


def test_strange_answers_are_survived() -> None:
    """Types that nothing should have raise nothing."""
    strange = message("text", 3, {"type": 3}, {"type": "text"}, {"type": "tool_use"}, usage=[])
    answer = parsed({**strange, "id": None, "model": None, "stop_reason": 7})
    assert (answer.id, answer.model) == ("call_0", BUDGETED)
    assert answer.usage is None
    assert answer.choices[0].finish_reason is None


def test_unknown_fields_are_kept() -> None:
    """A field of tomorrow is there for who knows it."""
    answer = parsed(message(TEXT, container={"id": "c"}, of_tomorrow=[1], empty=None))
    assert answer["container"] == {"id": "c"}
    assert answer["of_tomorrow"] == [1]
    assert "empty" not in answer


# --- streams ----------------------------------------------------------------------------------


def test_chunks_are_openais() -> None:
    """The first has the role, calls are numbered from 0, the last has the reason."""
    native = message(THOUGHT, TEXT, SERVER, CALL, BARE, stop_reason="tool_use")
    chunks = [c for c in decoded(framed(events(native))) if c.choices]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(c.choices[0].delta.role is None for c in chunks[1:])
    calls = [c.choices[0].delta.tool_calls[0] for c in chunks if c.choices[0].delta.tool_calls]
    assert [made.index for made in calls] == [0, 0, 0, 1, 1]
    assert [made.id for made in calls] == ["t1", None, None, "t2", None]
    assert [c.choices[0].finish_reason for c in chunks][-1] == "tool_calls"
    assert {(c.id, c.model, c.object) for c in chunks} == {
        ("msg_1", BUDGETED, "chat.completion.chunk")
    }


def test_message_stop_is_the_end() -> None:
    """Nothing that follows matters, not even other dialects' end."""
    decoder = WIRE.decoder(call(stream=True))
    data = framed(events(message(TEXT)))
    list(decoder.feed(data))
    assert decoder.done
    assert list(decoder.feed(b"data: [DONE]\n\ndata: {{{\n\n")) == []
    assert list(decoder.finish()) == []


def test_pings_and_unknown_events() -> None:
    """They are signs of life, and nothing else."""
    happened = events(message(TEXT))
    noise = [{"type": "ping"}, {"type": "of_tomorrow", "x": 1}]
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "of_tomorrow"}}
    noisy = [event for e in happened for event in (*noise, delta, e)]
    extra = b"event: note\ndata: not json\n\nevent: x\ndata: 3\n\n: comment\n\ndata:\n\n"
    assert fold(decoded(extra + framed(noisy))) == fold(decoded(framed(happened)))


def test_events_of_strange_types() -> None:
    """Events whose parts are not what they should be are passed over."""
    strange = [
        {"type": "message_start", "message": 3},
        {"type": "content_block_start", "index": 0, "content_block": "x"},
        {"type": "content_block_delta", "index": 0, "delta": 3},
        {"type": "content_block_delta", "index": 5, "delta": {"type": ["x"]}},
        {
            "type": "content_block_delta",
            "index": 5,
            "delta": {"type": "input_json_delta", "partial_json": "{}"},
        },
        {"type": "content_block_stop", "index": 9},
        {"type": "content_block_start", "index": [1], "content_block": {"type": ["x"]}},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "fallback"}},
        {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "text_delta", "text": None},
        },
        {"type": "message_delta", "delta": 3, "usage": 3},
        {"type": ["message_delta"]},
    ]
    happened = events(message(TEXT))
    data = framed({**e, "type": e["type"]} for e in strange if isinstance(e["type"], str))
    odd = b'data: {"type": ["x"]}\n\n'
    answer = fold(decoded(data + odd + framed(happened)))
    assert answer.choices[0].message.content == "Hello"


def test_a_delta_may_begin_its_block() -> None:
    """A host that leaves out the start of a block is understood where its type can be told."""
    happened = [e for e in events(message(THOUGHT, TEXT)) if e["type"] != "content_block_start"]
    answer = fold(decoded(framed(happened)))
    assert answer.choices[0].message.content == "Hello"
    assert answer.choices[0].message.thinking_blocks == [THOUGHT]


def test_a_host_may_stop_no_block() -> None:
    """The end of the answer is the end of its blocks."""
    native = message(THOUGHT, CITED, BARE)
    happened = [e for e in events(native) if e["type"] != "content_block_stop"]
    assert reading(fold(decoded(framed(happened)))) == reading(parsed(native))


@pytest.mark.parametrize(("block", "finish"), [(TEXT, "stop"), (CALL, "tool_calls")])
def test_a_host_may_tell_no_reason(block: dict[str, Any], finish: str) -> None:
    """The last event ends the answer all the same."""
    happened = [e for e in events(message(block)) if e["type"] != "message_delta"]
    assert fold(decoded(framed(happened))).choices[0].finish_reason == finish


def test_a_host_may_not_say_that_it_stopped() -> None:
    """Once the reason is told, the answer is whole."""
    happened = events(message(TEXT))[:-1]
    answer = fold(decoded(framed(happened)))
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None


def test_arguments_at_the_start() -> None:
    """Some hosts tell a call's arguments when it begins."""
    happened = events(message(CALL))
    happened = [e for e in happened if e["type"] != "content_block_delta"]
    happened[1]["content_block"] = CALL
    (made,) = fold(decoded(framed(happened))).choices[0].message.tool_calls or ()
    assert json.loads(made.function.arguments or "") == CALL["input"]


def test_text_at_the_start() -> None:
    """Some hosts begin a block with what it says."""
    native = message(THOUGHT, TEXT)
    happened = [e for e in events(native) if e["type"] != "content_block_delta"]
    happened[1]["content_block"], happened[3]["content_block"] = THOUGHT, TEXT
    assert reading(fold(decoded(framed(happened)))) == reading(parsed(native))


def test_arguments_cut_off() -> None:
    """A call that was cut off keeps what came, as it came."""
    happened = events(message(SERVER, CALL, stop_reason="max_tokens"))
    cut = [e for e in happened if e.get("delta", {}).get("type") == "input_json_delta"]
    happened.remove(cut[-1])
    choice = fold(decoded(framed(happened))).choices[0]
    (made,) = choice.message.tool_calls or ()
    assert (made.function.arguments or "").startswith('{"a"')
    assert choice.finish_reason == "length"
    assert "provider_specific_fields" not in choice.message


def test_compaction() -> None:
    """A compacted history is kept for the way back."""
    block = {"type": "compaction", "content": None}
    happened = events(message(block, TEXT))
    delta = {"type": "compaction_delta", "content": "so far", "encrypted_content": "e"}
    happened.insert(2, {"type": "content_block_delta", "index": 0, "delta": delta})
    said = fold(decoded(framed(happened))).choices[0].message
    whole = {"type": "compaction", "content": "so far", "encrypted_content": "e"}
    assert said["provider_specific_fields"] == {"content_blocks": [whole, TEXT]}


def test_the_model_that_answered_is_named() -> None:
    """After a fallback on the provider's side, the model is the one that answered."""
    block = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}
    assert streamed(message(block, TEXT)).model == "b"
    unnamed = {"type": "fallback", "to": {}}
    assert streamed(message(unnamed, TEXT)).model == BUDGETED


def test_late_fields_are_kept() -> None:
    """What comes with the end of a stream belongs to the answer."""
    happened = events(message(TEXT))
    happened[-2]["delta"]["container"] = {"id": "c1"}
    happened[-2]["context_management"] = {"applied_edits": []}
    happened.insert(-2, {"type": "message_delta", "delta": {}, "of_tomorrow": 1})
    answer = fold(decoded(framed(happened)))
    assert answer["container"] == {"id": "c1"}
    assert answer["context_management"] == {"applied_edits": []}
    assert answer["of_tomorrow"] == 1


def test_a_host_that_does_not_stream() -> None:
    """An answer in one piece is a stream of one chunk."""
    native = message(TEXT, CALL, stop_reason="tool_use")
    raw = json.dumps(native).encode()
    decoder = WIRE.decoder(call(stream=True))
    assert [*decoder.feed(b" \n"), *decoder.feed(raw[:9]), *decoder.feed(raw[9:])] == []
    chunks = list(decoder.finish())
    assert decoder.done
    assert reading(fold(chunks)) == reading(parsed(native))


def test_a_body_without_end() -> None:
    """What never ends is not read on."""
    from llmkit.wires import _plain

    decoder = WIRE.decoder(call(stream=True))
    with pytest.raises(llmkit.APIResponseValidationError, match="more than"):
        list(decoder.feed(b"{" + b" " * _plain._MAX_BODY))


def test_an_event_without_end() -> None:
    """Nor is one event that never ends."""
    decoder = WIRE.decoder(call(stream=True))
    lines = (b"data: " + b"x" * (16 * 1024 * 1024) + b"\n") * 5
    with pytest.raises(llmkit.APIResponseValidationError, match="one event has more"):
        list(decoder.feed(lines))


def test_an_event_that_is_no_json() -> None:
    """An event of the dialect must be readable."""
    with pytest.raises(llmkit.APIResponseValidationError, match="not JSON"):
        decoded(b"event: message_start\ndata: {\n\n")
    with pytest.raises(llmkit.APIResponseValidationError, match="not JSON"):
        decoded(b"data: {\n\n")


@pytest.mark.parametrize("name", ANSWERS)
def test_every_cut(name: str) -> None:
    """However a stream's bytes are cut, the chunks are the same."""
    data = framed(events(ANSWERS[name]))
    whole = decoded(data)
    for size in (1, 2, 3, 7, 16, 61):
        decoder = WIRE.decoder(call(stream=True))
        made = [
            chunk
            for at in range(0, len(data), size)
            for chunk in decoder.feed(data[at : at + size])
        ]
        assert [*made, *decoder.finish()] == whole


# Objects that are nearly right: the dialect's own fields, with anything in them.
NAMES = ("type", "index", "delta", "text", "thinking", "citations", "citation", "input", "id")
NAMES += ("name", "signature", "partial_json", "stop_reason", "stop_details", "to", "model")
KINDS = ("text", "thinking", "tool_use", "server_tool_use", "fallback", "text_delta")
KINDS += ("thinking_delta", "input_json_delta", "citations_delta", "signature_delta")
anything = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "x", "{}", "{"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=10,
)
blocks = st.builds(
    lambda kind, rest: {**rest, "type": kind},
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(NAMES), anything, max_size=4),
)
happenings = st.builds(
    lambda kind, index, inner, usage: {
        "type": kind,
        "index": index,
        "delta": inner,
        "content_block": inner,
        "message": inner,
        "usage": usage,
    },
    st.sampled_from([event["type"] for event in events(message(TEXT))]),
    st.integers(0, 1),
    blocks | anything,
    anything,
)


@given(st.lists(happenings, max_size=8))
def test_no_event_raises(happened: list[dict[str, Any]]) -> None:
    """Whatever stands in an event, nothing but llmkit's own errors is raised."""
    data = framed(happened)
    with contextlib.suppress(llmkit.LLMKitError):
        decoded(data)


@given(st.lists(blocks | anything, max_size=4), anything)
def test_no_answer_raises(content: list[Any], usage: Any) -> None:
    """Whatever stands in an answer, nothing but llmkit's own errors is raised."""
    with contextlib.suppress(llmkit.LLMKitError):
        parsed(message(*content, usage=usage))


def test_the_wire_needs_no_models() -> None:
    """Reading depends on no table."""
    decoder = AnthropicMessages().decoder(call(stream=True))
    assert fold(decoder.feed(framed(events(message(TEXT))))).choices[0].message.content == "Hello"
