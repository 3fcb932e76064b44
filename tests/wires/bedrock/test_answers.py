"""Converse: answers in one piece and as streams, their usage, and what is kept of them; exceptions in a stream."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from llmkit import errors
from llmkit._eventstream import encoded
from llmkit._fold import fold
from llmkit._http import HTTPResponse

from ._made import CLAUDE, END, HI, answer, call, delta, exception, frame, request, wire

if TYPE_CHECKING:
    from llmkit.types.chat import ChatCompletion

SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"n": {}}}},
}
OLD = "anthropic.claude-3-haiku-20240307-v1:0"


def parsed(*content: Any, **more: Any) -> ChatCompletion:
    """An answer of these blocks, read."""
    return wire().parse(call(), answer(*content, **more))


def streamed(*frames: bytes, cut: int = 5, **params: Any) -> ChatCompletion:
    """The answer that these frames fold to, cut into small pieces."""
    decoder = wire().decoder(call(stream=True, **params))
    data = b"".join(frames)
    chunks = [c for at in range(0, len(data), cut) for c in decoder.feed(data[at : at + cut])]
    chunks += decoder.finish()
    assert decoder.done
    return fold(chunks)


CITATION = {
    "title": "facts",
    "sourceContent": [{"text": "It is "}, {"text": "so."}],
    "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 9}},
}
WEB = {"title": "w", "location": {"web": {"url": "https://w.test", "domain": "w.test"}}}
SERVER = {
    "toolUse": {"toolUseId": "s", "name": "nova_code", "input": {"x": 1}, "type": "server_tool_use"}
}
RESULT = {
    "toolResult": {
        "toolUseId": "s",
        "type": "r",
        "status": "success",
        "content": [{"json": {"y": 2}}],
    }
}


def test_a_plain_answer() -> None:
    """Text, reason, usage and latency are read; nothing is kept that OpenAI's fields say."""
    made = parsed({"text": "hello"}, stop="stop_sequence")
    (choice,) = made.choices
    assert (made.text, choice.finish_reason, choice["stop_reason"]) == (
        "hello",
        "stop",
        "stop_sequence",
    )
    assert made.usage is not None
    assert made.usage.model_dump() == {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "total_tokens": 14,
    }
    assert made["metrics"] == {"latencyMs": 5}
    assert (made.id, made.model) == ("call_0", CLAUDE)
    assert "provider_specific_fields" not in choice.message.model_dump()


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_tool_use", "malformed_tool_use"),
        (None, None),
    ],
)
def test_reasons(stop: str | None, finish: str | None) -> None:
    """Reasons become OpenAI's; those that it has no word for stay."""
    assert parsed({"text": "a"}, stopReason=stop).choices[0].finish_reason == finish


def test_usage_of_the_cache() -> None:
    """The prompt has what the cache was read from and written to; the ages of what was written are told."""
    usage = {
        "inputTokens": 10,
        "outputTokens": 5,
        "totalTokens": 115,
        "cacheReadInputTokens": 60,
        "cacheReadInputTokenCount": 60,
        "cacheWriteInputTokens": 40,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 30}, {"ttl": "5m", "inputTokens": 10}],
        "serverToolUsage": {"x": 1},
    }
    made = parsed({"text": "a"}, usage=usage).usage
    assert made is not None
    assert (made.prompt_tokens, made.completion_tokens, made.total_tokens) == (110, 5, 115)
    assert made.prompt_tokens_details is not None
    assert made.prompt_tokens_details.cached_tokens == made.cache_read_input_tokens == 60
    assert made.prompt_tokens_details.cache_write_tokens == made.cache_creation_input_tokens == 40
    assert made.cache_creation is not None
    assert made.cache_creation.ephemeral_1h_input_tokens == 30
    assert made.cache_creation.ephemeral_5m_input_tokens == 10
    assert made["serverToolUsage"] == {"x": 1}


