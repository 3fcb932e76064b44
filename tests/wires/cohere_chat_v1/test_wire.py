"""The first chat's requests, answers, streams and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit._call import ChatCall
from llmkit._fold import fold
from llmkit._http import Endpoint, HTTPResponse
from llmkit.wires.cohere_chat_v1 import CohereChatV1

WIRE = CohereChatV1()
HERE = Endpoint("https://api.test")
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
META = {
    "billed_units": {"input_tokens": 10, "output_tokens": 5},
    "tokens": {"input_tokens": 70, "output_tokens": 9, "reasoning_tokens": 2},
    "cached_tokens": 48,
}
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Outside.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where."},
                "days": {"type": "integer"},
            },
            "required": ["city"],
        },
    },
}
CALLED = {
    "role": "assistant",
    "content": "I will look.",
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "text": "Yes, indeed.",
    "generation_id": "gen_1",
    "response_id": "res_1",
    "finish_reason": "COMPLETE",
    "citations": [{"start": 0, "end": 3, "text": "Yes", "document_ids": ["d0", "d1"]}],
    "documents": [{"id": "d0"}],
    "tool_calls": [{"name": "f", "parameters": {"a": 1}}],
    "chat_history": [{"role": "USER", "message": "Hello"}],
    "meta": META,
}


def call(messages: Any = None, **fields: Any) -> ChatCall:
    """A call; keywords that are no fields of it are parameters."""
    own = {"stream", "extra_body", "drop_params", "allowed"}
    params = {k: v for k, v in fields.items() if k not in own}
    rest = {k: v for k, v in fields.items() if k in own}
    said = HELLO if messages is None else messages
    return ChatCall(id="call_0", provider="acme", model="m", messages=said, params=params, **rest)


def body(messages: Any = None, **fields: Any) -> dict[str, Any]:
    """The body for a call."""
    made: dict[str, Any] = json.loads(WIRE.build(call(messages, **fields), HERE).body)
    return made


def ledger(messages: Any = None, **fields: Any) -> dict[str, str]:
    """What the ledger says: parameter to change."""
    changes = WIRE.build(call(messages, **fields), HERE).adjustments
    return {change.parameter: change.change for change in changes}


def parsed(data: Any) -> llmkit.ChatCompletion:
    """What the wire reads of this answer."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return WIRE.parse(call(), HTTPResponse(200, {}, raw))


def lines(*events: Any) -> bytes:
    """Events as lines."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def decoded(data: bytes) -> list[Any]:
    """The chunks of a stream."""
    decoder = WIRE.decoder(call(stream=True))
    return [*decoder.feed(data), *decoder.finish()]


def streamed(*events: Any) -> Any:
    """A stream, folded."""
    return fold(decoded(lines(START, *events, END)))


START = {"event_type": "stream-start", "generation_id": "gen_1", "is_finished": False}
END = {
    "event_type": "stream-end",
    "finish_reason": "COMPLETE",
    "is_finished": True,
    "response": WHOLE,
}
TEXT = [{"event_type": "text-generation", "text": piece} for piece in ("Yes, ", "indeed.")]
CITED = {"event_type": "citation-generation", "citations": WHOLE["citations"]}


# --- requests -----------------------------------------------------------------------------------


def test_a_message_and_its_history() -> None:
    """The last message is the message, those before are the history, in the dialect's roles."""
    said = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": ["And ", {"type": "text", "text": "kind."}]},
        *HELLO,
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "How?"},
    ]
    request = WIRE.build(call(said, stream=True), HERE)
    assert request.url == "https://api.test/v1/chat"
    assert json.loads(request.body) == {
        "model": "m",
        "message": "How?",
        "chat_history": [
            {"role": "SYSTEM", "message": "Be brief."},
            {"role": "SYSTEM", "message": "And kind."},
            {"role": "USER", "message": "Hello"},
            {"role": "CHATBOT", "message": "Hi."},
        ],
        "stream": True,
    }
    assert body() == {"model": "m", "message": "Hello"}


def test_results_of_tools() -> None:
    """Results that end the messages go beside the history, others into it, each with its call."""
    results = [
        {"role": "tool", "tool_call_id": "c1", "content": content}
        for content in ('{"x": 1}', '[{"y": 2}]', "sunny", "[1]")
    ]
    written = [
        {"call": {"name": "f", "parameters": {"a": 1}}, "outputs": outputs}
        for outputs in ([{"x": 1}], [{"y": 2}], [{"output": "sunny"}], [{"output": "[1]"}])
    ]
    turn = {
        "role": "CHATBOT",
        "message": "I will look.",
        "tool_calls": [{"name": "f", "parameters": {"a": 1}}],
    }
    asked = {"role": "USER", "message": "Hello"}
    made = body([*HELLO, CALLED, *results])
    assert (made["message"], made["tool_results"]) == ("", written)
    assert made["chat_history"] == [asked, turn]
    later = body([*HELLO, CALLED, *results, *HELLO])
    assert later["chat_history"] == [asked, turn, {"role": "TOOL", "tool_results": written}]


