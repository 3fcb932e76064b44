"""What the fronts make of answers that have more than texts and calls: pictures, refusals, citations, signatures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmkit import errors
from llmkit._call import ChatCall
from llmkit._calls import MessagesCall, ResponsesCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.fronts import generate_content, messages, responses
from llmkit.fronts.over_chat import messages_over, responses_over
from llmkit.types.chat import ChatCompletion, ChatCompletionChunk
from llmkit.wires.openai_chat import OpenAIChat

from ._made import told
from ._sdk import message_of, response_of

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}
FAR = {"type": "image_url", "image_url": {"url": "https://e.test/a.png"}}
NOTE = {
    "type": "url_citation",
    "url_citation": {"url": "https://e.test", "title": "T", "start_index": 0, "end_index": 2},
}
FILE = {"type": "file_citation", "file_citation": {"file_id": "f"}}
BROKEN = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":'}}
CUSTOM = {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "x"}}
SIGNED = {
    "id": "c3",
    "type": "function",
    "function": {"name": "f", "arguments": "{}"},
    "provider_specific_fields": {"thought_signature": "c2ln"},
}
BLOCK = {"type": "thinking", "thinking": "hm", "signature": "sig"}
REDACTED = {"type": "redacted_thinking", "data": "xx"}
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 6,
    "total_tokens": 16,
    "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2, "text_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 4},
    "server_tool_use": {"web_search_requests": 1},
}


def completion(finish: str = "stop", told: dict[str, Any] | None = None, **message: Any) -> Any:
    """A whole answer of one message; ``told`` is beside its finish reason."""
    said = {"role": "assistant", "content": None, **message}
    choice = {"index": 0, "message": said, "finish_reason": finish, **(told or {})}
    data = {"id": "x", "created": 1, "model": "m", "choices": [choice], "usage": USAGE}
    return ChatCompletion.model_validate({**data, "service_tier": "default", "beside": {"a": 1}})


def chunk(**told: Any) -> ChatCompletionChunk:
    """A chunk of a delta, or of a choice's other fields."""
    beside = {k: told.pop(k) for k in ("finish_reason", "stop_reason", "logprobs") if k in told}
    choice = {"index": 0, "delta": told, **beside}
    return ChatCompletionChunk.model_validate({"id": "x", "model": "m", "choices": [choice]})


def test_responses_items() -> None:
    """Pictures, citations, refusals, free text for tools and broken arguments are items."""
    made = responses.write(
        completion(
            "tool_calls",
            content="Hi",
            refusal="no",
            annotations=[NOTE, FILE],
            images=[IMAGE, FAR],
            tool_calls=[BROKEN, CUSTOM],
        )
    )
    message, picture, far, broken, custom = made["output"]
    text, refusal = message["content"]
    assert text["annotations"] == [
        {"type": "url_citation", **NOTE["url_citation"]},  # type: ignore[dict-item]
        {"type": "file_citation", "file_id": "f"},
    ]
    assert refusal == {"type": "refusal", "refusal": "no"}
    assert (picture["result"], picture["output_format"]) == ("iVBO", "png")
    assert far["result"] == "https://e.test/a.png"
    assert (broken["arguments"], custom["input"]) == ('{"a":', "x")
    assert made["usage"]["server_tool_use"] == {"web_search_requests": 1}
    assert (made["service_tier"], made["beside"]) == ("default", {"a": 1})
    spoken = responses.write(completion(audio={"data": "", "transcript": "Hello"}))
    assert spoken["output"][0]["content"][0]["text"] == "Hello"


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        ("error", "failed", None),
        ("stop", "completed", None),
    ],
)
def test_responses_endings(finish: str, status: str, reason: str | None) -> None:
    """Why an answer ended is its status, and the last event says it too."""
    made = responses.write(completion(finish, content="Hi"))
    assert made["status"] == status
    assert (made["incomplete_details"] or {}).get("reason") == reason
    events = told(responses.events(), [chunk(content="Hi"), chunk(finish_reason=finish)])
    assert events[-1]["type"] == f"response.{status}"


