"""Reranking by passages: requests, addresses, answers, errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit import errors
from llmkit._calls import RerankCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.providers._ranking import RANKING

OWN = Endpoint("http://localhost:8000/v1", {"x-here": "yes"}, {"a": "b"})
RANKED = {
    "rankings": [
        {"index": 1, "logit": 2.5},
        {"index": 0, "logit": -1.25},
        {"index": 7, "logit": -9},
    ]
}


def call(*documents: Any, **params: Any) -> RerankCall:
    """A call as the wire gets it."""
    own = {k: params.pop(k) for k in ("drop_params", "allowed", "extra_body") if k in params}
    given = documents or ("a", "b")
    return RerankCall("call_1", "acme", "org/rerank-3.2", "which?", given, params=params, **own)


def said(body: Any, status: int = 200) -> HTTPResponse:
    """An answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HTTPResponse(status, {}, raw)


def test_a_request() -> None:
    """The query and each passage are objects with a text; a mapping is written as YAML."""
    request = RANKING.build(call("a", {"title": "T"}, truncation=True), OWN)
    assert request.url == "http://localhost:8000/v1/ranking?a=b"
    assert request.headers["x-here"] == "yes"
    assert json.loads(request.body) == {
        "model": "org/rerank-3.2",
        "query": {"text": "which?"},
        "passages": [{"text": "a"}, {"text": "title: T\n"}],
        "truncate": "END",
    }
    unasked = json.loads(RANKING.build(call(truncation=False, extra_body={"x": 1}), OWN).body)
    assert (unasked["truncate"], unasked["x"]) == ("NONE", 1)


def test_the_vendor_s_own_host() -> None:
    """There each model has an address of its own, on another host, without dots in its name."""
    hosted = Endpoint("https://integrate.api.nvidia.com/v1/")
    url = "https://ai.api.nvidia.com/v1/retrieval/org/rerank-3_2/reranking"
    assert RANKING.build(call(), hosted).url == url
    client = llmkit.Client(environ={"NVIDIA_NIM_API_KEY": "test-key-" + "0123456789"})
    dry = client.dry_run("rerank", model="nvidia_nim/org/rerank-3.2", query="q", documents=["a"])
    assert dry.url == url


def test_an_answer() -> None:
    """Logits are the scores; how many, fields and documents are seen to here, and listed."""
    documents = ({"title": "A", "text": "a"}, "b")
    params = {"top_n": 2, "rank_fields": ["text"], "return_documents": True}
    changes = RANKING.build(call(*documents, **params), OWN).adjustments
    assert {change.parameter: change.change for change in changes} == dict.fromkeys(
        params, "emulated"
    )
    read = RANKING.parse(call(*documents, **params), said(RANKED))
    assert [(r.index, r.relevance_score, r.document) for r in read.results] == [
        (1, 2.5, {"text": "b"}),
        (0, -1.25, {"title": "A", "text": "a"}),
    ]
    assert len(RANKING.parse(call(), said(RANKED)).results) == 3


def test_parameters_that_are_not_taken() -> None:
    """What there is no field for is refused, dropped or insisted on."""
    with pytest.raises(errors.UnsupportedParamsError, match="max_tokens_per_doc"):
        RANKING.build(call(max_tokens_per_doc=3), OWN)
    (change,) = RANKING.build(call(max_tokens_per_doc=3, drop_params=True), OWN).adjustments
    assert change.change == "dropped"
    allowed = call(max_tokens_per_doc=3, allowed=frozenset({"max_tokens_per_doc"}))
    assert json.loads(RANKING.build(allowed, OWN).body)["max_tokens_per_doc"] == 3


@pytest.mark.parametrize(
    ("status", "told", "kind"),
    [
        (401, {"detail": "Authentication failed"}, errors.AuthenticationError),
        (404, {"detail": "Not Found"}, errors.NotFoundError),
        (422, {"error": "Input should be …"}, errors.UnprocessableEntityError),
        (429, {"detail": "Too Many Requests"}, errors.RateLimitError),
        (503, {"error": "overloaded"}, errors.ServiceUnavailableError),
    ],
)
def test_errors(status: int, told: Any, kind: type) -> None:
    """An error is the class of its status; an answer without rankings is unreadable."""
    assert type(RANKING.error(call(), said(told, status))) is kind
    with pytest.raises(errors.APIResponseValidationError):
        RANKING.parse(call(), said({"choices": []}))
