"""Every recorded exchange of Ollama's own chat, through the public client and a real socket.

What each answer must say, and what each call must send, comes from ``_ollama_chat``.
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit._call import ChatCall
from llmkit.testing._answer import answer
from llmkit.testing._wires.ollama_chat import OllamaChat as Simulated
from llmkit.wires.ollama_chat import OllamaChat

from . import _ollama_chat as oracle
from ._ollama_chat import Exchange, Said, exchanges
from ._server import Replay, pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

API = "ollama.chat"
MINIMAL: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}


def _rows(kind: str) -> list[Any]:
    found = [e for e in exchanges(API) if kind in _kinds(e)]
    return [pytest.param(e, id=e.id) for e in found] or [pytest.param(None, id="none")]


def _kinds(exchange: Exchange) -> set[str]:
    row = exchange.row
    kind = "failed" if row.status >= 400 else "stream" if row.streaming else "plain"
    return {kind} | ({"asked"} if row.sent() is not None else set())


@pytest.fixture(scope="module")
def replay(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies."""
    server = Replay({exchange.id: exchange.row for exchange in exchanges(API)})
    yield server
    server.close()


def address(replay: Replay, exchange: Exchange, cut: int = 0) -> str:
    """Where a row is the answer, without the version that would stand for OpenAI's form."""
    return replay.base_url(exchange.row, cut).removesuffix("/v1")


def asking(exchange: Exchange) -> dict[str, Any]:
    """The recorded request as arguments, or a minimal one where there is none."""
    sent = exchange.row.sent()
    call = MINIMAL if sent is None else oracle.as_call(sent)
    model = exchange.row.model if sent is None else sent["model"]
    return {"model": f"ollama/{model}", "stream": exchange.row.streaming, **call}


def said(completion: Any) -> Said:
    """What a whole answer says, in the oracle's terms."""
    (choice,) = completion.choices
    message, usage = choice.message, completion.usage
    return Said(
        model=completion.model,
        created=completion.created,
        text=message.content or "",
        thoughts=message.reasoning_content or "",
        calls=[_call(call) for call in message.tool_calls or ()],
        finish=choice.finish_reason,
        usage=usage and (usage.prompt_tokens, usage.completion_tokens),
        times={k: completion[k] for k in completion.keys() if k.endswith("_duration")},  # noqa: SIM118
    )


def _call(call: Any) -> tuple[str | None, str, Any]:
    given = None if call.id.startswith("call_noid_") else call.id
    return given, call.function.name, json.loads(call.function.arguments)


@pytest.mark.parametrize("exchange", _rows("plain"))
def test_answer(
    exchange: Exchange, replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """An answer in one piece says what the raw body says, in both colours."""
    wanted, arguments = oracle.read(exchange.row), asking(exchange)
    assert said(client.completion(**arguments, base_url=address(replay, exchange))) == wanted
    call = client.acompletion(**arguments, base_url=address(replay, exchange))
    assert said(runner.run(call)) == wanted


@pytest.mark.parametrize("exchange", _rows("stream"))
def test_stream(
    exchange: Exchange, replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A stream's folded response, and its chunks, say what the lines say, in both colours."""
    wanted, arguments = oracle.read(exchange.row), asking(exchange)
    with client.completion(**arguments, base_url=address(replay, exchange, 13)) as opened:
        chunks = list(opened)
    assert said(opened.response) == wanted
    assert "".join(chunk.text for chunk in chunks) == wanted.text
    assert [c.choices[0].finish_reason for c in chunks][-1] == wanted.finish
    assert opened.usage == opened.response.usage
    again = runner.run(_folded(client.acompletion(**arguments, base_url=address(replay, exchange))))
    assert said(again) == wanted


async def _folded(opening: Any) -> Any:
    stream = await opening
    async for _ in stream:
        pass
    return stream.response


@pytest.mark.parametrize("exchange", _rows("stream"))
def test_cuts_change_nothing(exchange: Exchange) -> None:
    """A stream decodes to the same chunks however its bytes are cut."""
    body = exchange.row.body
    whole = _decoded([body])
    rng = random.Random(exchange.id)
    for size in (*range(1, 17), *(rng.randint(17, max(18, len(body))) for _ in range(5))):
        assert _decoded(pieces(body, size)) == whole, f"cut at {size}"


def _decoded(body: Iterable[bytes]) -> list[Any]:
    call = ChatCall(id="c", provider="p", model="m", messages=MINIMAL["messages"], stream=True)
    decoder = OllamaChat().decoder(call)
    made = [chunk for piece in body for chunk in decoder.feed(piece)]
    return made + list(decoder.finish())


@pytest.mark.parametrize("exchange", _rows("failed"))
def test_error(exchange: Exchange, replay: Replay, client: llmkit.Client) -> None:
    """A refusal has its status, its class and the server's words."""
    with pytest.raises(llmkit.NotFoundError) as caught:
        client.completion(**asking(exchange), base_url=address(replay, exchange))
    assert caught.value.status_code == exchange.row.status
    assert json.loads(exchange.row.body)["error"] in caught.value.message


@pytest.mark.parametrize("exchange", _rows("asked"))
def test_request(exchange: Exchange, replay: Replay, client: llmkit.Client) -> None:
    """A recorded request, rebuilt as a call in OpenAI's form, is sent out equal as JSON."""
    try:
        opened = client.completion(**asking(exchange), base_url=address(replay, exchange))
        if exchange.row.streaming:
            opened.close()
    except llmkit.NotFoundError:
        pass
    (only,) = replay.take()
    assert only.path == "/api/chat"
    sent = exchange.row.sent()
    assert sent is not None
    assert oracle.canonical(only.json()) == oracle.canonical(sent)


@pytest.mark.parametrize("exchange", _rows("plain"))
def test_turn_goes_back(exchange: Exchange, client: llmkit.Client, replay: Replay) -> None:
    """An answer, put back into the history, is sent with the text, thoughts and calls that it came with."""
    made = client.completion(**asking(exchange), base_url=address(replay, exchange))
    wanted = oracle.read(exchange.row)
    messages = [*MINIMAL["messages"], made.choices[0].message]
    body = client.completion("ollama/m", messages, dry_run=True).body["messages"][1]
    assert (body["content"], body.get("thinking", "")) == (wanted.text, wanted.thoughts)
    calls = [
        (c.get("id"), c["function"]["name"], c["function"]["arguments"])
        for c in body.get("tool_calls", ())
    ]
    assert calls == wanted.calls


def test_what_was_accepted_is_accepted(recordings: Path) -> None:
    """The simulated server takes every recorded request that the real one took."""
    accepted = 0
    for exchange in exchanges(API):
        body = exchange.row.sent()
        if body is None or exchange.row.status != 200:
            continue
        # No simulated model thinks unless its name says so.
        body["model"] += "-reasoning"
        reply = Simulated().reply("POST", "/api/chat", {}, json.dumps(body).encode(), answer)
        assert reply.status == 200, (exchange.id, reply.body)
        accepted += 1
    assert accepted > 20
