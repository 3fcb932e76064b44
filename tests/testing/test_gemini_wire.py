"""The simulated Gemini: what it answers, to raw requests and to llmkit's own client."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import llmkit
from llmkit.testing import Simulator
from llmkit.testing._answer import Answer, Choice, ToolUse
from llmkit.testing._asked import Asked
from llmkit.testing._wires import wire_for
from llmkit.testing._wires.gemini import Gemini

from ._gemini import (
    CLOCK,
    HELLO,
    KEY,
    TOKEN,
    VERTEX,
    WEATHER,
    ask,
    call,
    error,
    parts,
    result,
    said,
    streamed,
    text,
    whole,
)

TOOLS = [{"functionDeclarations": [WEATHER, CLOCK]}]


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def origin(sim: Simulator) -> str:
    """Where the simulator listens, without a path."""
    return sim.base_url.removesuffix("/v1")


@pytest.fixture
def client(origin: str) -> Iterator[llmkit.Client]:
    """A client of llmkit, pointed at the simulator."""
    with llmkit.Client(environ={}, api_key="made-up", base_url=f"{origin}/v1beta") as made:
        yield made


def user(text: str) -> list[Any]:
    """Messages of llmkit with one text."""
    return [{"role": "user", "content": text}]


def configured(body: dict[str, Any] = HELLO, **config: Any) -> dict[str, Any]:
    """*body* with a generation config."""
    return {**body, "generationConfig": config}


# --- what it says ------------------------------------------------------------------------------


def test_a_plain_answer() -> None:
    """It says what it is, repeats the question, ends with a reason, and counts its tokens."""
    answer = whole(HELLO)
    assert answer["candidates"] == [
        {
            "content": {
                "parts": [
                    {
                        "text": "This is llmkit's offline simulator, not a model. You said: hello there"
                    }
                ],
                "role": "model",
            },
            "finishReason": "STOP",
            "index": 0,
        }
    ]
    assert answer["usageMetadata"] == {
        "promptTokenCount": 5,
        "candidatesTokenCount": 13,
        "totalTokenCount": 18,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
    }
    assert answer["modelVersion"] == "offline"
    assert len(answer["responseId"]) == 22


def test_equal_requests_get_equal_bytes() -> None:
    """Nothing of an answer is left to chance, whichever spelling a field's name has."""
    snake = {"contents": HELLO["contents"], "generation_config": {"max_output_tokens": 9}}
    assert ask(configured(maxOutputTokens=9)).body == ask(snake).body
    assert ask(HELLO, "one").body != ask(HELLO, "two").body


@pytest.mark.parametrize(
    "body",
    [
        {"contents": {"parts": {"text": "hello there"}}},
        {"contents": [{"parts": [{"text": "hello there"}]}], "tools": None},
        {**HELLO, "generationConfig": {"maxOutputTokens": "400", "topK": 40.0}},
        {**HELLO, "safety_settings": [{"category": 7, "threshold": "block_none"}]},
        {**HELLO, "system_instruction": {"parts": [{"text": ""}]}},
        {**HELLO, "store": "true", "serviceTier": "SERVICE_TIER_UNSPECIFIED"},
    ],
)
def test_what_proto_json_lets_pass(body: dict[str, Any]) -> None:
    """A lone value for a list, nulls, numbers as strings, enumerations by number or in any case."""
    assert "hello there" in text(whole(body))


