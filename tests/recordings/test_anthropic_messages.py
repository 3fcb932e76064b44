"""Every recorded exchange of the Messages wire, through the public client and a real socket.

What each answer must say comes from ``_anthropic_oracle``; what cannot be asserted is in ``_anthropic_unassertable``.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import providers

from . import _anthropic_oracle as oracle
from . import _anthropic_request as request_form
from . import _cuts, _reader
from ._anthropic_unassertable import EXEMPT, exempted
from ._server import Replay, pieces

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ._reader import Row

APIS = (
    "anthropic.messages",
    "azure.anthropic_messages",
    "local_compat.anthropic_messages",
    "vertex.anthropic.rawPredict",
    "vertex.anthropic.streamRawPredict",
)
ON_VERTEX = re.compile(r"/v1/projects/([^/]+)/locations/([^/]+)/.*/models/([^/]+):\w+")
# Exemptions that are of a test, not of a field of the answer.
OTHER = frozenset({"request", "continued", "back", "error"})
MINIMAL: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 100}


@cache
def rows() -> tuple[Row, ...]:
    """All rows, where there are recordings."""
    recordings = _reader.directory()
    if recordings is None:
        return ()
    return tuple(row for api in APIS for row in _reader.rows(recordings, api))


@cache
def groups() -> dict[str, list[Row]]:
    """The rows by what can be asked of them."""
    failed = {row.id for row in rows() if oracle.failure(row) is not None}
    fine = [row for row in rows() if row.id not in failed]
    return {
        "told": [row for row in fine if not row.is_event_stream],
        "streamed": [row for row in fine if row.is_event_stream],
        "answered": fine,
        "wrong": [row for row in rows() if row.id in failed],
        "written": [row for row in rows() if row.request is not None],
        "continued": [row for row in rows() if row.id in earlier_turns()],
    }


@cache
def earlier_turns() -> dict[str, tuple[Row, int]]:
    """A row's id to the row whose answer its request puts back, and the place of that answer in it."""
    asked = [(row, body) for row in rows() if (body := row.sent()) and row.status == 200]
    answers = [(row, body, said(oracle.message(row))) for row, body in asked]
    found: dict[str, tuple[Row, int]] = {}
    for row, body in asked:
        for other, before, answer in answers:
            turns, length = before["messages"], len(before["messages"])
            if len(body["messages"]) > length + 1 and body["messages"][:length] == turns:
                turn = body["messages"][length]
                whole = oracle.sent_back(oracle.message(other)["content"])
                exact = request_form.blocks(turn["content"]) == whole
                fits = answer and turn["role"] == "assistant" and said(turn) == answer
                if fits and (exact or row.id not in found):
                    found[row.id] = (other, length)
    return found


