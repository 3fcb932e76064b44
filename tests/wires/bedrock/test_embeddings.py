"""Each maker's body for embeddings, written and read with literals; and calls through the simulator."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import llmkit
from llmkit import errors, providers
from llmkit._calls import EmbeddingCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.testing import Simulator
from llmkit.wires.bedrock_embeddings import EMBEDDINGS

HERE = Endpoint("https://h.test")
TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "us.cohere.embed-v4:0"
PICTURE = "data:image/png;base64,iVBORw0KGgo="


def written(model: str, *inputs: Any, **more: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The body of a call, and its ledger."""
    extra = more.pop("extra_body", {})
    drop = more.pop("drop_params", False)
    call = EmbeddingCall(
        "c", "bedrock", model, inputs, params=more, extra_body=extra, drop_params=drop
    )
    request = EMBEDDINGS.build(call, HERE)
    return json.loads(request.body), [(a.parameter, a.change) for a in request.adjustments]


def read(model: str, body: Any, status: int = 200, **headers: str) -> Any:
    """What an answer says."""
    call = EmbeddingCall("c", "bedrock", model, ("a",))
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return EMBEDDINGS.parse(call, HTTPResponse(status, names, raw))


@pytest.mark.parametrize(
    ("model", "params", "body"),
    [
        ("amazon.titan-embed-text-v1", {}, {"inputText": "a"}),
        (
            TITAN,
            {"dimensions": 256, "extra_body": {"normalize": True}},
            {"inputText": "a", "dimensions": 256, "normalize": True},
        ),
        (
            TITAN,
            {"embedding_types": ["binary"], "encoding_format": "float"},
            {"inputText": "a", "embeddingTypes": ["binary"]},
        ),
        (
            "amazon.titan-embed-image-v1",
            {"dimensions": 384},
            {"inputText": "a", "embeddingConfig": {"outputEmbeddingLength": 384}},
        ),
        (
            COHERE,
            {"input_type": "query", "dimensions": 512, "truncation": True},
            {
                "texts": ["a"],
                "input_type": "search_query",
                "output_dimension": 512,
                "truncate": "END",
            },
        ),
        (
            "cohere.embed-english-v3",
            {"input_type": "clustering", "truncation": "start", "embedding_types": ["int8"]},
            {
                "texts": ["a"],
                "input_type": "clustering",
                "truncate": "START",
                "embedding_types": ["int8"],
            },
        ),
        (
            "amazon.nova-2-multimodal-embeddings-v1:0",
            {"input_type": "query", "dimensions": 1024, "truncation": True},
            {
                "schemaVersion": "nova-multimodal-embed-v1",
                "taskType": "SINGLE_EMBEDDING",
                "singleEmbeddingParams": {
                    "embeddingPurpose": "TEXT_RETRIEVAL",
                    "embeddingDimension": 1024,
                    "text": {"truncationMode": "END", "value": "a"},
                },
            },
        ),
    ],
)
def test_bodies(model: str, params: dict[str, Any], body: dict[str, Any]) -> None:
    """Parameters go under the names of each maker, and nothing else is sent."""
    assert written(model, "a", **params) == (body, [])


def test_what_must_be_told_is_defaulted_and_listed() -> None:
    """Models that must be told what texts are get a default, which the ledger has."""
    body, ledger = written(COHERE, "a", "b")
    assert body == {"texts": ["a", "b"], "input_type": "search_document"}
    assert ledger == [("input_type", "defaulted")]
    body, ledger = written("amazon.nova-2-multimodal-embeddings-v1:0", "a")
    assert body["singleEmbeddingParams"]["embeddingPurpose"] == "GENERIC_INDEX"
    assert body["singleEmbeddingParams"]["text"]["truncationMode"] == "NONE"
    assert ledger == [("input_type", "defaulted")]


def test_pictures() -> None:
    """A picture is a data URL or OpenAI's part with one; each maker has its place for it."""
    part = {"type": "image_url", "image_url": {"url": PICTURE}}
    body, _ = written("amazon.titan-embed-image-v1", part)
    assert body == {"inputImage": "iVBORw0KGgo="}
    body, _ = written(COHERE, PICTURE, part)
    assert body == {"images": [PICTURE, PICTURE], "input_type": "image"}
    body, _ = written("amazon.nova-2-multimodal-embeddings-v1:0", PICTURE)
    image = body["singleEmbeddingParams"]["image"]
    assert image == {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}