def test_what_came_with_the_question() -> None:
    """Media are named by their type and counted by their modality."""
    png = base64.b64encode(b"image").decode()
    body = {
        "contents": [
            said(
                "what is this?",
                {"inlineData": {"mimeType": "image/png", "data": png}},
                {"inlineData": {"mimeType": "audio/wav", "data": png}},
                {"fileData": {"mimeType": "video/mp4", "fileUri": "https://youtu.be/a"}},
                {"fileData": {"fileUri": "gs://b/c.pdf"}},
            )
        ]
    }
    answer = whole(body)
    assert text(answer).endswith("what is this? (with 1 image, 1 audio clip, 1 video, 1 file)")
    assert answer["usageMetadata"]["promptTokensDetails"] == [
        {"modality": "TEXT", "tokenCount": 6},
        {"modality": "IMAGE", "tokenCount": 258},
        {"modality": "AUDIO", "tokenCount": 32},
        {"modality": "VIDEO", "tokenCount": 263},
        {"modality": "DOCUMENT", "tokenCount": 258},
    ]


def test_several_candidates_a_stop_and_a_limit() -> None:
    """Candidates have indices; a text ends before its stop sequence, or where its tokens end."""
    two = whole(configured(candidateCount=2, stopSequences=["not a"]))
    assert [candidate["index"] for candidate in two["candidates"]] == [0, 1]
    assert text(two, 1) == "This is llmkit's offline simulator, "
    short = whole(configured(maxOutputTokens=2))
    assert short["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert (text(short), short["usageMetadata"]["candidatesTokenCount"]) == ("This is", 2)


def test_a_limit_that_thinking_uses_up() -> None:
    """Then there is a candidate without parts, and no count of what was not said."""
    answer = whole(configured(maxOutputTokens=1), "gemini-2.5-pro")
    assert answer["candidates"] == [
        {"content": {"role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}
    ]
    assert answer["usageMetadata"]["thoughtsTokenCount"] == 1
    assert "candidatesTokenCount" not in answer["usageMetadata"]


# --- tools -------------------------------------------------------------------------------------


def test_a_function_that_is_mentioned_is_called() -> None:
    """Its arguments fit Gemini's dialect of a schema: bounds, values, properties in their order."""
    answer = whole({"contents": [said("use get_weather")], "tools": TOOLS})
    args = parts(answer)[0]["functionCall"]["args"]
    assert list(args.items()) == [("unit", "celsius"), ("city", "sample city"), ("days", 2)]
    assert answer["candidates"][0]["finishReason"] == "STOP"
    assert answer["candidates"][0]["finishMessage"] == "Model generated function call(s)."


@pytest.mark.parametrize(
    ("config", "called"),
    [
        ({"mode": "AUTO"}, []),
        ({"mode": "VALIDATED"}, []),
        ({"mode": "ANY"}, ["get_weather"]),
        ({"mode": "ANY", "allowedFunctionNames": ["get_time"]}, ["get_time"]),
        ({"mode": "NONE"}, []),
        ({}, []),
    ],
)
def test_the_mode_of_calling(config: dict[str, Any], called: list[str]) -> None:
    """ANY has a function called that nobody mentioned, and of the allowed ones if they are named."""
    answer = whole({**HELLO, "tools": TOOLS, "toolConfig": {"functionCallingConfig": config}})
    named = [part["functionCall"]["name"] for part in parts(answer) if "functionCall" in part]
    assert named == called


def test_none_calls_nothing_even_if_it_is_mentioned() -> None:
    """Mode NONE is kept."""
    config = {"functionCallingConfig": {"mode": "NONE"}}
    body = {"contents": [said("use get_time")], "tools": TOOLS, "toolConfig": config}
    assert "get_time" in text(whole(body))


@pytest.mark.parametrize(
    ("model", "base", "ids", "signatures"),
    [
        ("gemini-3-flash", "/v1beta", [True, True], [True, False]),
        ("gemini-3-flash", VERTEX, [False, False], [True, False]),
        ("gemini-2.5-flash", "/v1beta", [False, False], [True, False]),
        ("offline", "/v1beta", [False, False], [False, False]),
    ],
)
def test_ids_and_signatures(model: str, base: str, ids: list[bool], signatures: list[bool]) -> None:
    """The first of a thinking model's calls is signed; the third generation's have ids in AI Studio."""
    body = {"contents": [said("get_weather and get_time")], "tools": TOOLS}
    calls = parts(whole(body, model, base=base))
    assert ["id" in part["functionCall"] for part in calls] == ids
    assert ["thoughtSignature" in part for part in calls] == signatures


@pytest.mark.parametrize(
    ("response", "shown"),
    [
        ({"output": "sunny"}, "sunny"),
        ({"result": {"sky": "clear"}}, '{"sky": "clear"}'),
        ({"sky": "clear"}, '{"sky": "clear"}'),
        ({"output": ""}, '""'),
        ({}, "{}"),
    ],
)
def test_a_result_is_repeated_and_ends_the_calling(response: dict[str, Any], shown: str) -> None:
    """An agent's loop ends, whatever the conversation mentions."""
    turns = [said("use get_time"), said(call(), role="model"), said(result(**response))]
    body = {"contents": turns, "tools": TOOLS}
    assert text(whole(body)).endswith(f"The tool answered: {shown}")


def test_results_may_come_in_several_contents() -> None:
    """Neighbouring contents of one role are one turn, as the real API has been seen to take them."""
    calls = said(call("a"), call("b", signed=False), role="model")
    turns = [said("go"), calls, said(result("a", output="1")), said(result("b", output="2"))]
    assert text(whole({"contents": turns}, "gemini-3-pro")).endswith("The tool answered: 2")


def test_what_is_repeated_is_what_the_user_said() -> None:
    """Not what the model said after it."""
    turns = [said("first"), said("one", role="model"), said("second"), said("two", role="model")]
    assert text(whole({"contents": turns})).endswith("You said: second")


def test_bytes_are_no_prompt() -> None:
    """A signature is not counted as text, nor are the words for what a part is."""
    signed, bare = ([said("go"), said(call(signed=s), role="model")] for s in (True, False))
    counts = [whole({"contents": turns})["usageMetadata"] for turns in (signed, bare)]
    assert counts[0] == counts[1]


def test_a_call_may_stay_unanswered() -> None:
    """A text in place of a result is recorded as accepted."""
    turns = [said("go"), said(call(), role="model"), said("never mind")]
    assert "never mind" in text(whole({"contents": turns}))


# --- thinking and forms ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "thinking", "thinks", "shows"),
    [
        ("offline", {}, False, False),
        ("offline", {"includeThoughts": True}, True, True),
        ("offline", {"thinkingLevel": "low"}, True, False),
        ("offline", {"thinkingBudget": 64}, True, False),
        ("offline-reasoning", {}, True, False),
        ("offline-reasoning", {"thinkingBudget": 0, "includeThoughts": True}, False, False),
        ("gemini-2.5-flash", {"thinkingBudget": -1, "includeThoughts": True}, True, True),
        ("gemini-2.5-flash-lite", {}, False, False),
        ("gemini-3-pro", {}, True, False),
    ],
)
def test_thinking(model: str, thinking: dict[str, Any], thinks: bool, shows: bool) -> None:  # noqa: FBT001
    """A model thinks by its name or by the request; thoughts are counted, and shown when asked for."""
    answer = whole(configured(thinkingConfig=thinking), model)
    assert ("thoughtsTokenCount" in answer["usageMetadata"]) is thinks
    assert any(part.get("thought") for part in parts(answer)) is shows
    usage = answer["usageMetadata"]
    spent = usage["promptTokenCount"] + usage["candidatesTokenCount"]
    assert usage["totalTokenCount"] == spent + usage.get("thoughtsTokenCount", 0)


NESTED = {
    "type": "object",
    "nullable": True,
    "propertyOrdering": ["b"],
    "properties": {
        "a": {"type": "ARRAY", "minItems": "2", "items": {"type": "Number", "maximum": 0.5}},
        "b": {"anyOf": [{"type": "NULL"}, {"type": "STRING", "format": "date-time"}]},
        "c": {"title": "anything"},
    },
    "required": ["a"],
}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {"responseSchema": NESTED},
            '{"b": "2025-01-01T00:00:00Z", "a": [0, 0], "c": "sample c"}',
        ),
        ({"responseJsonSchema": {"type": ["integer", "null"], "minimum": 3}}, "3"),
        ({"responseSchema": {"type": "BOOLEAN"}}, "true"),
        (
            {
                "responseMimeType": "text/x.enum",
                "responseSchema": {"type": "STRING", "enum": ["x y"]},
            },
            "x y",
        ),
    ],
)
def test_an_answer_in_a_form(config: dict[str, Any], expected: str) -> None:
    """It is an instance of the schema, in Gemini's dialect or JSON Schema; a bare word for an enumeration."""
    body = configured(**{"responseMimeType": "application/json", **config})
    assert text(whole(body)) == expected
    assert "".join(text(event) for event in streamed(body)) == expected


