"""Short ways to write a call, an answer and a stream, and to see what the wire makes of them."""

from __future__ import annotations

import json
from typing import Any

from llmkit._call import Adjustment, ChatCall
from llmkit._fold import fold
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.types.chat import ChatCompletion, ChatCompletionChunk
from llmkit.wires.gemini import Gemini

BASE = Endpoint("https://api.test/v1beta")
HELLO = [{"role": "user", "content": "Hello"}]
BUDGETED = "gemini-2.5-flash"
LEVELLED = "gemini-3-flash"


def calling(
    messages: Any = None,
    *,
    model: str = BUDGETED,
    stream: bool = False,
    drop: bool = False,
    extra: dict[str, Any] | None = None,
    allowed: frozenset[str] = frozenset(),
    **params: Any,
) -> ChatCall:
    """A call of a provider that nobody knows."""
    return ChatCall(
        id="call_of_mine",
        provider="acme",
        model=model,
        messages=HELLO if messages is None else messages,
        params=params,
        stream=stream,
        extra_body=extra or {},
        drop_params=drop,
        allowed=allowed,
    )


def request(messages: Any = None, wire: Gemini | None = None, **options: Any) -> HTTPRequest:
    """The request that a call becomes."""
    return (wire or Gemini()).build(calling(messages, **options), BASE)


def body(messages: Any = None, wire: Gemini | None = None, **options: Any) -> Any:
    """The body of the request that a call becomes."""
    return json.loads(request(messages, wire, **options).body)


def config(**params: Any) -> Any:
    """The ``generationConfig`` that parameters become."""
    return body(**params).get("generationConfig")


def ledger(messages: Any = None, wire: Gemini | None = None, **options: Any) -> list[Adjustment]:
    """What was changed on the way."""
    return [*request(messages, wire, **options).adjustments]


def changes(
    messages: Any = None, wire: Gemini | None = None, **options: Any
) -> list[tuple[str, str]]:
    """What was changed on the way, by name."""
    return [(a.parameter, a.change) for a in ledger(messages, wire, **options)]


def candidate(*parts: Any, finish: str | None = "STOP", **fields: Any) -> dict[str, Any]:
    """A candidate of these parts."""
    made = {"content": {"role": "model", "parts": [*parts]}, **fields}
    return made | ({"finishReason": finish} if finish else {})


def event(*parts: Any, finish: str | None = "STOP", **fields: Any) -> dict[str, Any]:
    """An answer, or one event of a stream, of one candidate."""
    return {"candidates": [candidate(*parts, finish=finish, **fields)], "responseId": "r1"}


def parse(data: Any, *, model: str = BUDGETED) -> ChatCompletion:
    """What an answer's JSON says."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return Gemini().parse(calling(model=model), HTTPResponse(200, body=raw))


def sse(*events: Any) -> bytes:
    """Events as they come by default."""
    return b"".join(b"data: " + json.dumps(e).encode() + b"\r\n\r\n" for e in events)


def decode(raw: bytes, *, size: int = 0, model: str = BUDGETED) -> list[ChatCompletionChunk]:
    """The chunks of a stream whose bytes come in pieces of this size."""
    decoder = Gemini().decoder(calling(stream=True, model=model))
    step = size or max(1, len(raw))
    chunks = [c for at in range(0, len(raw), step) for c in decoder.feed(raw[at : at + step])]
    chunks += decoder.finish()
    assert decoder.done
    return chunks


def folded(*events: Any) -> ChatCompletion:
    """The whole that a stream of these events adds up to."""
    return fold(decode(sse(*events)))


def call_part(name: str = "add", args: Any = None, **fields: Any) -> dict[str, Any]:
    """A part that calls a function."""
    head = {"id": fields.pop("id")} if "id" in fields else {}
    return {"functionCall": {**head, "name": name, "args": args or {}}, **fields}


def back(message: Any, *results: Any, model: str = BUDGETED) -> list[Any]:
    """The contents of the next request, when a message is put into the history."""
    return list(body([*HELLO, message, *results], model=model)["contents"][1:])
