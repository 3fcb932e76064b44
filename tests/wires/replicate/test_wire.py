"""Replicate's predictions: what a call becomes, how it is waited for, what it says, how it may break."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

import llmkit
from llmkit._call import ChatCall
from llmkit._fold import fold
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.types.chat import ChatCompletion, ChatCompletionChunk
from llmkit.wires import Step
from llmkit.wires.replicate import ReplicateChat

TO = Endpoint("https://api.test/v1")
HELLO = [{"role": "user", "content": "Hello"}]
VERSION = "ab" * 32
WIRE = ReplicateChat(limits=(("llama-2", "max_new_tokens"),))


def calling(
    messages: Any = None,
    *,
    model: str = "meta/llama-3",
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


def request(messages: Any = None, **options: Any) -> HTTPRequest:
    """The request that a call becomes."""
    return WIRE.build(calling(messages, **options), TO)


def body(messages: Any = None, **options: Any) -> Any:
    """Its body."""
    return json.loads(request(messages, **options).body)


def given(messages: Any = None, **options: Any) -> Any:
    """The input in it."""
    return body(messages, **options)["input"]


def changes(messages: Any = None, **options: Any) -> list[tuple[str, str]]:
    """What was changed on the way, by name."""
    return [(a.parameter, a.change) for a in request(messages, **options).adjustments]


def prediction(status: str = "succeeded", **fields: Any) -> dict[str, Any]:
    """A prediction as the service tells it."""
    made = {
        "id": "p1",
        "model": "meta/llama-3",
        "version": "dp-1",
        "input": {"prompt": "Hello"},
        "logs": "",
        "error": None,
        "status": status,
        "created_at": "2024-10-04T18:07:40.328Z",
        "urls": {"get": "https://api.test/v1/predictions/p1"},
    }
    return {**made, **fields}


def answered(data: Any, status: int = 200) -> HTTPResponse:
    """An answer with this JSON, or these bytes."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return HTTPResponse(status, body=raw)


def walked(answers: Sequence[Any], **options: Any) -> tuple[list[Step], Any]:
    """The steps that a call takes when it is answered so, and what it comes to."""
    steps = WIRE.steps(calling(**options), TO)
    taken = [next(steps)]
    try:
        for data in answers:
            taken.append(steps.send(answered(data)))  # noqa: PERF401 - what came before the end is wanted too
    except StopIteration as done:
        return taken, done.value
    return taken, None


# --- requests ----------------------------------------------------------------------------------


def test_the_least() -> None:
    """One question is the prompt itself; the answer is waited for where it is not streamed."""
    made = request()
    assert (made.method, made.url) == (
        "POST",
        "https://api.test/v1/models/meta/llama-3/predictions",
    )
    assert made.headers["prefer"] == "wait"
    assert body() == {"input": {"prompt": "Hello"}}
    assert made.adjustments == ()
    streamed = request(stream=True, stream_options={"include_usage": True})
    assert "prefer" not in streamed.headers
    assert json.loads(streamed.body) == {"input": {"prompt": "Hello"}, "stream": True}


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        ("meta/llama-3", "/models/meta/llama-3/predictions", None),
        (f"meta/llama-3:{VERSION}", "/predictions", VERSION),
        (VERSION, "/predictions", VERSION),
        ("deployments/me/mine", "/deployments/me/mine/predictions", None),
        ("me/a b?", "/models/me/a%20b%3F/predictions", None),
    ],
)
def test_models(model: str, path: str, version: str | None) -> None:
    """Official models, versions and deployments have places of their own."""
    assert request(model=model).url == f"https://api.test/v1{path}"
    assert body(model=model).get("version") == version