def test_a_script_sees_the_schema_as_json_schema() -> None:
    """Whoever answers in the model's place gets the dialect translated: types, null, counts, order."""
    seen: list[Asked] = []

    def say(asked: Asked) -> Answer:
        seen.append(asked)
        return Answer((), 1)

    body = configured(responseMimeType="application/json", responseSchema=NESTED)
    path = "/v1beta/models/offline:generateContent"
    Gemini().reply("POST", path, KEY, json.dumps(body).encode(), say)
    assert seen[0].schema == {
        "type": ["object", "null"],
        "properties": {
            "b": {"anyOf": [{"type": "null"}, {"type": "string", "format": "date-time"}]},
            "a": {"type": "array", "minItems": 2, "items": {"type": "number", "maximum": 0.5}},
            "c": {"title": "anything"},
        },
        "required": ["a"],
    }


def test_json_without_a_schema() -> None:
    """It is some object."""
    assert "answer" in json.loads(text(whole(configured(responseMimeType="application/json"))))


# --- streams -----------------------------------------------------------------------------------

BODIES: list[tuple[str, dict[str, Any]]] = [
    ("offline", HELLO),
    ("offline", configured(candidateCount=3, maxOutputTokens=12)),
    ("offline", configured(stopSequences=["This"])),
    ("gemini-2.5-flash", configured(thinkingConfig={"includeThoughts": True})),
    ("gemini-2.5-flash", configured(maxOutputTokens=11)),
    ("gemini-3-flash", HELLO),
    ("gemini-3-flash", {"contents": [said("get_weather, get_time")], "tools": TOOLS}),
    ("gemini-3-flash", configured(candidateCount=2, thinkingConfig={"includeThoughts": True})),
]


