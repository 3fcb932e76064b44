"""Recorded requests and answers through the fronts: read in, written out by the same API's wire, and back, all equal.

What is made equal first has one word in the internal form, and two in the API; ``_fronts_unassertable`` has the rest.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import providers
from llmkit._call import ChatCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.fronts import generate_content, messages, responses
from llmkit.types.chat import ChatCompletion
from llmkit.wires.openai_responses import ResponsesChat

from . import _anthropic_oracle as anthropic_oracle
from . import _anthropic_request as anthropic_form
from . import _gemini_oracle as gemini_oracle
from . import _gemini_requests as gemini_form
from . import _gemini_rows, _reader, _responses_rows
from . import test_anthropic_messages as anthropic_rows
from ._fronts_unassertable import EXEMPT
from ._gemini_unassertable import exempted as gemini_exempted

if TYPE_CHECKING:
    from pathlib import Path

    from ._reader import Row

TO = Endpoint("http://127.0.0.1/v1")
ANYWHERE = ("https://", "http://", "gs://")
SAID = [{"role": "user", "content": "Hello"}]


@cache
def groups() -> dict[str, list[Any]]:
    """The rows by front, and by what can be asked of them."""
    openai = [row for row in _responses_rows.rows() if not _responses_rows.is_failure(row)]
    claude = [r for r in anthropic_rows.rows() if anthropic_oracle.failure(r) is None]
    google = [e for e in _gemini_rows.exchanges() if e.row.status == 200]
    fine = [e for e in google if gemini_oracle.failure(e.row) is None]
    return {
        "response": openai,
        "response_asked": [row for row in _responses_rows.rows() if row.sent()],
        "message": [row for row in claude if not row.is_event_stream],
        "message_stream": [row for row in claude if row.is_event_stream],
        "message_asked": [row for row in claude if row.sent()],
        "content": [e for e in fine if not e.row.streaming],
        "content_stream": [e for e in fine if e.row.streaming],
        "content_asked": [e for e in google if e.row.sent()],
    }


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for every row of the group it asks for."""
    for name in groups().keys() & set(metafunc.fixturenames):
        ids = [row.id for row in groups()[name]] or ["none"]
        metafunc.parametrize(name, groups()[name] or [None], ids=ids)


@pytest.fixture(autouse=True)
def _there(recordings: Path) -> None:
    """Skip where there are no recordings."""


def solid(value: Any) -> Any:
    """JSON without what says nothing: nulls, empty lists and objects, ``false``, zero."""
    if isinstance(value, dict):
        made = {name: solid(inner) for name, inner in value.items()}
        return {k: v for k, v in made.items() if v not in (None, [], {}, False, 0)}
    return [solid(item) for item in value] if isinstance(value, list) else value


def call(row: Row, asked: Any = None, provider: str = "somebody") -> ChatCall:
    """What a front has read, as the call of a wire; or any call that this row answers."""
    if asked is None:
        return ChatCall("call_0", provider, row.model, messages=SAID, stream=row.streaming)
    return ChatCall(
        "call_0",
        provider,
        asked.model,
        messages=asked.messages,
        params=asked.params,
        stream=asked.stream,
        extra_body=asked.native,
    )


def agrees(row_id: str, what: str, same: Any) -> None:
    """Fail unless two things are equal; those that are exempt must differ, or not be there."""
    if (row_id, what) not in EXEMPT:
        one, other = same()
        assert one == other
        return
    try:
        one, other = same()
    except llmkit.InvalidRequestError:
        return
    assert one != other, "the exemption is no longer needed"


# --- Responses ---------------------------------------------------------------------------------


def test_response_request(response_asked: Row) -> None:
    """A recorded request, read and written again by the API's own wire, is the recorded one."""

    def both() -> tuple[Any, Any]:
        body = response_asked.sent()
        asked = responses.read(body or {})
        kept = {"store": True} if (body or {}).get("store") in (None, True) else {}
        made = replace(call(response_asked, asked), params=asked.params | kept)
        sent = json.loads(ResponsesChat().build(made, TO).body)
        return normal_request(body), normal_request(sent)

    agrees(response_asked.id, "read", both)


