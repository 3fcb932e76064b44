"""A checked chat request, read into what it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, cast

from ..._asked import Asked, Offered, fingerprint
from ..._tokens import count_prompt

__all__ = ["asked"]

Body = Mapping[str, Any]
Mode = Literal["none", "auto", "required"]
_PART_NAMES: Final[Mapping[str, str]] = {
    "image_url": "image",
    "input_audio": "audio clip",
    "file": "file",
}


def asked(body: Body) -> Asked:
    """What *body*, a request that `check` let pass, asks for."""
    messages = body["messages"]
    last = messages[-1]
    said = next((message for message in reversed(messages) if message["role"] == "user"), last)
    tools, mode = _offered(body)
    wanted = body.get("response_format") or {"type": "text"}
    stop = body.get("stop") or ()
    return Asked(
        model=body["model"],
        digest=fingerprint(body),
        prompt_tokens=count_prompt(body),
        text=_text(said),
        attached=tuple(_attached(said)),
        result=_text(last) if last["role"] == "tool" else None,
        offered=tuple(map(_tool, tools)),
        mode=mode,
        parallel=body.get("parallel_tool_calls") is not False,
        wants=_WANTS[wanted["type"]],
        schema=wanted["json_schema"]["schema"] if wanted["type"] == "json_schema" else None,
        reasons="reason" in body["model"] and body.get("reasoning_effort") != "none",
        count=body.get("n") or 1,
        stops=(stop,) if isinstance(stop, str) else tuple(stop),
        limit=body.get("max_completion_tokens") or body.get("max_tokens"),
    )


_WANTS: Final[Mapping[str, Literal["text", "object", "schema"]]] = {
    "text": "text",
    "json_object": "object",
    "json_schema": "schema",
}


def _text(message: Body) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _attached(message: Body) -> list[str]:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return [_PART_NAMES[part["type"]] for part in parts if part["type"] in _PART_NAMES]


def _offered(body: Body) -> tuple[Sequence[Body], Mode]:
    """The tools that the choice leaves, and its mode."""
    tools, choice = body.get("tools") or [], body.get("tool_choice") or "auto"
    if isinstance(choice, str):
        return tools, cast(Mode, choice)
    inner = choice[choice["type"]]
    if choice["type"] != "allowed_tools":
        return [tool for tool in tools if _name(tool) == inner["name"]], "required"
    allowed = {_name(tool) for tool in inner.get("tools") or ()}
    return [tool for tool in tools if _name(tool) in allowed], inner.get("mode", "auto")


def _name(tool: Body) -> str:
    return str(tool[tool["type"]]["name"])


def _tool(tool: Body) -> Offered:
    return Offered(_name(tool), tool["type"], tool[tool["type"]].get("parameters"))