def folded(events: list[Any]) -> Any:
    """A stream's events as one response: neighbouring texts of one kind joined, the last of the rest."""
    candidates: dict[int, dict[str, Any]] = {}
    for event in events:
        candidate = event["candidates"][0]
        index = candidate.get("index", 0)
        into = candidates.setdefault(index, {"content": {"role": "model"}})
        for part in parts(event):
            _join(into["content"].setdefault("parts", []), part)
        into |= {name: value for name, value in candidate.items() if name != "content"}
    return {**events[-1], "candidates": [candidates[index] for index in sorted(candidates)]}


def _join(into: list[Any], part: dict[str, Any]) -> None:
    last = into[-1] if into else {}
    if "text" in part and "text" in last and last.get("thought") == part.get("thought"):
        into[-1] = {**last, **part, "text": last["text"] + part["text"]}
    else:
        into.append(dict(part))


@pytest.mark.parametrize("base", ["/v1beta", VERTEX])
@pytest.mark.parametrize(("model", "body"), BODIES)
def test_a_stream_says_what_the_whole_answer_says(
    model: str, body: dict[str, Any], base: str
) -> None:
    """Text, thoughts, calls, signatures, reasons, and the usage of the last event."""
    assert folded(streamed(body, model, base=base)) == whole(body, model, base=base)