def normal_request(body: Any) -> Any:
    """One spelling: texts as items, instructions as a message, only what chat has a word for."""
    made = solid(body)
    given = made.get("input", [])
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    made["input"] = [*map(normal_item, items)]
    if "instructions" in made:
        made["input"].insert(0, {"role": "system", "content": made.pop("instructions")})
    made["include"] = [w for w in made.get("include", ()) if w != "reasoning.encrypted_content"]
    reasoning = made.get("reasoning", {})
    made["reasoning"] = {k: v for k, v in reasoning.items() if k != "summary"}
    if made.get("text") == {"format": {"type": "text"}}:
        del made["text"]
    tools = [{**t, "type": t["type"].removesuffix("_preview")} for t in made.get("tools", ())]
    made["tools"] = sorted(tools, key=lambda tool: json.dumps(tool, sort_keys=True))
    return {k: v for k, v in made.items() if k not in ("stream", "store") and v}


def normal_item(item: Any) -> Any:
    """An item with a type only where it needs one, and a result without a status."""
    made = {k: v for k, v in item.items() if (k, v) != ("type", "message")}
    if item.get("type") == "function_call_output":
        made.pop("status", None)
    if made.get("role") == "assistant" and isinstance(made["content"], str):
        made["content"] = [{"type": "output_text", "text": made["content"]}]
    return made


def test_response_answer(response: Row) -> None:
    """A recorded answer, read by the wire and written by the front, is the recorded one."""
    whole = _responses_rows.answer(response)
    answer = HTTPResponse(200, {}, json.dumps(whole).encode())
    completion = ResponsesChat().parse(call(response), answer)
    back = responses.write(completion)
    # Some hosts leave out what the API always says.
    least = {name: value for name, value in back.items() if name not in whole}
    assert all(name in responses.write(ChatCompletion()) for name in least)
    if (response.id, "answer") in EXEMPT:
        return
    wanted = solid(whole | {"id": back["id"]})
    assert back["id"] in (whole.get("id"), f"resp_{whole.get('id')}", "resp_call_0")
    assert without_least(solid(back | least), whole) == without_least(wanted, whole)


def without_least(made: Any, whole: Any) -> Any:
    """An answer with the fields that the recorded one has."""
    usage = {k: v for k, v in (made.get("usage") or {}).items() if v != {"cached_tokens": 0}}
    kept = {name: value for name, value in made.items() if whole.get(name)}
    return kept | {"usage": usage}


# --- Messages ----------------------------------------------------------------------------------


def test_message_request(message_asked: Row) -> None:
    """A recorded request, read and written again by the API's own wire, is the recorded one."""

    def both() -> tuple[Any, Any]:
        body = {"model": message_asked.model or "claude-sonnet-4-5", **(message_asked.sent() or {})}
        wire = providers.get("anthropic").chat
        assert wire is not None
        asked = messages.read(body)
        sent = json.loads(wire.build(call(message_asked, asked, "anthropic"), TO).body)
        one, other = anthropic_form.by_blocks(body), anthropic_form.by_blocks(sent)
        return without_false(one), without_false(other)

    agrees(message_asked.id, "read", both)


def without_false(value: Any) -> Any:
    """A body without ``is_error: false``, which is the default."""
    if isinstance(value, dict):
        made = {k: without_false(v) for k, v in value.items()}
        return {k: v for k, v in made.items() if (k, v) != ("is_error", False)}
    return [without_false(item) for item in value] if isinstance(value, list) else value


def test_message_answer(message: Row) -> None:
    """A recorded answer, read by the wire and written by the front, is the recorded one."""
    wire = providers.get("anthropic").chat
    assert wire is not None
    completion = wire.parse(
        call(message, provider="anthropic"), HTTPResponse(200, {}, message.body)
    )
    assert uncalled(messages.write(completion)) == uncalled(json.loads(message.body))


