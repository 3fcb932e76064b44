"""Embeddings in OpenAI's form: what is sent, how many requests it takes, what comes back, what it costs."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

import llmkit
from llmkit import errors, providers
from llmkit._calls import EmbeddingCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.testing import Simulator
from llmkit.testing._wires.openai_embeddings import vector
from llmkit.types import EmbeddingResponse
from llmkit.wires._batches import joined, split
from llmkit.wires.openai_embeddings import OpenAIEmbeddings

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "test-key-" + "0123456789"
MODEL = "openai/text-embedding-3-small"
HERE = Endpoint("https://h.test/v1")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A server."""
    with Simulator() as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[llmkit.Client]:
    """A client of that server."""
    with llmkit.Client(api_key=KEY, base_url=simulator.base_url) as made:
        yield made


def call(*inputs: Any, **params: Any) -> EmbeddingCall:
    """A call as the wire gets it."""
    return EmbeddingCall("call_1", "acme", "m", inputs, params=params)


def said(body: Any, status: int = 200) -> HTTPResponse:
    """An answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HTTPResponse(status, {"content-type": "application/json"}, raw)


# --- as users call it ---------------------------------------------------------------------------


def test_texts_to_vectors(client: llmkit.Client) -> None:
    """Vectors come in the order of the texts, with usage and the call's account."""
    made = client.embedding(MODEL, ["one", "two three"], dimensions=3)
    assert made.vectors == [pytest.approx(vector("one", 3)), pytest.approx(vector("two three", 3))]
    assert made["data"][1]["index"] == 1
    assert made.usage is not None
    assert made.usage.prompt_tokens == 3
    assert made.call.kind == "embedding"
    settled = client.ledger.settlements[-1]
    assert (settled.kind, settled.prompt_tokens, settled.completion_tokens) == ("embedding", 3, 0)
    assert settled.usage_source == "reported"
    assert "2 vectors of 3" in made._repr_markdown_()


def test_from_async_code(simulator: Simulator) -> None:
    """The same on asyncio and trio."""

    async def main() -> EmbeddingResponse:
        async with llmkit.Client(api_key=KEY, base_url=simulator.base_url) as client:
            return await client.aembedding(MODEL, "text")

    for backend in ("asyncio", "trio"):
        made = anyio.run(main, backend=backend)
        assert made.vectors == [pytest.approx(vector("text"))]


def test_module_functions(simulator: Simulator) -> None:
    """The functions use the default client."""
    where: dict[str, Any] = {"api_key": KEY, "base_url": simulator.base_url}
    made = llmkit.embedding(MODEL, "text", **where)

    async def main() -> EmbeddingResponse:
        return await llmkit.aembedding(MODEL, "text", **where)

    assert made.vectors == anyio.run(main).vectors


def test_a_text_is_sent_as_a_text(client: llmkit.Client, simulator: Simulator) -> None:
    """What was given by itself is sent by itself, a list as a list; token ids are one input."""
    for given in ("text", ["text"], [1, 2, 3], [[1, 2], [3]], ["a", "b"]):
        client.embedding("openai_like/m", given)
        assert simulator.requests[-1].json()["input"] == given


@pytest.mark.parametrize("wrong", ["", [], 7, b"bytes", None])
def test_inputs_that_are_none(client: llmkit.Client, wrong: Any) -> None:
    """What is no input is refused with what it should be; an empty text is the provider's to judge."""
    if wrong == "":
        assert client.embedding(MODEL, wrong).data
        return
    with pytest.raises(errors.InvalidRequestError, match="input must be"):
        client.embedding(MODEL, wrong)


def test_base64(client: llmkit.Client) -> None:
    """Base64 is handed on as it came, and read on demand."""
    made = client.embedding(MODEL, "text", encoding_format="base64", dimensions=4)
    assert isinstance(made.data[0].embedding, str)
    assert made.vectors == [pytest.approx(vector("text", 4), rel=1e-6)]


