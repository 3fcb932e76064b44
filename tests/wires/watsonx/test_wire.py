"""watsonx.ai's chat and embeddings: what a call becomes, what answers say, how they may break."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit._call import ChatCall
from llmkit._calls import EmbeddingCall
from llmkit._fold import fold
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.types.chat import ChatCompletion, ChatCompletionChunk
from llmkit.wires.watsonx import WatsonxChat
from llmkit.wires.watsonx.embeddings import WatsonxEmbeddings

TO = Endpoint("https://wx.test", query={"version": "2026-10-14", "project_id": "p1"})
HELLO = [{"role": "user", "content": "Hello"}]
ADD: dict[str, Any] = {"type": "function", "function": {"name": "add", "parameters": {}}}
MODEL = "ibm/granite-4"


def calling(
    messages: Any = None,
    *,
    model: str = MODEL,
    stream: bool = False,
    drop: bool = False,
    extra: Any = None,
    allowed: frozenset[str] = frozenset(),
    **params: Any,
) -> ChatCall:
    """A call of a provider that nobody knows."""
    return ChatCall(
        id="call_1",
        provider="acme",
        model=model,
        messages=HELLO if messages is None else messages,
        params=params,
        stream=stream,
        extra_body=extra or {},
        drop_params=drop,
        allowed=allowed,
    )


def request(messages: Any = None, to: Endpoint = TO, **options: Any) -> HTTPRequest:
    """The request that a call becomes."""
    return WatsonxChat().build(calling(messages, **options), to)


def body(messages: Any = None, to: Endpoint = TO, **options: Any) -> Any:
    """Its body."""
    return json.loads(request(messages, to, **options).body)


def changes(messages: Any = None, **options: Any) -> list[tuple[str, str]]:
    """What was changed on the way, by name."""
    return [(a.parameter, a.change) for a in request(messages, **options).adjustments]


def parse(data: Any) -> ChatCompletion:
    """What an answer's JSON says."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return WatsonxChat().parse(calling(), HTTPResponse(200, body=raw))


def decode(raw: bytes, size: int = 0) -> list[ChatCompletionChunk]:
    """The chunks of a stream whose bytes come in pieces of this size."""
    decoder = WatsonxChat().decoder(calling(stream=True))
    step = size or max(1, len(raw))
    chunks = [c for at in range(0, len(raw), step) for c in decoder.feed(raw[at : at + step])]
    return chunks + list(decoder.finish())


# --- requests ----------------------------------------------------------------------------------


def test_the_least() -> None:
    """Model, project and messages; the address says the version and whether it streams."""
    made = request()
    assert (made.method, made.url) == ("POST", "https://wx.test/ml/v1/text/chat?version=2026-10-14")
    assert body() == {"model_id": MODEL, "project_id": "p1", "messages": HELLO}
    streamed = request(stream=True, stream_options={"include_usage": True})
    assert streamed.url == "https://wx.test/ml/v1/text/chat_stream?version=2026-10-14"
    assert json.loads(streamed.body) == body()
    assert streamed.adjustments == ()


def test_who_pays() -> None:
    """A project goes before a space; without either, the service says what is missing."""
    space = Endpoint("https://wx.test", query={"version": "v", "space_id": "s1"})
    assert body(to=space)["space_id"] == "s1"
    both = Endpoint("https://wx.test", query={"space_id": "s1", "project_id": "p1"})
    assert "space_id" not in body(to=both)
    assert body(to=Endpoint("https://wx.test")) == {"model_id": MODEL, "messages": HELLO}


@pytest.mark.parametrize("prefix", ["deployment/", "deployments/"])
def test_deployments(prefix: str) -> None:
    """A deployment is addressed, and has its model and its project by itself."""
    made = request(model=f"{prefix}a b", stream=True)
    wanted = "https://wx.test/ml/v1/deployments/a%20b/text/chat_stream?version=2026-10-14"
    assert made.url == wanted
    assert body(model=f"{prefix}a b") == {"messages": HELLO}


