"""Answers in one piece: what they say, and that they go back as they came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmkit
from llmkit._fold import fold

from ._wire import (
    BUDGETED,
    LEVELLED,
    back,
    call_part,
    calling,
    candidate,
    decode,
    event,
    parse,
    sse,
)

PNG = {"inlineData": {"mimeType": "image/png", "data": "eHl6"}}


def message(*parts: Any, **fields: Any) -> Any:
    """The message that these parts make."""
    return parse(event(*parts, **fields)).choices[0].message


def test_head() -> None:
    """Id, model and time are the provider's; where it gives none, the call's."""
    made = parse(
        {**event({"text": "Hi"}), "modelVersion": "m-1", "createTime": "2026-11-22T07:00:00.5Z"}
    )
    assert (made.id, made.model, made.created) == ("r1", "m-1", 1795330800)
    bare = parse({"candidates": [candidate({"text": "Hi"})], "createTime": "yesterday"})
    assert (bare.id, bare.model, bare.created) == ("call_of_mine", BUDGETED, None)


def test_text_and_thoughts() -> None:
    """Thoughts are apart from the text, and their signatures are kept."""
    made = message(
        {"text": "Let me", "thought": True},
        {"text": " see", "thought": True, "thoughtSignature": "s1"},
        {"text": "A"},
        {"text": "B"},
    )
    assert (made.content, made.reasoning_content) == ("AB", "Let me see")
    assert made.thinking_blocks == [
        {"type": "thinking", "thinking": "Let me"},
        {"type": "thinking", "thinking": " see", "signature": "s1"},
    ]


FINISH: list[tuple[Any, str | None]] = [
    ("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"),
    ("RECITATION", "content_filter"), ("BLOCKLIST", "content_filter"), ("SPII", "content_filter"),
    ("PROHIBITED_CONTENT", "content_filter"), ("IMAGE_SAFETY", "content_filter"),
    ("MODEL_ARMOR", "content_filter"), ("MALFORMED_FUNCTION_CALL", "error"), ("OTHER", "error"),
    ("LANGUAGE", "error"), ("NO_IMAGE", "error"), ("SOMETHING_NEW", "something_new"),
    (1, "stop"), (2, "length"), (10, "error"), (99, "99"), (None, None),
]  # fmt: skip


@pytest.mark.parametrize(("native", "wanted"), FINISH)
def test_finish(native: Any, wanted: str | None) -> None:
    """Every reason to stop has a word of OpenAI's, or says plainly that the model broke off."""
    choice = parse({"candidates": [candidate({"text": "A"}, finish=native)]}).choices[0]
    assert choice.finish_reason == wanted
    if isinstance(native, str):
        assert choice["native_finish_reason"] == native


def test_finish_with_calls() -> None:
    """Calls are the reason, unless the answer was cut off or broken."""
    for native, wanted in (
        ("STOP", "tool_calls"), (None, "tool_calls"), ("MAX_TOKENS", "length"), ("UNEXPECTED_TOOL_CALL", "error"),
    ):  # fmt: skip
        assert parse(event(call_part(), finish=native)).choices[0].finish_reason == wanted


def test_calls() -> None:
    """Calls keep the provider's ids; without one they get an id that is always the same."""
    parts = (call_part("add", {"x": 1}, id="p1", thoughtSignature="s"), call_part(), call_part())
    first, second, third = message(*parts).tool_calls
    assert (first.id, first.function.name, json.loads(first.function.arguments)) == (
        "p1",
        "add",
        {"x": 1},
    )
    assert first["provider_specific_fields"] == {"thought_signature": "s"}
    assert second.id.startswith("call_noid_")
    assert second.id != third.id
    assert [c.id for c in message(*parts).tool_calls] == ["p1", second.id, third.id]
    assert message(*parts).content is None


def test_several_candidates() -> None:
    """Each of ``n`` answers is a choice, under its own index; calls' ids differ between them."""
    made = parse(
        {
            "candidates": [candidate(call_part(), index=1), candidate(call_part(), index=0)],
            "responseId": "r",
        }
    )
    assert sorted(choice.index for choice in made.choices) == [0, 1]
    ids = {choice.message.tool_calls[0].id for choice in made.choices if choice.message.tool_calls}
    assert len(ids) == 2


