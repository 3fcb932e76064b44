"""The simulated Messages API against what the real one was asked and answered."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from llmkit.testing._answer import answer
from llmkit.testing._wires.anthropic_messages import AnthropicMessages

from . import _reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ._reader import Row

API = "anthropic.messages"
WIRE = AnthropicMessages()
BETAS = "structured-outputs-2025-11-13,context-management-2025-06-27,mcp-client-2025-11-20"
HEADERS = {
    "x-api-key": "test-key",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": f"{BETAS},task-budgets-2026-03-13",
}
# What the simulator says that it does not do, and signatures that it did not make.
NOT_SIMULATED = re.compile(
    r"does not support tool types"
    r"|^(mcp_servers|container): the simulator has none of these$"
    r"|Invalid `signature` in `thinking` block$"
    r"|Input tag '(tool_addition|compaction)'"
)
# The prompt that was too long is not in the recording.
WITHOUT_PROMPT = {"i08038"}


def rows(recordings: Path, status: int) -> Iterator[Row]:
    """The rows of requests that got this status."""
    return (r for r in _reader.rows(recordings, API) if r.status == status and r.sent())


def reply(row: Row) -> tuple[int, Any]:
    """What the simulator answers: status, and body if there is one."""
    sent = WIRE.reply("POST", "/v1/messages", HEADERS, (row.request or "").encode(), answer)
    return sent.status, json.loads(sent.body) if sent.body else None


def test_what_the_real_one_took_is_taken(recordings: Path) -> None:
    """No request that was answered is refused, but for what is not simulated."""
    refused = []
    for row in rows(recordings, 200):
        status, body = reply(row)
        if status != 200 and not NOT_SIMULATED.search(body["error"]["message"]):
            refused.append(f"{row.id}: {body['error']['message']}")
    assert not refused


def test_what_the_real_one_refused_is_refused_in_its_words(recordings: Path) -> None:
    """Every recorded refusal of a request's content has the same type and message here."""
    met = 0
    for row in rows(recordings, 400):
        if row.id not in WITHOUT_PROMPT:
            status, body = reply(row)
            assert (status, body["error"]) == (400, json.loads(row.body)["error"]), row.id
            met += 1
    assert met


def test_answers_have_the_members_of_the_newest_ones(recordings: Path) -> None:
    """Some recorded answer has exactly the members, and the counts, of a simulated one."""
    found = [json.loads(row.body) for row in rows(recordings, 200) if not row.is_event_stream]
    shapes = {(frozenset(real), frozenset(real["usage"])) for real in found if "usage" in real}
    body = b'{"model":"offline","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'
    made = json.loads(WIRE.reply("POST", "/v1/messages", HEADERS, body, answer).body)
    assert (frozenset(made), frozenset(made["usage"])) in shapes


def test_events_come_as_the_real_ones_do(recordings: Path) -> None:
    """The names of the events of a short answer, and the members of each, were all met in one stream."""
    body = b'{"model":"m","max_tokens":1,"stream":true,"messages":[{"role":"user","content":"hi"}]}'
    frames = WIRE.reply("POST", "/v1/messages", HEADERS, body, answer).frames
    made = outline(b"".join(frames))
    streams = [row for row in rows(recordings, 200) if row.is_event_stream]
    assert any(outline(row.body) == made for row in streams)


def outline(stream: bytes) -> list[tuple[str, tuple[str, ...]]]:
    """Each event of a stream by its name and its members' names, repeated ones once."""
    made: list[tuple[str, tuple[str, ...]]] = []
    for line in stream.decode().splitlines():
        if line.startswith("data: "):
            event = json.loads(line.removeprefix("data: "))
            inner = event.get("delta") or event.get("content_block") or {}
            entry = (
                event["type"],
                (*sorted(event), *sorted(inner), *sorted(event.get("usage", {}))),
            )
            made += [] if made and made[-1] == entry else [entry]
    return made