def uncalled(whole: Any) -> Any:
    """An answer without nulls, and without the caller of a tool that the model called itself."""
    made = solid(whole)
    for block in made.get("content", ()):
        if block.get("caller") == {"type": "direct"}:
            del block["caller"]
    return made


def test_message_stream(message_stream: Row) -> None:
    """A recorded stream, told again by the front, is to the official SDK's accumulator the same message."""
    pytest.importorskip("anthropic")
    wire = providers.get("anthropic").chat
    assert wire is not None
    decoder = wire.decoder(call(message_stream, provider="anthropic"))
    events = messages.events()
    chunks = [*decoder.feed(message_stream.body), *decoder.finish()]
    told = [event for chunk in chunks for event in events.add(chunk)] + [*events.finish()]
    assert_ordered(told)
    mine, whole = accumulated(told), anthropic_oracle.message(message_stream)
    assert mine["stop_reason"] == whole["stop_reason"]
    assert mine.get("stop_sequence") == whole.get("stop_sequence")
    assert mine["usage"]["output_tokens"] == whole["usage"]["output_tokens"]
    wanted = solid(anthropic_oracle.sent_back(whole["content"]))
    rides = [b for b in mine["content"] if b["type"] == "redacted_thinking" and ours(b)]
    if rides:
        # What no delta can say is there, packed, and is sent back as it came.
        (turn,) = messages.read({"model": "m", "messages": [turn_of(mine)]}).messages
        kept = turn["provider_specific_fields"]["content_blocks"]
        told = [b for b in kept if b["type"] != "text" or b["text"].strip()]
        assert solid(told) == wanted
    else:
        agrees(message_stream.id, "events", lambda: (solid(mine["content"]), wanted))


def ours(block: Any) -> bool:
    """Whether a block is there for what rides in it."""
    return str(block["data"]).startswith("bGxta2l0LjE6")


def turn_of(message: Any) -> Any:
    """A message as a turn of the next request."""
    return {"role": "assistant", "content": message["content"]}


def accumulated(events: list[Any]) -> Any:
    """What the official SDK makes of events."""
    from anthropic.lib.streaming._beta_messages import accumulate_event

    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for event in events:
        if event["type"] not in ("ping", "message_stop"):
            snapshot = accumulate_event(
                event=event, current_snapshot=snapshot, json_bufs=buffers, request_headers={}
            )
    return snapshot.to_dict()


def assert_ordered(events: list[Any]) -> None:
    """Fail unless events come in the API's order: one block after another, numbered, between head and end."""
    kinds = "".join(_LETTERS[event["type"]] for event in events)
    assert re.fullmatch("sp?(bd*e)*mt", kinds), kinds
    opened = [event["index"] for event in events if event["type"] == "content_block_start"]
    assert opened == [*range(len(opened))]


_LETTERS = {
    "message_start": "s",
    "ping": "p",
    "content_block_start": "b",
    "content_block_delta": "d",
    "content_block_stop": "e",
    "message_delta": "m",
    "message_stop": "t",
}


# --- generateContent ---------------------------------------------------------------------------


def wire_of(exchange: Any) -> Any:
    """The wire that the exchange's host speaks."""
    wire: Any = providers.get("gemini").chat
    return replace(wire, media=ANYWHERE, labels=exchange.enterprise)


def model_of(exchange: Any) -> str:
    """The model that was asked."""
    found = re.search(r"models/([^:/]+)", exchange.path)
    return (found and found.group(1)) or exchange.row.model or "gemini-2.5-flash"


def test_content_request(content_asked: Any) -> None:
    """A recorded request, read and written again by the API's own wire, is the recorded one."""
    row = content_asked.row
    if "request" in gemini_exempted(row.id):
        pytest.skip("the wire cannot say it, for a reason that is listed with the wire's rows")
    body = row.sent()
    asked = generate_content.read(body, model=model_of(content_asked), stream=row.streaming)
    wanted = gemini_form.canonical(body)
    wire = replace(wire_of(content_asked), json_schema=not gemini_form.uses_openapi(wanted))
    sent = json.loads(wire.build(call(row, asked, "gemini"), TO).body)
    one, other = (normal_content(b) for b in (wanted, gemini_form.canonical(sent)))
    agrees(row.id, "read", lambda: (one, other))


