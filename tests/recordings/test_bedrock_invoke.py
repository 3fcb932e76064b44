"""Every recorded chat by InvokeModel and its stream, through the public client and a real socket.

The makers' own oracles read what is in AWS's envelope; botocore takes it out.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

import llmkit

from . import _anthropic_oracle, _bedrock_oracle
from . import _bedrock_makers as makers
from . import test_anthropic_messages as messages
from . import test_bedrock_converse as converse
from ._bedrock_rows import Exchange, exchanges
from ._bedrock_unassertable import exempted
from ._server import Replay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

APIS = ("bedrock.invoke", "bedrock.invoke-stream")
CHATS = ("claude", "nova", "openai", "command")


def _rows(kind: str) -> list[Any]:
    found = [e for api in APIS for e in exchanges(api) if kind in _kinds(e)]
    return [pytest.param(e, id=e.id) for e in found] or [pytest.param(None, id="none")]


def _kinds(exchange: Exchange) -> set[str]:
    if exchange.row.status >= 300:
        return {"failed"} | ({"asked"} if makers.maker(exchange) in CHATS else set())
    if makers.maker(exchange) not in CHATS or "answer" in exempted(exchange.id):
        return set()
    return {"answered", "asked", "stream" if exchange.row.is_event_stream else "plain"}


@pytest.fixture(scope="module")
def served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies; skips where there are no recordings."""
    server = Replay({e.id: e.row for api in APIS for e in exchanges(api)})
    yield server
    server.close()


def asking(exchange: Exchange, base_url: str) -> dict[str, Any]:
    """The recorded request as keywords, or a minimal one where it cannot be passed."""
    kind, sent = makers.maker(exchange), exchange.row.sent()
    usable = kind in CHATS and sent is not None and "request" not in exempted(exchange.id)
    keywords = makers.as_call(kind, sent) if usable and sent is not None else converse.MINIMAL
    route = exchange.model if kind in CHATS else "anthropic.claude-unnamed"
    return {
        "model": f"bedrock/invoke/{route}",
        "stream": exchange.row.streaming,
        "api_key": "test-key",
        "base_url": base_url,
        **keywords,
    }


def assert_said(exchange: Exchange, answer: Any) -> None:
    """Fail unless a whole answer says what its maker's oracle reads."""
    kind, row = makers.maker(exchange), exchange.row
    if kind == "claude":
        if answer.usage is None:
            # Its recorder left the usage out, which the oracle does not read without.
            assert "usage" not in (body := json.loads(row.body))
            assert answer.text == "".join(block["text"] for block in body["content"])
        else:
            told = _anthropic_oracle.read(makers.as_messages(row))
            assert messages.of_completion(answer) == told
    elif kind == "nova":
        expected = _bedrock_oracle.read(makers.as_converse(row))
        found = converse.of_completion(answer)
        expected.latency = expected.latency or found.latency
        expected.trace = expected.trace or found.trace
        assert found == expected
    elif kind == "command":
        assert answer.text == json.loads(row.body)["text"]
        assert answer.choices[0].finish_reason == "length"
    else:
        assert_openai(row, answer)


def assert_openai(row: Any, answer: Any) -> None:
    """Fail unless an answer in OpenAI's form says what its JSON says."""
    if not row.is_event_stream:
        body = json.loads(row.body)
        (choice,) = body["choices"]
        assert (answer.id, answer.model) == (body["id"], body["model"])
        text, calls = choice["message"]["content"], choice["message"].get("tool_calls")
        usage, finish = body["usage"], choice["finish_reason"]
    else:
        events = makers.events(row)
        deltas = [c["delta"] for e in events for c in e.get("choices", [])]
        text = "".join(d.get("content") or "" for d in deltas)
        pieces = [p for d in deltas for p in d.get("tool_calls") or []]
        joined = "".join(p["function"]["arguments"] for p in pieces)
        calls = [{"id": pieces[0]["id"], "function": {"arguments": joined}}] if pieces else None
        usage = next(e["usage"] for e in events if e.get("usage"))
        finish = [c["finish_reason"] for e in events for c in e["choices"] if c["finish_reason"]][
            -1
        ]
    said = answer.choices[0]
    assert said.message.get("reasoning_content") is not None or said.message.content == (
        text or None
    )
    assert (said.message.content or "") in (text or "")
    assert [c.id for c in said.message.tool_calls or []] == [c["id"] for c in calls or []]
    for ours, theirs in zip(said.message.tool_calls or [], calls or [], strict=True):
        assert ours.function.arguments == theirs["function"]["arguments"]
    assert said.finish_reason == finish
    assert answer.usage.completion_tokens == usage["completion_tokens"]
    assert answer.usage.prompt_tokens == usage["prompt_tokens"]


