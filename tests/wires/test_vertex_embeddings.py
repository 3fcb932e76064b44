"""Vertex AI's embeddings as literals: both forms, what is taken, renamed and refused, and what is no answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit._calls import EmbeddingCall
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.errors import APIResponseValidationError, InvalidRequestError, UnsupportedParamsError
from llmkit.testing import Simulator
from llmkit.wires.vertex_embeddings import CONTENTS, SINGLE_TEXTS, TEXTS

TO = Endpoint("https://a.test/v1/projects/p/locations/l")
PREDICTED = {
    "predictions": [
        {"embeddings": {"values": [0.5, 1], "statistics": {"token_count": 4.0, "truncated": True}}},
        {"embeddings": {"values": [0.25], "statistics": {"token_count": 2, "truncated": False}}},
    ],
    "metadata": {"billableCharacterCount": 12},
}
CONTENT = {"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 3}}


def call(*inputs: Any, **more: Any) -> EmbeddingCall:
    """A call."""
    params = more.pop("params", {})
    return EmbeddingCall("c", "p", more.pop("model", "m"), inputs=inputs, params=params, **more)


def body(made: HTTPRequest) -> Any:
    """What is sent."""
    return json.loads(made.body)


def answer(value: Any, status: int = 200) -> HTTPResponse:
    """An answer."""
    return HTTPResponse(
        status, body=value if isinstance(value, bytes) else json.dumps(value).encode()
    )


def test_texts() -> None:
    """Texts are instances, what they are for is said of each, and how long vectors are of all."""
    params = {"dimensions": 8, "input_type": "query", "title": "t", "truncation": False}
    made = TEXTS.build(call("a", "b", params=params, extra_body={"x": 1}), TO)
    assert made.url == f"{TO.base_url}/publishers/google/models/m:predict"
    said = {"task_type": "RETRIEVAL_QUERY", "title": "t"}
    assert body(made) == {
        "instances": [{"content": "a", **said}, {"content": "b", **said}],
        "parameters": {"outputDimensionality": 8, "autoTruncate": False},
        "x": 1,
    }
    (change,) = made.adjustments
    assert (change.parameter, change.change, change.sent) == (
        "input_type",
        "renamed",
        "RETRIEVAL_QUERY",
    )


def test_plain_text() -> None:
    """Without parameters there is the text alone."""
    assert body(TEXTS.build(call("a", params={"encoding_format": "float"}), TO)) == {
        "instances": [{"content": "a"}]
    }


def test_contents() -> None:
    """A content has its parts; one that is given as such stays as it is."""
    params = {"dimensions": 8, "task": "CLUSTERING", "title": "t", "truncation": True}
    made = CONTENTS.build(call("a", params=params), TO)
    assert made.url.endswith("/publishers/google/models/m:embedContent")
    assert body(made) == {
        "content": {"parts": [{"text": "a"}]},
        "embedContentConfig": {
            "taskType": "CLUSTERING",
            "title": "t",
            "outputDimensionality": 8,
            "autoTruncate": True,
        },
    }
    part = {"fileData": {"fileUri": "gs://a/b.png"}}
    for given in (part, {"parts": [part]}):
        assert body(CONTENTS.build(call(given), TO)) == {"content": {"parts": [part]}}
    assert body(TEXTS.build(call({"content": "x", "task_type": "y"}), TO))["instances"] == [
        {"content": "x", "task_type": "y"}
    ]


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("endpoints/7", "/endpoints/7:predict"),
        ("publishers/x/models/y", "/publishers/x/models/y:predict"),
        ("a/b", "/publishers/google/models/a%2Fb:predict"),
    ],
)
def test_models(model: str, path: str) -> None:
    """A name may be a path of its own; any other is one segment."""
    assert TEXTS.build(call("a", model=model), TO).url == TO.base_url + path


@pytest.mark.parametrize("wire", [TEXTS, CONTENTS])
def test_refused(wire: Any) -> None:
    """What the host does not take is refused, or left out and listed."""
    with pytest.raises(UnsupportedParamsError, match="user"):
        wire.build(call("a", params={"user": "u"}), TO)
    made = wire.build(call("a", params={"user": "u", "truncation": "END"}, drop_params=True), TO)
    assert [c.parameter for c in made.adjustments] == ["user", "truncation"]
    for bad in (
        call(7),
        call("a", params={"task": "a", "input_type": "b"}),
        call("a", model="projects/../x"),
    ):
        with pytest.raises(InvalidRequestError):
            wire.build(bad, TO)


def test_predictions() -> None:
    """Vectors, their statistics and what was billed are kept; tokens are added up."""
    made = TEXTS.parse(call("a", "b"), answer(PREDICTED))
    assert made.vectors == [[0.5, 1], [0.25]]
    assert [item.index for item in made.data] == [0, 1]
    assert made.data[0]["statistics"]["truncated"] is True
    assert made["metadata"] == {"billableCharacterCount": 12}
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.total_tokens, made.model) == (6, 6, "m")


def test_uncounted() -> None:
    """What is not counted stays unknown."""
    made = TEXTS.parse(call("a"), answer({"predictions": [{"embeddings": {"values": [1]}}]}))
    assert made.usage is None
    assert CONTENTS.parse(call("a"), answer({"embedding": {"values": [1]}})).usage is None


def test_content() -> None:
    """A content's vector comes alone."""
    made = CONTENTS.parse(call("a"), answer(CONTENT))
    assert made.vectors == [[0.5]]
    assert made.usage is not None
    assert made.usage.prompt_tokens == 3