def test_parameters() -> None:
    """OpenAI's parameters keep their names; a limit has one, stops are a list, a choice has two fields."""
    plain: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 0.9,
        "n": 2,
        "seed": 1,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logit_bias": {"1": 2},
        "logprobs": True,
        "top_logprobs": 3,
        "response_format": {"type": "json_object"},
        "tools": [ADD],
    }
    made = body(**plain)
    assert {name: made[name] for name in plain} == plain
    assert body(max_tokens=5)["max_completion_tokens"] == 5
    assert body(stop="END")["stop"] == ["END"]
    assert body(tools=[ADD], tool_choice="required")["tool_choice_option"] == "required"
    chosen = {"type": "function", "function": {"name": "add"}}
    assert body(tools=[ADD], tool_choice=chosen)["tool_choice"] == chosen
    assert "tools" not in body(tools=[])
    assert body(extra={"time_limit": 1000, "guided_regex": "a+"})["time_limit"] == 1000
    assert body(user="me", allowed=frozenset({"user"}))["user"] == "me"


def test_thinking() -> None:
    """Thinking is a setting of the template, an effort has three levels."""
    assert body(reasoning_effort="low")["reasoning_effort"] == "low"
    assert changes(reasoning_effort="low") == []
    for given, level in (("minimal", "low"), ("xhigh", "high"), ("max", "high")):
        assert body(reasoning_effort=given)["reasoning_effort"] == level
        assert changes(reasoning_effort=given) == [("reasoning_effort", "clamped")]
    with pytest.raises(llmkit.UnsupportedParamsError, match="reasoning_effort"):
        request(reasoning_effort="none")
    assert body(thinking={"type": "enabled"})["chat_template_kwargs"] == {"thinking": True}
    assert body(thinking={"type": "disabled"})["chat_template_kwargs"] == {"thinking": False}
    assert changes(thinking={"type": "enabled", "budget_tokens": 9}) == [("thinking", "dropped")]


WRONG: list[dict[str, Any]] = [
    {"reasoning_effort": "huge"},
    {"reasoning_effort": {"effort": "low"}},
    {"thinking": {"type": "much"}},
    {"tool_choice": "sometimes"},
    {"tools": 3},
    {"tools": "add"},
    {"stop": 3},
    {"max_tokens": 1, "max_completion_tokens": 2},
    {"temperature": float("inf")},
]


@pytest.mark.parametrize("params", WRONG)
def test_mistakes(params: dict[str, Any]) -> None:
    """A value that means nothing is told before anything is sent."""
    with pytest.raises(llmkit.InvalidRequestError):
        request(**params)


