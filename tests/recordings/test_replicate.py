"""Every recorded prediction of Replicate, and its stream: what asking again would send, and what the answers mean.

A prediction that runs is recorded without its end: how it is waited for is asserted up to the next request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit._call import ChatCall
from llmkit._calls import ImageCall
from llmkit._fold import fold
from llmkit._http import Endpoint, HTTPResponse
from llmkit.wires.replicate import ReplicateChat
from llmkit.wires.replicate.images import IMAGES

from . import _gemini_rows
from ._ollama_chat import exchanges
from ._server import pieces

if TYPE_CHECKING:
    from pathlib import Path

Exchange = _gemini_rows.Exchange
TO = Endpoint("https://api.replicate.com/v1")
UNASKABLE = {"i12187": "its input has no prompt: no chat is without one"}


def _rows(api: str) -> list[Any]:
    found = exchanges(api)
    return [pytest.param(e, id=e.id) for e in found] or [pytest.param(None, id="none")]


def model_of(exchange: Exchange) -> str:
    """The model as llmkit names it: what stands in the path, or the version in the body."""
    sent = exchange.row.sent() or {}
    named = exchange.path.removeprefix("/v1/models/").removesuffix("/predictions")
    return str(sent["version"]) if "version" in sent else named


def calling(exchange: Exchange) -> ChatCall:
    """The recorded request as a call."""
    prompt = (exchange.row.sent() or {}).get("input", {}).get("prompt", "")
    return ChatCall(
        id="call_1",
        provider="replicate",
        model=model_of(exchange),
        messages=[{"role": "user", "content": prompt}],
        stream=exchange.row.streaming,
    )


@pytest.mark.parametrize("exchange", _rows("replicate.predictions"))
def test_request(exchange: Exchange, recordings: Path) -> None:
    """A recorded request, rebuilt as a call, is sent out equal as JSON, to the recorded path."""
    made = ReplicateChat().build(calling(exchange), TO)
    sent = exchange.row.sent()
    assert made.url == f"https://api.replicate.com{exchange.path}"
    same = json.loads(made.body) == sent
    assert same is (exchange.id not in UNASKABLE)


@pytest.mark.parametrize(
    "exchange", [p for p in _rows("replicate.predictions") if p.id in ("i13458", "none")]
)
def test_pictures_asked_for(exchange: Exchange, recordings: Path) -> None:
    """The prediction of a model that paints is asked for as a picture, too."""
    call = ImageCall(id="c", provider="p", model=model_of(exchange), prompt="robots")
    made = IMAGES.build(call, TO)
    assert made.url == f"https://api.replicate.com{exchange.path}"
    assert json.loads(made.body) == exchange.row.sent()


@pytest.mark.parametrize("exchange", _rows("replicate.predictions"))
def test_answer(exchange: Exchange, recordings: Path) -> None:
    """A running prediction is asked for again, or its stream is opened; a refusal is raised as what it is."""
    wire, call, row = ReplicateChat(), calling(exchange), exchange.row
    raw = json.loads(row.body)
    if row.status >= 300:
        made = wire.error(call, HTTPResponse(row.status, row.headers, row.body))
        assert isinstance(made, llmkit.AuthenticationError)
        assert (made.message, made.type) == (raw["detail"], raw["title"])
        return
    steps = wire.steps(call, TO)
    next(steps)
    step = steps.send(HTTPResponse(row.status, row.headers, row.body))
    assert raw["status"] in ("starting", "processing")
    assert step.stream is row.streaming
    assert step.request.url == raw["urls"]["stream" if row.streaming else "get"]


@pytest.mark.parametrize("exchange", _rows("replicate.predictions"))
def test_its_end(exchange: Exchange, recordings: Path) -> None:
    """What a prediction had written is its text once it has succeeded."""
    raw = json.loads(exchange.row.body)
    if "id" not in raw:
        pytest.skip("a refusal")
    ended = HTTPResponse(200, body=json.dumps({**raw, "status": "succeeded"}).encode())
    made = ReplicateChat().parse(calling(exchange), ended)
    assert made.text == "".join(raw.get("output") or ())
    assert (made.id, made.model, made["urls"]) == (raw["id"], raw["model"], raw["urls"])


@pytest.mark.parametrize("exchange", _rows("replicate.streams"))
def test_stream(exchange: Exchange, recordings: Path) -> None:
    """A recorded stream says what its events say, however its bytes are cut."""
    body = exchange.row.body
    wanted, found = [], body.decode().split("\n\n")
    for event in found:
        lines = event.split("\n")
        if "event: output" in lines:
            wanted.append(
                "\n".join(x.removeprefix("data: ") for x in lines if x.startswith("data:"))
            )
    call = ChatCall(id="c", provider="p", model="m", messages=[], stream=True)
    for size in (0, *range(1, 17), 100):
        decoder = ReplicateChat().decoder(call)
        chunks = [chunk for piece in pieces(body, size) for chunk in decoder.feed(piece)]
        chunks += decoder.finish()
        assert [chunk.text for chunk in chunks] == [*wanted, ""]
        assert fold(chunks).text == "".join(wanted)
        assert chunks[-1].choices[0].finish_reason == "stop"