def test_conversations() -> None:
    """A system message has an input of its own; turns are written out, and that is said."""
    system = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Rhyme."},
    ]
    assert given([*system, *HELLO]) == {"prompt": "Hello", "system_prompt": "Be brief.\n\nRhyme."}
    assert changes([*system, *HELLO]) == []
    assert given(system) == {"prompt": "", "system_prompt": "Be brief.\n\nRhyme."}
    turns = [
        *HELLO,
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": ["a", "b"]},
    ]
    prompt = "User: Hello\n\nAssistant: Hi.\n\nUser: a\nb\n\nAssistant:"
    assert given(turns) == {"prompt": prompt}
    assert changes(turns) == [("messages", "emulated")]
    begun = [*HELLO, {"role": "assistant", "refusal": "No"}]
    assert given(begun) == {"prompt": "User: Hello\n\nAssistant: No"}
    answer = WIRE.parse(calling(), answered(prediction(output="Hi."))).choices[0].message
    assert given([*HELLO, answer, *HELLO])["prompt"].startswith("User: Hello\n\nAssistant: Hi.")


def test_parameters() -> None:
    """They have the names that language models' inputs have; what else there is goes beside them."""
    plain = {"temperature": 0.5, "top_p": 0.9, "top_k": 3, "seed": 1, "presence_penalty": 0.1}
    assert given(**plain, frequency_penalty=0.2) == {
        "prompt": "Hello",
        **plain,
        "frequency_penalty": 0.2,
    }
    assert given(max_completion_tokens=5)["max_tokens"] == 5
    assert given(max_tokens=5, model="meta/llama-2-70b-chat")["max_new_tokens"] == 5
    assert given(stop=["a", "b"])["stop_sequences"] == "a,b"
    assert given(stop="a")["stop_sequences"] == "a"
    assert given(extra={"input": {"image": "x"}, "webhook": "w"}) == {
        "prompt": "Hello",
        "image": "x",
    }
    assert given(user="me", allowed=frozenset({"user"}))["user"] == "me"


def test_formats() -> None:
    """A format is asked for by an instruction, and that is said."""
    schema = {"type": "object"}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    assert '{"type":"object"}' in given(response_format=wanted)["system_prompt"]
    assert "JSON object" in given(response_format={"type": "json_object"})["system_prompt"]
    assert changes(response_format=wanted) == [("response_format", "emulated")]
    assert given(response_format={"type": "text"}) == {"prompt": "Hello"}


NEUTRAL: dict[str, Any] = {
    "n": 1,
    "tools": [],
    "tool_choice": "none",
    "logprobs": False,
    "store": False,
}
REFUSED: dict[str, Any] = {
    "n": 2,
    "stop": "a,b",
    "tools": [{"type": "function"}],
    "tool_choice": "required",
    "logprobs": True,
    "reasoning_effort": "low",
    "user": "me",
    "metadata": {"a": "b"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    """What no input has is refused, or dropped and listed where the caller wants that."""
    with pytest.raises(llmkit.UnsupportedParamsError, match=f"'{name}'"):
        request(**{name: REFUSED[name]})
    assert body(drop=True, **{name: REFUSED[name]}) == body()
    assert changes(drop=True, **{name: REFUSED[name]}) == [(name, "dropped")]
    assert body(**NEUTRAL) == body()


WRONG: list[Any] = [
    "hello",
    ["hello"],
    [{"role": "robot", "content": "x"}],
    [{"role": ["user"], "content": "x"}],
    [{"role": "user", "content": 3}],
    [{"role": "user", "content": [3]}],
    [{"role": "user", "content": [{"type": "text"}]}],
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}],
    [{"role": "tool", "content": "5"}],
    [{"role": "assistant", "tool_calls": [{"id": "c"}]}],
]


@pytest.mark.parametrize("messages", WRONG)
def test_messages_that_are_none(messages: Any) -> None:
    """What no prompt can say is told before anything is sent."""
    with pytest.raises(llmkit.InvalidRequestError):
        request(messages)


@pytest.mark.parametrize(
    "params",
    [
        {"max_tokens": 1, "max_completion_tokens": 2},
        {"response_format": "json"},
        {"stop": [3]},
        {"top_p": float("nan")},
    ],
)
def test_mistakes(params: dict[str, Any]) -> None:
    """A value that means nothing is told before anything is sent."""
    with pytest.raises(llmkit.InvalidRequestError):
        request(**params)


# --- waiting -----------------------------------------------------------------------------------