@pytest.mark.parametrize(("model", "body"), BODIES)
def test_usage_grows_along_a_stream(model: str, body: dict[str, Any]) -> None:
    """Each event has the count so far, and none goes back."""
    totals = [event["usageMetadata"]["totalTokenCount"] for event in streamed(body, model)]
    assert totals == sorted(totals)


def test_a_stream_is_an_array_unless_events_are_asked_for(origin: str) -> None:
    """Without ``alt=sse`` the same pieces come as items of one JSON array, of that type."""
    connection = http.client.HTTPConnection(origin.removeprefix("http://"), timeout=10)
    path = "/v1beta/models/offline:streamGenerateContent"
    connection.request("POST", path, json.dumps(HELLO), KEY)
    response = connection.getresponse()
    assert response.getheader("content-type") == "application/json; charset=UTF-8"
    assert json.loads(response.read()) == streamed(HELLO)
    connection.close()


# --- scripts -----------------------------------------------------------------------------------


def scripted(choice: Choice, model: str = "gemini-3-flash") -> Any:
    """The answer where another than the simulated model says *choice*."""
    path, body = f"/v1beta/models/{model}:generateContent", json.dumps(HELLO).encode()
    reply = Gemini().reply("POST", path, KEY, body, lambda _: Answer((choice,), 7))
    return json.loads(reply.body)


def test_a_script_may_speak_and_call_at_once() -> None:
    """Then the call is signed and the text is not, and the prompt has the script's count."""
    tool = ToolUse("mine", "function", "get_time", '{"zone": "utc"}')
    answer = scripted(Choice(0, "Let me see.", "", (tool,), "tool_calls"))
    spoken, called = parts(answer)
    assert spoken == {"text": "Let me see."}
    assert called["functionCall"] == {"id": "mine", "name": "get_time", "args": {"zone": "utc"}}
    assert "thoughtSignature" in called
    assert answer["usageMetadata"]["promptTokenCount"] == 7


@pytest.mark.parametrize("arguments", ['{"zone', "[1]"])
def test_a_call_that_cannot_be_read_is_reported_in_words(arguments: str) -> None:
    """The real API says so, too, and sends no such call."""
    tool = ToolUse("mine", "function", "get_time", arguments)
    candidate = scripted(Choice(0, None, "", (tool,), "tool_calls"))["candidates"][0]
    assert candidate == {
        "content": {"role": "model"},
        "finishReason": "MALFORMED_FUNCTION_CALL",
        "finishMessage": f"Malformed function call: get_time({arguments})",
        "index": 0,
    }


def test_a_call_that_the_limit_cut_off_is_left_out() -> None:
    """What was cut is no call."""
    tool = ToolUse("mine", "function", "get_time", '{"zone')
    candidate = scripted(Choice(0, None, "", (tool,), "length"))["candidates"][0]
    assert candidate["finishReason"] == "MAX_TOKENS"
    assert candidate["content"] == {"role": "model"}


@pytest.mark.parametrize(
    ("reason", "written"), [("content_filter", "SAFETY"), ("whatever", "OTHER")]
)
def test_other_reasons(reason: str, written: str) -> None:
    """Gemini's words for what it has a word for, and its own for the rest."""
    assert scripted(Choice(0, "", "", (), reason))["candidates"][0]["finishReason"] == written


def test_an_enumeration_that_a_script_answers_plainly() -> None:
    """What is no JSON is taken as it is."""
    schema = {"type": "STRING", "enum": ["a"]}
    body = configured(responseMimeType="text/x.enum", responseSchema=schema)
    plain = Answer((Choice(0, "a", "", (), "stop"),), 1)
    path = "/v1beta/models/offline:generateContent"
    reply = Gemini().reply("POST", path, KEY, json.dumps(body).encode(), lambda _: plain)
    assert text(json.loads(reply.body)) == "a"


# --- the other methods, the two hosts ----------------------------------------------------------