@pytest.mark.parametrize("exchange", _rows("plain"))
def test_plain_answer(exchange: Exchange, served: Replay, client: llmkit.Client) -> None:
    """An answer in one piece says what its raw body says."""
    assert_said(exchange, client.completion(**asking(exchange, served.base_url(exchange.row))))


@pytest.mark.parametrize("exchange", _rows("plain"))
def test_plain_answer_async(
    exchange: Exchange, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """An answer in one piece says the same asynchronously."""
    call = client.acompletion(**asking(exchange, served.base_url(exchange.row)))
    assert_said(exchange, runner.run(call))


@pytest.mark.parametrize("exchange", _rows("stream"))
def test_stream(exchange: Exchange, served: Replay, client: llmkit.Client) -> None:
    """A stream, however it is cut, folds to what its frames say, and keeps what AWS added."""
    rng = random.Random(exchange.id)
    for cut in (rng.randint(1, 16), rng.randint(17, max(18, len(exchange.row.body)))):
        opened = client.completion(**asking(exchange, served.base_url(exchange.row, cut)))
        texts = [chunk.text for chunk in opened]
        answer = opened.response
        assert "".join(texts) == answer.text
        assert_said(exchange, answer)
        if makers.maker(exchange) != "nova":
            kept = {k: answer[k] for k in makers.added(exchange.row) if k in answer}
            assert kept == makers.added(exchange.row)


@pytest.mark.parametrize("exchange", _rows("stream"))
def test_stream_async(
    exchange: Exchange, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A stream says the same asynchronously."""

    async def read() -> Any:
        stream = await client.acompletion(**asking(exchange, served.base_url(exchange.row, 11)))
        async for _ in stream:
            pass
        return stream.response

    assert_said(exchange, runner.run(read()))


@pytest.mark.parametrize("exchange", _rows("failed"))
def test_error(exchange: Exchange, served: Replay, client: llmkit.Client) -> None:
    """An error raises the class of its name and status."""
    with pytest.raises(llmkit.APIError) as caught:
        client.completion(**asking(exchange, served.base_url(exchange.row)))
    expected, error = _bedrock_oracle.failure(exchange.row), caught.value
    assert expected is not None
    assert type(error) is getattr(llmkit, expected.kind)
    assert (error.status_code, error.code) == (expected.status, expected.code)
    assert expected.message in error.message


@pytest.mark.parametrize("exchange", _rows("asked"))
def test_request(exchange: Exchange, served: Replay, client: llmkit.Client) -> None:
    """A recorded request, passed in OpenAI's form, is sent out equal as JSON, to the recorded path."""
    kind, body = makers.maker(exchange), exchange.row.sent()
    assert body is not None
    if "request" in exempted(exchange.id):
        return
    try:
        opened = client.completion(**asking(exchange, served.base_url(exchange.row)))
        if exchange.row.streaming:
            opened.close()
    except llmkit.APIError as error:
        assert error.sent == "yes", error  # noqa: PT017 - an answer may well be an error here
    (only,) = served.take()
    assert unquote(only.path) == "/v1" + unquote(exchange.path)
    assert makers.comparable(kind, only.json()) == makers.comparable(kind, body)
