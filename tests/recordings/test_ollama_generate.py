"""Every recorded text completion of Ollama, and its list of models, through the public client and a real socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from . import _gemini_rows
from ._ollama_chat import exchanges, objects
from ._server import Replay, pieces

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    import llmkit

API = "ollama.generate"
Exchange = _gemini_rows.Exchange
_BESIDE = ("system", "template", "context", "raw", "images", "format", "keep_alive")


def _rows(api: str) -> list[Any]:
    return [pytest.param(e, id=e.id) for e in exchanges(api)] or [pytest.param(None, id="none")]


@pytest.fixture(scope="module")
def replay(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies."""
    server = Replay({e.id: e.row for e in exchanges(API)})
    yield server
    server.close()


def asking(exchange: Exchange) -> dict[str, Any]:
    """The recorded request as arguments."""
    sent = exchange.row.sent()
    assert sent is not None
    options = dict(sent.get("options") or {})
    call = {"model": f"ollama/{sent['model']}", "prompt": sent["prompt"]}
    if "num_predict" in options:
        call["max_tokens"] = options.pop("num_predict")
    extra = {name: sent[name] for name in _BESIDE if sent.get(name)}
    return (
        call
        | options
        | {"stream": exchange.row.streaming}
        | ({"extra_body": extra} if extra else {})
    )


def said(completion: Any) -> dict[str, Any]:
    """What a completion says, in the raw body's terms."""
    (choice,), usage = completion.choices, completion.usage
    counts = (usage and usage.prompt_tokens, usage and usage.completion_tokens)
    return {
        "text": choice.text,
        "finish": choice.finish_reason,
        "counts": counts,
        "context": completion["context"],
    }


def wanted(exchange: Exchange) -> dict[str, Any]:
    """The same, read from the raw bytes."""
    found = objects(exchange.row)
    last = found[-1]
    return {
        "text": "".join(data["response"] for data in found),
        "finish": last.get("done_reason", "stop"),
        "counts": (last.get("prompt_eval_count"), last.get("eval_count")),
        "context": last["context"],
    }


@pytest.mark.parametrize("exchange", _rows(API))
def test_exchange(
    exchange: Exchange, replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """The answer says what the raw body says, in both colours, and the request is the recorded one."""
    base = replay.base_url(exchange.row, 7).removesuffix("/v1")
    opened = client.text_completion(**asking(exchange), base_url=base)
    whole = opened.until_done() if exchange.row.streaming else opened
    assert said(whole) == wanted(exchange)
    (only,) = replay.take()
    assert only.path == "/api/generate"
    sent = {k: v for k, v in (exchange.row.sent() or {}).items() if v not in (None, {}, [], "")}
    same = {"stream": True, **sent}
    assert {"raw": False, **only.json()} == {"raw": False, **same}

    async def asked() -> Any:
        made = await client.atext_completion(**asking(exchange), base_url=base)
        return await made.until_done() if exchange.row.streaming else made

    assert said(runner.run(asked())) == wanted(exchange)


@pytest.mark.parametrize(
    "exchange", [p for p in _rows(API) if p.id == "none" or p.values[0].row.streaming]
)
def test_cuts_change_nothing(exchange: Exchange, recordings: Path) -> None:
    """A stream decodes to the same chunks however its bytes are cut."""
    from llmkit._calls import TextCall
    from llmkit.wires.ollama_generate import OLLAMA_GENERATE

    def decoded(size: int) -> list[Any]:
        call = TextCall(id="c", provider="p", model="m", prompt="x", stream=True)
        decoder = OLLAMA_GENERATE.decoder(call)
        made = [c for piece in pieces(exchange.row.body, size) for c in decoder.feed(piece)]
        return made + list(decoder.finish())

    whole = decoded(0)
    assert all(decoded(size) == whole for size in (*range(1, 17), 100, 1000))


@pytest.mark.parametrize("exchange", _rows("ollama.tags"))
def test_models(exchange: Exchange, recordings: Path) -> None:
    """The list of models has the names of the raw body, and all else that it says of each."""
    from llmkit._calls import ResourceCall
    from llmkit._http import HTTPResponse
    from llmkit.wires.ollama_models import OLLAMA_MODELS

    raw = json.loads(exchange.row.body)
    call = ResourceCall(id="c", provider="p", model="", resource="models", action="list")
    made: Any = OLLAMA_MODELS.parse(call, HTTPResponse(200, body=exchange.row.body))
    assert made.ids == [model["name"] for model in raw["models"]]
    assert [model["digest"] for model in made.data] == [model["digest"] for model in raw["models"]]
    assert all(model.created for model in made.data)
