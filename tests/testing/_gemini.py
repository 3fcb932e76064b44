"""How the tests of the simulated Gemini ask it: without a socket, by the wire's own methods."""

from __future__ import annotations

import json
from typing import Any

from llmkit.testing._answer import answer
from llmkit.testing._wires import Reply
from llmkit.testing._wires.gemini import Gemini

KEY = {"x-goog-api-key": "AIza" + "made-up"}
TOKEN = {"authorization": "Bearer " + "made-up"}
VERTEX = "/v1/projects/p/locations/l/publishers/google"
HELLO: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]}
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "parameters": {
        "type": "OBJECT",
        "properties": {
            "city": {"type": "STRING"},
            "days": {"type": "INTEGER", "minimum": 2, "nullable": True},
            "unit": {"type": "STRING", "enum": ["celsius", "kelvin"]},
        },
        "required": ["city"],
        "propertyOrdering": ["unit", "city"],
    },
}
CLOCK: dict[str, Any] = {"name": "get_time", "parametersJsonSchema": {"type": "object"}}


def said(*parts: Any, role: str = "user") -> dict[str, Any]:
    """One content; a bare text is a part of it."""
    made = [{"text": part} if isinstance(part, str) else part for part in parts]
    return {"role": role, "parts": made}


def call(name: str = "get_time", *, signed: bool = True) -> dict[str, Any]:
    """A part that calls a function."""
    signature = {"thoughtSignature": "c2lnbmVk"} if signed else {}
    return {"functionCall": {"name": name, "args": {}}, **signature}


def result(name: str = "get_time", **response: Any) -> dict[str, Any]:
    """A part that answers a call."""
    return {"functionResponse": {"name": name, "response": response}}


def ask(body: Any, model: str = "offline", method: str = "generateContent", **where: str) -> Reply:
    """One POST; *where* may name another base path, or give the bytes of the body."""
    base = where.get("base", "/v1beta")
    headers = TOKEN if "projects" in base else KEY
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Gemini().reply("POST", f"{base}/models/{model}:{method}", headers, data, answer)


def whole(body: Any, model: str = "offline", **where: str) -> Any:
    """The answer in one piece, which must come."""
    reply = ask(body, model, **where)
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def streamed(body: Any, model: str = "offline", **where: str) -> list[Any]:
    """The answer's events."""
    reply = ask(body, model, "streamGenerateContent?alt=sse", **where)
    assert reply.status == 200, reply.body
    events = [frame.removeprefix(b"data: ") for frame in reply.frames]
    assert all(event.endswith(b"\r\n\r\n") for event in events)
    return [json.loads(event) for event in events]


def parts(response: Any, index: int = 0) -> list[Any]:
    """The parts of one candidate."""
    found: list[Any] = response["candidates"][index]["content"].get("parts", [])
    return found


def text(response: Any, index: int = 0) -> str:
    """What a candidate says aloud."""
    return "".join(p["text"] for p in parts(response, index) if "text" in p and "thought" not in p)


def error(reply: Reply) -> Any:
    """The error object of a refusal."""
    return json.loads(reply.body)["error"]
