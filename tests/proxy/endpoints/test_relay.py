"""Answers handed on as they came are what the general way would have said, and are settled as it settles."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from llmkit._io.aio_stream import AsyncStream
from llmkit._settlements import Settlements
from llmkit.types.chat import ChatCompletion

from .._kit import called

ASKED: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "Tell a tale."}]}


def chunks_of(text: str) -> list[dict[str, Any]]:
    """A stream's events; its end is looked at."""
    *events, done, rest = text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


def text_of(chunks: list[dict[str, Any]]) -> str:
    """What they say."""
    return "".join(c["delta"].get("content") or "" for chunk in chunks for c in chunk["choices"])


def told(found: Any) -> Any:
    """Without nulls, and what differs between two answers to one question."""
    if isinstance(found, list):
        return [told(one) for one in found]
    if not isinstance(found, dict):
        return found
    kept = {name: told(value) for name, value in found.items() if value is not None}
    return {name: value for name, value in kept.items() if name not in {"id", "created"}}


async def both_ways(
    directory: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> tuple[list[Any], list[Any], list[int]]:
    """Bodies and settlements of a request that is relayed, and of the same in the general way; and raw pieces."""
    raw: list[int] = []
    real = AsyncStream.pieces

    async def counted(self: Any, *, as_sent: bool = False) -> Any:
        async for found in real(self, as_sent=as_sent):
            raw.append(sum(type(one) is bytes for one in found))
            yield found

    async def general(self: Any, *, as_sent: bool = False) -> Any:
        async for found in real(self, as_sent=False):
            yield found

    bodies, settled = [], []
    for way, work in enumerate((counted, general)):
        monkeypatch.setattr(AsyncStream, "pieces", work)
        async with called(directory / str(way)) as app:
            answer = await app.http.post("/v1/chat/completions", json=asked)
            assert answer.status_code == 200, answer.text
            bodies.append(answer.text)
            settled.append(await app.gateway.store.aperform(Settlements()))
    return bodies, settled, raw


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Two places."""
    for name in "01":
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.mark.parametrize("counted", [False, True])
def test_a_stream_is_handed_on_as_it_came(
    directory: Path, monkeypatch: pytest.MonkeyPatch, *, counted: bool
) -> None:
    """The same text, and the closing usage for who asked for it alone; the same settlement, with its usage."""
    options = {"stream_options": {"include_usage": True}} if counted else {}
    asked = {**ASKED, "stream": True, **options}
    bodies, settled, raw = asyncio.run(both_ways(directory, monkeypatch, asked))
    ours, general = map(chunks_of, bodies)
    assert text_of(ours) == text_of(general) != ""
    assert told(ours) == told(general)
    assert [bool(chunk.get("usage")) for chunk in ours].count(True) == int(counted)
    assert sum(raw)
    (mine,), (other,) = settled
    assert mine.prompt_tokens == other.prompt_tokens != 0
    assert mine.completion_tokens == other.completion_tokens != 0
    assert mine[1:7] == other[1:7]
    assert (mine.cost, mine.usage_source, mine.kind) == (other.cost, "reported", "chat")
    assert mine.metadata["proxy"]["call_type"] == "acompletion"


def test_a_whole_answer_is_handed_on_as_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider's bytes, which say what the library makes of them; what a hook may change is written anew."""

    class Hook:
        def after_call(self, call: Any, answer: Any) -> None:
            answer.choices[0].message.content = "changed"

    async def work() -> tuple[Any, Any, Any, Any]:
        async with called(tmp_path) as app:
            relayed = await app.http.post("/v1/chat/completions", json=ASKED)
            monkeypatch.setattr(ChatCompletion, "as_sent", None)
            general = await app.http.post("/v1/chat/completions", json=ASKED)
            monkeypatch.undo()
            monkeypatch.setattr(app.gateway.calls, "_hooks", (Hook(),))
            changed = await app.http.post("/v1/chat/completions", json=ASKED)
            return relayed, general, changed, await app.gateway.store.aperform(Settlements())

    relayed, general, changed, settled = asyncio.run(work())
    assert relayed.headers["content-type"] == general.headers["content-type"] == "application/json"
    # Where the cache's share is told twice, that is llmkit's own doing.
    ours, theirs = told(relayed.json()), told(general.json())
    assert theirs["usage"].pop("cache_read_input_tokens") == 0
    assert ours == theirs
    assert b'"logprobs"' in relayed.content
    assert changed.json()["choices"][0]["message"]["content"] == "changed"
    assert len(settled) == 3
    assert len({(one.cost, one.prompt_tokens, one.completion_tokens) for one in settled}) == 1


def test_other_forms_are_written_anew(tmp_path: Path) -> None:
    """Anthropic's answers, whole and streamed, for a client of OpenAI's."""

    async def work() -> tuple[Any, Any]:
        async with called(tmp_path) as app:
            asked = {**ASKED, "model": "claude", "max_tokens": 50}
            whole = await app.http.post("/v1/chat/completions", json=asked)
            streamed = await app.http.post("/v1/chat/completions", json={**asked, "stream": True})
            return whole, streamed

    whole, streamed = asyncio.run(work())
    assert whole.json()["object"] == "chat.completion"
    chunks = chunks_of(streamed.text)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert text_of(chunks)
