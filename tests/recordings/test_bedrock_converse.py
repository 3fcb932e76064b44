"""Every recorded exchange of Converse and ConverseStream, through the public client and a real socket.

What each answer must say comes from ``_bedrock_oracle``; what cannot be asserted is in ``_bedrock_unassertable``.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

import llmkit
from llmkit import providers
from llmkit._call import ChatCall

from . import _bedrock_oracle as oracle
from . import _bedrock_request as request_form
from . import _cuts
from ._bedrock_rows import Exchange, exchanges
from ._bedrock_unassertable import exempted
from ._server import Replay, pieces

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Iterator
    from pathlib import Path

APIS = ("bedrock.converse", "bedrock.converse-stream")
MINIMAL: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}


def _rows(kind: str) -> list[Any]:
    found = [e for api in APIS for e in exchanges(api) if kind in _kinds(e)]
    return [pytest.param(e, id=e.id) for e in found] or [pytest.param(None, id="none")]


def _kinds(exchange: Exchange) -> set[str]:
    row = exchange.row
    if oracle.failure(row) is not None:
        kinds = {"failed"}
    else:
        kinds = {"answered", "stream" if row.is_event_stream else "plain"}
    return kinds | ({"asked"} if row.request is not None else set())


@pytest.fixture(scope="module")
def served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies; skips where there are no recordings."""
    server = Replay({e.id: e.row for api in APIS for e in exchanges(api)})
    yield server
    server.close()


def asking(exchange: Exchange, base_url: str) -> dict[str, Any]:
    """The recorded request as keywords, or a minimal one where it cannot be passed."""
    sent = exchange.row.sent()
    usable = sent is not None and "request" not in exempted(exchange.id)
    keywords = request_form.as_call(sent) if sent is not None and usable else MINIMAL
    return {
        "model": f"bedrock/{exchange.model}",
        "stream": exchange.row.streaming,
        "api_key": "test-key",
        "base_url": base_url,
        **keywords,
    }


def of_completion(completion: Any) -> oracle.Told:
    """What an answer's objects say, read through attributes as users do."""
    (choice,) = completion.choices
    said, told = choice.message, oracle.Told()
    told.text, told.reasoning = said.content or "", said.reasoning_content or ""
    told.thinking = said.thinking_blocks or []
    told.calls = [
        (call.id, call.function.name, json.loads(call.function.arguments))
        for call in said.tool_calls or []
    ]
    notes = [note[note["type"]] for note in said.annotations or []]
    told.cited = [(n["start_index"], n["end_index"], n["cited_text"]) for n in notes]
    told.finish_reason, told.stop_reason = choice.finish_reason, choice.get("stop_reason")
    told.usage = of_usage(completion.usage)
    told.latency = (completion.get("metrics") or {}).get("latencyMs")
    told.trace, told.tier = completion.get("trace"), completion.service_tier
    return told


def of_usage(usage: Any) -> dict[str, Any]:
    """What a usage says, in the oracle's words."""
    if usage is None:
        return {}
    details = usage.prompt_tokens_details
    assert (details and details.cached_tokens) == usage.cache_read_input_tokens
    assert (details and details.cache_write_tokens) == usage.cache_creation_input_tokens
    return {
        "prompt": usage.prompt_tokens,
        "completion": usage.completion_tokens,
        "total": usage.total_tokens,
        "read": usage.cache_read_input_tokens,
        "written": usage.cache_creation_input_tokens,
    }


def of_chunks(chunks: Iterable[Any]) -> oracle.Told:
    """Read a stream by putting its deltas together, as people do by hand."""
    told = oracle.Told()
    calls: dict[int, list[str]] = {}
    notes: list[dict[str, Any]] = []
    for chunk in chunks:
        for choice in chunk.choices:
            delta = choice.delta
            told.text += delta.content or ""
            told.reasoning += delta.reasoning_content or ""
            told.thinking += delta.thinking_blocks or []
            notes += [note[note["type"]] for note in delta.annotations or []]
            for call in delta.tool_calls or []:
                grown = calls.setdefault(call.index, [call.id, call.function.name, ""])
                grown[2] += call.function.arguments or ""
            told.finish_reason = choice.finish_reason or told.finish_reason
            told.stop_reason = choice.get("stop_reason") or told.stop_reason
    told.cited = [(n["start_index"], n["end_index"], n["cited_text"]) for n in notes]
    told.calls = [(made[0], made[1], json.loads(made[2])) for made in calls.values()]
    return told


def assert_told(exchange: Exchange, actual: oracle.Told, *but: str) -> None:
    """Fail unless this is what the oracle reads."""
    expected = oracle.read(exchange.row)
    names = {f.name for f in fields(oracle.Told)} - {*but}
    found = {n: (getattr(expected, n), getattr(actual, n)) for n in sorted(names)}
    assert {n: pair for n, pair in found.items() if pair[0] != pair[1]} == {}


@pytest.mark.parametrize("exchange", _rows("plain"))
def test_plain_answer(exchange: Exchange, served: Replay, client: llmkit.Client) -> None:
    """An answer in one piece says what its raw body says."""
    answer = client.completion(**asking(exchange, served.base_url(exchange.row)))
    assert_told(exchange, of_completion(answer))
    assert len(served.take()) == 1


