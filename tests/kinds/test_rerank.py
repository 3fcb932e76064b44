"""Reranking: what is sent, what comes back, what it costs, in both colours and wherever the form is shared."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import llmkit
from llmkit import errors
from llmkit._calls import RerankCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.testing import Simulator
from llmkit.types import RerankResponse
from llmkit.wires.cohere_rerank import COHERE_V1, COHERE_V2, RERANK, RERANK_BY_FIELDS, CohereRerank

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "test-key-" + "0123456789"
MODEL = "cohere/rerank-v3.5"
HERE = Endpoint("https://h.test/v1", {"x-here": "yes"}, {"a": "b"})
DOCUMENTS = ["Paris is in France", "Ruby is a language", "Rails is a Ruby framework"]
BOOK = {"title": "Ruby", "year": 1995, "note": "a: b"}


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


def call(*documents: Any, **params: Any) -> RerankCall:
    """A call as the wire gets it."""
    own = {k: params.pop(k) for k in ("drop_params", "allowed", "extra_body") if k in params}
    return RerankCall("call_1", "acme", "m", "ruby", documents or ("a", "b"), params=params, **own)


def said(body: Any, status: int = 200, **headers: str) -> HTTPResponse:
    """An answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HTTPResponse(status, headers, raw)


def body(wire: CohereRerank, *documents: Any, **params: Any) -> dict[str, Any]:
    """The body that a wire writes."""
    made: dict[str, Any] = json.loads(wire.build(call(*documents, **params), HERE).body)
    return made


def listed(wire: CohereRerank, *documents: Any, **params: Any) -> dict[str, str]:
    """What the ledger says: parameter to change."""
    changes = wire.build(call(*documents, **params), HERE).adjustments
    return {change.parameter: change.change for change in changes}


# --- as users call it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "provider",
    ["cohere", "cohere_v1", "voyage", "jina_ai", "openai_like", "together_ai", "llamacpp"],
)
def test_documents_are_ordered(provider: str, client: llmkit.Client) -> None:
    """The best comes first, with the place where it stood; the call has its account."""
    made = client.rerank(f"{provider}/m", "ruby framework", DOCUMENTS, top_n=2)
    assert [result.index for result in made.results] == [2, 1]
    assert made.results[0].relevance_score == 1.0
    assert made.results[0].document is None
    assert made.model == "m"
    assert made.call.kind == "rerank"
    # What runs on this machine is nobody's bill.
    assert made.cost.status == ("none" if provider == "llamacpp" else "unknown")
    assert client.ledger.settlements[-1].kind == "rerank"
    assert "1. document 2" in made._repr_markdown_()


def test_from_async_code(simulator: Simulator) -> None:
    """The same on asyncio and trio."""

    async def main() -> RerankResponse:
        async with llmkit.Client(api_key=KEY, base_url=simulator.base_url) as client:
            return await client.arerank(MODEL, "ruby", DOCUMENTS)

    for backend in ("asyncio", "trio"):
        assert len(anyio.run(main, backend=backend).results) == 3


def test_module_functions(simulator: Simulator) -> None:
    """The functions use the default client."""
    where: dict[str, Any] = {"api_key": KEY, "base_url": simulator.base_url}
    made = llmkit.rerank(MODEL, "ruby", DOCUMENTS, **where)

    async def main() -> RerankResponse:
        return await llmkit.arerank(MODEL, "ruby", DOCUMENTS, **where)

    assert made.results == anyio.run(main).results
    assert isinstance(made, llmkit.RerankResponse)


@pytest.mark.parametrize("provider", ["cohere", "voyage", "jina_ai", "openai_like"])
def test_documents_come_back_where_they_are_asked_for(provider: str, client: llmkit.Client) -> None:
    """A result has its document, by the provider or by us, a mapping as it was given where it was not sent so."""
    made = client.rerank(f"{provider}/m", "ruby", [*DOCUMENTS, BOOK], return_documents=True)
    found = {result.index: result.document for result in made.results}
    assert found[0] == {"text": DOCUMENTS[0]}
    if provider != "jina_ai":
        assert found[3] in (
            BOOK,
            {"text": json.dumps(BOOK)},
            {"text": 'title: Ruby\nyear: 1995\nnote: "a: b"\n'},
        )
    assert ("return_documents" in {a.parameter for a in made.call.ledger}) is (
        provider in ("cohere", "openai_like")
    )


@pytest.mark.parametrize(
    ("query", "documents", "match"),
    [
        (3, DOCUMENTS, "query must be a text"),
        ("q", [], "not empty"),
        ("q", "text", "must be a list"),
        ("q", None, "must be a list"),
        ("q", ["a", 3], r"documents\[1\]"),
    ],
)
def test_mistakes(client: llmkit.Client, query: Any, documents: Any, match: str) -> None:
    """A mistake is told before anything is sent."""
    with pytest.raises(errors.InvalidRequestError, match=match):
        client.rerank(MODEL, query, documents)