def said(message: dict[str, Any]) -> list[Any]:
    """What tells an answer: its texts, and its calls by name, id and arguments."""
    blocks = request_form.blocks(message["content"])
    names = ("text", "id", "name", "input")
    return [
        [block[name] for name in names if name in block]
        for block in blocks
        if block["type"] in ("text", "tool_use")
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for every row of the group it asks for."""
    for name in groups().keys() & set(metafunc.fixturenames):
        ids = [row.id for row in groups()[name]] or ["none"]
        metafunc.parametrize(name, groups()[name] or [None], ids=ids)


@pytest.fixture(scope="module")
def served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies; skips where there are no recordings."""
    server = Replay({row.id: row for row in rows()})
    yield server
    server.close()


def socket_cuts(row: Row) -> tuple[int, int]:
    """The two sizes at which this row's stream goes through the socket."""
    return _cuts.SMALL_CUTS[
        zlib.crc32(row.id.encode()) % len(_cuts.SMALL_CUTS)
    ], _cuts.random_sizes(row.id, len(row.body), 1)[0]


def asking(row: Row, base_url: str, *, stream: bool | None = None) -> dict[str, Any]:
    """The recorded request as keywords, or a minimal one where it cannot be passed."""
    sent = row.sent()
    as_keywords = request_form.as_call if row.status == 200 else request_form.as_given
    keywords = MINIMAL if sent is None else as_keywords(sent)
    model = (sent or {}).get("model") or row.model or "claude-sonnet-4-5"
    made = {
        "model": f"{provider_of(row)}/{model}",
        "stream": row.streaming if stream is None else stream,
        "api_key": "test-key",
        "base_url": base_url,
        **keywords,
    }
    if found := ON_VERTEX.fullmatch(row.path):
        made |= {"vertex_project": found[1], "vertex_location": found[2], "extra_body": {
            k: v for k, v in keywords["extra_body"].items() if k != "anthropic_version"
        }, "model": f"vertex_ai/{found[3]}"}  # fmt: skip
    return made


def provider_of(row: Row) -> str:
    """Whose a recording is: three hosts have the dialect."""
    return {"azure": "azure_ai", "vertex": "vertex_ai"}.get(row.api.partition(".")[0], "anthropic")


def of_completion(completion: Any) -> oracle.Told:
    """What an answer's objects say, read through attributes as users do."""
    (choice,) = completion.choices
    said = choice.message
    told = oracle.Told(id=completion.id, model=completion.model)
    told.text, told.reasoning = said.content or "", said.reasoning_content or ""
    told.thinking_blocks = said.thinking_blocks or []
    told.tool_calls = [
        (call.id, call.function.name, oracle.arguments(call.function.arguments))
        for call in said.tool_calls or []
    ]
    inner = [note[note["type"]] for note in said.annotations or []]
    told.citations = [(n["start_index"], n["end_index"], n["cited_text"]) for n in inner]
    told.finish_reason, told.stop_reason = choice.finish_reason, choice.get("stop_reason")
    told.stop_sequence = choice.get("stop_sequence")
    told.refused = said.refusal is not None
    told.service_tier = completion.service_tier
    told.usage = of_usage(completion.usage)
    return told


def of_usage(usage: Any) -> dict[str, Any]:
    """What a usage says, in the oracle's words."""
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    by_age, server = usage.cache_creation, usage.server_tool_use
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "cached_tokens": prompt and prompt.cached_tokens,
        "cache_write_tokens": prompt and prompt.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "cache_creation_input_tokens": usage.cache_creation_input_tokens,
        "5m": by_age and by_age.ephemeral_5m_input_tokens,
        "1h": by_age and by_age.ephemeral_1h_input_tokens,
        "reasoning_tokens": completion and completion.reasoning_tokens,
        "web_search_requests": server and server.web_search_requests,
        "inference_geo": usage.get("inference_geo"),
        "speed": usage.get("speed"),
    }


def of_chunks(chunks: Iterable[Any]) -> oracle.Told:
    """Read a stream by putting its deltas together, as people do by hand; usage is the stream's."""
    told = oracle.Told()
    calls: dict[int, list[str]] = {}
    notes: list[dict[str, Any]] = []
    for chunk in chunks:
        told.id, told.model = chunk.id, chunk.model
        for choice in chunk.choices:
            delta = choice.delta
            told.text += delta.content or ""
            told.reasoning += delta.reasoning_content or ""
            told.thinking_blocks += delta.thinking_blocks or []
            notes += [note[note["type"]] for note in delta.annotations or []]
            told.refused = told.refused or delta.refusal is not None
            for call in delta.tool_calls or []:
                grown = calls.setdefault(call.index, [call.id, call.function.name, ""])
                grown[2] += call.function.arguments or ""
            told.finish_reason = choice.finish_reason or told.finish_reason
            told.stop_reason = choice.get("stop_reason") or told.stop_reason
            told.stop_sequence = choice.get("stop_sequence") or told.stop_sequence
    told.citations = [(n["start_index"], n["end_index"], n["cited_text"]) for n in notes]
    assert list(calls) == list(range(len(calls)))
    told.tool_calls = [(made[0], made[1], oracle.arguments(made[2])) for made in calls.values()]
    return told


def assert_told(row: Row, actual: oracle.Told, *, but: frozenset[str] = frozenset()) -> None:
    """Fail unless this is what the oracle reads, but for just the fields that are listed."""
    expected = oracle.read(row)
    names = {f.name for f in fields(oracle.Told)} - but
    found = {n: (getattr(expected, n), getattr(actual, n)) for n in sorted(names)}
    differing = {name: pair for name, pair in found.items() if pair[0] != pair[1]}
    assert differing.keys() == exempted(row.id) - OTHER - but, differing


def assert_error(row: Row, error: llmkit.APIError) -> None:
    """Fail unless this error is what the row's answer calls for."""
    expected = oracle.failure(row)
    assert expected is not None
    assert type(error) is getattr(llmkit, expected.kind)
    assert error.status_code == expected.status
    assert expected.message in error.message
    assert error.request_id == expected.request_id


async def collected(opening: Any, chunks: list[Any]) -> Any:
    """Read an asynchronous stream to its end, keeping its chunks as they come."""
    stream = await opening
    async for chunk in stream:
        chunks.append(chunk)  # noqa: PERF401 - what came before an error is wanted too
    return stream