def test_an_answer_at_once() -> None:
    """A prediction that has ended within the first request is the answer."""
    steps, answer = walked([prediction(output=["He", "llo"])])
    assert len(steps) == 1
    assert answer.text == "Hello"


def test_an_answer_later() -> None:
    """One that runs is asked for by its id, at growing intervals, until it has ended."""
    running = [prediction("starting"), *[prediction("processing", output=["He"])] * 8]
    steps, answer = walked([*running, prediction(output=["Hello"])])
    assert answer.text == "Hello"
    asked = [step.request for step in steps[1:]]
    assert {(r.method, r.url) for r in asked} == {("GET", "https://api.test/v1/predictions/p1")}
    waits = [step.wait for step in steps]
    assert waits[:3] == [0, 0.5, 0.75]
    assert waits == sorted(waits)
    assert waits[-1] == 5


def test_an_odd_id() -> None:
    """An id that would lead elsewhere does not."""
    steps, _ = walked([prediction("starting", id="../x?y")])
    assert steps[1].request.url == "https://api.test/v1/predictions/..%2Fx%3Fy"


def test_a_stream() -> None:
    """A stream is opened at the address that the prediction names, at once."""
    address = "https://stream.test/v1/streams/secret"
    steps, answer = walked([prediction("starting", urls={"stream": address})], stream=True)
    assert answer is None
    assert (steps[1].request.method, steps[1].request.url) == ("GET", address)
    assert (steps[1].stream, steps[1].request.headers["accept"]) == (True, "text/event-stream")


def test_a_stream_of_a_model_without() -> None:
    """Where there is no stream, the prediction is waited for, and read as a stream of one."""
    answers = [prediction("starting"), prediction(output="Hi")]
    steps, _ = walked(answers, stream=True)
    assert [step.stream for step in steps] == [False, False, True]
    (chunk,) = decode(json.dumps(answers[1]).encode())
    assert (chunk.text, chunk.choices[0].finish_reason, chunk.id) == ("Hi", "stop", "p1")


@pytest.mark.parametrize("address", ["file:///etc/passwd", 3, "https://[", "//x"])
def test_a_stream_that_is_nowhere(address: Any) -> None:
    """An address that is none is not opened."""
    with pytest.raises(llmkit.APIResponseValidationError):
        walked([prediction("starting", urls={"stream": address})], stream=True)


ENDED = [
    ("failed", "it broke", "APIError", False),
    ("failed", "NSFW content detected", "ContentPolicyViolationError", False),
    ("failed", "prompt length exceeds the context window", "ContextWindowExceededError", False),
    ("failed", None, "APIError", False),
    ("canceled", None, "APIError", False),
    ("aborted", None, "APIError", True),
]


@pytest.mark.parametrize(("status", "text", "kind", "retryable"), ENDED)
@pytest.mark.parametrize("later", [False, True])
def test_predictions_that_fail(
    status: str, text: str | None, kind: str, *, retryable: bool, later: bool
) -> None:
    """A prediction that did not succeed is an error with its words, whenever that is known."""
    data = prediction(status, error=text)
    with pytest.raises(llmkit.APIError) as caught:
        walked([prediction("starting"), data] if later else [data])
    error = caught.value
    assert (type(error).__name__, error.code, error.retryable) == (kind, status, retryable)
    assert (text or status) in error.message
    assert error.body == data
    with pytest.raises(llmkit.APIError):
        WIRE.parse(calling(), answered(data))


# --- answers -----------------------------------------------------------------------------------


def parse(data: Any) -> ChatCompletion:
    """What a prediction says."""
    return WIRE.parse(calling(), answered(data))


def test_an_answer() -> None:
    """Pieces are joined, counts are told where the model counts, and the rest is kept."""
    metrics = {"input_token_count": 3, "output_token_count": 4.0, "predict_time": 0.5}
    made = parse(prediction(output=["He", "", "llo"], metrics=metrics))
    assert (made.id, made.model, made.created) == ("p1", "meta/llama-3", 1728065260)
    assert (made.text, made.choices[0].finish_reason) == ("Hello", "stop")
    assert made.usage is not None
    assert made.usage.to_dict() == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert made["metrics"] == metrics
    assert (made["version"], made["status"]) == ("dp-1", "succeeded")
    assert parse(prediction(output="x", metrics={"predict_time": 1})).usage is None
    endless = {"input_token_count": float("inf"), "output_token_count": True}
    assert parse(prediction(output="x", metrics=endless)).usage is None
    partly = parse(prediction(output="x", metrics={"input_token_count": 1})).usage
    assert partly is not None
    assert (partly.prompt_tokens, partly.total_tokens) == (1, None)


