"""watsonx.ai's text completions: requests, answers, streams, errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit._calls import TextCall
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.types.text import TextCompletion, TextCompletionChunk
from llmkit.wires.watsonx.text import TEXTS

from .test_wire import problem

TO = Endpoint("https://wx.test", query={"version": "v", "space_id": "s1"})


def calling(
    prompt: Any = "Once",
    *,
    model: str = "ibm/g",
    stream: bool = False,
    drop: bool = False,
    extra: Any = None,
    **params: Any,
) -> TextCall:
    """A call of a provider that nobody knows."""
    return TextCall(
        id="call_1",
        provider="acme",
        model=model,
        prompt=prompt,
        params=params,
        stream=stream,
        drop_params=drop,
        extra_body=extra or {},
        allowed=frozenset({"suffix"}),
    )


def request(prompt: Any = "Once", **options: Any) -> HTTPRequest:
    """The request that a call becomes."""
    return TEXTS.build(calling(prompt, **options), TO)


def body(**options: Any) -> Any:
    """Its body."""
    return json.loads(request(**options).body)


def answer(
    text: str = "Hi", made: int = 3, read: int = 2, reason: str = "eos_token"
) -> dict[str, Any]:
    """An answer, or an event of a stream."""
    result = {
        "generated_text": text,
        "generated_token_count": made,
        "input_token_count": read,
        "stop_reason": reason,
    }
    return {"model_id": "ibm/g", "created_at": "2025-06-24T15:30:13.500Z", "results": [result]}


def parse(data: Any) -> TextCompletion:
    """What an answer's JSON says."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return TEXTS.parse(calling(), HTTPResponse(200, body=raw))


def sse(*events: Any, name: str = "message") -> bytes:
    """Events as the service frames them."""
    framed = (
        f"id: {i}\nevent: {name}\ndata: {json.dumps(e, ensure_ascii=False)}\n\n"
        for i, e in enumerate(events)
    )
    return "".join(framed).encode()


def decode(raw: bytes, size: int = 0) -> tuple[list[TextCompletionChunk], TextCompletion]:
    """The chunks of a stream whose bytes come in such pieces, and the whole."""
    decoder = TEXTS.decoder(calling(stream=True))
    step = size or max(1, len(raw))
    chunks = [c for at in range(0, len(raw), step) for c in decoder.feed(raw[at : at + step])]
    chunks += decoder.finish()
    assert decoder.done
    return chunks, decoder.result()


def test_requests() -> None:
    """A prompt, parameters in a group of their own, and sampling where anything is said of it."""
    assert request().url == "https://wx.test/ml/v1/text/generation?version=v"
    assert request(stream=True).url == "https://wx.test/ml/v1/text/generation_stream?version=v"
    assert body() == {"model_id": "ibm/g", "space_id": "s1", "input": "Once"}
    assert body(model="deployment/d1") == {"input": "Once"}
    assert body(max_tokens=3, stop="x")["parameters"] == {
        "max_new_tokens": 3,
        "stop_sequences": ["x"],
    }
    made = body(temperature=0.5, top_p=0.9, top_k=3, seed=1)["parameters"]
    assert made == {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "random_seed": 1,
        "decoding_method": "sample",
    }
    listed = [(a.parameter, a.change) for a in request(temperature=0.5).adjustments]
    assert listed == [("decoding_method", "defaulted")]
    assert body(extra={"parameters": {"min_new_tokens": 1}})["parameters"] == {"min_new_tokens": 1}
    assert body(n=1, best_of=1, echo=False, stream_options={}) == body()
    assert body(suffix="x")["parameters"] == {"suffix": "x"}


def test_what_is_refused() -> None:
    """Several prompts, and what there is no field for, are told before anything is sent."""
    for prompt in (["a", "b"], [1, 2]):
        with pytest.raises(llmkit.InvalidRequestError):
            request(prompt)
    for name, value in (("n", 2), ("logprobs", 1), ("presence_penalty", 1.0), ("user", "me")):
        with pytest.raises(llmkit.UnsupportedParamsError, match=name):
            request(**{name: value})
        assert body(drop=True, **{name: value}) == body()