def test_usage_that_is_odd() -> None:
    """What was not told stays unknown, sums are made where they can be, and nonsense is no count."""
    made = parsed({"text": "a"}, usage={"outputTokens": 5}).usage
    assert made is not None
    assert (made.prompt_tokens, made.total_tokens) == (None, None)
    made = parsed({"text": "a"}, usage={"inputTokens": 1, "outputTokens": 5}).usage
    assert made is not None
    assert made.total_tokens == 6
    odd = {"inputTokens": True, "cacheDetails": [3, {"ttl": "9d", "inputTokens": 1}]}
    made = parsed({"text": "a"}, usage=odd).usage
    assert made is not None
    assert made.prompt_tokens is None
    assert parsed({"text": "a"}, usage=None).usage is None


def test_what_stands_beside_an_answer() -> None:
    """Traces, tiers, additional fields are kept; a router says which model it chose."""
    trace = {
        "guardrail": {"modelOutput": ["x"]},
        "promptRouter": {"invokedModelId": "arn:a:b/amazon.nova-x"},
    }
    made = parsed(
        {"text": "a"},
        trace=trace,
        serviceTier={"type": "flex"},
        additionalModelResponseFields={"/s": 1},
        performanceConfig={"latency": "optimized"},
    )
    assert made["trace"] == trace
    assert made.service_tier == "flex"
    assert made["additionalModelResponseFields"] == {"/s": 1}
    assert made["performanceConfig"] == {"latency": "optimized"}
    assert made.model == "amazon.nova-x"


def test_what_a_router_chose_is_told_by_a_stream() -> None:
    """A stream through a router is the answer of the model that its last event names, as a whole answer is."""
    router = "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1"
    told = {"promptRouter": {"invokedModelId": "arn:a:b/amazon.nova-x"}}
    last = frame("metadata", usage={}, trace=told)
    assert streamed(delta(0, text="a"), END[0], last, model=router).model == "amazon.nova-x"
    assert streamed(delta(0, text="a"), *END).model == CLAUDE


def test_unknown_fields_of_a_message() -> None:
    """What a message has beside its role and its content is kept."""
    body = json.loads(answer({"text": "a"}).body)
    body["output"]["message"]["mood"] = "fine"
    made = wire().parse(call(), HTTPResponse(200, {}, json.dumps(body).encode()))
    assert made.choices[0].message["mood"] == "fine"


