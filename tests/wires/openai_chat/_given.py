"""What the tests of this wire share: fixtures, calls, and the two ways of reading an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmkit._call import ChatCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.wires.openai_chat import OpenAIChat

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llmkit._http import HTTPRequest
    from llmkit.types.chat import ChatCompletion, ChatCompletionChunk

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.sse"))
HOST = Endpoint("https://host.test/v1")
USER = ({"role": "user", "content": "hi"},)


def call(messages: Any = USER, *, stream: bool = False, **more: Any) -> ChatCall:
    """Make a call to the provider "acme"; what is no field of a call is a parameter."""
    fields = {k: more.pop(k) for k in tuple(more) if k in ChatCall.__dataclass_fields__}
    fields.setdefault("params", more)
    return ChatCall("call_1", "acme", "m1", messages, stream=stream, **fields)


def built(asked: ChatCall, wire: OpenAIChat | None = None, to: Endpoint = HOST) -> HTTPRequest:
    """The request that the wire writes."""
    return (wire or OpenAIChat()).build(asked, to)


def body(asked: ChatCall, wire: OpenAIChat | None = None) -> dict[str, Any]:
    """The request's body, as a host reads it."""
    read: dict[str, Any] = json.loads(built(asked, wire).body)
    return read


def ledger(asked: ChatCall, wire: OpenAIChat | None = None) -> list[tuple[Any, ...]]:
    """What the request lists as changed, without the reasons."""
    changes = built(asked, wire).adjustments
    assert all(change.reason for change in changes)
    return [(c.parameter, c.change, c.given, c.sent) for c in changes]


def answer(data: Any, *, headers: Mapping[str, str] | None = None, status: int = 200) -> Any:
    """An answer whose body is this, as JSON unless it is bytes."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return HTTPResponse(status, headers or {}, raw)


def parsed(data: Any) -> ChatCompletion:
    """Read a whole answer."""
    return OpenAIChat().parse(call(), answer(data))


def whole(name: str) -> bytes:
    """A fixture's answer in one piece."""
    return (FIXTURES / f"{name}.json").read_bytes()


def stream(name: str) -> bytes:
    """A fixture's answer as a stream."""
    return (FIXTURES / f"{name}.sse").read_bytes()


def chunks(pieces: Iterable[bytes]) -> list[ChatCompletionChunk]:
    """Read a stream that comes in these pieces, to its end."""
    decoder = OpenAIChat().decoder(call(stream=True))
    read = [chunk for piece in pieces for chunk in decoder.feed(piece)]
    return read + list(decoder.finish())


def events(*data: Any, done: bool = True) -> bytes:
    """A stream of these events; what is no text is written as JSON."""
    said = [item if isinstance(item, str) else json.dumps(item) for item in data]
    return "".join(f"data: {item}\n\n" for item in [*said, *(["[DONE]"] if done else [])]).encode()


def choice(delta: Any, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    """A chunk with one choice."""
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}], **more}