def test_an_answer() -> None:
    """Text, reason and counts come in OpenAI's form; the rest is kept."""
    made = parse({**answer(), "system": {"warnings": []}})
    assert (made.text, made.choices[0].finish_reason) == ("Hi", "stop")
    assert (made.id, made.model, made.created) == ("call_1", "ibm/g", 1750779013)
    assert made.usage is not None
    assert made.usage.to_dict() == {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    assert made["system"] == {"warnings": []}
    for reason, ours in (
        ("max_tokens", "length"),
        ("token_limit", "length"),
        ("stop_sequence", "stop"),
        ("time_limit", "time_limit"),
    ):
        assert parse(answer(reason=reason)).choices[0].finish_reason == ours
    odd = parse({"results": [{"generated_text": 3, "input_token_count": 2}]})
    assert (odd.text, odd.usage and odd.usage.total_tokens) == ("", None)
    assert parse({"results": []}).usage is None


STREAM = (
    {**answer("", 0, 68, "not_finished"), "system": {"warnings": []}},
    answer("Grü", 1, 0, "not_finished"),
    {"system": {"warnings": [{"id": "late"}]}},
    answer("ße", 2, 0, "max_tokens"),
)


def test_a_stream() -> None:
    """Counts grow, the prompt is counted at first; the whole is what the pieces add up to, however cut."""
    raw = sse(*STREAM)
    chunks, whole = decode(raw)
    wanted = [chunk.model_dump() for chunk in chunks]
    for size in range(1, len(raw), 3):
        assert [chunk.model_dump() for chunk in decode(raw, size)[0]] == wanted
    assert [chunk.text for chunk in chunks] == ["", "Grü", "ße"]
    assert (whole.text, whole.choices[0].finish_reason) == ("Grüße", "length")
    assert whole.usage is not None
    assert whole.usage.to_dict() == {
        "prompt_tokens": 68,
        "completion_tokens": 2,
        "total_tokens": 70,
    }
    assert chunks[-1].usage == whole.usage
    assert decode(raw + sse(answer("more")))[1].text == "Grüße"
    assert decode(json.dumps(answer()).encode())[1].text == "Hi"


BROKEN: list[tuple[bytes, str]] = [
    (sse(*STREAM[:2]), "StreamInterruptedError"),
    (b"", "StreamInterruptedError"),
    (b"nothing of this kind", "APIResponseValidationError"),
    (b"<html>", "APIResponseValidationError"),
    (b"data: {\n\n", "APIResponseValidationError"),
    (sse(STREAM[0], problem(500, "downstream_request_failed")), "InternalServerError"),
    (sse(problem(429, "consumption_limit_reached"), name="error"), "RateLimitError"),
    (json.dumps(problem(401, "authentication_token_expired")).encode(), "AuthenticationError"),
]


@pytest.mark.parametrize(("raw", "kind"), BROKEN)
def test_streams_that_break(raw: bytes, kind: str) -> None:
    """A stream that ends early, is something else, or has an error in it raises what fits."""
    for size in (0, 1, 5):
        with pytest.raises(llmkit.APIError) as caught:
            decode(raw, size)
        assert type(caught.value).__name__ == kind


def test_an_event_without_end() -> None:
    """An event that grows beyond all bounds is not gathered for ever; nothing had come before it."""
    decoder = TEXTS.decoder(calling(stream=True))
    assert decoder.result().choices == []
    decoder._sse._limit = 100
    with pytest.raises(llmkit.APIResponseValidationError, match="more than 100 bytes"):
        list(decoder.feed(b"data: " + b"x" * 200))


def test_errors() -> None:
    """They have their classes, with a status and inside a 200."""
    told = json.dumps(problem(404, "model_not_supported")).encode()
    assert isinstance(TEXTS.error(calling(), HTTPResponse(404, body=told)), llmkit.NotFoundError)
    with pytest.raises(llmkit.NotFoundError):
        parse(told)
    for raw in (b"<html>", b"[]", b"{}"):
        with pytest.raises(llmkit.APIResponseValidationError):
            parse(raw)
