"""Embeddings at Cohere, Voyage and Jina: requests, batches, number formats, usage, errors."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import llmkit
from llmkit import errors, providers
from llmkit._calls import EmbeddingCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.testing import Simulator
from llmkit.wires.cohere_embed import EMBED_V1, EMBED_V2

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "test-key-" + "0123456789"
HERE = Endpoint("https://h.test/v1")
COHERE, FIRST = EMBED_V2, EMBED_V1
VOYAGE = providers.get("voyage").wire("embedding")
JINA = providers.get("jina_ai").wire("embedding")
PNG = "data:image/png;base64,AAAA"


def call(*inputs: Any, model: str = "m", **params: Any) -> EmbeddingCall:
    """A call as the wire gets it."""
    names = ("drop_params", "allowed", "extra_body", "alone")
    own = {k: params.pop(k) for k in names if k in params}
    return EmbeddingCall("call_1", "acme", model, inputs, params=params, **own)


def body(wire: Any, *inputs: Any, **params: Any) -> dict[str, Any]:
    """The body that a wire writes, without its model."""
    made: dict[str, Any] = json.loads(wire.build(call(*inputs, **params), HERE).body)
    del made["model"]
    return made


def listed(wire: Any, *inputs: Any, **params: Any) -> dict[str, str]:
    """What the ledger says: parameter to change."""
    changes = wire.build(call(*inputs, **params), HERE).adjustments
    return {change.parameter: change.change for change in changes}


def said(body: Any, status: int = 200) -> HTTPResponse:
    """An answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HTTPResponse(status, {}, raw)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A server."""
    with Simulator() as running:
        yield running


# --- through a client ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "most"), [("cohere", 96), ("cohere_v1", 96), ("voyage", 1000), ("jina_ai", 2048)]
)
def test_more_inputs_than_fit(provider: str, most: int, simulator: Simulator) -> None:
    """Inputs go in as many requests as they need, and the vectors come back in their order."""
    texts = [f"text {i}" for i in range(most + 2)]
    with llmkit.Client(api_key=KEY, base_url=simulator.base_url_for(provider)) as client:
        made = client.embedding(f"{provider}/m", texts)
        alone = client.embedding(f"{provider}/m", texts[-1])
    assert len(simulator.requests) == 3
    assert [item.index for item in made.data] == list(range(most + 2))
    assert made.vectors[-1] == pytest.approx(alone.vectors[0])
    assert made.usage is not None
    assert made.usage.total_tokens is not None
    assert made.call.kind == "embedding"


@pytest.mark.parametrize("provider", ["cohere", "cohere_v1", "voyage", "jina_ai"])
def test_from_async_code(provider: str, simulator: Simulator) -> None:
    """The same on asyncio and trio, with base64 read as numbers."""
    base_url = simulator.base_url_for(provider)

    async def main() -> Any:
        async with llmkit.Client(api_key=KEY, base_url=base_url) as client:
            plain = await client.aembedding(f"{provider}/m", ["text"], input_type="query")
            coded = await client.aembedding(f"{provider}/m", ["text"], encoding_format="base64")
            return plain, coded

    for backend in ("asyncio", "trio"):
        plain, coded = anyio.run(main, backend=backend)
        assert isinstance(coded.data[0].embedding, str)
        assert coded.vectors == [pytest.approx(plain.vectors[0], rel=1e-5)]


@pytest.mark.parametrize("provider", ["cohere", "voyage", "jina_ai"])
@pytest.mark.parametrize(
    ("model", "kind"),
    [("missing-model", errors.NotFoundError), ("rate-limited", errors.RateLimitError)],
)
def test_failures(provider: str, model: str, kind: type, simulator: Simulator) -> None:
    """A refusal is what its status says."""
    where = {"api_key": KEY, "base_url": simulator.base_url_for(provider), "num_retries": 0}
    with llmkit.Client(**where) as client, pytest.raises(kind):
        client.embedding(f"{provider}/{model}", "text")


# --- Cohere -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"input_type": "search_query"}, {"input_type": "search_query"}),
        ({"input_type": "query"}, {"input_type": "search_query"}),
        ({"input_type": "document"}, {"input_type": "search_document"}),
        ({"input_type": "clustering"}, {"input_type": "clustering"}),
        ({"dimensions": 256}, {"output_dimension": 256}),
        ({"encoding_format": "base64"}, {"embedding_types": ["base64"]}),
        ({"embedding_types": ["int8", "float"]}, {"embedding_types": ["int8", "float"]}),
        ({"embedding_types": "int8"}, {"embedding_types": ["int8"]}),
        ({"truncation": True}, {"truncate": "END"}),
        ({"truncation": False}, {"truncate": "NONE"}),
        ({"truncation": "start"}, {"truncate": "START"}),
        ({"max_tokens": 9}, {"max_tokens": 9}),
        ({"extra_body": {"input_type": "classification"}}, {"input_type": "classification"}),
    ],
)
def test_cohere_s_parameters(given: Any, expected: Any) -> None:
    """Each parameter has its name there; the type of inputs is supposed where it is not said, and listed."""
    supposed = "input_type" not in expected
    told = {"input_type": "search_document"} if supposed else {}
    assert body(COHERE, "a", **given) == {"texts": ["a"], **told, **expected}
    assert listed(COHERE, "a", **given) == ({"input_type": "defaulted"} if supposed else {})


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ((PNG, PNG), {"images": [PNG, PNG], "input_type": "image"}),
        (
            (PNG, "a"),
            {
                "inputs": [
                    {"content": [{"type": "image_url", "image_url": {"url": PNG}}]},
                    {"content": [{"type": "text", "text": "a"}]},
                ]
            },
        ),
        (
            (["a", PNG], {"type": "text", "text": "b"}, {"content": []}),
            {
                "inputs": [
                    {
                        "content": [
                            {"type": "text", "text": "a"},
                            {"type": "image_url", "image_url": {"url": PNG}},
                        ]
                    },
                    {"content": [{"type": "text", "text": "b"}]},
                    {"content": []},
                ]
            },
        ),
    ],
)
def test_cohere_s_images(inputs: Any, expected: Any) -> None:
    """Images go as such, what mixes them with texts as inputs of parts."""
    assert body(COHERE, *inputs) == {"input_type": "search_document", **expected}


def test_images_of_older_models_go_one_by_one() -> None:
    """Older models take one image a request; the first version takes nothing mixed."""
    for wire in (FIRST, COHERE):
        old = next(wire.steps(call(PNG, PNG, model="embed-english-v3.0"), HERE))
        assert json.loads(old.request.body)["images"] == [PNG]
        new = next(wire.steps(call(PNG, PNG, model="embed-v4.0"), HERE))
        assert json.loads(new.request.body)["images"] == [PNG, PNG]
    assert next(FIRST.steps(call("a"), HERE)).request.url == "https://h.test/v1/embed"
    with pytest.raises(errors.InvalidRequestError, match="all texts, or all images"):
        body(FIRST, PNG, "a")


@pytest.mark.parametrize("wire", [COHERE, VOYAGE, JINA])
def test_token_ids_are_not_taken(wire: Any) -> None:
    """Lists of token ids are refused with what is taken."""
    with pytest.raises(errors.InvalidRequestError, match=r"input\[0\] must be"):
        body(wire, [1, 2])


@pytest.mark.parametrize("wire", [COHERE, VOYAGE, JINA])
def test_parameters_that_are_not_taken(wire: Any) -> None:
    """What there is no field for is refused, dropped where that is wished, sent where it is insisted on."""
    with pytest.raises(errors.UnsupportedParamsError, match="user"):
        body(wire, "a", user="u")
    assert listed(wire, "a", user="u", drop_params=True)["user"] == "dropped"
    assert body(wire, "a", user="u", allowed=frozenset({"user"}))["user"] == "u"


def test_several_formats_at_once() -> None:
    """The first format that was asked for is the vector; each input has all of them beside it."""
    told = {"id": "e", "texts": ["x"], "embeddings": {"float": [[0.5]], "int8": [[64]]}}
    read = COHERE.parse(call("x", embedding_types=["int8", "float"]), said(told))
    assert read.vectors == [[64]]
    assert read.data[0]["embeddings"] == {"float": [0.5], "int8": [64]}
    assert (read.model, read["id"]) == ("m", "e")
    assert "texts" not in read
    unasked = COHERE.parse(call("x"), said(told))
    assert unasked.vectors == [[0.5]]


@pytest.mark.parametrize(
    ("billed", "expected"),
    [
        ({"input_tokens": 3}, (3, 3, None)),
        ({"input_tokens": 3, "image_tokens": 0}, (3, 3, None)),
        ({"input_tokens": 3, "image_tokens": 4}, (7, 7, {"image_tokens": 4})),
        ({"images": 1}, (None, None, None)),
        ({}, None),
        ("odd", None),
    ],
)
def test_cohere_s_usage(billed: Any, expected: Any) -> None:
    """Billed units are the tokens; images of older models are counted by their number, which is kept."""
    told = {"embeddings": [[0.5]], "meta": {"billed_units": billed}}
    usage = FIRST.parse(call("x"), said(told)).usage
    if expected is None:
        assert usage is None
        return
    assert usage is not None
    found = (usage.prompt_tokens, usage.total_tokens, usage.prompt_tokens_details)
    assert found == expected
    assert usage["billed_units"] == billed


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"<html>", errors.APIResponseValidationError),
        (b"[]", errors.APIResponseValidationError),
        (b'{"data": []}', errors.APIResponseValidationError),
        (b'{"message": "no", "id": "e"}', errors.APIError),
    ],
)
def test_answers_that_are_none(raw: bytes, kind: type[errors.APIError]) -> None:
    """Another API's object, half a JSON, an error inside a 200: typed errors."""
    with pytest.raises(kind):
        COHERE.parse(call("x"), said(raw))