def test_every_file_of_the_dialect_is_read(recordings: Path) -> None:
    """Each file whose name says that it is this dialect is read here."""
    named = ("anthropic_messages", "anthropic.messages", "vertex.anthropic")
    assert {api for api in _reader.apis(recordings) if api.startswith(named)} | {
        api for api in _reader.apis(recordings) if api.endswith(named[0])
    } == set(APIS)


def test_exemptions_name_rows(recordings: Path) -> None:
    """Each exemption is of a row that is there, and none is given twice."""
    assert {entry.row for entry in EXEMPT} <= {row.id for row in rows()}
    assert len({entry[:2] for entry in EXEMPT}) == len(EXEMPT)


def test_plain_answer(told: Row, served: Replay, client: llmkit.Client) -> None:
    """An answer in one piece says what its raw body says."""
    answer = client.completion(**asking(told, served.base_url(told)))
    assert_told(told, of_completion(answer))
    assert len(served.take()) == 1
    assert json.loads(answer.model_dump_json())["id"] == answer.id


def test_plain_answer_async(
    told: Row, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """An answer in one piece says the same asynchronously."""
    call = client.acompletion(**asking(told, served.base_url(told)))
    assert_told(told, of_completion(runner.run(call)))


def test_stream(streamed: Row, served: Replay, client: llmkit.Client) -> None:
    """A stream's deltas, put together, and its folded response say what the raw body says."""
    for cut in socket_cuts(streamed):
        with client.completion(**asking(streamed, served.base_url(streamed, cut))) as opened:
            chunks = list(opened)
        assert_streamed(streamed, opened, chunks)
        assert len(served.take()) == 1


def test_stream_async(
    streamed: Row, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A stream says the same asynchronously."""
    for cut in socket_cuts(streamed):
        chunks: list[Any] = []
        call = client.acompletion(**asking(streamed, served.base_url(streamed, cut)))
        opened = runner.run(collected(call, chunks))
        assert_streamed(streamed, opened, chunks)


def assert_streamed(row: Row, opened: Any, chunks: list[Any]) -> None:
    """Fail unless chunks, folded response and usage of a stream are the oracle's."""
    assert_told(row, of_completion(opened.response))
    assert_told(row, of_chunks(chunks), but=frozenset({"usage", "service_tier"}))
    assert all(chunk.choices for chunk in chunks), "the usage chunk was not asked for"
    assert opened.usage == opened.response.usage
    assert opened.response.model_dump_json()


def test_error(wrong: Row, served: Replay, client: llmkit.Client) -> None:
    """An error by status, in a body or in a stream raises its class."""
    if "error" in exempted(wrong.id):
        with pytest.raises(llmkit.InvalidRequestError):
            client.completion(**asking(wrong, served.base_url(wrong)))
        return
    with pytest.raises(llmkit.APIError) as caught:
        list(client.completion(**asking(wrong, served.base_url(wrong, 7))))
    assert_error(wrong, caught.value)
    assert len(served.take()) == 1


def test_cuts_change_nothing(streamed: Row) -> None:
    """A stream decodes to the same chunks, however its bytes are cut."""
    whole = decoded(streamed, [streamed.body])
    for size in _cuts.sizes(streamed.id, len(streamed.body)):
        assert decoded(streamed, pieces(streamed.body, size)) == whole, f"cut at {size}"


def decoded(row: Row, body: Iterable[bytes]) -> list[Any]:
    """What the wire's decoder makes of these pieces."""
    from llmkit._call import ChatCall

    wire = providers.get(provider_of(row)).family_of("claude-").chat
    assert wire is not None
    call = ChatCall("call_0", "anthropic", row.model, MINIMAL["messages"], stream=True)
    decoder = wire.decoder(call)
    made = [chunk for piece in body for chunk in decoder.feed(piece)]
    made += decoder.finish()
    assert decoder.done
    return made


def test_request(written: Row, served: Replay, client: llmkit.Client) -> None:
    """A recorded request, passed in OpenAI's form, is sent out equal as JSON."""
    body = written.sent()
    if "request" in exempted(written.id):
        assert body is None or not isinstance(body["messages"][0], dict)
        return
    assert body is not None
    arrived = sending(written, asking(written, served.base_url(written)), served, client)
    expected, found = request_form.comparable(body), request_form.comparable(arrived)
    assert found == expected, differing(found, expected)


def sending(row: Row, keywords: Any, served: Replay, client: llmkit.Client) -> dict[str, Any]:
    """Make the call; return the body that arrived."""
    try:
        opened = client.completion(**keywords)
        if row.streaming:
            opened.close()
    except llmkit.APIError as error:
        assert error.sent == "yes", error  # noqa: PT017 - an answer may well be an error here
    (only,) = served.take()
    provider = provider_of(row)
    assert only.path == ("/v1/messages" if provider == "anthropic" else row.path)
    key, version = (
        ("x-api-key", "2023-06-01") if provider != "vertex_ai" else ("x-goog-api-key", None)
    )
    assert only.headers[key] == "test-key"
    assert only.headers.get("anthropic-version") == version
    body: dict[str, Any] = only.json()
    # Some recordings leave out a false stream.
    # A request without max_tokens, which is refused, gets a default.
    added = {"model", "stream", "max_tokens"} - (row.sent() or {}).keys()
    return {k: v for k, v in body.items() if k not in added}


def differing(arrived: Any, recorded: Any) -> str:
    """Say which fields of two bodies differ."""
    names = sorted({*arrived, *recorded})
    pairs = {k: (recorded.get(k), arrived.get(k)) for k in names}
    return json.dumps({k: p for k, p in pairs.items() if p[0] != p[1]}, indent=1)[:3000]


@pytest.mark.parametrize("dumped", [False, True], ids=["object", "dict"])
def test_every_answer_goes_back_as_it_came(
    answered: Row, served: Replay, client: llmkit.Client, *, dumped: bool
) -> None:
    """An answer put into the history gives the blocks that it came with: signatures, results, citations."""
    keywords = asking(answered, served.base_url(answered))
    opened = client.completion(**keywords)
    if answered.streaming:
        list(opened)
        opened = opened.response
    said = opened.choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": "done"}
        for call in said.tool_calls or ()
    ]
    keywords["messages"] = [
        *MINIMAL["messages"],
        said.model_dump() if dumped else said,
        *(results or [{"role": "user", "content": "Go on"}]),
    ]
    served.take()
    if "back" in exempted(answered.id):
        with pytest.raises(llmkit.InvalidRequestError, match="arguments must be the JSON text"):
            client.completion(**keywords)
        return
    body = sending(answered, keywords, served, client)
    expected = oracle.sent_back(oracle.message(answered)["content"])
    turns = [turn for turn in body["messages"] if turn["role"] == "assistant"]
    sent = request_form.blocks(turns[0]["content"]) if turns else []
    assert sent == expected


def test_turns_follow_each_other(continued: Row, served: Replay, client: llmkit.Client) -> None:
    """The answer of one recorded turn, put into the next one's history, gives the recorded request."""
    before, place = earlier_turns()[continued.id]
    first = client.completion(**asking(before, served.base_url(before)))
    if before.streaming:
        list(first)
        first = first.response
    recorded = continued.sent()
    assert recorded is not None
    later = {**recorded, "messages": recorded["messages"][place + 1 :]}
    keywords = asking(continued, served.base_url(continued))
    history = request_form.as_call({**recorded, "messages": recorded["messages"][:place]})
    rest = request_form.as_call({**later, "system": None})
    keywords["messages"] = [*history["messages"], first.choices[0].message, *rest["messages"]]
    body = sending(continued, keywords, served, client)
    expected, found = request_form.by_blocks(recorded), request_form.by_blocks(body)
    same = found == expected
    if "continued" in exempted(continued.id):
        assert not same, "this exemption is no longer needed"
    else:
        assert same, differing(found, expected)


def test_official_accumulator_agrees(streamed: Row) -> None:
    """The official SDK's accumulator makes the message that the oracle makes."""
    pytest.importorskip("anthropic")
    from anthropic.lib.streaming._beta_messages import accumulate_event

    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for event in oracle.events(streamed):
        if event["type"] not in ("ping", "message_stop"):
            snapshot = accumulate_event(
                event=event, current_snapshot=snapshot, json_bufs=buffers, request_headers={}
            )
    blocks = oracle.sent_back([block.to_dict() for block in snapshot.content])
    same = blocks == oracle.sent_back(oracle.message(streamed)["content"])
    # Arguments that were cut off are completed there, as far as they can be; llmkit does not guess.
    assert same != ("back" in exempted(streamed.id))
    assert snapshot.stop_reason == oracle.message(streamed)["stop_reason"]
    assert snapshot.usage.output_tokens == oracle.message(streamed)["usage"]["output_tokens"]