BLOCKS: tuple[tuple[dict[str, Any], ...], ...] = (
    (
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sg"}}},
        {"text": "hello"},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": "b"}}},
        {"toolUse": {"toolUseId": "u", "name": "g", "input": {}}},
    ),
    ({"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": "a"}),
    ({"reasoningContent": {"redactedContent": "AAEC"}}, {"text": "a"}),
    ({"text": "a "}, {"citationsContent": {"content": [{"text": "b"}], "citations": [CITATION]}}),
    ({"citationsContent": {"content": [{"text": "b"}], "citations": [WEB]}},),
    (SERVER, RESULT, {"text": "three"}),
    ({"image": {"format": "png", "source": {"bytes": "AAEC"}}}, {"text": "see"}),
    (
        {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://b/i"}}}},
        {"image": {"format": "png", "source": {}, "error": {"message": "withheld"}}},
    ),
    ({"text": "a"}, {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}, {"text": "b"}),
)


def as_frames(blocks: tuple[dict[str, Any], ...]) -> list[bytes]:
    """The same blocks as the service streams them."""
    made = [frame("messageStart", role="assistant")]
    for i, block in enumerate(blocks):
        ((name, value),) = block.items()
        made += _pieces(i, name, value)
        made.append(frame("contentBlockStop", contentBlockIndex=i))
    return made


def _pieces(i: int, name: str, value: Any) -> list[bytes]:
    if name == "text":
        return [delta(i, text=value[:1]), delta(i, text=value[1:])]
    if name == "citationsContent":
        cited = [delta(i, citation=c) for c in value["citations"]]
        return [*cited, *(delta(i, text=part["text"]) for part in value["content"])]
    if name == "reasoningContent":
        inner = value.get("reasoningText") or value
        return [delta(i, reasoningContent={key: piece}) for key, piece in inner.items()]
    head = {k: v for k, v in value.items() if k not in ("input", "content", "source", "error")}
    made = [frame("contentBlockStart", contentBlockIndex=i, start={name: head})]
    if name == "toolUse" and value["input"]:
        text = json.dumps(value["input"])
        made += [delta(i, toolUse={"input": text[:3]}), delta(i, toolUse={"input": text[3:]})]
    if name == "toolResult":
        made.append(delta(i, toolResult=value["content"]))
    if name == "image":
        made += [delta(i, image=piece) for piece in _picture(value)]
    return made


def _picture(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Bytes in pieces; all else at once, apart from what the beginning has told."""
    if "bytes" in value["source"]:
        return [{"source": {"bytes": piece}} for piece in ("AAE=", "Ag==")]
    return [{name: part for name, part in value.items() if name != "format"}]


@pytest.mark.parametrize(
    "blocks", BLOCKS, ids=[next(iter(b[0])) + str(i) for i, b in enumerate(BLOCKS)]
)
@pytest.mark.parametrize("cut", [1, 13, 10_000])
def test_a_stream_says_what_the_whole_answer_says(
    blocks: tuple[dict[str, Any], ...], cut: int
) -> None:
    """Folding a stream gives what parsing the answer in one piece gives, block by block."""
    whole = parsed(*blocks).choices[0].message.to_dict()
    folded = streamed(*as_frames(blocks), *END, cut=cut).choices[0].message.to_dict()
    for made in (whole, folded):
        for entry in made.get("tool_calls", ()):
            entry["function"]["arguments"] = json.loads(entry["function"]["arguments"])
    assert folded == whole


def test_annotations() -> None:
    """A citation of a document and one of a page say which part of the text they support."""
    message = parsed(*BLOCKS[3]).choices[0].message
    assert message.annotations == [
        {
            "type": "file_citation",
            "file_citation": {
                **CITATION,
                "start_index": 2,
                "end_index": 3,
                "cited_text": "It is so.",
            },
        }
    ]
    (note,) = parsed(*BLOCKS[4]).choices[0].message.annotations or ()
    assert note["url_citation"]["url"] == "https://w.test"


def test_the_providers_own_tools_are_no_calls() -> None:
    """A tool that ran there is kept, with its result, and asks nothing of the caller."""
    message = parsed(*BLOCKS[5]).choices[0].message
    assert message.tool_calls is None
    assert message["provider_specific_fields"] == {"converse_content": list(BLOCKS[5])}


def test_odd_blocks_raise_nothing() -> None:
    """Blocks that nobody knows, or with the wrong insides, are survived and kept."""
    odd: list[Any] = [
        {"hologram": {"x": 1}},
        {"reasoningContent": {}},
        {"citationsContent": {"content": 3, "citations": [3, {"sourceContent": 3}]}},
        {"image": {"source": 3}},
        {"toolUse": 3},
        "a text",
    ]
    made = parsed({"text": "a"}, *odd)
    assert made.text == "a"


def test_an_emulated_answer() -> None:
    """The call of our own tool is the text, whole and streamed, and the end of the answer."""
    use = {"toolUse": {"toolUseId": "t", "name": "answer_in_json", "input": {"n": 1}}}
    asked = call(OLD, response_format=SCHEMA)
    whole = wire().parse(asked, answer(use, stop="tool_use"))
    assert (whole.text, whole.choices[0].finish_reason) == ('{"n":1}', "stop")
    stop = frame("messageStop", stopReason="tool_use")
    folded = streamed(*as_frames((use,)), stop, END[1], model=OLD, response_format=SCHEMA)
    assert (folded.text, folded.choices[0].finish_reason) == ('{"n": 1}', "stop")
    assert folded.choices[0].message.tool_calls is None
    assert "provider_specific_fields" not in folded.choices[0].message.model_dump()


# --- streams ------------------------------------------------------------------------------------


def test_usage_and_traces_of_a_stream() -> None:
    """They come with the last event, and are the answer's."""
    usage = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7, "cacheReadInputTokens": 2}
    last = frame(
        "metadata", usage=usage, metrics={"latencyMs": 9}, trace={"guardrail": {}}, p="abc"
    )
    made = streamed(delta(0, text="a"), END[0], last)
    assert made.usage is not None
    assert made.usage.prompt_tokens == 5
    assert made["metrics"] == {"latencyMs": 9}
    assert made["trace"] == {"guardrail": {}}
    assert "p" not in made.model_dump()


def test_a_stream_without_its_last_events() -> None:
    """Usage may be missing, and stops of blocks; the end may not."""
    made = streamed(delta(0, text="a"), END[0])
    assert (made.text, made.usage) == ("a", None)
    with pytest.raises(errors.StreamInterruptedError):
        streamed(delta(0, text="a"))


def test_what_nobody_knows_is_passed_over() -> None:
    """Events, starts and deltas of unknown kinds raise nothing; what follows the end is not looked at."""
    made = streamed(
        frame("somethingNew", x=1),
        frame("contentBlockStart", contentBlockIndex=0, start={"hologram": {}}),
        delta(0, hologram={"x": 1}),
        delta(0, text="a"),
        frame("contentBlockStop", contentBlockIndex=7),
        encoded({":event-type": "messageStart", ":message-type": "event"}, b"[1]"),
        *END,
        delta(0, text="late"),
    )
    assert made.text == "a"


def test_arguments_that_were_cut_off() -> None:
    """Arguments that are no JSON are given as they came, and not kept as blocks."""
    start = frame(
        "contentBlockStart", contentBlockIndex=0, start={"toolUse": {"toolUseId": "t", "name": "f"}}
    )
    cut = frame("messageStop", stopReason="max_tokens")
    made = streamed(start, delta(0, toolUse={"input": '{"a": "b'}), delta(1, text="x"), cut)
    (use,) = made.choices[0].message.tool_calls or ()
    assert use.function.arguments == '{"a": "b'
    assert "provider_specific_fields" not in made.choices[0].message.model_dump()


def test_a_redacted_block_in_odd_pieces() -> None:
    """Pieces that are no base64 each are put together as texts."""
    pieces = [delta(0, reasoningContent={"redactedContent": piece}) for piece in ("A", "B")]
    made = streamed(*pieces, *END)
    assert made.choices[0].message.thinking_blocks == [{"type": "redacted_thinking", "data": "AB"}]


@pytest.mark.parametrize(
    ("name", "kind", "retryable"),
    [
        ("throttlingException", errors.RateLimitError, True),
        ("serviceUnavailableException", errors.ServiceUnavailableError, True),
        ("internalServerException", errors.InternalServerError, True),
        ("modelStreamErrorException", errors.APIStatusError, True),
        ("validationException", errors.BadRequestError, False),
        ("somethingException", errors.APIError, False),
    ],
)
def test_exceptions_in_a_stream(name: str, kind: type[errors.APIError], *, retryable: bool) -> None:
    """An exception in a stream is raised as what its name says."""
    with pytest.raises(errors.APIError) as caught:
        streamed(delta(0, text="a"), exception(name, message="went wrong"))
    assert type(caught.value) is kind
    assert caught.value.retryable == retryable
    assert caught.value.code == name[0].upper() + name[1:]
    assert caught.value.message == "went wrong"


def test_errors_and_odd_exceptions_in_a_stream() -> None:
    """An error frame has its words in headers; a body that is no JSON is shown as text."""
    error = {
        ":message-type": "error",
        ":error-code": "ThrottlingException",
        ":error-message": "slow",
    }
    with pytest.raises(errors.RateLimitError, match="slow"):
        streamed(encoded(error, b""))
    inside = error | {":error-code": "InternalError"}
    with pytest.raises(errors.InternalServerError, match="slow"):
        streamed(encoded(inside, b""))
    odd = {":message-type": "exception"}
    with pytest.raises(errors.InternalServerError, match="plain words"):
        streamed(encoded(odd, b"plain words"))


@pytest.mark.parametrize(
    "data",
    [b"data: {}\n\n", b"\x00" * 40, frame("messageStart", role="assistant")[:-1] + b"x"],
)
def test_bytes_that_are_no_frames(data: bytes) -> None:
    """Other bytes are an answer that cannot be read."""
    with pytest.raises(errors.APIResponseValidationError, match="no event stream"):
        streamed(data)


def test_an_event_that_is_no_json() -> None:
    """A frame whose payload is broken is an answer that cannot be read."""
    with pytest.raises(errors.APIResponseValidationError, match="not JSON"):
        streamed(encoded({":event-type": "messageStop", ":message-type": "event"}, b"{"))


def test_a_host_that_does_not_stream() -> None:
    """An answer in one piece is a stream of one chunk."""
    made = streamed(answer(BLOCKS[0][1], BLOCKS[0][2], stop="tool_use").body)
    assert made.text == "hello"
    assert made.choices[0].finish_reason == "tool_calls"
    assert [use.id for use in made.choices[0].message.tool_calls or ()] == ["t"]


def test_time_is_linear() -> None:
    """Eight times the pieces take about eight times as long."""

    def seconds(count: int) -> float:
        data = b"".join((*(delta(0, text="word") for _ in range(count)), *END))
        best = float("inf")
        for _ in range(3):
            decoder = wire().decoder(call(stream=True))
            begun = time.process_time()
            for at in range(0, len(data), 64):
                list(decoder.feed(data[at : at + 64]))
            list(decoder.finish())
            best = min(best, time.process_time() - begun)
        return best

    small = seconds(100)
    assert seconds(800) < 8 * small * 3 + 0.02


# --- answers that are none, and errors -----------------------------------------------------------


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"{}", b'{"output": {}}', b'{"output"'])
def test_answers_that_are_none(body: bytes) -> None:
    """What is no answer is an error of its own."""
    with pytest.raises(errors.APIResponseValidationError):
        wire().parse(call(), HTTPResponse(200, {}, body))


