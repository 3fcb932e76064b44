"""Every recorded exchange of Cohere's second chat, through the public client and a real socket.

What each answer must say comes from ``_cohere_oracle``; what cannot be asserted is in ``_cohere_unassertable``.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import providers

from . import _cohere_oracle as oracle
from . import _cohere_requests as request_form
from . import _cuts, _reader
from ._cohere_unassertable import EXEMPT, exempted
from ._server import Replay, pieces

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ._reader import Row

API = "cohere.chat.v2"
OTHER = frozenset({"request", "back"})
MINIMAL: dict[str, Any] = {
    "model": "cohere/command-a-03-2025",
    "messages": [{"role": "user", "content": "Hello"}],
}


@cache
def rows() -> tuple[Row, ...]:
    """All rows, where there are recordings."""
    recordings = _reader.directory()
    return () if recordings is None else tuple(_reader.rows(recordings, API))


@cache
def groups() -> dict[str, list[Row]]:
    """The rows by what can be asked of them."""
    fine = [row for row in rows() if oracle.failure(row) is None]
    return {
        "told": [row for row in fine if not row.is_event_stream],
        "streamed": [row for row in fine if row.is_event_stream],
        "answered": fine,
        "wrong": [row for row in rows() if row not in fine],
        "written": [row for row in rows() if row.request is not None],
    }


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


def asking(row: Row, base_url: str) -> dict[str, Any]:
    """The recorded request as keywords, or a minimal one where there is none."""
    sent = row.sent()
    keywords = MINIMAL if sent is None else request_form.as_call(sent)
    options = {"api_key": "test-key", "base_url": base_url, "stream": row.streaming}
    return {**keywords, **options}


def of_completion(completion: Any) -> oracle.Told:
    """What an answer's objects say, read through attributes as users do."""
    (choice,) = completion.choices
    said = choice.message
    told = oracle.Told(id=completion.id, text=said.content or "")
    told.reasoning = said.reasoning_content or ""
    told.thinking = [block["thinking"] for block in said.thinking_blocks or []]
    kept = said.get("provider_specific_fields") or {}
    told.plan, told.citations = kept.get("tool_plan", ""), len(kept.get("citations", ()))
    told.tool_calls = [
        (call.id, call.function.name, oracle.arguments(call.function.arguments))
        for call in said.tool_calls or []
    ]
    told.places = places(said.annotations or [])
    told.finish_reason, told.native_reason = choice.finish_reason, choice.native_finish_reason
    told.usage = of_usage(completion.usage)
    return told


def places(annotations: list[dict[str, Any]]) -> list[tuple[int, int, str]]:
    """Where annotations stand, and of what text."""
    inner = [note[note["type"]] for note in annotations]
    return [(note["start_index"], note["end_index"], note["cited_text"]) for note in inner]


def of_usage(usage: Any) -> dict[str, Any]:
    """What a usage says, in the oracle's words."""
    details, used, billed = usage.completion_tokens_details, usage.tokens, usage.billed_units
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "reasoning_tokens": details and details.reasoning_tokens,
        "cached_tokens": usage.get("cached_tokens"),
        "used": (used["input_tokens"], used["output_tokens"], used.get("image_tokens")),
        "billed": (billed["input_tokens"], billed["output_tokens"]),
    }


def of_chunks(chunks: Iterable[Any]) -> oracle.Told:
    """Read a stream by putting its deltas together, as people do by hand; usage is the stream's."""
    told = oracle.Told()
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        told.id = chunk.id
        for choice in chunk.choices:
            delta = choice.delta
            told.text += delta.content or ""
            told.reasoning += delta.reasoning_content or ""
            told.thinking += [block["thinking"] for block in delta.thinking_blocks or []]
            told.places += places(delta.annotations or [])
            for call in delta.tool_calls or []:
                grown = calls.setdefault(call.index, [call.id, call.function.name, ""])
                grown[2] += call.function.arguments or ""
            kept = delta.get("provider_specific_fields") or {}
            told.plan = kept.get("tool_plan", told.plan)
            told.citations = len(kept.get("citations", ())) or told.citations
            told.finish_reason = choice.finish_reason or told.finish_reason
            told.native_reason = choice.get("native_finish_reason") or told.native_reason
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

    async def collected(opening: Any) -> tuple[Any, list[Any]]:
        stream = await opening
        return stream, [chunk async for chunk in stream]

    for cut in socket_cuts(streamed):
        call = client.acompletion(**asking(streamed, served.base_url(streamed, cut)))
        assert_streamed(streamed, *runner.run(collected(call)))


