"""A checked request, read into what it asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from ..._asked import Asked, Offered, fingerprint
from ..._tokens import split

__all__ = ["asked", "count_tokens"]

Body = Mapping[str, Any]
_MEDIA: Final[Mapping[str, tuple[str, int]]] = {
    "image": ("image", 85),
    "document": ("document", 200),
    "video": ("video", 300),
    "audio": ("audio clip", 32),
}
_PER_MESSAGE: Final = 3
_UNREAD: Final = frozenset({"signature", "bytes", "uri", "format"})
_THINKS: Final = ("thinking", "reasoningConfig", "reasoning_config", "reasoning_effort")


def asked(model: str, body: Body) -> Asked:
    """What *body*, a request that `check` let pass, asks for."""
    turns = body["messages"]
    said = next((t for t in reversed(turns) if t["role"] == "user" and any(_texts(t))), turns[-1])
    wanted = _wanted(body)
    config = body.get("inferenceConfig", {})
    return Asked(
        model=model,
        digest=fingerprint(body, model),
        prompt_tokens=count_tokens(body),
        text="\n".join(_texts(said)),
        attached=[_MEDIA[n][0] for b in said["content"] for n in b if n in _MEDIA],
        result="\n".join(_results(turns[-1])) or None,
        offered=_offered(body),
        mode=_mode(body),
        parallel=not _extra(body).get("tool_choice", {}).get("disable_parallel_tool_use"),
        wants="text" if wanted is None else "schema",
        schema=wanted,
        reasons=_reasons(body),
        stops=tuple(config.get("stopSequences") or ()),
        limit=config.get("maxTokens"),
    )


def _extra(body: Body) -> Body:
    given = body.get("additionalModelRequestFields")
    return given if isinstance(given, dict) else {}


def _reasons(body: Body) -> bool:
    given = [_extra(body)[name] for name in _THINKS if name in _extra(body)]
    return any(not isinstance(g, dict) or g.get("type") != "disabled" for g in given)


def _texts(turn: Body) -> Iterator[str]:
    return (block["text"] for block in turn["content"] if "text" in block)


def _results(turn: Body) -> Iterator[str]:
    for block in turn["content"]:
        for part in block.get("toolResult", {}).get("content", ()):
            yield part["text"] if "text" in part else json.dumps(part, ensure_ascii=False)


def _wanted(body: Body) -> Any:
    form = body.get("outputConfig", {}).get("textFormat")
    return None if form is None else json.loads(form["structure"]["jsonSchema"]["schema"])


def _mode(body: Body) -> Literal["auto", "required"]:
    choice = body.get("toolConfig", {}).get("toolChoice", {"auto": {}})
    return "auto" if "auto" in choice else "required"


def _offered(body: Body) -> tuple[Offered, ...]:
    """The tools that the choice leaves."""
    config = body.get("toolConfig", {})
    named = config.get("toolChoice", {}).get("tool", {}).get("name")
    specs = [tool["toolSpec"] for tool in config.get("tools", ()) if "toolSpec" in tool]
    left = [spec for spec in specs if named in (None, spec["name"])]
    return tuple(Offered(spec["name"], "function", spec["inputSchema"]["json"]) for spec in left)


def count_tokens(body: Body) -> int:
    """The tokens of the prompt: three a message, its text and media, the system's and the tools'."""
    messages = sum(_PER_MESSAGE + _count(message["content"]) for message in body["messages"])
    return messages + _count(body.get("system")) + _count(body.get("toolConfig"))


def _count(value: Any) -> int:
    if isinstance(value, str):
        return len(split(value))
    if isinstance(value, list):
        return sum(map(_count, value))
    if not isinstance(value, Mapping):
        return 0
    flat = sum(_MEDIA[name][1] for name in value if name in _MEDIA)
    read = (v for name, v in value.items() if name not in _UNREAD and name not in _MEDIA)
    return flat + sum(map(_count, read))