def test_tools() -> None:
    """A schema's parameters become definitions; what they cannot say is listed."""
    definitions = {
        "city": {"type": "str", "description": "Where.", "required": True},
        "days": {"type": "int", "required": False},
    }
    tool = {
        "name": "get_weather",
        "description": "Outside.",
        "parameter_definitions": definitions,
    }
    assert body(tools=[WEATHER])["tools"] == [tool]
    assert not ledger(tools=[WEATHER])
    assert body(tools=[tool])["tools"] == [tool]
    odd = {"function": {"name": "f", "parameters": {"properties": {"x": {"anyOf": []}, "y": True}}}}
    made = body(tools=[odd])["tools"][0]["parameter_definitions"]
    assert made == {name: {"type": "str", "required": False} for name in ("x", "y")}
    assert ledger(tools=[odd]) == {"tools[0].function.parameters": "dropped"}
    marked = {"function": {"name": "f", "strict": True}, "cache_control": {"type": "ephemeral"}}
    assert ledger(tools=[marked]) == {
        "tools[0].cache_control": "dropped",
        "tools[0].function.strict": "dropped",
    }
    bare = {"function": {"name": "f"}}
    assert body(tools=[bare])["tools"][0]["parameter_definitions"] == {}


def test_the_choice_of_tools() -> None:
    """None is said by sending none; a call cannot be demanded."""
    assert "tools" not in body(tools=[WEATHER], tool_choice="none")
    assert ledger(tools=[WEATHER], tool_choice="none") == {"tool_choice": "emulated"}
    assert ledger(tool_choice="none") == {}
    assert ledger(tools=[WEATHER], tool_choice="auto", parallel_tool_calls=True) == {}
    for given in ({"tool_choice": "required"}, {"parallel_tool_calls": False}):
        with pytest.raises(llmkit.UnsupportedParamsError):
            body(tools=[WEATHER], **given)


def test_parameters() -> None:
    """Parameters have the names of the second version; a schema stands elsewhere."""
    schema = {"type": "object"}
    made = body(
        temperature=2,
        top_p=0.5,
        top_k=3,
        seed=7,
        stop="END",
        max_completion_tokens=9,
        n=1,
        stream_options={},
        response_format={"type": "json_schema", "json_schema": {"schema": schema}},
        extra_body={"preamble": "Be brief.", "raw_prompting": True},
    )
    assert made == {
        "model": "m",
        "message": "Hello",
        "temperature": 1,
        "p": 0.5,
        "k": 3,
        "seed": 7,
        "stop_sequences": ["END"],
        "max_tokens": 9,
        "response_format": {"type": "json_object", "schema": schema},
        "preamble": "Be brief.",
        "raw_prompting": True,
    }
    assert ledger(temperature=2) == {"temperature": "clamped"}
    assert "response_format" not in body(response_format={"type": "text"})
    assert body(logprobs=True, allowed=frozenset({"logprobs"}))["logprobs"] is True
    assert ledger(logprobs=True, drop_params=True) == {"logprobs": "dropped"}
    with pytest.raises(llmkit.UnsupportedParamsError, match="logprobs"):
        body(logprobs=True)