def socket_cuts(row: Row) -> tuple[int, int]:
    """The two sizes at which this row's stream goes through the socket."""
    return _cuts.SMALL_CUTS[
        zlib.crc32(row.id.encode()) % len(_cuts.SMALL_CUTS)
    ], _cuts.random_sizes(row.id, len(row.body), 1)[0]


def assert_streamed(row: Row, opened: Any, chunks: list[Any]) -> None:
    """Fail unless chunks, folded response and usage of a stream are the oracle's."""
    assert_told(row, of_completion(opened.response))
    assert_told(row, of_chunks(chunks), but=frozenset({"usage"}))
    assert all(chunk.choices for chunk in chunks), "the usage chunk was not asked for"
    assert opened.usage == opened.response.usage
    assert opened.response.model_dump_json()


def test_error(wrong: Row, served: Replay, client: llmkit.Client) -> None:
    """An error raises the class of its status, with its words and its id."""
    with pytest.raises(llmkit.APIError) as caught:
        list(client.completion(**asking(wrong, served.base_url(wrong))))
    expected = oracle.failure(wrong)
    assert expected is not None
    assert type(caught.value) is getattr(llmkit, expected.kind)
    assert caught.value.status_code == expected.status
    assert expected.message in caught.value.message
    assert caught.value.request_id == expected.request_id
    assert len(served.take()) == 1


def test_cuts_change_nothing(streamed: Row) -> None:
    """A stream decodes to the same chunks, however its bytes are cut."""
    whole = decoded(streamed, [streamed.body])
    for size in _cuts.sizes(streamed.id, len(streamed.body)):
        assert decoded(streamed, pieces(streamed.body, size)) == whole, f"cut at {size}"


def decoded(row: Row, body: Iterable[bytes]) -> list[Any]:
    """What the wire's decoder makes of these pieces."""
    from llmkit._call import ChatCall

    wire = providers.get("cohere").chat
    assert wire is not None
    call = ChatCall(
        id="call_0", provider="cohere", model=row.model, messages=MINIMAL["messages"], stream=True
    )
    decoder = wire.decoder(call)
    made = [chunk for piece in body for chunk in decoder.feed(piece)]
    made += decoder.finish()
    assert decoder.done
    return made


def test_request(written: Row, served: Replay, client: llmkit.Client) -> None:
    """A recorded request, passed in OpenAI's form, is sent out equal as JSON."""
    body = written.sent()
    assert body is not None
    arrived = sending(written, asking(written, served.base_url(written)), served, client)
    expected, found = request_form.comparable(body), request_form.comparable(arrived)
    if "request" in exempted(written.id):
        assert found != expected, "this exemption is no longer needed"
    else:
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
    assert only.path == "/v2/chat"
    assert only.headers["authorization"] == "Bearer test-key"
    body: dict[str, Any] = only.json()
    return body


def differing(arrived: Any, recorded: Any) -> str:
    """Say which fields of two bodies differ."""
    names = sorted({*arrived, *recorded})
    pairs = {k: (recorded.get(k), arrived.get(k)) for k in names}
    return json.dumps({k: p for k, p in pairs.items() if p[0] != p[1]}, indent=1)[:3000]


@pytest.mark.parametrize("dumped", [False, True], ids=["object", "dict"])
def test_every_answer_goes_back_as_it_came(
    answered: Row, served: Replay, client: llmkit.Client, *, dumped: bool
) -> None:
    """An answer put into the history gives the message that it came with: plan, thinking, calls."""
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
    body = sending(answered, keywords, served, client)
    turns = [turn for turn in body["messages"] if turn["role"] == "assistant"]
    assert [oracle.plain(turn) for turn in turns] == [oracle.sent_back(answered)]