def test_odd_answers() -> None:
    """Formats without vectors, and lists that are too short, never raise."""
    assert COHERE.parse(call("x"), said({"embeddings": {"float": None}})).data == []
    told = {"embeddings": {"float": [[1.0], [2.0]], "int8": [[1]]}}
    read = COHERE.parse(call("x", "y"), said(told))
    assert read.data[1]["embeddings"] == {"float": [2.0]}


# --- Voyage and Jina ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "given", "expected"),
    [
        (VOYAGE, {"encoding_format": "float"}, {}),
        (VOYAGE, {"encoding_format": "base64"}, {"encoding_format": "base64"}),
        (VOYAGE, {"dimensions": 256, "output_dtype": "int8"}, {"output_dimension": 256, "output_dtype": "int8"}),
        (VOYAGE, {"input_type": "search_query"}, {"input_type": "query"}),
        (VOYAGE, {"input_type": "document"}, {"input_type": "document"}),
        (VOYAGE, {"truncation": False}, {"truncation": False}),
        (VOYAGE, {"truncation": "END"}, {"truncation": True}),
        (JINA, {"encoding_format": "base64"}, {"embedding_type": "base64"}),
        (JINA, {"embedding_types": ["float", "binary"]}, {"embedding_type": ["float", "binary"]}),
        (JINA, {"dimensions": 256, "normalized": True}, {"dimensions": 256, "normalized": True}),
        (JINA, {"task": "text-matching"}, {"task": "text-matching"}),
        (JINA, {"input_type": "search_query"}, {"task": "retrieval.query"}),
        (JINA, {"input_type": "clustering"}, {"task": "separation"}),
        (JINA, {"late_chunking": True, "truncation": True}, {"late_chunking": True, "truncate": True}),
    ],
)  # fmt: skip
def test_parameters(wire: Any, given: Any, expected: Any) -> None:
    """Each parameter has its name there, and each value its word; nothing is lost, so nothing is listed."""
    assert body(wire, "a", "b", **given) == {"input": ["a", "b"], **expected}
    assert not listed(wire, "a", **given)
    assert body(wire, "a", alone=True)["input"] == "a"