def test_what_else_a_candidate_says() -> None:
    """Safety ratings and everything else of a candidate and an answer stay reachable."""
    made = parse(
        {
            **event(
                {"text": "A"}, safetyRatings=[{"category": "C"}], finishMessage="done", newThing=1
            ),
            "promptFeedback": {"safetyRatings": []},
            "modelStatus": {"stage": "X"},
        }
    )
    choice = made.choices[0]
    assert choice["safety_ratings"] == [{"category": "C"}]
    assert (choice["finish_message"], choice["new_thing"]) == ("done", 1)
    assert (made["prompt_feedback"], made["model_status"]) == (
        {"safetyRatings": []},
        {"stage": "X"},
    )


def test_media() -> None:
    """Pictures and sound have their places; thoughts in pictures, films and the rest do not get lost."""
    sketch = {**PNG, "thought": True}
    film = {"inlineData": {"mimeType": "video/mp4", "data": "eHl6"}}
    made = message({"text": "A"}, PNG, sketch, film, {"inlineData": {"mimeType": "image/png"}})
    assert made.images == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,eHl6"}, "index": 0}
    ]
    assert made.provider_specific_fields["parts"] == [
        {"text": "A"},
        {"inlineData": {"mimeType": "image/png"}},
        sketch,
        film,
        {"inlineData": {"mimeType": "image/png"}},
    ]
    sound = message({"inlineData": {"mimeType": "audio/wav", "data": "eHl6eA=="}})
    assert sound.audio.to_dict() == {"data": "eHl6eA==", "mime_type": "audio/wav"}
    assert sound.content is None


def test_logprobs() -> None:
    """Log-probabilities have OpenAI's form."""
    top = {
        "candidates": [{"token": "é", "logProbability": -1}, {"token": "e", "logProbability": -2}]
    }
    given = {
        "chosenCandidates": [{"token": "é", "logProbability": -1}, {}],
        "topCandidates": [top, {}],
    }
    found = parse(event({"text": "é"}, logprobsResult=given)).choices[0].logprobs
    assert found is not None
    assert found.content is not None
    first, second = found.content
    assert (first.token, first.logprob, first.bytes) == ("é", -1, [195, 169])
    assert [t.token for t in first.top_logprobs or ()] == ["é", "e"]
    assert (second.token, second.logprob) == ("", None)


WEB = {"web": {"uri": "https://a.test", "title": "A"}}
BOOK = {"retrievedContext": {"uri": "gs://b", "title": "B"}}


def test_grounding() -> None:
    """Supports are citations at their characters, although the provider counts bytes."""
    text = "Füße: fünf. Ende."
    supports = [
        {
            "segment": {"endIndex": 15, "text": "Füße: fünf."},
            "groundingChunkIndices": [0, 1, 9, "x"],
        },
        {
            "segment": {"startIndex": 900, "endIndex": 901, "text": "Ende."},
            "groundingChunkIndices": [0],
        },
        {"segment": {"startIndex": 0, "endIndex": 5, "text": "gone"}, "groundingChunkIndices": [0]},
        {"segment": {"endIndex": "x"}, "groundingChunkIndices": [0]},
        {"groundingChunkIndices": [1]},
        {"groundingChunkIndices": 3},
    ]
    chunks = [WEB, BOOK, {"maps": {"uri": "https://m.test"}}, {"web": {}}, "odd"]
    found = {"groundingChunks": chunks, "groundingSupports": supports}
    choice = parse(event({"text": text}, groundingMetadata=found)).choices[0]
    cited = [note["url_citation"] for note in choice.message.annotations or ()]
    where = [
        (c["url"], text[c["start_index"] : c["end_index"]]) for c in cited if "start_index" in c
    ]
    assert where == [
        ("https://a.test", "Füße: fünf."),
        ("gs://b", "Füße: fünf."),
        ("https://a.test", "Ende."),
        ("https://a.test", "Füß"),
        ("https://a.test", text),
        ("gs://b", text),
    ]
    assert cited[-1] == {"url": "https://m.test", "title": ""}
    assert choice["grounding_metadata"] == found


def test_recitations() -> None:
    """Passages that are somebody's are citations, too, by either name of the list."""
    source = {"startIndex": 0, "endIndex": 5, "uri": "https://a.test"}
    for name in ("citationSources", "citations"):
        given = {name: [source, {"license": "mit"}]}
        found = (
            parse(event({"text": "Füße"}, citationMetadata=given)).choices[0].message.annotations
        )
        assert found == [
            {
                "type": "url_citation",
                "url_citation": {
                    "start_index": 0,
                    "end_index": 3,
                    "url": "https://a.test",
                    "title": "",
                },
            }
        ]


USAGE: dict[str, Any] = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 40,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 30,
    "toolUsePromptTokenCount": 7,
    "totalTokenCount": 157,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 90},
        {"modality": "AUDIO", "tokenCount": 10},
    ],
    "toolUsePromptTokensDetails": [{"modality": 1, "tokenCount": 7}, "odd", {"modality": 99}],
    "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 10}],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 20}],
    "trafficType": "ON_DEMAND_FLEX",
}


