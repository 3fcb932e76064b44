"""Recorded text completions, reranking and counts of Bedrock, and SageMaker's text, through the public client."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

import llmkit

from . import _bedrock_makers as makers
from . import _bedrock_oracle as oracle
from . import _bedrock_request
from ._bedrock_rows import Exchange, exchanges
from ._bedrock_unassertable import exempted
from ._server import Replay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

APIS = (
    "bedrock.invoke",
    "bedrock.invoke-stream",
    "bedrock.count-tokens",
    "bedrock.rerank",
    "sagemaker.invoke",
)
KEY = {"api_key": "test-key"}


def _rows(kind: str) -> list[Any]:
    found = [e for api in APIS for e in exchanges(api) if kind in _kinds(e)]
    return [pytest.param(e, id=e.id) for e in found] or [pytest.param(None, id="none")]


def _kinds(exchange: Exchange) -> set[str]:
    if exchange.row.api == "bedrock.count-tokens":
        return {"count"}
    if exchange.row.api == "bedrock.rerank" or makers.maker(exchange) == "rerank":
        return {"rerank"}
    if exchange.row.api == "sagemaker.invoke":
        return {"sagemaker"}
    return {"text"} if makers.maker(exchange) == "text" else set()


@pytest.fixture(scope="module")
def served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies; skips where there are no recordings."""
    server = Replay({e.id: e.row for api in APIS for e in exchanges(api)})
    yield server
    server.close()


# --- texts ---------------------------------------------------------------------------------------

NAMES = {
    "maxTokenCount": "max_tokens",
    "max_gen_len": "max_tokens",
    "max_tokens": "max_tokens",
    "max_tokens_to_sample": "max_tokens",
    "temperature": "temperature",
    "topP": "top_p",
    "top_p": "top_p",
    "p": "top_p",
    "k": "top_k",
    "top_k": "top_k",
    "stopSequences": "stop",
    "stop_sequences": "stop",
    "stop": "stop",
    "num_generations": "n",
}


def asking(exchange: Exchange, base_url: str) -> dict[str, Any]:
    """The recorded request as keywords."""
    body = dict(exchange.row.sent() or {})
    prompt = body.pop("inputText", None) or body.pop("prompt")
    given = body.pop("textGenerationConfig", body)
    extra = {k: v for k, v in given.items() if k not in NAMES and k != "stream"}
    made = {NAMES[k]: v for k, v in given.items() if k in NAMES}
    return {
        "model": f"bedrock/invoke/{exchange.model}",
        "prompt": prompt,
        "stream": exchange.row.streaming,
        "base_url": base_url,
        **made,
        **KEY,
        **({"extra_body": extra} if extra else {}),
    }


def said(exchange: Exchange) -> tuple[list[str], dict[str, Any]]:
    """The texts and the counts, read from the raw bytes."""
    row = exchange.row
    found = makers.events(row) if row.is_event_stream else [json.loads(row.body)]
    texts: dict[int, str] = {}
    counts: dict[str, Any] = {}
    for event in found:
        for place, item in enumerate(_items(event)):
            index = item.get("index", place)
            text = next(
                item[n] for n in ("outputText", "generation", "completion", "text") if n in item
            )
            texts[index] = texts.get(index, "") + text
        metrics = event.get("amazon-bedrock-invocationMetrics", {})
        for name, value in {**event, **metrics}.items():
            if name in ("inputTextTokenCount", "prompt_token_count", "inputTokenCount"):
                counts["prompt"] = value
    return [text for _, text in sorted(texts.items())], counts


def _items(event: dict[str, Any]) -> list[dict[str, Any]]:
    for name in ("results", "outputs", "generations"):
        if name in event:
            return list(event[name])
    return [event] if event.keys() & {"outputText", "generation", "completion", "text"} else []


def assert_said(exchange: Exchange, answer: Any) -> None:
    """Fail unless an answer has the texts and counts of the raw bytes."""
    texts, counts = said(exchange)
    assert [choice.text for choice in answer.choices] == texts
    assert all(
        choice.finish_reason in ("stop", "length", "content_filter") for choice in answer.choices
    )
    assert (answer.usage.prompt_tokens if answer.usage else None) == counts.get("prompt")