@pytest.mark.parametrize(
    "body",
    [
        {"__type": "com.amazon.coral.service#ThrottlingException", "message": "slow"},
        {"__type": "ThrottlingException", "Message": "slow"},
        {"code": "ThrottlingException", "message": "slow"},
    ],
)
def test_an_error_inside_a_200(body: dict[str, Any]) -> None:
    """An error in a body of status 200 is raised as what it says it is."""
    with pytest.raises(errors.RateLimitError, match="slow"):
        wire().parse(call(), HTTPResponse(200, {}, json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (
            400,
            "ValidationException",
            "The provided model identifier is invalid.",
            errors.BadRequestError,
        ),
        (
            400,
            "ValidationException",
            "Input is too long for requested model.",
            errors.ContextWindowExceededError,
        ),
        (
            400,
            "ValidationException",
            "The model returned the following errors: prompt is too long: 9 tokens > 8 maximum",
            errors.ContextWindowExceededError,
        ),
        (
            400,
            "ValidationException",
            "This model's maximum context length is 8192 tokens.",
            errors.ContextWindowExceededError,
        ),
        (
            400,
            "ValidationException",
            "This request has been blocked by our content filters.",
            errors.ContentPolicyViolationError,
        ),
        (
            400,
            "ValidationException",
            "input length and `max_tokens` exceed context limit: 9 + 8 > 16",
            errors.ContextWindowExceededError,
        ),
        (
            400,
            "ValidationException",
            "Malformed input request: string [a] exceeds maximum length 5, please reformat your input",
            errors.BadRequestError,
        ),
        (400, "ServiceQuotaExceededException", "too much", errors.RateLimitError),
        (403, "", "Bearer Token has expired", errors.AuthenticationError),
        (403, "", "User is not authorized to use a bearer token", errors.PermissionDeniedError),
        (
            403,
            "AccessDeniedException",
            "You don't have access to the model.",
            errors.PermissionDeniedError,
        ),
        (
            403,
            "UnrecognizedClientException",
            "The security token is invalid.",
            errors.AuthenticationError,
        ),
        (403, "ExpiredTokenException", "expired", errors.AuthenticationError),
        (403, "InvalidSignatureException", "Signature expired", errors.AuthenticationError),
        (404, "ResourceNotFoundException", "gone", errors.NotFoundError),
        (408, "ModelTimeoutException", "slow", errors.InternalServerError),
        (413, "", "Request Entity Too Large", errors.RequestTooLargeError),
        (424, "ModelErrorException", "odd", errors.APIStatusError),
        (
            429,
            "ThrottlingException",
            "Too many tokens, please wait before trying again.",
            errors.RateLimitError,
        ),
        (429, "ModelNotReadyException", "Model is not ready", errors.RateLimitError),
        (500, "InternalServerException", "oops", errors.InternalServerError),
        (
            503,
            "ServiceUnavailableException",
            "Bedrock is unable to process",
            errors.ServiceUnavailableError,
        ),
        (529, "", "overloaded", errors.OverloadedError),
    ],
)
def test_errors(status: int, name: str, message: str, kind: type[errors.APIError]) -> None:
    """Errors are of the class that their name, their status or their text says."""
    headers = {"x-amzn-requestid": "r-1"}
    if name:
        headers["x-amzn-errortype"] = f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"
    body = json.dumps({"message": message}).encode()
    error = wire().error(call(), HTTPResponse(status, headers, body))
    assert type(error) is kind
    assert (error.status_code, error.code, error.request_id) == (status, name or None, "r-1")
    assert error.message == message
    assert error.retryable == (
        status in (408, 429, 500, 503, 529) or name == "ServiceQuotaExceededException"
    )


