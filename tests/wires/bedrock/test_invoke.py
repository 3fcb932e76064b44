"""InvokeModel: makers' bodies in AWS's envelope, what the envelope changes, and what comes back in it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from llmkit import errors, providers
from llmkit._call import ChatCall
from llmkit._eventstream import encoded
from llmkit._fold import fold
from llmkit._http import HTTPResponse

from ._made import HERE, HI

BEDROCK = providers.get("bedrock")
CLAUDE, NOVA, OSS = (
    "invoke/us.anthropic.claude-sonnet-4-6",
    "invoke/amazon.nova-lite-v1:0",
    "invoke/openai.gpt-oss-20b-1:0",
)


def wire(model: str) -> Any:
    """The wire for a model."""
    return BEDROCK.family_of(model).chat


def call(model: str, messages: Any = HI, **params: Any) -> ChatCall:
    """A call."""
    options = {n: params.pop(n) for n in ("stream", "extra_body") if n in params}
    return ChatCall("call_0", "bedrock", model, messages, params=params, **options)


def written(model: str, messages: Any = HI, **params: Any) -> dict[str, Any]:
    """The body of a call."""
    body: dict[str, Any] = json.loads(wire(model).build(call(model, messages, **params), HERE).body)
    return body


def chunk(event: Any) -> bytes:
    """A frame with a maker's event."""
    inner = event if isinstance(event, bytes) else json.dumps(event).encode()
    payload = json.dumps({"bytes": base64.b64encode(inner).decode(), "p": "abc"}).encode()
    return encoded({":event-type": "chunk", ":message-type": "event"}, payload)


def streamed(model: str, *frames: bytes) -> Any:
    """What these frames fold to."""
    decoder = wire(model).decoder(call(model, stream=True))
    data = b"".join(frames)
    chunks = [c for at in range(0, len(data), 9) for c in decoder.feed(data[at : at + 9])]
    chunks += decoder.finish()
    assert decoder.done
    return fold(chunks)


def test_claude() -> None:
    """Version and betas stand in the body, model and stream in the path."""
    asked = call(CLAUDE, stream=True, max_tokens=5)
    made = wire(CLAUDE).build(asked, HERE)
    assert made.url.endswith("/model/us.anthropic.claude-sonnet-4-6/invoke-with-response-stream")
    assert made.headers["accept"] == "application/vnd.amazon.eventstream"
    assert json.loads(made.body) == {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "hi"}],
    }
    parts = [{"type": "file", "file": {"file_id": "file_1"}}, {"type": "text", "text": "x"}]
    body = written(
        CLAUDE, [{"role": "user", "content": parts}], extra_body={"anthropic_beta": ["mine"]}
    )
    assert body["anthropic_beta"][0] == "mine"
    assert len(body["anthropic_beta"]) > 1
    assert not wire(CLAUDE).reads_url("https://x.test/a.png")


def test_nova() -> None:
    """The fields beside Converse's stand in the body, under a version."""
    made = wire(NOVA).build(call(NOVA, top_k=5, temperature=0.5), HERE)
    assert made.url.endswith("/model/amazon.nova-lite-v1%3A0/invoke")
    body = json.loads(made.body)
    assert body["inferenceConfig"] == {"temperature": 0.5, "topK": 5}
    assert body["schemaVersion"] == "messages-v1"
    extra = {"additionalModelRequestFields": {"x": 1}, "schemaVersion": "messages-v2"}
    body = written(NOVA, extra_body=extra)
    assert (body["x"], body["schemaVersion"]) == (1, "messages-v2")
    assert wire(NOVA).reads_url("s3://b/x")


def test_openais() -> None:
    """A body in OpenAI's form names the model without its route."""
    assert written(OSS, seed=3) == {
        "model": "openai.gpt-oss-20b-1:0",
        "messages": [{"role": "user", "content": "hi"}],
        "seed": 3,
    }


def test_coheres() -> None:
    """A stream whose own form is lines is read as lines; model and stream are said by the path."""
    model = "invoke/cohere.command-r-v1:0"
    assert written(model, stream=True) == {"message": "hi"}
    end = {
        "event_type": "stream-end",
        "is_finished": True,
        "finish_reason": "COMPLETE",
        "response": {"text": "hey", "generation_id": "g"},
        "amazon-bedrock-invocationMetrics": METRICS,
    }
    said = {"event_type": "text-generation", "text": "hey", "is_finished": False}
    made = streamed(model, chunk(said), chunk(end))
    assert (made.text, made.choices[0].finish_reason) == ("hey", "stop")


def test_jambas() -> None:
    """OpenAI's form, without the model's name, which the path says."""
    model = "invoke/ai21.jamba-1-5-mini-v1:0"
    hi = [{"role": "user", "content": "hi"}]
    assert written(model, max_tokens=5) == {"messages": hi, "max_tokens": 5}
    assert written(model, stream=True) == {"messages": hi}