def test_usage() -> None:
    """Every count of the provider has its place, and prompt and completion add up to the total."""
    made = parse({**event({"text": "A"}), "usageMetadata": USAGE})
    usage = made.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (107, 50, 157)
    assert usage.cache_read_input_tokens == 40
    prompt, answer = usage.prompt_tokens_details, usage.completion_tokens_details
    assert prompt is not None
    assert answer is not None
    assert (prompt.cached_tokens, prompt.text_tokens, prompt.audio_tokens) == (40, 97, 10)
    assert prompt["tool_use_tokens"] == 7
    assert prompt["cached_tokens_details"] == {"audio_tokens": 10}
    assert (answer.reasoning_tokens, answer.image_tokens) == (30, 20)
    assert (made.service_tier, usage["traffic_type"]) == ("flex", "ON_DEMAND_FLEX")


def test_usage_in_part() -> None:
    """Zeros are not sent; a prompt that was not counted is no zero."""
    counted = parse(
        {**event(), "usageMetadata": {"promptTokenCount": 3, "serviceTier": "priority"}}
    )
    assert counted.usage is not None
    assert (counted.usage.completion_tokens, counted.usage.total_tokens) == (0, 3)
    assert counted.usage.prompt_tokens_details is None
    assert counted.service_tier == "priority"
    half = parse({**event(), "usageMetadata": {"candidatesTokenCount": 3}}).usage
    assert half is not None
    assert (half.prompt_tokens, half.completion_tokens, half.total_tokens) == (None, 3, None)
    assert parse({**event(), "usageMetadata": {"trafficType": "ON_DEMAND"}}).usage is None


@pytest.mark.parametrize(("model", "searches"), [(BUDGETED, 1), (LEVELLED, 2)])
def test_searches_as_billed(model: str, searches: int) -> None:
    """Searches are counted as they are billed: by answer up to 2.5, by query from 3 on."""
    given = event({"text": "A"}, groundingMetadata={"webSearchQueries": ["a", "b", "a", ""]})
    usage = parse({**given, "usageMetadata": {"promptTokenCount": 1}}, model=model).usage
    assert usage is not None
    assert usage.server_tool_use is not None
    assert usage.server_tool_use.web_search_requests == searches


def test_empty_answers() -> None:
    """An answer of nothing is a result."""
    bare = ({"finishReason": "STOP"}, {"content": {}})
    for data in (event(), *({"candidates": [one]} for one in bare)):
        assert parse(data).choices[0].message.content == ""
    nothing = parse({"candidates": [], "usageMetadata": {"promptTokenCount": 1}, "responseId": "r"})
    assert (nothing.choices[0].message.content, nothing.choices[0].finish_reason) == ("", "error")


TURNS: list[list[dict[str, Any]]] = [
    [{"text": "A"}],
    [{"text": "A", "thoughtSignature": "s"}],
    [{"text": "A"}, {"text": "", "thoughtSignature": "s"}],
    [{"text": "t", "thought": True}, {"text": "A"}],
    [{"text": "A"}, call_part(), {"text": "B"}, call_part("sub", {"y": [1]}, thoughtSignature="s")],
    [call_part(thoughtSignature="s"), call_part(), {"text": "after"}],
    [call_part(id="x")],
    [
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OK"}},
    ],
    [
        {"toolCall": {"toolType": "FILE_SEARCH", "id": "t"}, "thoughtSignature": "s"},
        {"somethingNew": 1},
    ],
    [{"text": "A"}, {**PNG, "thoughtSignature": "s"}, {"text": "B"}, PNG],
    [{"inlineData": {"mimeType": "audio/wav", "data": "eHl6eA=="}}],
]


@pytest.mark.parametrize("parts", TURNS)
def test_turns_go_back(parts: list[dict[str, Any]]) -> None:
    """A message put into the history, as it is or as JSON, is sent as the parts it came as."""
    made = message(*parts)
    for said in (made, made.model_dump(), json.loads(made.model_dump_json())):
        assert back(said)[0]["parts"] == parts


def test_only_what_is_needed_is_kept() -> None:
    """Where content and calls say it all, a message carries no parts."""
    assert message({"text": "A"}, call_part()).get("provider_specific_fields") is None


