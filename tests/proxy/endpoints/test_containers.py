"""Containers that an answer names are whose answer it is: nobody else may go on in them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from llmkit.proxy.endpoints.containers import in_chat, in_message, in_response, runs_code
from llmkit.testing import Raw, scripted

from .._kit import Called, called, shown
from ._keys import new_key

CODE = {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": "1"}
ITEM: dict[str, Any] = {**CODE, "container_id": "cntr_1", "outputs": []}
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-4o-mini",
    "output": [ITEM],
    "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
}
CONTAINER = {"id": "container_1", "expires_at": "2030-01-01T00:00:00Z"}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
    "container": CONTAINER,
}
ASK_RESPONSE: dict[str, Any] = {
    "model": "openai/gpt-4o-mini",
    "input": "Hi",
    "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}],
}
ASK_MESSAGE: dict[str, Any] = {
    "model": "anthropic/claude-haiku-4-5",
    "messages": [{"role": "user", "content": "Hi"}],
    "max_tokens": 9,
    "tools": [{"type": "code_execution_20250825", "name": "code_execution"}],
}

ASK_CHAT: dict[str, Any] = {
    "model": "openai/responses/gpt-4o-mini",
    "messages": [{"role": "user", "content": "Hi"}],
    "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}],
}


def events(*each: dict[str, Any]) -> Raw:
    """A stream of these."""
    lines = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in each]
    return Raw("".join(lines), headers={"content-type": "text/event-stream"})


def provider(request: Any) -> Raw:
    """Both, streaming or not."""
    streams = request.method == "POST" and bool(request.json().get("stream"))
    if request.path.endswith("/messages"):
        begun = {**MESSAGE, "content": [], "container": None, "stop_reason": None}
        ended = {"stop_reason": "end_turn", "stop_sequence": None, "container": CONTAINER}
        return Raw(MESSAGE) if not streams else events(
            {"type": "message_start", "message": begun},
            {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        )  # fmt: skip
    begun = {**RESPONSE, "output": [], "status": "in_progress"}
    return Raw(RESPONSE) if not streams else events(
        {"type": "response.created", "sequence_number": 0, "response": begun},
        {"type": "response.output_item.done", "sequence_number": 1, "output_index": 0, "item": ITEM},
        {"type": "response.completed", "sequence_number": 2, "response": RESPONSE},
    )  # fmt: skip


@dataclass
class World:
    """A gateway, and two of its keys."""

    served: Called
    keys: list[str]

    async def ask(self, path: str, body: Any, key: int = 0) -> httpx.Response:
        return await self.served.http.post(path, json=body, headers=shown(self.keys[key]))


async def said_over_socket(world: World, asked: Any) -> list[str]:
    """What the first key is told over a web socket, to the chat's end."""
    said: asyncio.Queue[Any] = asyncio.Queue()
    told: list[str] = []
    for message in (
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": json.dumps(asked)},
    ):
        said.put_nowait(message)

    async def send(message: Any) -> None:
        told.append(str(message.get("text")))
        if '"done"' in told[-1]:
            said.put_nowait({"type": "websocket.disconnect", "code": 1000})

    headers = [(name.encode(), value.encode()) for name, value in shown(world.keys[0]).items()]
    scope = {
        "type": "websocket",
        "path": "/v1/chat/completions",
        "headers": headers,
        "query_string": b"",
    }
    await asyncio.wait_for(world.served.app({**scope, "subprotocols": []}, said.get, send), 20)
    return told


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """With both providers behind it."""
    models = [
        {"model_name": "*", "litellm_params": {"model": "*", "api_key": "sk-" + "upstream"}},
    ]
    (tmp_path / "own.json").write_text(json.dumps({"model_list": models}))
    with scripted(otherwise=provider):
        async with called(tmp_path, config=tmp_path / "own.json") as served:
            yield World(served, [new_key(served) for _ in range(2)])  # type: ignore[arg-type]


