"""Chat by way of the Responses API: what is sent, refused and listed, and what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmkit import errors
from llmkit._call import ChatCall
from llmkit._fold import fold
from llmkit._http import Endpoint, HTTPResponse
from llmkit.types.chat import Message
from llmkit.wires.openai_responses import CHAT, ResponsesChat

TO = Endpoint("https://e.test/v1")
HELLO = [{"role": "user", "content": "Hello"}]


def call(messages: Any = HELLO, **told: Any) -> ChatCall:
    """A chat call of somebody's."""
    return ChatCall("call_0", "somebody", "m", messages=messages, **told)


def sent(messages: Any = HELLO, **told: Any) -> dict[str, Any]:
    """The body that a call makes."""
    body: dict[str, Any] = json.loads(CHAT.build(call(messages, **told), TO).body)
    return body


def test_parameters() -> None:
    """Each parameter has its place; nothing is kept unless that is asked for."""
    function = {"name": "f", "parameters": {"type": "object"}}
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}
    body = sent(
        params={
            "max_tokens": 5,
            "reasoning_effort": "low",
            "verbosity": "high",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"schema": {}, "strict": None},
            },
            "tools": [
                {"type": "function", "function": function, "cache_control": {"type": "ephemeral"}},
                {"type": "custom", "custom": {"name": "c", "format": grammar}},
                {"type": "mcp", "server_label": "x"},
            ],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "web_search_options": {
                "user_location": {"type": "approximate", "approximate": {"city": "Rome"}},
                "allowed_domains": ["e.test"],
            },
            "logprobs": True,
            "n": 1,
            "top_p": 0.5,
            "stream_options": {"include_usage": True},
        }
    )
    assert body == {
        "model": "m",
        "input": [{"role": "user", "content": "Hello"}],
        "max_output_tokens": 5,
        "reasoning": {"effort": "low"},
        "text": {
            "verbosity": "high",
            "format": {"type": "json_schema", "name": "answer", "schema": {}},
        },
        "tools": [
            {"type": "function", "strict": False, **function},
            {
                "type": "custom",
                "name": "c",
                "format": {"type": "grammar", "syntax": "lark", "definition": "x"},
            },
            {"type": "mcp", "server_label": "x"},
            {
                "type": "web_search",
                "user_location": {"type": "approximate", "city": "Rome"},
                "filters": {"allowed_domains": ["e.test"]},
            },
        ],
        "tool_choice": {"type": "function", "name": "f"},
        "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
        "top_p": 0.5,
        "store": False,
    }


def test_more_parameters() -> None:
    """Words stay words, formats without a schema are flat anyway, and a store that is asked for keeps."""
    allowed = {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}
    body = sent(
        params={
            "store": True,
            "tool_choice": {"type": "allowed_tools", "allowed_tools": allowed},
            "response_format": {"type": "json_object"},
            "max_completion_tokens": 7,
        }
    )
    assert body["store"] is True
    assert "include" not in body
    assert body["tool_choice"]["tools"] == [{"type": "function", "name": "f"}]
    assert body["text"] == {"format": {"type": "json_object"}}
    assert sent(params={"tool_choice": "auto"})["tool_choice"] == "auto"


@pytest.mark.parametrize(
    "params",
    [
        {"max_tokens": 1, "max_completion_tokens": 2},
        {"response_format": "json"},
        {"tools": {}},
        {"tools": ["x"]},
        {"web_search_options": True},
    ],
)
def test_mistakes(params: dict[str, Any]) -> None:
    """What is no parameter raises before anything is sent."""
    with pytest.raises(errors.InvalidRequestError):
        sent(params=params)


@pytest.mark.parametrize("name", ["stop", "seed", "thinking", "functions", "top_k"])
def test_refused(name: str) -> None:
    """What the API has no field for is refused, dropped where asked, and sent where allowed."""
    with pytest.raises(errors.UnsupportedParamsError, match=name):
        sent(params={name: ["x"]})
    assert name not in sent(params={name: ["x"]}, drop_params=True)
    assert name in sent(params={name: ["x"]}, allowed=frozenset({name}))
    wire = ResponsesChat(refused=frozenset({"store", "include"}))
    body = json.loads(wire.build(call(params={"reasoning_effort": "low"}), TO).body)
    assert "store" not in body
    assert "include" not in body