def test_what_messages_cannot_say_is_listed() -> None:
    """Names and thoughts are left out, and listed."""
    said = [
        {"role": "user", "name": "Ann", "content": "Hi"},
        {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."},
        *HELLO,
    ]
    assert ledger(said) == {
        "messages[0].name": "dropped",
        "messages[1].reasoning_content": "dropped",
    }


def test_marks_roles_and_refusals() -> None:
    """Marks are left out, a role renamed, each of them listed; a refusal is what was said."""
    mark = {"type": "ephemeral"}
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    said = [
        {"role": "developer", "content": [{"type": "text", "text": "s", "cache_control": mark}]},
        {"role": "user", "content": "Hi", "cache_control": mark},
        {"role": "assistant", "content": None, "refusal": "No.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "boom", "is_error": True},
    ]
    assert ledger(said) == {
        "messages[0].role": "renamed",
        "messages[0].content[0].cache_control": "dropped",
        "messages[1].cache_control": "dropped",
        "messages[3].is_error": "dropped",
    }
    assert [turn["message"] for turn in body(said)["chat_history"]] == ["s", "Hi", "No."]


@pytest.mark.parametrize(
    ("messages", "match"),
    [
        ("Hi", "messages must be a list"),
        ([], "the last message must be"),
        ([{"role": "assistant", "content": "Hi"}], "the last message must be"),
        ([3], "must be a message whose role"),
        ([{"role": "robot"}], "must be a message whose role"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "reads texts only"),
        ([{"role": "tool", "tool_call_id": "c9", "content": ""}], "which no assistant"),
        ([{"role": "assistant", "tool_calls": "f"}], "must be a list"),
        ([{"role": "assistant", "function_call": {"name": "f"}}], "use tool_calls"),
        ([{"role": "assistant", "audio": {"id": "a"}}], "the transcript for audio"),
        ([{"role": "assistant", "tool_calls": [{"id": "c"}]}], "a function with a name"),
        ([{"role": "assistant", "tool_calls": [{"function": {"arguments": "{"}}]}], "JSON text"),
        ([{"role": "assistant", "tool_calls": [{"function": {"arguments": "[]"}}]}], "JSON text"),
    ],
)
def test_mistakes_in_messages(messages: Any, match: str) -> None:
    """A mistake in the messages is told, with its place."""
    with pytest.raises(llmkit.InvalidRequestError, match=match):
        body(messages)


@pytest.mark.parametrize("tools", ["all", ["all"], [{"type": "custom"}]])
def test_mistakes_in_tools(tools: Any) -> None:
    """A mistake in the tools is told."""
    with pytest.raises(llmkit.InvalidRequestError, match="tools"):
        body(tools=tools)


# --- answers ------------------------------------------------------------------------------------


def test_an_answer() -> None:
    """Text, calls with ids of our making, citations, usage; what the prompt said is not said again."""
    completion = parsed(WHOLE)
    (choice,) = completion.choices
    said = choice.message
    assert (completion.id, completion.model, said.content) == ("gen_1", "m", "Yes, indeed.")
    (made,) = said.tool_calls or ()
    assert (made.id, made.function.name, made.function.arguments) == ("gen_1-0", "f", '{"a":1}')
    notes = [note["file_citation"] for note in said.annotations or ()]
    assert [(n["file_id"], n["start_index"], n["cited_text"]) for n in notes] == [
        ("d0", 0, "Yes"),
        ("d1", 0, "Yes"),
    ]
    assert said["provider_specific_fields"] == {"citations": WHOLE["citations"]}
    assert (choice.finish_reason, choice["native_finish_reason"]) == ("tool_calls", "COMPLETE")
    usage = completion.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 5, 15)
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == 2
    assert {name: usage[name] for name in META} == META
    assert completion["documents"] == [{"id": "d0"}]
    assert completion["response_id"] == "res_1"
    assert "chat_history" not in completion


def test_a_stream_says_what_the_answer_says() -> None:
    """Lines add up to the whole answer, calls at once or in pieces."""
    whole = parsed(WHOLE)
    at_once = {"event_type": "tool-calls-generation", "tool_calls": WHOLE["tool_calls"]}
    pieces = [
        {"event_type": "tool-calls-chunk", "tool_call_delta": delta}
        for delta in (
            {"index": 0, "name": "f"},
            {"index": 0, "parameters": '{"a"'},
            {"index": 0.0, "parameters": ":1}"},
        )
    ]
    for events in ([*TEXT, CITED, at_once], [*TEXT, CITED, *pieces, at_once], [*TEXT, CITED]):
        folded = streamed(*events)
        assert folded.choices[0].message.to_dict() == {
            **whole.choices[0].message.to_dict(),
            "tool_calls": [
                {**made.to_dict(), "function": made.function.to_dict()}
                for made in folded.choices[0].message.tool_calls
            ],
        }
        (made,) = folded.choices[0].message.tool_calls
        assert (made.id, made.function.name, made.function.arguments) == ("gen_1-0", "f", '{"a":1}')
        assert folded.usage == whole.usage
        assert folded.choices[0].finish_reason == "tool_calls"
        assert (folded.id, folded["documents"]) == ("gen_1", [{"id": "d0"}])


def test_a_plan_is_reasoning() -> None:
    """The text before calls is told as reasoning."""
    plan = {"event_type": "tool-calls-chunk", "text": "I will look."}
    assert streamed(plan, *TEXT).choices[0].message.reasoning_content == "I will look."


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("COMPLETE", "stop"), ("MAX_TOKENS", "length"), ("USER_CANCEL", "user_cancel"), (None, "stop")],
)  # fmt: skip
def test_reasons(reason: str | None, expected: str) -> None:
    """The reason for finishing is OpenAI's word, with the provider's own beside it."""
    (choice,) = parsed({"text": "Hi", "finish_reason": reason}).choices
    assert (choice.finish_reason, choice.get("native_finish_reason")) == (expected, reason)