@pytest.mark.parametrize("exchange", _rows("text"))
def test_text(
    exchange: Exchange, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """The request is the recorded one, and the answer says what its bytes say, in both colours."""
    cut = random.Random(exchange.id).randint(1, 40)
    if exchange.row.status >= 300:
        with pytest.raises(llmkit.APIError) as caught:
            client.text_completion(**asking(exchange, served.base_url(exchange.row)))
        expected = oracle.failure(exchange.row)
        assert expected is not None
        assert type(caught.value) is getattr(llmkit, expected.kind)
        return
    opened: Any = client.text_completion(**asking(exchange, served.base_url(exchange.row, cut)))
    if exchange.row.streaming:
        pieces = [chunk.text for chunk in opened if chunk.choices and chunk.choices[0].index == 0]
        opened = opened.response
        assert "".join(pieces) == opened.text
    assert_said(exchange, opened)
    (sent,) = served.take()
    assert unquote(sent.path) == "/v1" + unquote(exchange.path)
    assert comparable(sent.json()) == comparable(exchange.row.sent() or {})

    async def ask() -> Any:
        made: Any = await client.atext_completion(
            **asking(exchange, served.base_url(exchange.row, cut))
        )
        if exchange.row.streaming:
            async for _ in made:
                pass
            return made.response
        return made

    assert_said(exchange, runner.run(ask()))


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """A request without what says nothing."""
    silent: tuple[Any, ...] = (("stream", True), ("stream", False), ("num_generations", 1))
    return {k: v for k, v in body.items() if (k, v) not in silent}


# --- reranking, counting, SageMaker --------------------------------------------------------------


@pytest.mark.parametrize("exchange", _rows("rerank"))
def test_rerank(
    exchange: Exchange, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """Places and scores are those of the raw body; an invoked model's request is the recorded one."""
    body = exchange.row.sent()
    arn = "arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0"
    options: dict[str, Any] = {"model": f"bedrock/{arn}", "query": "q", "documents": list("abcdef")}
    if body is not None:
        options = {"model": f"bedrock/invoke/{exchange.model}", "top_n": body["top_n"]}
        options |= {"query": body["query"], "documents": body["documents"]}
    first = client.rerank(**options, **KEY, base_url=served.base_url(exchange.row))
    (sent,) = served.take()
    if body is not None:
        assert sent.json() == body
        assert unquote(sent.path) == "/v1" + unquote(exchange.path)
    else:
        assert sent.path == "/v1/rerank"
    call = client.arerank(**options, **KEY, base_url=served.base_url(exchange.row))
    second = runner.run(call)
    expected = [
        (r["index"], r.get("relevanceScore", r.get("relevance_score")))
        for r in json.loads(exchange.row.body)["results"]
    ]
    for answer in (first, second):
        assert [(r.index, r.relevance_score) for r in answer.results] == expected


@pytest.mark.parametrize("exchange", _rows("count"))
def test_count(exchange: Exchange, served: Replay, client: llmkit.Client) -> None:
    """The request is the recorded one, and the count that of the raw body; errors are raised."""
    body = exchange.row.sent() or {}
    given = body["input"]
    options: dict[str, Any] = {"model": f"bedrock/{exchange.model}", **KEY}
    if "converse" in given:
        options |= _bedrock_request.as_call(given["converse"])
    else:
        inner = makers.as_call("claude", decoded(given))
        options |= {"model": f"bedrock/invoke/{exchange.model}", **inner}
    base = served.base_url(exchange.row)
    if exchange.row.status >= 300:
        with pytest.raises(llmkit.BadRequestError):
            client.count_tokens(**options, base_url=base)
    else:
        count = client.count_tokens(**options, base_url=base)
        assert count.input_tokens == json.loads(exchange.row.body)["inputTokens"]
    (sent,) = served.take()
    assert unquote(sent.path) == "/v1" + unquote(exchange.path)
    if "converse" in given:
        expected = {k: v for k, v in given["converse"].items() if v != []}
        assert sent.json() == {"input": {"converse": expected}}
    elif "request" not in exempted(exchange.id):
        arrived = decoded(sent.json()["input"])
        # What the answer may be is demanded by the dialect, and says nothing about a count.
        ignored = ("max_tokens",)
        assert {k: v for k, v in arrived.items() if k not in ignored} == {
            k: v for k, v in decoded(given).items() if k not in ignored
        }


def decoded(given: dict[str, Any]) -> dict[str, Any]:
    """The invoked body in a request for a count."""
    import base64

    body: dict[str, Any] = json.loads(base64.b64decode(given["invokeModel"]["body"]))
    return body


@pytest.mark.parametrize("exchange", _rows("sagemaker"))
def test_sagemaker(
    exchange: Exchange, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A container's text: the request is the recorded one, the text that of the raw body."""
    body = exchange.row.sent() or {}
    endpoint = exchange.path.split("/")[2]
    given = body["parameters"]
    options: dict[str, Any] = {"model": f"sagemaker/{endpoint}", "prompt": body["inputs"], **KEY}
    options |= {"temperature": given["temperature"], "top_p": given["top_p"]}
    options |= {"max_tokens": given["max_new_tokens"]}
    base = served.base_url(exchange.row)
    first = client.text_completion(**options, base_url=base)
    (sent,) = served.take()
    assert (sent.json(), sent.path) == (body, "/v1" + exchange.path)
    second = runner.run(client.atext_completion(**options, base_url=base))
    assert first.text == second.text == json.loads(exchange.row.body)[0]["generated_text"]