def test_messages_blocks() -> None:
    """Thoughts, citations, pictures, broken arguments and free text for tools are blocks."""
    made = messages.write(
        completion(
            "tool_calls",
            content="Hi",
            refusal="no",
            reasoning_content="hm",
            annotations=[NOTE, FILE],
            images=[IMAGE, FAR],
            tool_calls=[BROKEN, CUSTOM, SIGNED],
        )
    )
    kinds = [block["type"] for block in made["content"]]
    assert kinds == ["thinking", "redacted_thinking", "text", "text", "image", "image"] + 3 * [
        "tool_use"
    ]
    assert made["content"][0]["signature"] == ""
    assert [c["url"] for c in made["content"][2]["citations"]] == ["https://e.test"]
    assert made["content"][4]["source"]["media_type"] == "image/png"
    assert made["content"][5]["source"] == {"type": "url", "url": "https://e.test/a.png"}
    inputs = [block["input"] for block in made["content"][6:]]
    assert inputs == [{"INVALID_JSON": '{"a":'}, {"input": "x"}, {}]
    assert made["usage"] == {
        "input_tokens": 5,
        "output_tokens": 6,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 2,
        "output_tokens_details": {"thinking_tokens": 4},
        "server_tool_use": {"web_search_requests": 1},
        "service_tier": "default",
    }
    assert (made["stop_reason"], made["beside"]) == ("tool_use", {"a": 1})
    listed = {**BROKEN, "function": {"name": "f", "arguments": "[1]"}}
    (block,) = messages.write(completion(tool_calls=[listed]))["content"]
    assert block["input"] == {"INVALID_JSON": "[1]"}
    unsigned = {"type": "thinking", "thinking": "hm"}
    (block, other) = messages.write(completion(thinking_blocks=[unsigned, REDACTED]))["content"]
    assert (block["signature"], other) == ("", REDACTED)


@pytest.mark.parametrize(
    ("finish", "told_beside", "reason"),
    [
        ("length", {}, "max_tokens"),
        ("content_filter", {}, "refusal"),
        ("stop", {"stop_reason": "stop_sequence", "stop_sequence": "x"}, "stop_sequence"),
        ("pause_turn", {}, "pause_turn"),
    ],
)
def test_messages_endings(finish: str, told_beside: dict[str, Any], reason: str) -> None:
    """Why an answer ended is told in the provider's own word where it is one of the API's."""
    made = messages.write(completion(finish, told_beside, content="Hi"))
    assert (made["stop_reason"], made["stop_sequence"]) == (
        reason,
        told_beside.get("stop_sequence"),
    )
    nothing = messages.write(ChatCompletion())
    assert (nothing["content"], nothing["stop_reason"]) == ([], None)


def test_generate_content_parts() -> None:
    """Thoughts, pictures, broken arguments, free text for tools, log-probabilities and counts are the API's."""
    token = {"token": "Hi", "logprob": -1.0, "top_logprobs": [{"token": "Ho", "logprob": -2.0}]}
    answer = completion(
        "tool_calls",
        {"logprobs": {"content": [token]}, "safety_ratings": []},
        content="Hi",
        reasoning_content="hm",
        images=[IMAGE],
        tool_calls=[BROKEN, CUSTOM],
    )
    made = generate_content.write(answer)
    (candidate,) = made["candidates"]
    thought, text, picture, broken, custom = candidate["content"]["parts"]
    assert (thought, text) == ({"text": "hm", "thought": True}, {"text": "Hi"})
    assert picture["inlineData"]["data"] == "iVBO"
    assert broken["functionCall"]["args"] == {"INVALID_JSON": '{"a":'}
    assert custom["functionCall"]["args"] == {"input": "x"}
    assert candidate["logprobsResult"] == {
        "chosenCandidates": [{"token": "Hi", "logProbability": -1.0}],
        "topCandidates": [{"candidates": [{"token": "Ho", "logProbability": -2.0}]}],
    }
    assert candidate["safetyRatings"] == []
    assert made["usageMetadata"] == {
        "promptTokenCount": 10,
        "candidatesTokenCount": 2,
        "totalTokenCount": 16,
        "cachedContentTokenCount": 3,
        "thoughtsTokenCount": 4,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
        "serviceTier": "default",
    }
    assert (made["beside"], candidate["finishReason"]) == ({"a": 1}, "STOP")
    signed = generate_content.write(completion(tool_calls=[SIGNED]))
    assert signed["candidates"][0]["content"]["parts"][-1]["thoughtSignature"] == "c2ln"