def test_a_provider_without_it(client: llmkit.Client) -> None:
    """Who has no such call says so."""
    with pytest.raises(
        errors.ConfigurationError, match=r"anthropic has no rerank\(\), .*offered by .*cohere"
    ):
        client.rerank("anthropic/claude", "q", DOCUMENTS)


def test_a_dry_run(client: llmkit.Client) -> None:
    """The request can be looked at."""
    dry = client.dry_run("rerank", model=MODEL, query="q", documents=["a"], top_n=1)
    assert dry.url.endswith("/v2/rerank")
    assert dry.body == {"model": "rerank-v3.5", "query": "q", "documents": ["a"], "top_n": 1}


@pytest.mark.parametrize(
    ("model", "kind", "status"),
    [("missing-model", errors.NotFoundError, 404), ("rate-limited", errors.RateLimitError, 429)],
)
def test_failures(client: llmkit.Client, model: str, kind: type, status: int) -> None:
    """A refusal is what its status says."""
    with pytest.raises(kind) as caught:
        client.rerank(f"cohere/{model}", "q", DOCUMENTS, num_retries=0)
    assert caught.value.status_code == status  # type: ignore[attr-defined]


# --- the wire -----------------------------------------------------------------------------------


def test_addresses() -> None:
    """The vendor's path has its version, others' is below the base."""
    assert RERANK.build(call(), HERE).url == "https://h.test/v1/rerank?a=b"
    assert COHERE_V2.build(call(), HERE).url == "https://h.test/v2/rerank?a=b"
    assert COHERE_V1.build(call(), HERE).url == "https://h.test/v1/rerank?a=b"
    assert RERANK.build(call(), HERE).headers["x-here"] == "yes"


def test_mappings_as_texts() -> None:
    """Where documents must be texts, a mapping is written as YAML, a field a line."""
    given = {
        "title": "Ruby",
        "year": 1995,
        "note": "a: b",
        "lines": "x\ny",
        "empty": "",
        "tags": ["a"],
    }
    text = 'title: Ruby\nyear: 1995\nnote: "a: b"\nlines: "x\\ny"\nempty: ""\ntags: ["a"]\n'
    assert body(COHERE_V2, "plain", given)["documents"] == ["plain", text]
    assert body(RERANK, "plain", given)["documents"] == ["plain", given]


def test_fields_that_count() -> None:
    """The fields are named to the host, or the others are left out."""
    assert body(RERANK_BY_FIELDS, BOOK, rank_fields=["title"])["rank_fields"] == ["title"]
    assert not listed(RERANK_BY_FIELDS, BOOK, rank_fields=["title"])
    sent = body(COHERE_V2, BOOK, "text", {"other": 1}, rank_fields=["title"])
    assert sent["documents"] == ["title: Ruby\n", "text", "other: 1\n"]
    assert "rank_fields" not in sent
    assert listed(COHERE_V2, BOOK, rank_fields=["title"]) == {"rank_fields": "emulated"}


def test_parameters() -> None:
    """What a host has is sent, what it has not is refused, dropped or insisted on."""
    assert body(COHERE_V2, top_n=1, max_tokens_per_doc=9)["max_tokens_per_doc"] == 9
    with pytest.raises(errors.UnsupportedParamsError, match="truncation"):
        body(COHERE_V2, truncation=True)
    assert listed(RERANK, truncation=True, drop_params=True) == {"truncation": "dropped"}
    assert body(RERANK, truncation=True, allowed=frozenset({"truncation"}))["truncation"] is True
    assert body(RERANK, extra_body={"priority": 3})["priority"] == 3
    assert listed(RERANK, return_documents=False) == {}


@pytest.mark.parametrize("name", ["results", "data", "rankings"])
@pytest.mark.parametrize("score", ["relevance_score", "relevanceScore", "score", "logit"])
def test_hosts_words_for_results(name: str, score: str) -> None:
    """Lists and scores have several names; what else a result has is kept."""
    read = RERANK.parse(call(), said({name: [{"index": 1, score: 0.5, "x": 1}]}))
    (result,) = read.results
    assert (result.index, result.relevance_score, result["x"]) == (1, 0.5, 1)
    assert (read.id, read.model) == ("call_1", "m")


@pytest.mark.parametrize("index", [7, -1, None, "one", 1.5, {}])
def test_indexes_of_nothing(index: Any) -> None:
    """An index that nobody gave a document for never raises, and gets none."""
    told = {"results": [{"index": index, "relevance_score": 0.5}, "odd", {"index": 0}]}
    read = RERANK.parse(call(return_documents=True), said(told))
    assert len(read.results) == 2
    assert read.results[0].document is None
    assert read.results[1].document == {"text": "a"}
    assert read.model_dump_json()