def test_a_days_tokens_do_not_come_back() -> None:
    """A limit by the day is no reason to try again in a moment."""
    body = b'{"message": "Too many tokens per day, please wait before trying again."}'
    error = wire().error(
        call(), HTTPResponse(429, {"x-amzn-errortype": "ThrottlingException"}, body)
    )
    assert isinstance(error, errors.RateLimitError)
    assert not error.retryable


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html><body>Bad gateway</body></html>", "Bad gateway"),
        (b'["x"]', "x"),
        (b'{"error": {"message": "a proxy says no"}}', "a proxy says no"),
        (b'{"__type": "x#InternalFailure"}', "InternalFailure and no message"),
        (b"", "502"),
    ],
)
def test_bodies_that_are_not_awss(body: bytes, says: str) -> None:
    """A proxy's page or another form of error is read as far as it can be."""
    error = wire().error(call(), HTTPResponse(502, {}, body))
    assert isinstance(error, errors.BadGatewayError)
    assert says in error.message


def test_media_that_are_read_there() -> None:
    """Only objects in S3 are read by the provider."""
    assert wire().reads_url("s3://b/x.png")
    assert not wire().reads_url("https://x.test/a.png")


def test_the_request_is_the_same_each_time() -> None:
    """Writing a call changes nothing of what the caller gave."""
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "a"}]}, *HI]
    asked = call(CLAUDE, messages)
    assert request(asked) == request(asked)
    assert messages == [{"role": "user", "content": [{"type": "text", "text": "a"}]}, *HI]