@pytest.mark.parametrize(
    "data",
    [
        {"text": ""},
        {"text": "Hi", "meta": 3, "tool_calls": 3, "citations": "x"},
        {"text": "Hi", "meta": {"billed_units": 3}, "tool_calls": [3, {}], "citations": [3, {}]},
    ],
)
def test_odd_answers_never_raise(data: Any) -> None:
    """Whatever stands beside the text, there is an answer."""
    completion = parsed(data)
    assert completion.text == data["text"]
    assert completion.usage is None


# --- streams ------------------------------------------------------------------------------------


def test_cuts_change_nothing() -> None:
    """A stream gives the same chunks wherever its bytes are cut, as lines and as events."""
    data = lines(START, *TEXT, CITED, END)
    whole = decoded(data)
    for at in range(len(data)):
        decoder = WIRE.decoder(call(stream=True))
        assert [*decoder.feed(data[:at]), *decoder.feed(data[at:]), *decoder.finish()] == whole
        assert decoder.done
    framed = b"".join(b"event: x\ndata: %b\n\n" % line for line in data.splitlines())
    assert decoded(framed + b": ping\n\ndata: [DONE]\n\n") == whole
    assert decoded(data.removesuffix(b"\n")) == whole


def test_what_nobody_knows_yet_is_passed_over() -> None:
    """Unknown events and odd forms never raise, and nothing after the end matters."""
    odd = [
        {"event_type": "later"},
        {"event_type": 3},
        3,
        {"event_type": "text-generation"},
        {"event_type": "tool-calls-chunk", "tool_call_delta": 3},
        {"event_type": "citation-generation", "citations": 3},
        {"event_type": "search-results", "documents": []},
        {"something": "else"},
    ]
    plain = decoded(lines(START, *TEXT, END))
    assert decoded(lines(*odd, START, *TEXT, END, *TEXT)) == plain


def test_one_object_for_a_stream() -> None:
    """A host that does not stream is read as a stream of one chunk."""
    (chunk,) = decoded(json.dumps(WHOLE).encode())
    assert chunk.text == "Yes, indeed."
    assert chunk.choices[0].delta.tool_calls[0].index == 0


@pytest.mark.parametrize("data", [b"", lines(START), lines(START, *TEXT)])
def test_a_stream_that_breaks(data: bytes) -> None:
    """A stream that ends before its end was cut."""
    with pytest.raises(llmkit.StreamInterruptedError):
        decoded(data)


@pytest.mark.parametrize("data", [b"<html>\n", b"{", lines(START) + b"nonsense\n"])
def test_a_stream_that_is_none(data: bytes) -> None:
    """What is no stream of lines is said to be none."""
    with pytest.raises(llmkit.APIResponseValidationError):
        decoded(data)


def test_a_line_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line longer than any provider's is not read on."""
    from llmkit.wires.cohere_chat_v1 import _lines

    monkeypatch.setattr(_lines, "_MOST", 100)
    with pytest.raises(llmkit.APIResponseValidationError, match="more than 100 bytes"):
        decoded(b"x" * 101)


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "kind", "status"),
    [
        ("ERROR", llmkit.InternalServerError, 500),
        ("ERROR_TOXIC", llmkit.ContentPolicyViolationError, 400),
        ("TIMEOUT", llmkit.GatewayTimeoutError, 504),
    ],
)
def test_a_generation_that_failed(reason: str, kind: type, status: int) -> None:
    """A reason that is a failure is raised as one, whole or streamed."""
    with pytest.raises(llmkit.APIError) as whole:
        parsed({**WHOLE, "finish_reason": reason})
    with pytest.raises(llmkit.APIError) as stream:
        decoded(lines(START, *TEXT, {**END, "finish_reason": reason}))
    for caught in (whole.value, stream.value):
        assert type(caught) is kind
        assert (caught.status_code, caught.code, caught.sent) == (status, reason, "yes")


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"<html>", "base_url"),
        (b"{", "not JSON"),
        (b"[]", "no object"),
        (b'{"choices": []}', "no text"),
        (b'{"message": "no such model"}', "no such model"),
        (b'{"error": "no such model"}', "no such model"),
    ],
)
def test_answers_that_are_none(data: bytes, match: str) -> None:
    """HTML, half a JSON, another API's object, an error inside a 200: typed errors."""
    with pytest.raises(llmkit.APIError, match=match):
        parsed(data)


def test_an_error_among_the_lines() -> None:
    """An error that comes as a line is raised."""
    with pytest.raises(llmkit.APIError, match="out of luck"):
        decoded(lines(START, *TEXT, {"message": "out of luck"}))


def test_errors_are_the_family_s() -> None:
    """An error by its status is read as the second version's are."""
    raw = b'{"id": "e", "message": "too many tokens: total number of tokens"}'
    error = WIRE.error(call(), HTTPResponse(400, {}, raw))
    assert type(error) is llmkit.ContextWindowExceededError
    assert error.request_id == "e"
    assert not WIRE.reads_url("https://i.test/x.png")