REFUSED = {
    "top_k": 4,
    "user": "me",
    "functions": [],
    "parallel_tool_calls": False,
    "store": True,
    "metadata": {"a": "b"},
    "service_tier": "flex",
    "verbosity": "low",
    "web_search_options": {},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    """What the service has no field for is refused, or dropped and listed where the caller wants that."""
    with pytest.raises(llmkit.UnsupportedParamsError, match=f"'{name}'"):
        request(**{name: REFUSED[name]})
    assert body(drop=True, **{name: REFUSED[name]}) == body()
    assert changes(drop=True, **{name: REFUSED[name]}) == [(name, "dropped")]


def test_what_asks_for_nothing() -> None:
    """The service's own behaviour is neither sent nor refused."""
    neutral = {"parallel_tool_calls": True, "store": False, "service_tier": "auto"}
    assert body(**neutral, modalities=["text"], verbosity="medium") == body()


def test_messages() -> None:
    """They are OpenAI's: a developer is a system there, marks are dropped, calls and pictures go as they are."""
    given = [{"role": "developer", "content": "Be brief."}, *HELLO]
    assert body(given)["messages"][0] == {"role": "system", "content": "Be brief."}
    part = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    assert changes([{"role": "user", "content": [part]}]) == [
        ("messages[0].content[0].cache_control", "dropped")
    ]
    assert WatsonxChat().reads_url("https://x.test/a.png")


def test_fields_are_the_sdks() -> None:
    """Every parameter that is sent has a field in the official SDK's schema."""
    schema = pytest.importorskip("ibm_watsonx_ai.foundation_models.schema")
    known = {*schema.TextChatParameters.__dataclass_fields__}
    known |= {"model_id", "project_id", "messages", "tools", "tool_choice", "tool_choice_option"}
    made = body(
        temperature=1, top_p=1, n=1, seed=1, presence_penalty=0, frequency_penalty=0, logit_bias={"1": 1},
        logprobs=True, top_logprobs=1, response_format={"type": "text"}, stop="x", max_tokens=1, tools=[ADD],
        tool_choice="auto", reasoning_effort="low", thinking={"type": "enabled"},
    )  # fmt: skip
    assert made.keys() <= known
    chosen = body(tools=[ADD], tool_choice={"type": "function", "function": {"name": "add"}})
    assert chosen.keys() <= known


# --- answers -----------------------------------------------------------------------------------

USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
HEAD = {
    "id": "chatcmpl-1",
    "model_id": MODEL,
    "model": MODEL,
    "created": 1749736055,
    "model_version": "4.0.0",
    "created_at": "2025-06-12T13:47:35.541Z",
}


def event(delta: Any = None, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """One event of a stream."""
    choices = [] if delta is None else [{"index": 0, "finish_reason": finish, "delta": delta}]
    return {**HEAD, "object": "chat.completion.chunk", "choices": choices, **fields}


def sse(*events: Any, name: str = "message") -> bytes:
    """Events as the service frames them."""
    framed = (
        f"id: {i}\nevent: {name}\ndata: {json.dumps(e, ensure_ascii=False)}\n\n"
        for i, e in enumerate(events, 1)
    )
    return "".join(framed).encode()


STREAM = (
    event(
        {"role": "assistant", "content": ""}, system={"warnings": [{"message": "mind", "id": "w"}]}
    ),
    event({"reasoning_content": "Hm"}),
    event({"content": "Grü"}),
    event({"content": "ße"}),
    event(
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "t",
                    "type": "function",
                    "function": {"name": "add", "arguments": ""},
                }
            ]
        }
    ),
    event({"tool_calls": [{"index": 0, "function": {"name": "", "arguments": '{"x": 1}'}}]}),
    event({"content": ""}, "tool_calls"),
    event(usage=USAGE),
)


def test_an_answer() -> None:
    """It is OpenAI's, and what the service adds is kept."""
    message = {"role": "assistant", "content": "Hi", "reasoning_content": "Hm"}
    choice = {"index": 0, "message": message, "finish_reason": "time_limit"}
    made = parse({**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE})
    assert (made.text, made.choices[0].finish_reason) == ("Hi", "time_limit")
    assert made.choices[0].message.reasoning_content == "Hm"
    assert made.usage is not None
    assert made.usage.to_dict() == USAGE
    assert made["model_version"] == "4.0.0"
    without = {k: v for k, v in HEAD.items() if k != "model"}
    assert parse({**without, "choices": [choice]}).model == MODEL


def test_a_stream() -> None:
    """Its chunks add up to the answer, however the bytes are cut; it ends with its usage and nothing more."""
    raw = sse(*STREAM)
    wanted = [chunk.model_dump() for chunk in decode(raw)]
    for size in range(1, len(raw), 7):
        assert [chunk.model_dump() for chunk in decode(raw, size)] == wanted
    for at in range(len(raw)):
        decoder = WatsonxChat().decoder(calling(stream=True))
        cut = [*decoder.feed(raw[:at]), *decoder.feed(raw[at:]), *decoder.finish()]
        assert [chunk.model_dump() for chunk in cut] == wanted
    made = fold(decode(raw))
    (choice,) = made.choices
    assert (choice.message.content, choice.message.reasoning_content) == ("Grüße", "Hm")
    (call,) = choice.message.tool_calls or ()
    assert (call.id, call.function.name, call.function.arguments) == ("t", "add", '{"x": 1}')
    assert choice.finish_reason == "tool_calls"
    assert made.usage is not None
    assert made.usage.to_dict() == USAGE