@pytest.mark.parametrize(
    "body", [HELLO, {"generateContentRequest": {"model": "models/offline", **HELLO}}]
)
def test_counting(body: dict[str, Any]) -> None:
    """A count is what the prompt of the same request costs."""
    reply = ask(body, method="countTokens")
    assert json.loads(reply.body) == {
        "totalTokens": whole(HELLO)["usageMetadata"]["promptTokenCount"],
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
    }


def test_models() -> None:
    """There is a list, and a description of any model."""

    def get(path: str) -> Any:
        return json.loads(Gemini().reply("GET", path, KEY, b"", lambda _: Answer((), 0)).body)

    listed = get("/v1beta/models?pageSize=50")["models"]
    assert [model["name"] for model in listed] == ["models/offline", "models/offline-reasoning"]
    assert get("/v1beta/models/offline") == listed[0]
    assert get("/v1/models/some")["supportedGenerationMethods"] == [
        "generateContent",
        "countTokens",
    ]


def test_vertex_has_its_own_fields() -> None:
    """Its answers say when they were made and how they are billed; its requests may have labels."""
    answer = whole({**HELLO, "labels": {"team": "a"}}, base=VERTEX)
    assert answer["createTime"] == "2025-01-01T00:00:00.000000Z"
    assert answer["usageMetadata"]["trafficType"] == "ON_DEMAND"
    assert answer["usageMetadata"]["candidatesTokensDetails"] == [
        {"modality": "TEXT", "tokenCount": 13}
    ]
    assert "index" not in answer["candidates"][0]


@pytest.mark.parametrize(
    ("path", "headers", "wire"),
    [
        ("/v1beta/models/m:generateContent", {}, "gemini"),
        ("/v1beta/models", {}, "gemini"),
        ("/v1alpha/anything", {}, "gemini"),
        ("/v1/models/m:streamGenerateContent?alt=sse", {}, "gemini"),
        ("/v1/models", KEY, "gemini"),
        ("/v1/models/m?key=a", {}, "gemini"),
        ("/v1beta1/publishers/google/models/m:generateContent", {}, "gemini"),
        (f"{VERTEX}/models/m:countTokens", {}, "gemini"),
        ("/v1/models", TOKEN, "openai_chat"),
        ("/v1/models/ft:gpt-4:me", TOKEN, "openai_chat"),
        ("/v1/chat/completions", KEY, "openai_chat"),
        ("/v1beta/openai/chat/completions", TOKEN, "openai_chat"),
    ],
)
def test_whose_request_it_is(path: str, headers: dict[str, str], wire: str) -> None:
    """The path decides, and the key where two APIs have one path."""
    assert wire_for(path, headers).name == wire


# --- llmkit's client ---------------------------------------------------------------------------

FUNCTION = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.mark.parametrize("model", ["offline", "gemini-2.5-flash", "gemini-3-flash"])
def test_llmkit_asks_and_streams(client: llmkit.Client, model: str) -> None:
    """A stream adds up to the whole answer, and to its usage."""
    answer = client.completion(f"gemini/{model}", user("hello there"))
    assert "hello there" in answer.text
    with client.completion(f"gemini/{model}", user("hello there"), stream=True) as stream:
        assert "".join(chunk.text for chunk in stream) == answer.text
        assert stream.usage is not None
        assert answer.usage is not None
        assert stream.usage.total_tokens == answer.usage.total_tokens