def test_messages() -> None:
    """System messages, parts, results and the assistant's turns are items."""
    parts = [
        "a",
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": "https://e.test/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": "https://e.test/b.png"},
        {"type": "file", "file": {"file_data": "JVBE", "filename": "d.pdf"}},
        {"type": "file", "file": {"file_data": "https://e.test/d.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
    ]
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "x"}},
    ]
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "system", "content": "And brief."},
        {"role": "user", "content": parts, "name": "Ann"},
        {"role": "assistant", "content": "Ok", "refusal": "no", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c1", "content": None},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "y"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "z"}]},
        Message(content="typed", reasoning_content="thought"),
        {"role": "developer", "content": "Go."},
    ]
    made = CHAT.build(call(messages), TO)
    body = json.loads(made.body)
    assert body["instructions"] == "Be kind."
    kinds = [part["type"] for part in body["input"][1]["content"]]
    assert kinds == [
        "input_text",
        "input_text",
        "input_image",
        "input_image",
        "input_file",
        "input_file",
        "input_audio",
    ]
    assert body["input"][1]["content"][4]["file_data"] == "data:application/pdf;base64,JVBE"
    assert body["input"][1]["content"][5]["file_url"] == "https://e.test/d.pdf"
    assert [item.get("type", item.get("role")) for item in body["input"]] == [
        "system",
        "user",
        "message",
        "function_call",
        "custom_tool_call",
        "function_call_output",
        "custom_tool_call_output",
        "message",
        "message",
        "developer",
    ]
    assert [part["type"] for part in body["input"][2]["content"]] == ["output_text", "refusal"]
    assert body["input"][3]["arguments"] == "{}"
    assert [(entry.parameter, entry.change) for entry in made.adjustments] == [
        ("messages[2].name", "dropped"),
        ("messages[2].content[1].cache_control", "dropped"),
        ("messages[7].reasoning_content", "dropped"),
        ("store", "defaulted"),
    ]


@pytest.mark.parametrize(
    "messages",
    [
        "Hello",
        [7],
        [{"role": "nobody"}],
        [{"role": "user"}],
        [{"role": "user", "content": [7]}],
        [{"role": "user", "content": [{"type": "video"}]}],
        [{"role": "user", "content": [{"type": "text"}]}],
        [{"role": "user", "content": [{"type": "image_url"}]}],
        [{"role": "user", "content": [{"type": "file"}]}],
        [{"role": "tool", "tool_call_id": "c", "content": "x"}],
        [{"role": "assistant", "audio": {"id": "a"}}],
        [{"role": "assistant", "function_call": {"name": "f"}}],
        [{"role": "assistant", "tool_calls": "f"}],
        [{"role": "assistant", "tool_calls": [{"id": "c"}]}],
    ],
)
def test_messages_that_are_none(messages: Any) -> None:
    """What is no message raises before anything is sent."""
    with pytest.raises(errors.InvalidRequestError):
        sent(messages)


REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}],
    "encrypted_content": "gAAA",
}
NOTE = {"type": "url_citation", "url": "https://e.test", "start_index": 0, "end_index": 1}
FIRST = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "A.", "annotations": [], "logprobs": []}],
}
SECOND = {
    **FIRST,
    "id": "msg_2",
    "content": [{"type": "output_text", "text": "B.", "annotations": [NOTE]}],
}
PICTURE = {"type": "image_generation_call", "id": "ig_1", "result": "iVBO", "output_format": "png"}
CALLED = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "c1",
    "name": "f",
    "arguments": '{"a":1}',
}
ANSWER = {
    "id": "resp_1",
    "object": "response",
    "created_at": 7.5,
    "status": "completed",
    "model": "m-1",
    "output": [REASONING, FIRST, PICTURE, SECOND, CALLED],
    "usage": {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 15,
        "cost_in_usd_ticks": 7,
    },
    "service_tier": "default",
}


def parsed(**told: Any) -> Any:
    """An answer, read as a chat's."""
    return CHAT.parse(call(), HTTPResponse(200, {}, json.dumps(ANSWER | told).encode()))


def test_answer() -> None:
    """Text, reasoning, calls, citations, pictures and counts are chat's; the items are kept beside."""
    completion = parsed()
    (choice,) = completion.choices
    message = choice.message
    assert (completion.id, completion.created, completion.model) == ("resp_1", 7, "m-1")
    assert (message.content, message.reasoning_content) == ("A.B.", "one\n\ntwo")
    assert message.annotations[0]["url_citation"]["start_index"] == 2
    assert message.images[0]["image_url"]["url"] == "data:image/png;base64,iVBO"
    assert (message.tool_calls[0].id, choice.finish_reason) == ("c1", "tool_calls")
    usage = completion.usage
    assert (usage.prompt_tokens_details.cached_tokens, usage.get("cost_in_usd_ticks")) == (4, 7)
    assert completion.service_tier == "default"


def test_answer_goes_back_as_it_came() -> None:
    """Items that were kept are sent back; edited messages are written anew, and what was not kept is left out."""
    message = parsed().choices[0].message
    assert sent([*HELLO, message])["input"][1:] == ANSWER["output"]
    edited = {**message.to_dict(), "content": "C."}
    made = CHAT.build(call([*HELLO, edited]), TO)
    assert [item["type"] for item in json.loads(made.body)["input"][1:]] == [
        "message",
        "function_call",
    ]
    bare = {**REASONING, "encrypted_content": None}
    forgotten = parsed(output=[bare, FIRST]).choices[0].message
    assert [item["type"] for item in sent([*HELLO, forgotten])["input"][1:]] == ["message"]
    stored = sent([*HELLO, forgotten], params={"store": True})
    assert [item["type"] for item in stored["input"][1:]] == ["reasoning", "message"]