def test_a_stream_without_a_reason() -> None:
    """A demanded call may come without a finish reason: the usage ends the stream all the same."""
    assert fold(decode(sse(*STREAM[:6], STREAM[7]))).choices[0].message.tool_calls


def problem(status: int, code: str, message: str = "no") -> dict[str, Any]:
    """An error as the service words it."""
    return {"errors": [{"code": code, "message": message}], "trace": "t1", "status_code": status}


BROKEN: list[tuple[bytes, str]] = [
    (sse(*STREAM[:3]), "StreamInterruptedError"),
    (b"", "StreamInterruptedError"),
    (b"<html>no</html>", "APIResponseValidationError"),
    (sse(STREAM[0]) + b"data: {\n\n", "APIResponseValidationError"),
    (sse(STREAM[0], problem(500, "downstream_request_failed")), "InternalServerError"),
    (sse(problem(429, "consumption_limit_reached"), name="error"), "RateLimitError"),
    (sse({"error": {"message": "it broke", "code": "x"}}), "APIError"),
    (b"event: error\ndata: it broke\n\n", "APIError"),
    (json.dumps(problem(401, "authentication_token_expired")).encode(), "AuthenticationError"),
]


@pytest.mark.parametrize(("raw", "kind"), BROKEN)
def test_streams_that_break(raw: bytes, kind: str) -> None:
    """A stream that ends early, is something else, or has an error in it raises what fits."""
    for size in (0, 1, 5):
        with pytest.raises(llmkit.APIError) as caught:
            decode(raw, size)
        assert type(caught.value).__name__ == kind


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"{}", b'{"results": []}', b'{"half'])
def test_answers_that_are_none(raw: bytes) -> None:
    """A page, half a JSON or another API's object is told as what cannot be read."""
    with pytest.raises(llmkit.APIResponseValidationError):
        parse(raw)


def test_an_error_inside_a_200() -> None:
    """It is raised as what it says."""
    with pytest.raises(llmkit.NotFoundError):
        parse(problem(404, "model_not_supported"))


LONG = "the number of input tokens 9000 cannot exceed the total tokens limit 8192 for this model"
KINDS = [
    (400, "invalid_request_entity", "no", "BadRequestError", False),
    (400, "json_validation_error", "no", "BadRequestError", False),
    (400, "invalid_input_argument", LONG, "ContextWindowExceededError", False),
    (401, "authentication_token_expired", "no", "AuthenticationError", False),
    (401, "authentication_token_not_valid", "no", "AuthenticationError", False),
    (403, "authorization_rejected", "no", "PermissionDeniedError", False),
    (403, "user_authorization_failed", "no", "PermissionDeniedError", False),
    (403, "token_quota_reached", "no", "RateLimitError", False),
    (404, "model_not_supported", "no", "NotFoundError", False),
    (413, "request_too_large", "no", "RequestTooLargeError", False),
    (429, "consumption_limit_reached", "no", "RateLimitError", True),
    (500, "downstream_request_failed", "no", "InternalServerError", True),
    (503, "service_unavailable", "no", "ServiceUnavailableError", True),
]


@pytest.mark.parametrize(("status", "code", "message", "kind", "retryable"), KINDS)
def test_errors(status: int, code: str, message: str, kind: str, *, retryable: bool) -> None:
    """Each error has its class, code, words and trace; what may pass can be tried again."""
    raw = problem(status, code, message)
    response = HTTPResponse(status, body=json.dumps(raw).encode())
    made = WatsonxChat().error(calling(), response)
    assert (type(made).__name__, made.status_code, made.code) == (kind, status, code)
    assert (made.retryable, made.request_id, made.body) == (retryable, "t1", raw)
    assert message in made.message


