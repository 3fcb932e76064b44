"""A checked chat request, read into what it asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from ..._asked import Asked, Offered, fingerprint
from ..._tokens import split

__all__ = ["asked"]

Body = Mapping[str, Any]
_MODES: Final[Mapping[str, Literal["none", "required"]]] = {"NONE": "none", "REQUIRED": "required"}
_PER_MESSAGE: Final = 3
_IMAGE: Final = 85


def asked(body: Body) -> Asked:
    """What *body*, a request that `check` let pass, asks for."""
    messages = body["messages"]
    last = messages[-1]
    said = next((message for message in reversed(messages) if message["role"] == "user"), last)
    wanted = body.get("response_format") or {}
    schema = wanted.get("json_schema") or wanted.get("schema")
    is_object = wanted.get("type") == "json_object"
    return Asked(
        model=body["model"],
        digest=fingerprint(body),
        prompt_tokens=_tokens(body),
        text="\n".join(_texts(said)),
        attached=["image"] * sum(part.get("type") == "image_url" for part in _parts(said)),
        result="\n".join(_texts(last)) if last["role"] == "tool" else None,
        offered=tuple(map(_tool, body.get("tools") or ())),
        mode=_MODES.get(body.get("tool_choice", ""), "auto"),
        wants=("schema" if schema else "object") if is_object else "text",
        schema=schema,
        reasons=_thinks(body),
        stops=tuple(body.get("stop_sequences") or ()),
        limit=body.get("max_tokens"),
    )


def _thinks(body: Body) -> bool:
    told = (body.get("thinking") or {}).get("type")
    return told == "enabled" or ("reason" in body["model"] and told != "disabled")


def _parts(message: Body) -> list[Any]:
    content = message.get("content") or ""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _texts(message: Body) -> Iterator[str]:
    for part in _parts(message):
        if part["type"] == "document":
            yield json.dumps(part.get("document"), ensure_ascii=False)
        elif part["type"] == "text":
            yield str(part.get("text", ""))


def _tool(tool: Body) -> Offered:
    return Offered(tool["function"]["name"], "function", tool["function"]["parameters"])


def _tokens(body: Body) -> int:
    """The tokens of the prompt: three a message, its texts, a flat number for an image; the tools, the documents."""
    messages = body["messages"]
    texts = sum(len(split(text)) for message in messages for text in _texts(message))
    images = sum(
        part.get("type") == "image_url" for message in messages for part in _parts(message)
    )
    beside = sum(
        len(split(json.dumps(body[name]))) for name in ("tools", "documents") if body.get(name)
    )
    own: int = _PER_MESSAGE * len(messages) + texts + _IMAGE * images + beside
    return own