def test_many_inputs_go_in_several_requests(simulator: Simulator) -> None:
    """More than a request takes are cut, joined in order, and counted together; none passes for another."""
    texts = [f"text {n}" for n in range(4097)]
    here = replace(providers.get("openai"), base_url=simulator.base_url, base_env=())
    with providers.lend(here), llmkit.Client(api_key=KEY) as client:
        made = client.embedding(MODEL, texts, dimensions=2)
    assert [len(r.json()["input"]) for r in simulator.requests] == [2048, 2048, 1]
    assert len({r.headers["idempotency-key"] for r in simulator.requests}) == 3
    assert [item.index for item in made.data] == list(range(4097))
    assert made.data[4096].vector == pytest.approx(vector("text 4096", 2))
    assert made.usage is not None
    assert made.usage.prompt_tokens == 2 * 4097
    assert client.ledger.settlements[-1].prompt_tokens == 2 * 4097


def test_unknown_and_unsupported_parameters(client: llmkit.Client) -> None:
    """A slip is answered with what was meant; what the provider does not take is refused, or dropped and listed."""
    with pytest.raises(errors.UnsupportedParamsError, match=r"embedding\(\).*dimensions"):
        client.embedding(MODEL, "text", dimension=3)  # type: ignore[call-arg]
    with pytest.raises(errors.UnsupportedParamsError, match="input_type"):
        client.embedding(MODEL, "text", input_type="query")
    made = client.embedding(MODEL, "text", input_type="query", drop_params=True)
    assert [(a.parameter, a.change) for a in made.call.ledger] == [("input_type", "dropped")]


def test_errors_are_typed(client: llmkit.Client) -> None:
    """The provider's refusals have their classes."""
    for model, kind in (
        ("missing-model", errors.NotFoundError),
        ("rate-limited", errors.RateLimitError),
    ):
        with pytest.raises(kind):
            client.embedding(f"openai/{model}", "text", num_retries=0)
    with pytest.raises(errors.BadRequestError):
        client.embedding(MODEL, "text", dimensions=-1)


def test_fallbacks_and_mocks(client: llmkit.Client) -> None:
    """Both work as for chat; a mock is the answer itself or an exception."""
    made = client.embedding("openai/missing-model", "text", fallbacks=[MODEL])
    assert made.call.model == "text-embedding-3-small"
    mocked = client.embedding(MODEL, "text", mock_response=EmbeddingResponse(model="mine"))
    assert (mocked.model, mocked.cost.total) == ("mine", Decimal(0))
    with pytest.raises(errors.RateLimitError):
        client.embedding(MODEL, "text", mock_response=errors.RateLimitError("slow"))
    with pytest.raises(errors.InvalidRequestError, match="mock_response"):
        client.embedding(MODEL, "text", mock_response="a text")


# --- the wire -----------------------------------------------------------------------------------


def test_what_the_wire_writes() -> None:
    """Parameters as declared, others refused unless the caller insists; extra fields as they are."""
    wire = OpenAIEmbeddings(taken=frozenset({"input_type"}), renamed={"input_type": "kind"})
    made = wire.build(call("a", input_type="query", dimensions=2), HERE)
    assert json.loads(made.body) == {"model": "m", "input": ["a"], "kind": "query", "dimensions": 2}
    assert (made.method, made.url) == ("POST", "https://h.test/v1/embeddings")
    bare = OpenAIEmbeddings(refused=frozenset({"user"}))
    with pytest.raises(errors.UnsupportedParamsError):
        bare.build(call("a", user="u"), HERE)
    with pytest.raises(errors.InvalidRequestError, match="finite"):
        bare.build(call("a", dimensions=float("nan")), HERE)


@pytest.mark.parametrize(
    "body", [b"<html>", b"{", [1], {"object": "list"}, {"data": "x"}, {"choices": []}, b""]
)
def test_answers_that_are_none(body: Any) -> None:
    """What is no list of vectors is told as such."""
    with pytest.raises(errors.APIResponseValidationError):
        OpenAIEmbeddings().parse(call("a"), said(body))


def test_an_error_inside_a_200() -> None:
    """It is raised as what it is."""
    with pytest.raises(errors.RateLimitError):
        OpenAIEmbeddings().parse(call("a"), said({"error": {"code": 429, "message": "slow"}}))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (413, errors.RequestTooLargeError),
        (429, errors.RateLimitError),
        (500, errors.InternalServerError),
        (503, errors.ServiceUnavailableError),
        (529, errors.OverloadedError),
    ],
)
def test_error_statuses(status: int, kind: type[errors.APIError]) -> None:
    """A status has its class, whoever the host."""
    body = {
        "error": {"message": "no", "type": "invalid_request_error", "param": None, "code": None}
    }
    assert type(OpenAIEmbeddings().error(call("a"), said(body, status))) is kind