def test_one_field_by_two_names() -> None:
    """Two parameters that are one field there must agree."""
    with pytest.raises(errors.InvalidRequestError, match="one field here"):
        body(JINA, "a", task="text-matching", input_type="query")


def test_late_chunking_is_never_cut() -> None:
    """Inputs that are read as one text go in one request, however many they are."""
    texts = ["text"] * 3000
    for given in ({"late_chunking": True}, {"extra_body": {"late_chunking": True}}):
        step = next(JINA.steps(call(*texts, **given), HERE))
        assert len(json.loads(step.request.body)["input"]) == 3000
    step = next(JINA.steps(call(*texts), HERE))
    assert len(json.loads(step.request.body)["input"]) == 2048


def test_inputs_of_parts() -> None:
    """Multimodal models have a path of their own, and inputs of parts."""
    given = [
        "text",
        PNG,
        ["a", {"type": "image_url", "image_url": {"url": "https://i.test/x.png"}}],
        {"content": [{"type": "text", "text": "native"}]},
    ]
    request = VOYAGE.build(
        call(*given, model="voyage-multimodal-3", encoding_format="base64"), HERE
    )
    assert request.url == "https://h.test/v1/multimodalembeddings"
    sent = json.loads(request.body)
    assert sent["output_encoding"] == "base64"
    assert [item["content"] for item in sent["inputs"]] == [
        [{"type": "text", "text": "text"}],
        [{"type": "image_base64", "image_base64": PNG}],
        [
            {"type": "text", "text": "a"},
            {"type": "image_url", "image_url": "https://i.test/x.png"},
        ],
        [{"type": "text", "text": "native"}],
    ]
    assert VOYAGE.build(call("a"), HERE).url == "https://h.test/v1/embeddings"
    assert body(JINA, {"image": PNG}, "a")["input"] == [{"image": PNG}, "a"]
    assert body(JINA, {"image": PNG}, alone=True)["input"] == [{"image": PNG}]
    with pytest.raises(errors.InvalidRequestError, match="parts of both"):
        body(VOYAGE, [1, 2], model="voyage-multimodal-3")