def test_odd_errors() -> None:
    """A page, another form, and what has no errors in it are told as any host's."""
    page = WatsonxChat().error(calling(), HTTPResponse(502, body=b"<html>Bad gateway</html>"))
    assert "base_url" in page.message
    iam = b'{"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}'
    made = WatsonxChat().error(calling(), HTTPResponse(400, body=iam))
    assert (made.code, made.message) == ("BXNIM0415E", "Provided API key could not be found.")
    for raw in (b'{"errors": []}', b'{"errors": ["x"]}', b"[]", b'{"trace": 3}'):
        assert WatsonxChat().error(calling(), HTTPResponse(500, body=raw)).status_code == 500


# --- embeddings --------------------------------------------------------------------------------


def embedding(*inputs: Any, drop: bool = False, extra: Any = None, **params: Any) -> EmbeddingCall:
    """A call for vectors."""
    return EmbeddingCall(
        id="call_1",
        provider="acme",
        model=MODEL,
        inputs=inputs or ("a",),
        params=params,
        drop_params=drop,
        extra_body=extra or {},
        allowed=frozenset({"user"}),
    )


def test_embeddings() -> None:
    """Texts go in a list, vectors come in its order, counts are the prompt's."""
    wire = WatsonxEmbeddings()
    extra = {"parameters": {"truncate_input_tokens": 9}}
    made = wire.build(embedding("a", "b", extra=extra, encoding_format="float", user="me"), TO)
    assert made.url == "https://wx.test/ml/v1/text/embeddings?version=2026-10-14"
    assert json.loads(made.body) == {
        "model_id": MODEL,
        "project_id": "p1",
        "inputs": ["a", "b"],
        "user": "me",
        **extra,
    }
    results = [{"embedding": [1.0], "input": "a"}, {"embedding": [2.0]}]
    raw = {"model_id": "m", "results": results, "input_token_count": 5, "created_at": "now"}
    answer = wire.parse(embedding(), HTTPResponse(200, body=json.dumps(raw).encode()))
    assert answer.vectors == [[1.0], [2.0]]
    assert answer.usage is not None
    assert (answer.model, answer.usage.prompt_tokens, answer["created_at"]) == ("m", 5, "now")


def test_embeddings_in_batches() -> None:
    """More texts than the service takes go in several requests, and come back as one answer."""
    steps = WatsonxEmbeddings(most=2).steps(embedding("a", "b", "c"), TO)
    step, sizes = next(steps), []
    while True:
        inputs = json.loads(step.request.body)["inputs"]
        sizes.append(len(inputs))
        results = [{"embedding": [float(ord(text))]} for text in inputs]
        raw = json.dumps({"results": results, "input_token_count": len(inputs)}).encode()
        try:
            step = steps.send(HTTPResponse(200, body=raw))
        except StopIteration as done:
            answer = done.value
            break
    assert sizes == [2, 1]
    assert answer.vectors == [[97.0], [98.0], [99.0]]
    assert answer.usage.prompt_tokens == 3


def test_embeddings_refuse() -> None:
    """Token ids, lengths and other formats are not taken."""
    wire = WatsonxEmbeddings()
    with pytest.raises(llmkit.InvalidRequestError, match=r"input\[0\]"):
        wire.build(embedding([1, 2]), TO)
    for name, value in (("dimensions", 8), ("encoding_format", "base64"), ("truncation", True)):
        with pytest.raises(llmkit.UnsupportedParamsError, match=name):
            wire.build(embedding(**{name: value}), TO)
        made = wire.build(embedding(drop=True, **{name: value}), TO)
        assert [(a.parameter, a.change) for a in made.adjustments] == [(name, "dropped")]


def test_embeddings_that_fail() -> None:
    """Errors and answers that are none have their classes."""
    wire = WatsonxEmbeddings()
    for raw in (b"<html>", b"[]", b"{}"):
        with pytest.raises(llmkit.APIResponseValidationError):
            wire.parse(embedding(), HTTPResponse(200, body=raw))
    told = json.dumps(problem(404, "model_not_supported")).encode()
    with pytest.raises(llmkit.NotFoundError):
        wire.parse(embedding(), HTTPResponse(200, body=told))
    assert isinstance(wire.error(embedding(), HTTPResponse(404, body=told)), llmkit.NotFoundError)