def test_vectors_out_of_order() -> None:
    """The index says which input a vector belongs to."""
    data = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]
    assert OpenAIEmbeddings().parse(call("a", "b"), said({"data": data})).vectors == [[1.0], [2.0]]


def test_other_formats_than_floats() -> None:
    """A host whose base64 holds small integers is read as such; text that ends within a number is refused."""
    told = base64.b64encode(struct.pack("<3b", -1, 0, 127)).decode()
    answer = said({"data": [{"index": 0, "embedding": told}]})
    assert OpenAIEmbeddings(code="b").parse(call("a"), answer).vectors == [[-1.0, 0.0, 127.0]]
    with pytest.raises(ValueError, match="within a number"):
        assert OpenAIEmbeddings().parse(call("a"), answer).vectors


# --- batches ------------------------------------------------------------------------------------


def test_where_batches_are_cut() -> None:
    """By count, and by bytes of text; one that is too long is sent alone."""
    assert split("abcde", 2) == [("a", "b"), ("c", "d"), ("e",)]
    assert split("abc", None) == [("a", "b", "c")]
    assert split(["aaaa", "b", "c", [1, 2]], None, 2) == [("aaaa",), ("b", "c", [1, 2])]
    assert split(["é", "é"], 9, 3) == [("é",), ("é",)]


def test_counts_that_are_not_told() -> None:
    """Where one part does not say what it used, the whole does not either."""
    told = EmbeddingResponse.model_validate({"data": [{}], "usage": {"prompt_tokens": 2}})
    assert joined([told, EmbeddingResponse()], [1, 1]).usage is None
    both = joined([told, told], [1, 1])
    assert both.usage is not None
    assert (both.usage.prompt_tokens, both.usage.total_tokens) == (4, None)
    assert both.counted() is not None
    assert EmbeddingResponse().counted() is None


def test_all_that_is_told_of_the_usage_is_counted() -> None:
    """An amount that the provider states, and details of the prompt, go along with the tokens."""
    told = {"prompt_tokens": 2, "cost": 0.1, "prompt_tokens_details": {"image_tokens": 1}}
    answer = EmbeddingResponse.model_validate({"data": [{}], "usage": told})
    counted = answer.counted()
    assert counted is not None
    assert (counted.prompt_tokens, counted.completion_tokens, counted["cost"]) == (2, 0, 0.1)
    assert counted.prompt_tokens_details is not None
    assert counted.prompt_tokens_details.image_tokens == 1


def test_amounts_of_several_requests_are_added() -> None:
    """To the last digit, details too; what one of them does not say, or is no number, is left out."""
    usages = [
        {"prompt_tokens": 1, "cost": 0.1, "d": {"a": 1, "b": 1}, "tier": "x", "billed": True},
        {"prompt_tokens": 2, "cost": 0.2, "d": {"a": 2}, "tier": "x", "billed": True},
    ]
    parts = [EmbeddingResponse.model_validate({"data": [{}], "usage": usage}) for usage in usages]
    whole = joined(parts, [1, 1]).usage
    assert whole is not None
    assert whole.to_dict() == {"prompt_tokens": 3, "cost": 0.3, "d": {"a": 3}}


def test_an_amount_that_is_stated_is_the_cost() -> None:
    """Also where no tokens are told."""
    told = {"data": [{"index": 0, "embedding": [1]}], "usage": {"cost": 0.25}}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=told))
    with httpx.Client(transport=transport) as http, llmkit.Client(http_client=http) as client:
        answer = client.embedding("openai_like/m", "a", base_url="https://h.test", api_key=KEY)
    assert answer.cost.total == Decimal("0.25")
    assert answer.cost.status == "provider_reported"


@pytest.mark.parametrize("vector", [[0.5, -1], "AAAAPw==", [[0.5], [1.0]], {"values": [1]}])
def test_any_vector_can_be_dumped(vector: Any) -> None:
    """Base64, a vector for each token, a sparse one: each is dumped as it came, and no warning is made of it."""
    data = [{"object": "embedding", "index": 0, "embedding": vector}]
    made = EmbeddingResponse.model_validate({"object": "list", "model": "m", "data": data})
    assert made.to_dict()["data"] == data
    assert json.loads(made.model_dump_json())["data"] == data