def test_documents_in_answers() -> None:
    """A document is a mapping, whether it came as one or as a text; our YAML becomes what it was made of."""
    told = {
        "results": [
            {"index": 0, "document": "a"},
            {"index": 1, "document": {"text": "b", "image": "i"}},
        ]
    }
    read = RERANK.parse(call(), said(told))
    assert [r.document for r in read.results] == [{"text": "a"}, {"text": "b", "image": "i"}]
    read = COHERE_V2.parse(call(BOOK), said({"results": [{"index": 0, "document": "title: Ruby"}]}))
    assert read.results[0].document == BOOK


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, None),
        ({"usage": {"total_tokens": 7}}, (None, None, 7, 7)),
        ({"usage": {"total_tokens": 7, "prompt_tokens": 6}}, (None, 6, 7, 6)),
        ({"meta": {"billed_units": {"search_units": 2}}}, (2, None, None, None)),
        ({"meta": {"billed_units": {"search_units": 2.0, "input_tokens": 5}}}, (2, 5, None, 5)),
        ({"meta": {"tokens": {"input_tokens": 5}}}, (None, 5, None, 5)),
        ({"meta": "none", "usage": "none"}, None),
        ({"usage": {"completion_tokens": 0, "prompt_tokens_details": "x", "total_tokens": 1}}, (None, None, 1, 1)),
    ],
)  # fmt: skip
def test_usage(told: Any, expected: Any) -> None:
    """Search units and tokens are read where they are told, and are not made up where they are not."""
    read = RERANK.parse(call(), said({"results": [], **told}))
    if expected is None:
        assert (read.usage, read.counted()) == (None, None)
        return
    usage, counted = read.usage, read.counted()
    assert usage is not None
    assert counted is not None
    found = (usage.search_units, usage.prompt_tokens, usage.total_tokens, counted.prompt_tokens)
    assert found == expected
    assert counted.completion_tokens == 0


def test_a_usage_that_counts_nothing_known() -> None:
    """A usage of other things only is kept, and counts no tokens."""
    read = RERANK.parse(call(), said({"results": [], "usage": {"seconds": 3}}))
    assert read.usage is not None
    assert read.usage["seconds"] == 3
    counted = read.counted()
    assert counted is not None
    assert (counted["seconds"], counted.prompt_tokens, counted.completion_tokens) == (3, None, None)


def test_a_cost_that_the_provider_states() -> None:
    """An amount in the usage is the call's cost."""
    read = RERANK.parse(call(), said({"results": [], "usage": {"total_tokens": 1, "cost": 0.25}}))
    counted = read.counted()
    assert counted is not None
    assert Decimal(str(counted["cost"])) == Decimal("0.25")


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"<html>", errors.APIResponseValidationError),
        (b"{", errors.APIResponseValidationError),
        (b"[]", errors.APIResponseValidationError),
        (b'{"choices": []}', errors.APIResponseValidationError),
        (b'{"results": 3}', errors.APIResponseValidationError),
        (b'{"error": {"message": "no", "code": 404}}', errors.APIError),
        (b'{"message": "no", "id": "e"}', errors.APIError),
    ],
)
def test_answers_that_are_none(raw: bytes, kind: type[errors.APIError]) -> None:
    """Another API's object, half a JSON, an error inside a 200: typed errors, never a KeyError."""
    with pytest.raises(kind):
        RERANK.parse(call(), said(raw))


@pytest.mark.parametrize(
    ("wire", "status", "told", "kind"),
    [
        (COHERE_V2, 400, {"message": "invalid request: list of documents must not be empty"}, errors.BadRequestError),
        (COHERE_V2, 401, {"message": "invalid api token"}, errors.AuthenticationError),
        (COHERE_V2, 498, {"message": "deny-listed token"}, errors.ContentPolicyViolationError),
        (RERANK, 400, {"detail": "Model x is not supported."}, errors.BadRequestError),
        (RERANK, 401, {"detail": "Provided API key is invalid."}, errors.AuthenticationError),
        (RERANK, 403, {"detail": "Forbidden"}, errors.PermissionDeniedError),
        (RERANK, 404, {"error": {"message": "no such model"}}, errors.NotFoundError),
        (RERANK, 413, {"detail": "too large"}, errors.RequestTooLargeError),
        (RERANK, 422, {"detail": [{"loc": ["query"], "msg": "field required"}]}, errors.UnprocessableEntityError),
        (RERANK, 429, {"detail": "You have not yet added your payment method …"}, errors.RateLimitError),
        (RERANK, 501, {"error": {"code": 501, "message": "not supported"}}, errors.InternalServerError),
        (RERANK, 503, {"detail": "overloaded"}, errors.ServiceUnavailableError),
    ],
)  # fmt: skip
def test_errors(wire: CohereRerank, status: int, told: Any, kind: type[errors.APIError]) -> None:
    """An error is the class of its status, in each host's form, and says what it said."""
    error = wire.error(call(), said(told, status))
    assert type(error) is kind
    assert error.status_code == status
    assert error.body == told