@pytest.mark.parametrize("model", ["offline", "gemini-2.5-flash", "gemini-3-flash"])
@pytest.mark.parametrize("stream", [False, True])
def test_llmkit_runs_a_tool(
    client: llmkit.Client, sim: Simulator, model: str, *, stream: bool
) -> None:
    """Call and result go round with the call's signature, which gemini-3 would refuse to miss."""
    messages = user("use get_weather")
    asked: Any = client.completion(f"gemini/{model}", messages, tools=[FUNCTION], stream=stream)
    if stream:
        asked.until_done()
        asked = asked.response
    message = asked.choices[0].message
    (called,) = message.tool_calls
    assert json.loads(called.function.arguments) == {"city": "sample city"}
    back = [{"role": "tool", "tool_call_id": called.id, "content": "sunny"}]
    answer = client.completion(f"gemini/{model}", [*messages, message, *back], tools=[FUNCTION])
    assert answer.text.endswith("The tool answered: sunny")
    sent = sim.requests[-1].json()["contents"][1]["parts"][0]
    own = base64.urlsafe_b64decode(sent.get("thoughtSignature", "")).startswith(b"llmkit:")
    assert own is (model != "offline")


def test_llmkit_shows_thoughts(client: llmkit.Client) -> None:
    """They come as reasoning, and are counted as such."""
    answer = client.completion("gemini/gemini-3-flash", user("hm"), reasoning_effort="low")
    assert "pretends to think" in str(answer.choices[0].message.reasoning_content)
    assert answer.usage is not None
    details = answer.usage.completion_tokens_details
    assert details is not None
    assert details.reasoning_tokens == 10


class City(BaseModel):
    name: str
    people: int


def test_llmkit_gets_structured_output(client: llmkit.Client) -> None:
    """A pydantic class goes out as a schema and comes back as an object."""
    answer = client.completion("gemini/offline", user("a city"), response_format=City)
    assert City.model_validate_json(answer.text) == City(name="sample name", people=1)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("missing-model", llmkit.errors.NotFoundError),
        ("rate-limited", llmkit.errors.RateLimitError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_llmkit_sees_errors(
    client: llmkit.Client, model: str, kind: type[Exception], *, stream: bool
) -> None:
    """A refusal is the error that its status names, also where a stream was asked for."""
    with pytest.raises(kind, match="model"):
        client.completion(f"gemini/{model}", user("hi"), max_retries=0, stream=stream)


def test_llmkit_waits_as_long_as_it_is_told(client: llmkit.Client) -> None:
    """The delay in the body's details is the one that is waited."""
    with pytest.raises(llmkit.errors.RateLimitError) as caught:
        client.completion("gemini/rate-limited", user("hi"), max_retries=0)
    assert caught.value.retry_after == 1


def test_llmkit_with_a_key_that_is_not_valid(origin: str) -> None:
    """The real API answers this with a 400, and llmkit knows better."""
    bad = {"api_key": "in" + "valid", "base_url": f"{origin}/v1beta"}
    with (
        llmkit.Client(environ={}, **bad) as client,
        pytest.raises(llmkit.errors.AuthenticationError, match="API key not valid"),
    ):
        client.completion("gemini/offline", user("hi"))


def test_llmkit_in_async_code(origin: str) -> None:
    """The same without a thread."""

    async def both() -> tuple[str, str]:
        async with llmkit.Client(
            environ={}, api_key="made-up", base_url=f"{origin}/v1beta"
        ) as client:
            answer = await client.acompletion("gemini/offline", user("hi"))
            stream = await client.acompletion("gemini/offline", user("hi"), stream=True)
            return answer.text, "".join([chunk.text async for chunk in stream])

    whole_, streamed_ = asyncio.run(both())
    assert whole_ == streamed_


def test_errors_have_their_status_names() -> None:
    """Whoever lets the simulator fail gets the name that Google gives the status."""
    names = {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        409: "ABORTED",
        413: "INVALID_ARGUMENT",
        429: "RESOURCE_EXHAUSTED",
        499: "CANCELLED",
        500: "INTERNAL",
        502: "INTERNAL",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
    wire = Gemini()
    assert {status: error(wire.failure(status, "x"))["status"] for status in names} == names
    frame = wire.failure_frame(503, "busy")
    expected = {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}
    assert json.loads(frame.removeprefix(b"data: ")) == expected
    assert frame.endswith(b"\r\n\r\n")
