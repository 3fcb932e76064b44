"""Short ways to write a call, an answer and a stream, and to see what the wire makes of them."""

from __future__ import annotations

import json
from typing import Any

from llmkit._call import Adjustment, ChatCall
from llmkit._fold import fold
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.types.chat import ChatCompletion, ChatCompletionChunk
from llmkit.wires.ollama_chat import OllamaChat

BASE = Endpoint("http://box.test:11434")
HELLO = [{"role": "user", "content": "Hello"}]
MOMENT = "2025-06-09T18:55:32.104592123Z"
COUNTS = {"total_duration": 9, "prompt_eval_count": 5, "eval_count": 7, "eval_duration": 3}


def calling(
    messages: Any = None,
    *,
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
        model="tiny:1b",
        messages=HELLO if messages is None else messages,
        params=params,
        stream=stream,
        extra_body=extra or {},
        drop_params=drop,
        allowed=allowed,
    )


def request(messages: Any = None, **options: Any) -> HTTPRequest:
    """The request that a call becomes."""
    return OllamaChat().build(calling(messages, **options), BASE)


def body(messages: Any = None, **options: Any) -> Any:
    """The body of the request that a call becomes."""
    return json.loads(request(messages, **options).body)


def ledger(messages: Any = None, **options: Any) -> list[Adjustment]:
    """What was changed on the way."""
    return [*request(messages, **options).adjustments]


def changes(messages: Any = None, **options: Any) -> list[tuple[str, str]]:
    """What was changed on the way, by name."""
    return [(a.parameter, a.change) for a in ledger(messages, **options)]


def line(content: str | None = "", *, done: bool = False, **fields: Any) -> dict[str, Any]:
    """One line of a stream, or a whole answer; *fields* beside ``said`` are those of the object."""
    said = fields.pop("said", {})
    message = {"role": "assistant", **({} if content is None else {"content": content}), **said}
    head = {"model": "tiny:1b", "created_at": MOMENT, "message": message, "done": done}
    return {**head, **({"done_reason": "stop", **COUNTS} if done else {}), **fields}


def tool_call(name: str = "add", **fields: Any) -> dict[str, Any]:
    """A call as a model makes it."""
    arguments = fields.pop("arguments", {"x": 2})
    return {**fields, "function": {"name": name, "arguments": arguments}}


def parse(data: Any) -> ChatCompletion:
    """What an answer's JSON says."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return OllamaChat().parse(calling(), HTTPResponse(200, body=raw))


def lines(*objects: Any) -> bytes:
    """Objects as they come in a stream."""
    return b"".join(json.dumps(o, ensure_ascii=False).encode() + b"\n" for o in objects)


def decode(raw: bytes, *, size: int = 0) -> list[ChatCompletionChunk]:
    """The chunks of a stream whose bytes come in pieces of this size."""
    decoder = OllamaChat().decoder(calling(stream=True))
    step = size or max(1, len(raw))
    chunks = [c for at in range(0, len(raw), step) for c in decoder.feed(raw[at : at + step])]
    chunks += decoder.finish()
    assert decoder.done
    return chunks


def folded(*objects: Any) -> ChatCompletion:
    """The whole that a stream of these lines adds up to."""
    return fold(decode(lines(*objects)))