def test_generate_content_counts() -> None:
    """Where thoughts are counted beside the answer they are not taken off it; what nobody said is left out."""
    from llmkit.types.usage import Usage

    apart = Usage.model_validate(
        {
            "prompt_tokens": 1,
            "completion_tokens": 2,
            "total_tokens": 8,
            "completion_tokens_details": {"reasoning_tokens": 5},
        }
    )
    write = generate_content._write.native_usage
    assert write(apart)["candidatesTokenCount"] == 2  # type: ignore[index]
    assert write(Usage(prompt_tokens=3)) == {"promptTokenCount": 3}
    assert write(None) is None


STREAM = [
    chunk(role="assistant", reasoning_content="h"),
    chunk(reasoning_content="m"),
    chunk(content="Hi"),
    chunk(annotations=[NOTE, FILE]),
    chunk(images=[IMAGE]),
    chunk(refusal="no"),
    chunk(audio={"data": "UklG", "mime_type": "audio/wav"}),
    chunk(tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": {"name": "f"}}]),
    chunk(tool_calls=[{"index": 1, "id": "c2", "type": "custom", "custom": {"name": "g"}}]),
    chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a"'}}]),
    chunk(tool_calls=[{"index": 1, "custom": {"input": "x"}}]),
    chunk(tool_calls=[{"index": 0, "id": "c1", "function": {"arguments": ":1}"}}]),
    chunk(tool_calls=[{"index": 7, "function": {"arguments": "lost"}}]),
    chunk(thinking_blocks=[BLOCK, REDACTED], provider_specific_fields={"parts": [{"x": 1}]}),
    chunk(finish_reason="tool_calls"),
]


def test_responses_stream_of_everything() -> None:
    """Calls that are written by turns, late signatures and pictures are all told, and ride back."""
    pytest.importorskip("openai")
    answer = response_of(told(responses.events(), STREAM))
    assert [item["type"] for item in answer["output"]] == [
        "reasoning",
        "message",
        "image_generation_call",
        "message",
        "function_call",
        "custom_tool_call",
        "reasoning",
    ]
    assert answer["output"][4]["arguments"] == '{"a":1}'
    assert answer["output"][5]["input"] == "x"
    assert answer["output"][1]["content"][0]["annotations"][0]["url"] == "https://e.test"
    assert answer["output"][3]["content"][0]["refusal"] == "no"
    (back,) = responses.read({"model": "m", "input": answer["output"]}).messages
    assert back["thinking_blocks"] == [BLOCK, REDACTED]
    assert back["provider_specific_fields"]["parts"] == [{"x": 1}]


def test_messages_stream_of_everything() -> None:
    """Blocks come one after another, and what no block can say rides back in the last."""
    pytest.importorskip("anthropic")
    events = told(messages.events(), [p for p in STREAM if "custom" not in str(p)])
    answer = message_of(events)
    assert [block["type"] for block in answer["content"]] == [
        "thinking",
        "text",
        "image",
        "text",
        "tool_use",
        "redacted_thinking",
        "redacted_thinking",
    ]
    assert answer["content"][4]["input"] == {"a": 1}
    assert answer["stop_reason"] == "tool_use"
    turn = {"role": "assistant", "content": answer["content"]}
    (back,) = messages.read({"model": "m", "messages": [turn]}).messages
    signed = [b for b in back["thinking_blocks"] if b.get("signature") or b.get("data")]
    assert signed == [REDACTED, BLOCK]
    assert back["provider_specific_fields"]["parts"] == [{"x": 1}]


def test_generate_content_stream_of_everything() -> None:
    """Texts and media are told as they come, calls and signatures with the end."""
    events = told(generate_content.events(), STREAM)
    parts = [p for e in events for p in e["candidates"][0]["content"]["parts"]]
    assert "".join(p["text"] for p in parts if p.get("thought")) == "hm"
    assert [p["inlineData"]["mimeType"] for p in parts if "inlineData" in p] == [
        "image/png",
        "audio/wav",
    ]
    assert events[-1]["candidates"][0]["finishReason"] == "STOP"


def test_a_signature_belongs_to_its_thought() -> None:
    """A block that follows its thought closes it with its signature; one that is told alone is told whole."""
    pytest.importorskip("anthropic")
    live = [chunk(reasoning_content="hm"), chunk(thinking_blocks=[BLOCK])]
    alone = [chunk(thinking_blocks=[BLOCK, REDACTED])]
    for parts in (live, alone):
        stream = [*parts, chunk(content="Hi"), chunk(finish_reason="stop")]
        answer = message_of(told(messages.events(), stream))
        assert answer["content"][0] == BLOCK
        response = responses.events()
        told(response, stream)
        (back,) = responses.read({"model": "m", "input": response.result()["output"]}).messages
        assert back["thinking_blocks"][0] == BLOCK


def test_an_explanation_is_no_text() -> None:
    """A refusal with a reason of the API's own is the provider's explanation, and no block."""
    stream = [
        chunk(content="Hi"),
        chunk(refusal="policy", finish_reason="stop", stop_reason="refusal"),
    ]
    events = messages.events()
    told(events, stream)
    assert [block["text"] for block in events.result()["content"]] == ["Hi"]
    assert events.result()["stop_reason"] == "refusal"


def test_signatures_of_native_parts_ride_with_the_end() -> None:
    """A text's signature comes behind it, as the API itself sends it."""
    parts = [{"text": "Hi", "thoughtSignature": "c2ln"}]
    stream = [
        chunk(content="Hi"),
        chunk(provider_specific_fields={"parts": parts}, finish_reason="stop"),
    ]
    last = told(generate_content.events(), stream)[-1]["candidates"][0]["content"]["parts"]
    assert last == [{"text": "", "thoughtSignature": "c2ln"}]


class Stepping(OpenAIChat):
    """A chat wire that takes several requests."""

    def steps(self, call: ChatCall, to: Endpoint) -> Any:
        """One request, then another with what it was answered."""
        response = yield "first"
        return self.parse(call, response)


def test_several_requests() -> None:
    """A chat wire of several requests is one for the fronts' calls too; one of a single request has no steps."""
    assert responses_over(OpenAIChat()).steps is None
    wire = responses_over(Stepping())
    assert wire.steps is not None
    steps = wire.steps(ResponsesCall("c", "p", "m", input="Hello"), Endpoint("https://e.test"))
    next(steps)
    answer = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    with pytest.raises(StopIteration) as done:
        steps.send(HTTPResponse(200, {}, json.dumps(answer).encode()))
    assert done.value.value.output_text == "Hi"


def test_mistakes_and_failures_over_chat() -> None:
    """A mistake names who was to be asked; a provider's error is what its wire reads; odd thinking is left alone."""
    wire = messages_over(OpenAIChat(refused=frozenset({"thinking", "reasoning_effort"})))
    to = Endpoint("https://e.test")
    with pytest.raises(errors.InvalidRequestError) as caught:
        wire.build(MessagesCall("c", "p", "m", messages=[]), to)
    assert (caught.value.provider, caught.value.model) == ("p", "m")
    hello = [{"role": "user", "content": "Hello"}]
    call = MessagesCall("c", "p", "m", messages=hello)
    made = wire.error(call, HTTPResponse(429, {}, b'{"error": {"message": "slow"}}'))
    assert isinstance(made, errors.RateLimitError)
    resting = MessagesCall("c", "p", "m", messages=hello, params={"thinking": {"type": "disabled"}})
    assert wire.build(resting, to).adjustments[0].change == "dropped"
    thinking = MessagesCall("c", "p", "m", messages=hello, params={"thinking": {"type": "enabled"}})
    with pytest.raises(errors.UnsupportedParamsError):
        wire.build(thinking, to)