def test_makers_without_a_chat() -> None:
    """Models that only continue texts have no chat there: Converse gives them one."""
    assert wire("invoke/amazon.titan-text-lite-v1") is None
    assert wire("invoke/us.deepseek.r1-v1:0") is None
    assert wire("invoke/deepseek.v3-v1:0") is not None
    assert BEDROCK.family_of("amazon.titan-text-lite-v1").chat is not None


START = {
    "type": "message_start",
    "message": {"id": "m", "model": "c", "usage": {"input_tokens": 3}},
}
METRICS = {"inputTokenCount": 3, "outputTokenCount": 2, "invocationLatency": 9}


def test_a_stream_of_claudes() -> None:
    """Events are read by the maker's own decoder; what AWS added is kept with the answer."""
    made = streamed(
        CLAUDE,
        chunk(START),
        chunk(
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            }
        ),
        chunk(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "hey"},
            }
        ),
        chunk({"type": "content_block_stop", "index": 0}),
        encoded({":event-type": "somethingNew", ":message-type": "event"}, b"{}"),
        chunk(
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": 2},
            }
        ),
        chunk({"type": "message_stop", "amazon-bedrock-invocationMetrics": METRICS}),
    )
    assert made.text == "hey"
    assert made.usage.prompt_tokens == 3
    assert made["amazon-bedrock-invocationMetrics"] == METRICS


@pytest.mark.parametrize("counts", [METRICS, {"inputTokenCount": 3}, "odd"])
def test_counts_of_awss_own(counts: Any) -> None:
    """Where the maker told no usage, AWS's counts stand for it."""
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    made = streamed(
        OSS,
        chunk({"id": "x", "choices": [{"index": 0, "delta": {"content": "hey"}}]}),
        chunk({**last, "amazon-bedrock-invocationMetrics": counts}),
    )
    assert made.text == "hey"
    if counts is METRICS:
        assert made.usage.total_tokens == 5
    else:
        assert made.usage is None or made.usage.total_tokens is None


def test_a_stream_of_novas() -> None:
    """Converse's events come by their names; words as blocks of their own are one text."""
    made = streamed(
        NOVA,
        chunk({"messageStart": {"role": "assistant"}}),
        chunk({"contentBlockDelta": {"delta": {"text": "a"}, "contentBlockIndex": 0}}),
        chunk({"contentBlockStop": {"contentBlockIndex": 0}}),
        chunk({"contentBlockDelta": {"delta": {"text": "b"}, "contentBlockIndex": 1}}),
        chunk([1]),
        chunk({"messageStop": {"stopReason": "end_turn"}, "odd": 3}),
        encoded({":event-type": "somethingNew", ":message-type": "event"}, b"{}"),
        chunk({"metadata": {"usage": {"inputTokens": 1, "outputTokens": 2}}}),
    )
    assert (made.text, made.model) == ("ab", "amazon.nova-lite-v1:0")
    assert made.usage.total_tokens == 3
    assert "provider_specific_fields" not in made.choices[0].message.model_dump()


@pytest.mark.parametrize("model", [CLAUDE, NOVA])
def test_streams_that_break(model: str) -> None:
    """Exceptions, frames without events, broken events and early ends are errors, each of its own kind."""
    slow = {":exception-type": "throttlingException", ":message-type": "exception"}
    with pytest.raises(errors.RateLimitError):
        streamed(model, encoded(slow, b'{"message": "slow"}'))
    for payload in (b"{}", b"[]", b"x", b'{"bytes": "?"}'):
        with pytest.raises(errors.APIResponseValidationError, match="no event in it"):
            streamed(model, encoded({":event-type": "chunk", ":message-type": "event"}, payload))
    with pytest.raises(errors.APIResponseValidationError, match="not JSON"):
        streamed(model, chunk(b"{"))
    with pytest.raises(errors.StreamInterruptedError):
        streamed(model)


def test_hosts_that_do_not_stream() -> None:
    """An answer in one piece is a stream of one chunk."""
    message = {"id": "m", "type": "message", "content": [{"type": "text", "text": "hey"}]}
    body = json.dumps({**message, "stop_reason": "end_turn", "usage": {"input_tokens": 1}}).encode()
    assert streamed(CLAUDE, body).text == "hey"
    inner = {"message": {"content": [{"text": "hey"}]}}
    nova = json.dumps({"output": inner, "stopReason": "end_turn"}).encode()
    assert streamed(NOVA, nova).text == "hey"


def test_what_aws_adds_to_broken_events() -> None:
    """An event that is no JSON, and speaks of AWS's own fields, breaks nothing by itself."""
    with pytest.raises(errors.APIResponseValidationError):
        streamed(CLAUDE, chunk(b'{"amazon-bedrock-x'))


@pytest.mark.parametrize("model", [CLAUDE, NOVA, OSS])
def test_errors(model: str) -> None:
    """Errors are AWS's, whatever the body was."""
    headers = {"x-amzn-errortype": "AccessDeniedException:http://x"}
    error = wire(model).error(call(model), HTTPResponse(403, headers, b'{"message": "no"}'))
    assert type(error) is errors.PermissionDeniedError
    assert error.code == "AccessDeniedException"