def test_outputs_that_are_no_text() -> None:
    """They are told as JSON, and kept as they are; none is none."""
    made = parse(prediction(output={"a": [1]}, model=None, created_at="soon"))
    assert (made.text, made["output"]) == ('{"a":[1]}', {"a": [1]})
    assert (made.model, made.created) == ("meta/llama-3", None)
    assert parse(prediction()).choices[0].message.content is None


@pytest.mark.parametrize(
    "raw",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"id": "p", "status": "dancing"}',
        b'{"status": "succeeded"}',
        b'{"id": "p", "status": {}}',
    ],
)
def test_answers_that_are_none(raw: bytes) -> None:
    """A page, half a JSON or another API's object is told as what cannot be read, wherever it comes."""
    with pytest.raises(llmkit.APIResponseValidationError):
        parse(raw)
    with pytest.raises(llmkit.APIResponseValidationError):
        walked([raw])
    with pytest.raises(llmkit.APIResponseValidationError):
        walked([prediction("starting"), raw])


def decode(raw: bytes, size: int = 0) -> list[ChatCompletionChunk]:
    """The chunks of a stream whose bytes come in pieces of this size."""
    decoder = WIRE.decoder(calling(stream=True))
    step = size or max(1, len(raw))
    chunks = [c for at in range(0, len(raw), step) for c in decoder.feed(raw[at : at + step])]
    chunks += decoder.finish()
    assert decoder.done
    return chunks


STREAM = (
    b": hi\n\nevent: output\nid: 1:0\ndata: \n\nevent: output\nid: 1:1\ndata: Gr\xc3\xbc\n\n"
    b"event: logs\nid: 1:2\ndata: loading\n\nevent: output\nid: 1:3\ndata: \xc3\x9fe:\ndata: \ndata:  you\n\n"
    b"event: done\nid: 2:0\ndata: {}\n\n:408: 408 Request Timeout\n\n"
)


def test_a_streams_chunks() -> None:
    """Texts come as they are, line ends and spaces included, however the bytes are cut."""
    wanted = [chunk.model_dump() for chunk in decode(STREAM)]
    for size in range(1, len(STREAM)):
        assert [chunk.model_dump() for chunk in decode(STREAM, size)] == wanted
    answer = fold(decode(STREAM))
    assert (answer.text, answer.choices[0].finish_reason) == ("Grüße:\n\n you", "stop")
    assert (answer.id, answer.model, answer.usage) == ("call_1", "meta/llama-3", None)


def test_nothing_follows_the_end() -> None:
    """What comes behind the end is not told, not even an error."""
    more = b"event: output\nid: 3:0\ndata: more\n\nevent: error\ndata: it broke\n\n"
    assert fold(decode(STREAM + more)).text == "Grüße:\n\n you"


BROKEN: list[tuple[bytes, str, str | None]] = [
    (STREAM.partition(b"event: done")[0], "StreamInterruptedError", None),
    (b"", "StreamInterruptedError", None),
    (b"nothing of this kind", "APIResponseValidationError", None),
    (b"<html>", "APIResponseValidationError", None),
    (b"event: error\ndata: it broke\n\n", "APIError", "it broke"),
    (b'event: error\ndata: {"detail": "it broke"}\n\n', "APIError", "it broke"),
    (b"event: error\ndata: flagged as sensitive\n\n", "ContentPolicyViolationError", "sensitive"),
    (b'event: done\ndata: {"reason": "error"}\n\n', "APIError", "failed"),
    (b'event: done\ndata: {"reason": "canceled"}\n\n', "APIError", "canceled"),
    (json.dumps(prediction("failed", error="it broke")).encode(), "APIError", "it broke"),
]


