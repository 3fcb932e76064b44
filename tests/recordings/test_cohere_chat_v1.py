"""Every recorded exchange of Cohere's first chat, through the public client and a real socket.

What an answer must say is read here from the raw body: one object, or lines of JSON whose last has the whole answer.
"""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import providers
from llmkit._call import ChatCall

from . import _reader
from ._server import Replay, pieces

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    from ._reader import Row

API = "cohere.chat.v1"
ROLES = {"SYSTEM": "system", "USER": "user", "CHATBOT": "assistant"}


@cache
def rows() -> dict[str, Row]:
    """All rows by their id; a stream's body is lines of JSON, as it was sent."""
    recordings = _reader.directory()
    found = [] if recordings is None else list(_reader.rows(recordings, API))
    return {row.id: dataclasses.replace(row, body=unframed(row)) for row in found}


def unframed(row: Row) -> bytes:
    """The body without the framing that the reader gives to lines."""
    if not row.is_event_stream:
        return row.body
    lines = row.body.decode().replace("\n\n", "\n").split("\n")
    bare = [line.removeprefix("data: ") for line in lines if line and "[DONE]" not in line]
    return "".join(line + "\n" for line in bare).encode()


each_row = pytest.mark.parametrize("name", list(rows()) or ["none"])


@pytest.fixture(scope="module")
def served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies; skips where there are no recordings."""
    server = Replay(rows())
    yield server
    server.close()


def asking(row: Row, base_url: str) -> dict[str, Any]:
    """The recorded request as keywords."""
    body = row.sent()
    assert body is not None
    history = [
        {"role": ROLES[turn["role"].upper()], "content": turn["message"]}
        for turn in body.get("chat_history") or []
    ]
    own = {name: body[name] for name in ("raw_prompting",) if name in body}
    return {
        "model": f"cohere_v1/{body['model']}",
        "messages": [*history, {"role": "user", "content": body["message"]}],
        "temperature": body.get("temperature"),
        "stop": body.get("stop_sequences"),
        "stream": row.streaming,
        "extra_body": own,
        "api_key": "test-key",
        "base_url": base_url,
    }


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """A body without nulls and defaults; the API reads roles in any case."""
    made = {k: v for k, v in body.items() if v is not None and (k, v) != ("stream", False)}
    turns = made.pop("chat_history", [])
    return {
        **made,
        "chat_history": [{"role": t["role"].upper(), "message": t["message"]} for t in turns],
    }


def whole(row: Row) -> dict[str, Any]:
    """The whole answer: a stream's is in its last line."""
    if not row.is_event_stream:
        return dict(json.loads(row.body))
    lines = [json.loads(line) for line in row.body.decode().split("\n") if line]
    text = "".join(line.get("text", "") for line in lines)
    assert text == lines[-1]["response"]["text"]
    return {**lines[-1]["response"], "generation_id": lines[0]["generation_id"]}


def check(row: Row, made: Any) -> None:
    """The answer says what the body says."""
    told = whole(row)
    (choice,) = made.choices
    assert made.id == told["generation_id"]
    assert choice.message.content == told["text"]
    assert (choice.finish_reason, choice.native_finish_reason) == ("stop", told["finish_reason"])
    billed, used = told["meta"]["billed_units"], told["meta"]["tokens"]
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (
        billed["input_tokens"],
        billed["output_tokens"],
    )
    assert (made.usage.billed_units, made.usage.tokens) == (billed, used)
    assert made.usage.get("cached_tokens") == told["meta"].get("cached_tokens")
    assert made["meta"] == told["meta"]
    assert made["response_id"] == told["response_id"]


def check_request(row: Row, served: Replay) -> None:
    """One request was sent, equal to the recorded one."""
    (only,) = served.take()
    assert only.path == "/v1/chat"
    sent = row.sent()
    assert sent is not None
    assert comparable(only.json()) == comparable(sent)


def check_refused(row: Row, error: llmkit.APIError) -> None:
    """The error says what the body says."""
    body = json.loads(row.body)
    assert type(error) is llmkit.NotFoundError
    assert (error.status_code, error.request_id) == (row.status, body["id"])
    assert body["message"] in error.message


@each_row
def test_row(name: str, served: Replay, client: llmkit.Client) -> None:
    """A recorded exchange, synchronously."""
    row = rows()[name]
    try:
        made = client.completion(**asking(row, served.base_url(row, 7)))
        if row.streaming:
            text = "".join(chunk.text for chunk in made)
            assert text == made.response.text
            made = made.response
    except llmkit.APIError as error:
        assert row.status >= 400
        check_refused(row, error)
    else:
        check(row, made)
    check_request(row, served)


@each_row
def test_row_async(
    name: str, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A recorded exchange, asynchronously."""
    row = rows()[name]

    async def asked() -> Any:
        made = await client.acompletion(**asking(row, served.base_url(row, 1000)))
        if not row.streaming:
            return made
        async for _ in made:
            pass
        return made.response

    try:
        made = runner.run(asked())
    except llmkit.APIError as error:
        assert row.status >= 400
        check_refused(row, error)
    else:
        check(row, made)
    check_request(row, served)


@pytest.mark.parametrize("name", [n for n, row in rows().items() if row.streaming] or ["none"])
def test_cuts_change_nothing(name: str, recordings: Path) -> None:
    """A stream decodes to the same chunks however its bytes are cut, as lines and as events."""
    row = rows()[name]
    (framed,) = (r.body for r in _reader.rows(recordings, API) if r.id == name)
    wire: Any = providers.get("cohere_v1").chat
    made = []
    for body, size in [(row.body, 0), (framed, 0), *((row.body, n) for n in (1, 2, 3, 7, 16, 999))]:
        decoder = wire.decoder(ChatCall("call_0", "cohere_v1", row.model, [], stream=True))
        chunks = [chunk for piece in pieces(body, size) for chunk in decoder.feed(piece)]
        made.append([*chunks, *decoder.finish()])
    assert all(chunks == made[0] for chunks in made)