@pytest.mark.parametrize("wire", [TEXTS, CONTENTS])
@pytest.mark.parametrize(
    "value",
    [
        b"<html>",
        [],
        {},
        {"predictions": 1},
        {"predictions": [1]},
        {"predictions": [{"embeddings": {}}]},
        {"embedding": {}},
    ],
)
def test_no_answer(wire: Any, value: Any) -> None:
    """What is no answer is told as such."""
    with pytest.raises(APIResponseValidationError):
        wire.parse(call("a"), answer(value))


@pytest.mark.parametrize("wire", [TEXTS, CONTENTS])
def test_errors(wire: Any) -> None:
    """Google's errors have their classes, also inside a 200."""
    told = {"code": 429, "message": "Resource exhausted.", "status": "RESOURCE_EXHAUSTED"}
    error = {"error": told}
    assert isinstance(wire.error(call("a"), answer(error, 429)), llmkit.RateLimitError)
    with pytest.raises(llmkit.RateLimitError):
        wire.parse(call("a"), answer(error))


def test_batches() -> None:
    """Many texts go in several requests, and come back as one answer."""
    asked = []
    steps = TEXTS.steps(call(*"abc" * 200), TO)
    step = next(steps)
    whole = None
    while whole is None:
        texts = [one["content"] for one in body(step.request)["instances"]]
        asked.append(len(texts))
        vectors = [{"embeddings": {"values": [ord(text)]}} for text in texts]
        try:
            step = steps.send(answer({"predictions": vectors}))
        except StopIteration as done:
            whole = done.value
    assert asked == [250, 250, 100]
    assert [vector[0] for vector in whole.vectors] == [ord(c) for c in "abc" * 200]


@pytest.mark.parametrize(
    ("model", "requests"),
    [("text-embedding-005", 1), ("gemini-embedding-001", 3), ("gemini-embedding-2", 3)],
)
def test_simulated(model: str, requests: int) -> None:
    """The client embeds with each family of models, in as many requests as it needs."""
    with Simulator() as sim, llmkit.Client(environ={}, api_key="k" + "ey-12345") as client:
        base = sim.base_url_for("vertex_ai")
        made = client.embedding(f"vertex_ai/{model}", ["a", "b", "a"], dimensions=4, base_url=base)
        assert len(sim.requests) == requests
    assert made.vectors[0] == made.vectors[2] != made.vectors[1]
    assert [len(v) for v in made.vectors] == [4, 4, 4]
    assert made.usage is not None
    assert made.usage.prompt_tokens == 3


def test_single_texts() -> None:
    """A model of one text a request gets one."""
    steps = SINGLE_TEXTS.steps(call("a", "b"), TO)
    assert len(body(next(steps).request)["instances"]) == 1