def normal_content(body: Any) -> Any:
    """A body with texts joined; without the order of properties, which theirs says, and hidden thoughts."""
    made = solid(gemini_form.joined(body))
    config = made.get("generationConfig", {})
    config.get("thinkingConfig", {}).pop("includeThoughts", None)
    return unordered(made)


def unordered(value: Any) -> Any:
    """JSON without ``propertyOrdering``, and without schemas of no properties."""
    if isinstance(value, dict):
        made = {k: unordered(v) for k, v in value.items() if k != "propertyOrdering"}
        return {k: v for k, v in made.items() if v not in ({}, {"type": "object"})}
    return [unordered(item) for item in value] if isinstance(value, list) else value


def test_content_answer(content: Any) -> None:
    """A recorded answer, read by the wire and written by the front, is the recorded one."""
    row = content.row
    completion = wire_of(content).parse(
        call(row, provider="gemini"), HTTPResponse(200, {}, row.body)
    )
    whole = json.loads(row.body)
    wanted, mine = (normal_answer(w) for w in (whole, generate_content.write(completion)))
    for name in ("responseId", "modelVersion"):
        if name not in wanted:
            del mine[name]
    assert mine == wanted


def normal_answer(whole: Any) -> Any:
    """An answer in one spelling, without what the internal form rounds: moments, tokens' ids, kinds of tokens."""
    made = solid(gemini_form._spelled(whole))
    made.pop("createTime", None)
    for name in [n for n in made.get("usageMetadata", {}) if n.endswith("Details")]:
        del made["usageMetadata"][name]
    for candidate in made.get("candidates", ()):
        candidate.pop("logprobsResult", None)
        content = candidate.pop("content", {})
        parts = [
            gemini_form._part(p) for p in content.get("parts", ()) if p not in ({}, {"text": ""})
        ]
        candidate["parts"] = solid(parts)
        # An enum as a number is its name.
        reason = candidate.get("finishReason")
        candidate["finishReason"] = {1: "STOP", 2: "MAX_TOKENS"}.get(reason, reason)
    return made


def test_content_stream(content_stream: Any) -> None:
    """A recorded stream, told again by the front, says the same: texts, calls with signatures, reason, counts."""
    row = content_stream.row
    decoder = wire_of(content_stream).decoder(call(row, provider="gemini"))
    events = generate_content.events()
    chunks = [*decoder.feed(row.body), *decoder.finish()]
    told = [event for chunk in chunks for event in events.add(chunk)] + [*events.finish()]
    body = b"".join(generate_content.frame(event) for event in told)
    again = gemini_oracle.read(replace(row, body=body))
    once = gemini_oracle.read(row)
    for name in ("text", "reasoning", "finish_reason"):
        assert getattr(again, name, None) == getattr(once, name, None)
    wanted = [gemini_form._part(p) for p in gemini_oracle.turn(row) if "functionCall" in p]
    parts = gemini_oracle.turn(replace(row, body=body))
    assert [gemini_form._part(p) for p in parts if "functionCall" in p] == wanted
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount")
    assert counts(told, names) == counts(_gemini_rows.events(row), names)


def counts(events: list[Any], names: tuple[str, ...]) -> list[int]:
    """The last of each count."""
    usage: dict[str, int] = {}
    for event in events:
        usage |= event.get("usageMetadata") or {}
    return [usage.get(name) or 0 for name in names]


def test_exemptions_name_rows(recordings: Path) -> None:
    """Each exemption is of a row that is there."""
    apis = _reader.apis(recordings)
    assert apis
    there = {row.id for rows in groups().values() for row in rows}
    assert {row for row, _ in EXEMPT} <= there