def test_refusals() -> None:
    """What a maker does not take is refused, or dropped where that is wanted; other inputs are mistakes."""
    with pytest.raises(errors.UnsupportedParamsError, match="dimensions"):
        written("amazon.titan-embed-text-v1", "a", dimensions=256)
    body, ledger = written(
        "cohere.embed-english-v3", "a", dimensions=9, input_type="query", drop_params=True
    )
    assert "output_dimension" not in body
    assert ledger == [("dimensions", "dropped")]
    for model, given in ((TITAN, [1, 2]), (COHERE, {"x": 1})):
        with pytest.raises(errors.InvalidRequestError, match="embeds texts"):
            written(model, given)
    with pytest.raises(errors.InvalidRequestError, match="calls of their own"):
        written(COHERE, "a", PICTURE)
    with pytest.raises(errors.InvalidRequestError, match="has no maker in it"):
        written("arn:aws:bedrock:us-east-1:1:application-inference-profile/x", "a")


@pytest.mark.parametrize(
    ("model", "body", "vectors", "tokens"),
    [
        (TITAN, {"embedding": [0.5, 1.0], "inputTextTokenCount": 3}, [[0.5, 1.0]], 3),
        (TITAN, {"embeddingsByType": {"binary": [1, 0]}, "inputTextTokenCount": 2}, [[1, 0]], 2),
        (COHERE, {"embeddings": [[0.5]], "id": "x", "texts": ["a"]}, [[0.5]], None),
        (COHERE, {"embeddings": {"float": [[0.5]]}, "id": "x"}, [[0.5]], None),
        (COHERE, {"embeddings": {"int8": [[5]], "uint8": [[6]]}}, [[5]], None),
        (
            "amazon.nova-2-multimodal-embeddings-v1:0",
            {
                "embeddings": [{"embeddingType": "TEXT", "embedding": [0.25]}],
                "inputTextTokenCount": 4,
            },
            [[0.25]],
            4,
        ),
    ],
)
def test_answers(model: str, body: dict[str, Any], vectors: Any, tokens: int | None) -> None:
    """Vectors and counts are read from where each maker has them."""
    answer = read(model, body)
    assert [item.embedding for item in answer.data] == vectors
    assert (answer.usage and answer.usage.prompt_tokens) == tokens
    assert answer.model == model


def test_counts_of_the_header_and_other_types() -> None:
    """Where the maker does not count, AWS's header does; vectors of other types are kept."""
    body = {"embeddings": {"float": [[0.5]], "int8": [[5]]}}
    answer = read(COHERE, body, x_amzn_bedrock_input_token_count="7")
    assert answer.usage.prompt_tokens == 7
    assert answer["embeddings_by_type"] == {"int8": [[5]]}
    assert read(COHERE, body, x_amzn_bedrock_input_token_count="many").usage is None


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[1]", b"{}", b'{"embedding": 1}', b'{"embeddings": [3]}', b'{"embeddings": {}}'],
)
@pytest.mark.parametrize("model", [TITAN, "amazon.nova-2-multimodal-embeddings-v1:0"])
def test_answers_that_are_none(model: str, body: bytes) -> None:
    """What is no answer is an error of its own."""
    with pytest.raises(errors.APIResponseValidationError):
        read(model, body)


def test_an_error_inside_a_200() -> None:
    """An error in a body of status 200 is raised as what it says it is."""
    with pytest.raises(errors.RateLimitError):
        read(TITAN, {"__type": "x#ThrottlingException", "message": "slow"})


def test_through_the_simulator() -> None:
    """Several inputs come back in order, one request each for Titan and one in all for Cohere, in both colours."""
    with Simulator() as simulator:
        options: dict[str, Any] = {
            "base_url": simulator.base_url_for("bedrock"),
            "api_key": "k" * 9,
        }
        with llmkit.Client(environ={}) as client:
            one = client.embedding(f"bedrock/{TITAN}", ["a", "b"], dimensions=4, **options)
            assert len(simulator.requests) == 2
            two = client.embedding(f"bedrock/{COHERE}", ["a", "b"], dimensions=4, **options)
            assert len(simulator.requests) == 3
        assert one.vectors == two.vectors
        assert [item.index for item in one.data] == [0, 1]
        assert one.usage is not None
        assert one.usage.prompt_tokens == 2

        async def ask() -> Any:
            async with llmkit.Client(environ={}) as other:
                return await other.aembedding(
                    f"bedrock/{TITAN}", ["a", "b"], dimensions=4, **options
                )

        assert asyncio.run(ask()).vectors == one.vectors


def test_every_kind_finds_its_wire() -> None:
    """The provider's text for the wire names the wire."""
    assert providers.get("bedrock").wire("embedding") is EMBEDDINGS