@pytest.mark.parametrize(
    ("dtype", "code", "values"),
    [(None, "f", [0.5, -0.5]), ("int8", "b", [-3, 4]), ("ubinary", "B", [200, 3])],
)
def test_base64_of_other_formats(dtype: str | None, code: str, values: list[Any]) -> None:
    """What base64 holds is what was asked for."""
    text = base64.b64encode(struct.pack(f"<2{code}", *values)).decode()
    params = {} if dtype is None else {"output_dtype": dtype}
    read = VOYAGE.parse(call("a", **params), said({"data": [{"index": 0, "embedding": text}]}))
    assert read.vectors == [values]


@pytest.mark.parametrize(
    ("wire", "status", "told", "kind"),
    [
        (VOYAGE, 400, {"detail": "Model x is not supported."}, errors.BadRequestError),
        (VOYAGE, 401, {"detail": "Provided API key is invalid."}, errors.AuthenticationError),
        (VOYAGE, 403, {"detail": "Forbidden"}, errors.PermissionDeniedError),
        (VOYAGE, 404, {"detail": "Not Found"}, errors.NotFoundError),
        (VOYAGE, 413, {"detail": "Request too large"}, errors.RequestTooLargeError),
        (VOYAGE, 429, {"detail": "You have exceeded your rate limit"}, errors.RateLimitError),
        (VOYAGE, 500, {"detail": "Internal Server Error"}, errors.InternalServerError),
        (VOYAGE, 503, {"detail": "overloaded"}, errors.ServiceUnavailableError),
        (JINA, 400, {"code": "INPUT_MODEL_NOT_FOUND", "detail": "Model 'x' not found"}, errors.BadRequestError),
        (JINA, 401, {"code": "AUTH_INVALID_API_KEY", "detail": "Invalid API key"}, errors.AuthenticationError),
        (
            JINA, 403,
            {"code": "AUTHZ_INSUFFICIENT_BALANCE", "detail": "Insufficient account balance"},
            errors.PaymentRequiredError,
        ),
        (JINA, 403, {"code": "AUTHZ_RESOURCE_LIMIT_EXCEEDED", "detail": "limit"}, errors.PermissionDeniedError),
        (JINA, 404, {"code": "RESOURCE_NOT_FOUND", "detail": "not found"}, errors.NotFoundError),
        (JINA, 413, {"detail": "too large"}, errors.RequestTooLargeError),
        (JINA, 422, {"detail": [{"loc": ["body", "input"], "msg": "field required"}]}, errors.UnprocessableEntityError),
        (JINA, 429, {"code": "RATE_TOKEN_LIMIT_EXCEEDED", "detail": "Token rate limit"}, errors.RateLimitError),
        (JINA, 503, {"detail": "overloaded"}, errors.ServiceUnavailableError),
    ],
)  # fmt: skip
def test_errors(wire: Any, status: int, told: Any, kind: type[errors.APIError]) -> None:
    """An error is the class of its status, or of its code where that says more; it says what it said."""
    error = wire.error(call("a"), said(told, status))
    assert type(error) is kind
    assert error.status_code == status
    assert error.body == told
    assert error.code == told.get("code")
    assert error.retryable is (status in (429, 500, 503))


@pytest.mark.parametrize("provider", ["cohere", "voyage", "jina_ai"])
def test_each_key_variable_is_used(provider: str) -> None:
    """A key from any of a provider's variables is used, named by source, and shown nowhere; the first one wins."""
    variables = providers.get(provider).key_env
    for variable in variables:
        client = llmkit.Client(environ={variable: KEY})
        dry = client.dry_run("embedding", model=f"{provider}/m", input="a")
        assert dry.key_source == variable
        assert KEY not in repr(dry)
    client = llmkit.Client(environ=dict.fromkeys(variables, KEY))
    dry = client.dry_run("embedding", model=f"{provider}/m", input="a")
    assert dry.key_source == variables[0]