@pytest.mark.asyncio
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("path", "asked", "name", "again"),
    [
        ("/v1/responses", ASK_RESPONSE, "cntr_1", {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}),
        ("/v1/messages", ASK_MESSAGE, "container_1", {"container": "container_1"}),
        ("/v1/chat/completions", ASK_MESSAGE, "container_1", {"container": "container_1"}),
        ("/v1/chat/completions", ASK_CHAT, "cntr_1", {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}),
    ],
)  # fmt: skip
async def test_whose_answer_names_it_may_go_on_in_it(
    world: World, path: str, asked: Any, name: str, again: Any, *, streams: bool
) -> None:
    """Its key, from then on; another's is told that there is none."""
    refused = await world.ask(path, {**asked, **again})
    assert refused.status_code == 404
    assert name in refused.text
    answer = await world.ask(path, {**asked, "stream": streams})
    assert answer.status_code == 200, answer.text
    assert name in answer.text
    assert (await world.ask(path, {**asked, **again})).status_code == 200
    assert (await world.ask(path, {**asked, **again}, key=1)).status_code == 404


@pytest.mark.asyncio
async def test_what_was_made_in_the_background_is_noted_when_it_is_read(world: World) -> None:
    """Nothing had run when it was asked for."""
    begun = {**RESPONSE, "output": [], "status": "queued"}
    again = {**ASK_RESPONSE, "tools": [{"type": "code_interpreter", "container": "cntr_1"}]}
    with scripted(Raw(begun), otherwise=provider):
        await world.ask("/v1/responses", {**ASK_RESPONSE, "background": True})
        assert (await world.ask("/v1/responses", again)).status_code == 404
        read = await world.served.http.get("/v1/responses/resp_1", headers=shown(world.keys[0]))
        assert read.json()["status"] == "completed"
        assert (await world.ask("/v1/responses", again)).status_code == 200


def test_only_the_provider_says_what_is_whose() -> None:
    """A model writes whatever it is told to: in a tool's arguments, in texts."""
    written = {"container": {"id": "theirs"}, "container_id": "theirs"}
    use = {"type": "tool_use", "input": written}
    assert list(in_message({**MESSAGE, "content": [use]})) == ["container_1"]
    assert list(in_message({"type": "message_start", "message": "none"})) == []
    call = {"type": "function_call", "arguments": written, **written}
    shell = {"type": "shell_call", "environment": {"container_id": "cntr_2"}}
    odd = [call, "text", {"type": "shell_call", "environment": None}, {**ITEM, "container_id": 3}]
    assert list(in_response({"output": [*odd, shell]})) == ["cntr_2"]
    assert list(in_response({"type": "response.output_item.added", "item": ITEM})) == ["cntr_1"]
    assert list(in_response({"response": [1], "output": 2})) == []


def test_a_chat_says_it_beside_what_the_model_wrote() -> None:
    """At the answer's top as Anthropic does, or in the items that came beside the message."""
    call = {"function": {"name": "run", "arguments": '{"container_id": "theirs"}'}}
    said = {"content": '{"container": {"id": "theirs"}}', "tool_calls": [call]}
    items = {"output_items": [{"type": "function_call", "container_id": "theirs"}, ITEM]}
    for name in ("message", "delta"):
        choice = {name: {**said, "provider_specific_fields": items}}
        assert list(in_chat({"choices": [{name: said}, choice]})) == ["cntr_1"]
    assert list(in_chat({"choices": [], "container": CONTAINER})) == ["container_1"]
    for odd in ([None], ["x"], [{"delta": 1}], [{"message": {"provider_specific_fields": [1]}}], 3):
        assert list(in_chat({"choices": odd})) == []


@pytest.mark.asyncio
async def test_who_chats_over_a_web_socket_has_it_too(world: World) -> None:
    """From then on; another's key is told that there is none."""
    pieces = await said_over_socket(world, ASK_MESSAGE)
    assert any("container_1" in piece for piece in pieces)
    again = {**ASK_MESSAGE, "container": "container_1"}
    assert (await world.ask("/v1/chat/completions", again)).status_code == 200
    assert (await world.ask("/v1/chat/completions", again, key=1)).status_code == 404


@pytest.mark.parametrize(
    ("fields", "may"),
    [
        ({}, False),
        ({"tools": "x"}, False),
        ({"tools": [{"type": "function"}, {"name": "of Anthropic's"}, 3]}, False),
        ({"tools": [{"type": "code_interpreter"}]}, True),
        ({"container": "container_1"}, True),
    ],
)
def test_who_asks_for_no_code_is_not_looked_at(fields: Any, *, may: bool) -> None:
    """Most answers name none."""
    assert runs_code(fields) is may