@pytest.mark.parametrize("exchange", _rows("plain"))
def test_plain_answer_async(
    exchange: Exchange, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """An answer in one piece says the same asynchronously."""
    call = client.acompletion(**asking(exchange, served.base_url(exchange.row)))
    assert_told(exchange, of_completion(runner.run(call)))


def socket_cuts(exchange: Exchange) -> tuple[int, int]:
    """The two sizes at which this row's stream goes through the socket."""
    return _cuts.on_socket(exchange.id, len(exchange.row.body))


@pytest.mark.parametrize("exchange", _rows("stream"))
def test_stream(exchange: Exchange, served: Replay, client: llmkit.Client) -> None:
    """A stream's deltas, put together, and its folded response say what the raw bytes say."""
    for cut in socket_cuts(exchange):
        keywords = asking(exchange, served.base_url(exchange.row, cut))
        with client.completion(**keywords) as opened:
            chunks = list(opened)
        assert_told(exchange, of_completion(opened.response))
        assert_told(exchange, of_chunks(chunks), "usage", "latency", "trace", "tier")


@pytest.mark.parametrize("exchange", _rows("stream"))
def test_stream_async(
    exchange: Exchange, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A stream says the same asynchronously."""

    async def read() -> Any:
        stream = await client.acompletion(**asking(exchange, served.base_url(exchange.row, 11)))
        chunks = [chunk async for chunk in stream]
        return stream, chunks

    opened, chunks = runner.run(read())
    assert_told(exchange, of_completion(opened.response))
    assert_told(exchange, of_chunks(chunks), "usage", "latency", "trace", "tier")


@pytest.mark.parametrize("exchange", _rows("failed"))
def test_error(exchange: Exchange, served: Replay, client: llmkit.Client) -> None:
    """An error raises the class of its name and status."""
    with pytest.raises(llmkit.APIError) as caught:
        client.completion(**asking(exchange, served.base_url(exchange.row)))
    expected = oracle.failure(exchange.row)
    assert expected is not None
    error = caught.value
    assert type(error) is getattr(llmkit, expected.kind)
    assert (error.status_code, error.code) == (expected.status, expected.code)
    assert expected.message in error.message
    assert error.request_id == exchange.row.headers.get("x-amzn-requestid")


@pytest.mark.parametrize("exchange", _rows("stream"))
def test_cuts_change_nothing(exchange: Exchange) -> None:
    """A stream decodes to the same chunks, however its bytes are cut."""
    whole = decoded(exchange, [exchange.row.body])
    for size in _cuts.sizes(exchange.id, len(exchange.row.body)):
        assert decoded(exchange, pieces(exchange.row.body, size)) == whole, f"cut at {size}"


def decoded(exchange: Exchange, body: Iterable[bytes]) -> list[Any]:
    """What the wire's decoder makes of these pieces."""
    wire = providers.get("bedrock").chat
    assert wire is not None
    call = ChatCall("call_0", "bedrock", exchange.model, MINIMAL["messages"], stream=True)
    decoder = wire.decoder(call)
    made = [chunk for piece in body for chunk in decoder.feed(piece)]
    made += decoder.finish()
    assert decoder.done
    return made


@pytest.mark.parametrize("exchange", _rows("asked"))
def test_request(exchange: Exchange, served: Replay, client: llmkit.Client) -> None:
    """A recorded request, passed in OpenAI's form, is sent out equal as JSON, to the recorded path."""
    body = exchange.row.sent()
    if "request" in exempted(exchange.id):
        return
    assert body is not None
    sent = arriving(exchange, asking(exchange, served.base_url(exchange.row)), served, client)
    assert request_form.comparable(sent) == request_form.comparable(body)


def arriving(
    exchange: Exchange, keywords: dict[str, Any], served: Replay, client: llmkit.Client
) -> dict[str, Any]:
    """Make the call; return the body that arrived."""
    try:
        opened = client.completion(**keywords)
        if exchange.row.streaming:
            opened.close()
    except llmkit.APIError as error:
        assert error.sent == "yes", error  # noqa: PT017 - an answer may well be an error here
    (only,) = served.take()
    if exchange.path:
        assert unquote(only.path) == "/v1" + unquote(exchange.path)
    assert only.headers["authorization"] == "Bearer test-key"
    body: dict[str, Any] = only.json()
    return body


@pytest.mark.parametrize("exchange", _rows("answered"))
def test_every_answer_goes_back_as_it_came(
    exchange: Exchange, served: Replay, client: llmkit.Client
) -> None:
    """An answer put into the history gives the blocks that it came with: signatures, results, citations."""
    keywords = asking(exchange, served.base_url(exchange.row))
    opened = client.completion(**keywords)
    if exchange.row.streaming:
        list(opened)
        opened = opened.response
    said = opened.choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": "done"}
        for call in said.tool_calls or ()
    ]
    keywords["messages"] = [
        *MINIMAL["messages"],
        said.model_dump(),
        *(results or [{"role": "user", "content": "Go on"}]),
    ]
    served.take()
    sent = arriving(exchange, keywords, served, client)
    turns = [turn for turn in sent["messages"] if turn["role"] == "assistant"]
    assert (turns[0]["content"] if turns else []) == oracle.sendable(exchange.row)
