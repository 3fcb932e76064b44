"""Ollama's embeddings, in both of its forms and in OpenAI's: requests, answers, errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit._calls import EmbeddingCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.types.embedding import EmbeddingResponse
from llmkit.wires import Step
from llmkit.wires.ollama_embed import OLLAMA_EMBED

NEW = "http://box.test:11434"
OLDER = f"{NEW}/api/embeddings"


def calling(*inputs: Any, drop: bool = False, extra: Any = None, **params: Any) -> EmbeddingCall:
    """A call of a provider that nobody knows."""
    return EmbeddingCall(
        id="call_1",
        provider="acme",
        model="tiny",
        inputs=inputs or ("a",),
        params=params,
        drop_params=drop,
        extra_body=extra or {},
        allowed=frozenset({"user"}),
    )


def body(*inputs: Any, base: str = NEW, **options: Any) -> Any:
    """The body of the request that a call becomes."""
    return json.loads(OLLAMA_EMBED.build(calling(*inputs, **options), Endpoint(base)).body)


def parse(data: Any) -> EmbeddingResponse:
    """What an answer's JSON says."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return OLLAMA_EMBED.parse(calling(), HTTPResponse(200, body=raw))


def test_requests() -> None:
    """One text goes as a text, several as a list; lengths and cuts have the server's names."""
    made = OLLAMA_EMBED.build(calling("a"), Endpoint(f"{NEW}/"))
    assert (made.method, made.url) == ("POST", f"{NEW}/api/embed")
    assert body("a") == {"model": "tiny", "input": "a"}
    assert body("a", "b")["input"] == ["a", "b"]
    made_with = body("a", dimensions=8, truncation=False, encoding_format="float")
    assert made_with == {"model": "tiny", "input": "a", "dimensions": 8, "truncate": False}
    assert body("a", truncation="END")["truncate"] is True
    with pytest.raises(llmkit.UnsupportedParamsError, match="truncation"):
        body("a", truncation="START")
    assert body("a", extra={"keep_alive": 0, "options": {"num_ctx": 9}})["keep_alive"] == 0
    assert body("a", user="me")["user"] == "me"


def test_the_older_form() -> None:
    """An address that ends in it gets one text a request, and one answer is made of all."""
    call = calling("a", "b")
    steps = OLLAMA_EMBED.steps(call, Endpoint(OLDER))
    step = next(steps)
    for text, vector in (("a", [1.0]), ("b", [2.0])):
        assert isinstance(step, Step)
        assert step.request.url == OLDER
        assert json.loads(step.request.body) == {"model": "tiny", "prompt": text}
        try:
            step = steps.send(HTTPResponse(200, body=json.dumps({"embedding": vector}).encode()))
        except StopIteration as done:
            answer = done.value
    assert answer.vectors == [[1.0], [2.0]]
    assert [item.index for item in answer.data] == [0, 1]
    assert (answer.model, answer.usage) == ("tiny", None)


def test_one_request_is_enough() -> None:
    """The newer form takes all texts at once."""
    steps = OLLAMA_EMBED.steps(calling("a", "b"), Endpoint(NEW))
    assert json.loads(next(steps).request.body)["input"] == ["a", "b"]
    with pytest.raises(StopIteration) as done:
        steps.send(HTTPResponse(200, body=b'{"embeddings": [[1], [2]], "prompt_eval_count": 4}'))
    assert done.value.value.usage.prompt_tokens == 4


def test_the_openai_form() -> None:
    """An address that ends in /v1 is spoken to, and answers, in OpenAI's form."""
    made = OLLAMA_EMBED.build(calling("a"), Endpoint(f"{NEW}/v1"))
    assert made.url == f"{NEW}/v1/embeddings"
    data = [{"object": "embedding", "index": 0, "embedding": [1.0]}]
    assert parse({"object": "list", "data": data, "model": "m"}).vectors == [[1.0]]


@pytest.mark.parametrize(
    ("name", "value"),
    [("encoding_format", "base64"), ("input_type", "query"), ("output_dtype", "int8")],
)
def test_what_is_refused(name: str, value: Any) -> None:
    """What the server has no field for is refused, or dropped and listed."""
    with pytest.raises(llmkit.UnsupportedParamsError, match=name):
        body("a", **{name: value})
    made = OLLAMA_EMBED.build(calling("a", drop=True, **{name: value}), Endpoint(NEW))
    assert [(a.parameter, a.change) for a in made.adjustments] == [(name, "dropped")]


def test_tokens_are_refused() -> None:
    """Token ids are no texts."""
    with pytest.raises(llmkit.InvalidRequestError, match=r"input\[1\]"):
        body("a", [1, 2])


def test_answers() -> None:
    """Vectors keep their order, counts are the prompt's, and what else came is kept."""
    made = parse(
        {"model": "m", "embeddings": [[1, 2], [3, 4]], "prompt_eval_count": 7, "load_duration": 1}
    )
    assert made.vectors == [[1, 2], [3, 4]]
    assert made.usage is not None
    assert (made.model, made.usage.prompt_tokens, made.usage.total_tokens) == ("m", 7, 7)
    assert made["load_duration"] == 1
    assert "prompt_eval_count" not in made
    counted = made.counted()
    assert counted is not None
    assert (counted.prompt_tokens, counted.completion_tokens) == (7, 0)
    assert parse({"embeddings": [[1]]}).usage is None


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"{}", b'{"embeddings": 3}', b"half"])
def test_answers_that_are_none(raw: bytes) -> None:
    """A page, half a JSON or another API's object is told as what cannot be read."""
    with pytest.raises(llmkit.APIResponseValidationError):
        parse(raw)


def test_errors() -> None:
    """They have the server's words, with a status or inside a 200."""
    raw = b'{"error": "model \'x\' not found"}'
    made = OLLAMA_EMBED.error(calling(), HTTPResponse(404, body=raw))
    assert isinstance(made, llmkit.NotFoundError)
    with pytest.raises(llmkit.NotFoundError):
        parse(raw)
    long = b'{"error": "the input length exceeds the context length"}'
    wrong = OLLAMA_EMBED.error(calling(), HTTPResponse(400, body=long))
    assert isinstance(wrong, llmkit.ContextWindowExceededError)