@pytest.mark.parametrize(("raw", "kind", "words"), BROKEN)
def test_streams_that_break(raw: bytes, kind: str, words: str | None) -> None:
    """A stream that ends early, is something else, or has an error in it raises what fits."""
    for size in (0, 1, 7):
        with pytest.raises(llmkit.APIError, match=words) as caught:
            decode(raw, size)
        assert type(caught.value).__name__ == kind


@pytest.mark.parametrize(
    "end", [b"{}", b"", b"over", b'{"reason": {}}', b"[]", b'{"reason": "", "output": "x"}']
)
def test_ends(end: bytes) -> None:
    """A stream is over when it says so, in whatever words."""
    assert decode(b"event: done\ndata: " + end + b"\n\n")[-1].choices[0].finish_reason == "stop"


def test_an_event_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that grows beyond all bounds is not gathered for ever."""
    decoder = WIRE.decoder(calling(stream=True))
    decoder._sse._limit = 100
    with pytest.raises(llmkit.APIResponseValidationError, match="more than 100 bytes"):
        list(decoder.feed(b"event: output\ndata: " + b"x" * 200))


# Title, status, detail.
KINDS = [
    (400, "Bad request", "BadRequestError", False),
    (401, "Unauthenticated", "AuthenticationError", False),
    (402, "Insufficient credit", "PaymentRequiredError", False),
    (403, "Forbidden", "PermissionDeniedError", False),
    (404, "Not found", "NotFoundError", False),
    (413, "Request too large", "RequestTooLargeError", False),
    (422, "Invalid version or not permitted", "UnprocessableEntityError", False),
    (429, "Request was throttled", "RateLimitError", True),
    (500, "Internal server error", "InternalServerError", True),
    (503, "Service unavailable", "ServiceUnavailableError", True),
]


@pytest.mark.parametrize(("status", "title", "kind", "retryable"), KINDS)
def test_errors(status: int, title: str, kind: str, *, retryable: bool) -> None:
    """Each error has its class, its title and its words; what may pass can be tried again."""
    raw = {"title": title, "detail": "You may not.", "status": status, "retry_after": 7}
    made = WIRE.error(calling(), answered(raw, status))
    assert (type(made).__name__, made.status_code, made.type) == (kind, status, title)
    assert (made.message, made.retryable, made.retry_after) == ("You may not.", retryable, 7.0)


def test_when_to_come_again() -> None:
    """Where it is told in words only, the words are read."""
    text = "Request was throttled. Your rate limit resets in ~30s."
    made = WIRE.error(calling(), answered({"detail": text}, 429))
    assert (type(made), made.retry_after) == (llmkit.RateLimitError, 30.0)
    for never in (float("inf"), -1, True):
        assert WIRE.error(calling(), answered({"retry_after": never}, 429)).retry_after is None


def test_odd_errors() -> None:
    """A page is told as one; a body without a title, and one that is a list, are read all the same."""
    assert "base_url" in WIRE.error(calling(), answered(b"<html>Bad gateway</html>", 502)).message
    assert (
        WIRE.error(calling(), answered({"detail": "no", "retry_after": True}, 404)).retry_after
        is None
    )
    assert WIRE.error(calling(), answered([], 500)).status_code == 500


def test_reads_no_urls() -> None:
    """Pictures have no place in a prompt."""
    assert not WIRE.reads_url("https://x.test/a.png")


def test_what_a_prompt_has_no_place_for() -> None:
    """Speakers' names, marks, and what was thought or spoken are left out, and listed."""
    mark = {"type": "ephemeral"}
    said = [
        {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "a"}]},
        {"role": "assistant", "content": "b", "reasoning_content": "hm", "audio": {"id": "x"}},
        {"role": "user", "content": [{"type": "text", "text": "c", "cache_control": mark}]},
    ]
    assert changes(said) == [
        ("messages[0].name", "dropped"),
        ("messages[1].reasoning_content", "dropped"),
        ("messages[1].audio", "dropped"),
        ("messages[2].content[0].cache_control", "dropped"),
        ("messages", "emulated"),
    ]