def test_plain_answers_keep_nothing() -> None:
    """An answer of a text and calls, without ids of their own, is said by chat's fields alone."""
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    said = {"type": "message", "role": "assistant", "content": "Hi"}
    parts = {**said, "content": [{"type": "output_text", "text": "Hi", "annotations": []}]}
    for message in (said, parts):
        plain = parsed(output=[message, call]).choices[0].message
        assert "provider_specific_fields" not in plain.to_dict()
    for odd in (
        [call, said],
        [said, said],
        [{**said, "content": None}],
        [{**said, "content": []}],
        [{**said, "content": [{"type": "output_text", "text": "Hi", "annotations": [NOTE]}]}],
    ):
        kept = parsed(output=odd).choices[0].message.provider_specific_fields
        assert kept["output_items"] == odd
    broken = {**call, "arguments": '{"a":'}
    message = parsed(output=[{**broken, "id": "fc_1"}]).choices[0].message
    assert sent([*HELLO, message])["input"][1]["arguments"] == '{"a":'
    custom = {"type": "custom_tool_call", "call_id": "c", "name": "g", "input": "x", "id": "ctc_1"}
    message = parsed(output=[custom]).choices[0].message
    assert sent([*HELLO, message])["input"][1] == custom


@pytest.mark.parametrize(
    ("told", "finish"),
    [
        ({"output": [FIRST]}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
        ),
        ({"status": "incomplete"}, "length"),
    ],
)
def test_endings(told: dict[str, Any], finish: str) -> None:
    """Why an answer ended is told in chat's word."""
    assert parsed(**told).choices[0].finish_reason == finish


def test_failures() -> None:
    """A failed answer, and one that is none, raise."""
    with pytest.raises(errors.InternalServerError):
        parsed(status="failed", error={"code": "server_error", "message": "x"})
    made = CHAT.error(call(), HTTPResponse(429, {}, b'{"error": {"message": "slow"}}'))
    assert isinstance(made, errors.RateLimitError)
    assert CHAT.reads_url("https://e.test")


def stream(*events: dict[str, Any]) -> list[Any]:
    """The chunks of events."""
    decoder = CHAT.decoder(call(stream=True))
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    chunks = [*decoder.feed(body), *decoder.finish()]
    assert decoder.done
    return chunks


def test_items_that_come_whole() -> None:
    """A host that tells an item only when it is done has it told then, and the stream folds to the same answer."""
    done = [
        {"type": "response.output_item.done", "output_index": i, "item": item}
        for i, item in enumerate(
            [*ANSWER["output"], {**FIRST, "content": [{"type": "refusal", "refusal": "no"}]}]
        )
    ]
    whole = {**ANSWER, "output": [*ANSWER["output"], done[-1]["item"]]}
    folded = fold(stream(*done, {"type": "response.completed", "response": whole}))
    wanted = parsed(output=whole["output"])
    mine, theirs = (made.choices[0].message.to_dict() for made in (folded, wanted))
    # Where a text begins is known only to who saw it grow.
    mine["annotations"][0]["url_citation"] |= {"start_index": 2, "end_index": 3}
    assert mine == theirs
    assert folded.usage == wanted.usage


def test_pieces() -> None:
    """Deltas of every kind are chunks; parts of reasoning are told apart."""
    summary = {"type": "response.reasoning_summary_text.delta", "output_index": 0}
    custom = {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "xy"}
    events = [
        {"type": "response.created", "response": {"id": "resp_1", "model": "m-1", "created_at": 7}},
        {**summary, "summary_index": 0, "delta": "one"},
        {**summary, "summary_index": 1, "delta": "two"},
        {**summary, "summary_index": 1, "delta": ""},
        {
            "type": "response.output_text.delta",
            "output_index": 1,
            "content_index": 0,
            "delta": "A.",
            "logprobs": [{"token": "A.", "logprob": -1.0}],
        },
        {"type": "response.refusal.delta", "output_index": 1, "content_index": 1, "delta": "no"},
        {"type": "response.output_item.added", "output_index": 2, "item": {**custom, "input": ""}},
        {"type": "response.custom_tool_call_input.delta", "output_index": 2, "delta": "xy"},
        {"type": "response.output_item.done", "output_index": 2, "item": custom},
        {"type": "response.function_call_arguments.delta", "output_index": 9, "delta": "{"},
        {"type": "response.output_item.done", "output_index": 3, "item": None},
        {"type": "response.incomplete", "response": {"id": "resp_1", "output": []}},
    ]
    folded = fold(stream(*events))
    message = folded.choices[0].message
    assert (message.content, message.refusal) == ("A.", "no")
    assert message.reasoning_content == "one\n\ntwo"
    assert message.tool_calls[0].custom == {"name": "g", "input": "xy"}
    assert folded.choices[0].finish_reason == "length"
    assert folded.choices[0].logprobs.content[0].token == "A."
    assert (folded.id, folded.created, folded.usage) == ("resp_1", 7, None)


def test_plain_body_in_place_of_events() -> None:
    """A host that ignores ``stream`` is read as a stream of one chunk."""
    decoder = CHAT.decoder(call(stream=True))
    assert not [*decoder.feed(json.dumps(ANSWER).encode())]
    folded = fold(decoder.finish())
    assert folded.choices[0].message.to_dict() == parsed().choices[0].message.to_dict()