def test_edited_messages() -> None:
    """An edited message says what it says now; calls that are as they were keep their signatures."""
    made = message(
        {"text": "A"}, call_part("f", {"x": 1}, thoughtSignature="s"), call_part("g")
    ).model_dump()
    made["content"] = "B"
    for call in made["tool_calls"]:
        call.pop("provider_specific_fields", None)
    assert back(made)[0]["parts"] == [
        {"text": "B"}, call_part("f", {"x": 1}, thoughtSignature="s"), call_part("g"),
    ]  # fmt: skip
    made["tool_calls"][0]["function"]["arguments"] = '{"x": 2}'
    assert back(made)[0]["parts"] == [{"text": "B"}, call_part("f", {"x": 2}), call_part("g")]
    del made["tool_calls"]
    assert back(made)[0]["parts"] == [{"text": "B"}]


def test_new_ids_for_old_calls() -> None:
    """Callers may name calls as they like: the provider gets those names, signatures stay."""
    made = message(call_part("f", id="theirs", thoughtSignature="s")).model_dump()
    made["tool_calls"][0]["id"] = "mine"
    contents = back(made, {"role": "tool", "tool_call_id": "mine", "content": "1"})
    assert contents[0]["parts"] == [call_part("f", id="mine", thoughtSignature="s")]
    assert contents[1]["parts"][0]["functionResponse"]["id"] == "mine"


def test_media_thrown_away() -> None:
    """Who keeps no pictures sends none back."""
    made = message(
        {"text": "A"}, PNG, {"inlineData": {"mimeType": "audio/wav", "data": "eHl6"}}
    ).model_dump()
    made["images"], made["audio"] = None, None
    assert back(made)[0]["parts"] == [{"text": "A"}]
    made["images"] = [{"image_url": {"url": "https://elsewhere.test"}}, 3]
    assert back(made)[0]["parts"] == [{"text": "A"}]


UNREADABLE = [
    b"",
    b"<html>",
    b"[]",
    b'"x"',
    b"{}",
    b'{"name": "cachedContents/1", "usageMetadata": {}}',
]


@pytest.mark.parametrize("raw", UNREADABLE)
def test_what_is_no_answer(raw: bytes) -> None:
    """Anything else is an error of ours, with how it begins."""
    with pytest.raises(llmkit.APIResponseValidationError):
        parse(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = {
    "part": "text thought thoughtSignature functionCall inlineData executableCode",
    "call": "id name args partialArgs willContinue",
    "candidate": "content finishReason index groundingMetadata citationMetadata logprobsResult",
    "grounding": "groundingChunks groundingSupports webSearchQueries",
    "answer": "candidates promptFeedback usageMetadata responseId modelVersion createTime error",
}


def odd(kind: str, **known: Any) -> Any:
    """An object of the format whose fields may be anything at all."""
    names = FIELDS[kind].split()
    fields = {name: JSON | known[name] if name in known else JSON for name in names}
    return st.fixed_dictionaries({}, optional=fields)


PART = odd(
    "part",
    functionCall=odd("call"),
    inlineData=st.fixed_dictionaries({"mimeType": JSON, "data": JSON}),
)
CONTENT = st.fixed_dictionaries({"parts": st.lists(PART | JSON, max_size=3)})
CANDIDATE = odd("candidate", content=CONTENT, groundingMetadata=odd("grounding"))


@settings(max_examples=300, deadline=None)
@given(odd("answer", candidates=st.lists(CANDIDATE | JSON, max_size=3)))
def test_anything_may_come(data: Any) -> None:
    """Whatever JSON a provider sends, what comes out is an answer or an error of llmkit's."""
    from llmkit._http import HTTPResponse
    from llmkit.wires.gemini import Gemini

    try:
        made = Gemini().parse(calling(), HTTPResponse(200, body=json.dumps(data).encode()))
    except llmkit.APIError:
        return
    assert made.choices
    made.model_dump_json()


@settings(max_examples=200, deadline=None)
@given(st.lists(odd("answer", candidates=st.lists(CANDIDATE | JSON, max_size=3)), max_size=4))
def test_anything_may_stream(events: Any) -> None:
    """Whatever JSON comes in a stream, what comes out are chunks, or an error of llmkit's."""
    try:
        chunks = decode(sse(*events))
    except llmkit.APIError:
        return
    fold(chunks).model_dump_json()


def test_a_chunk_of_wrong_types() -> None:
    """A field of a wrong type is set aside, in a stream as in an answer; the rest is read."""
    wrong = {"chosenCandidates": [{"token": "A", "logProbability": "high"}]}
    for made in (
        parse(event({"text": "A"}, logprobsResult=wrong)),
        fold(decode(sse(event({"text": "A"}, logprobsResult=wrong)))),
    ):
        assert made.text == "A"
