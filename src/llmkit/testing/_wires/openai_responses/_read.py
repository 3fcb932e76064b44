"""A checked Responses request, read into what it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, cast

from ..._asked import Asked, Offered, fingerprint
from ..._tokens import count_prompt

__all__ = ["asked"]

Body = Mapping[str, Any]
Mode = Literal["none", "auto", "required"]
_PART_NAMES: Final[Mapping[str, str]] = {
    "input_image": "image",
    "input_audio": "audio clip",
    "input_file": "file",
}
_WANTS: Final[Mapping[str, Literal["text", "object", "schema"]]] = {
    "text": "text",
    "json_object": "object",
    "json_schema": "schema",
}


def asked(body: Body) -> Asked:
    """What *body*, a request that `check` let pass, asks for."""
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    last = items[-1] if items else {}
    said = next((item for item in reversed(items) if item.get("role") == "user"), last)
    tools, mode = _offered(body)
    wanted = (body.get("text") or {}).get("format") or {"type": "text"}
    ended = str(last.get("type")).endswith("call_output")
    effort = (body.get("reasoning") or {}).get("effort")
    return Asked(
        model=body["model"],
        digest=fingerprint(body),
        prompt_tokens=_counted(body, items),
        text=_text(said.get("content")),
        attached=tuple(_attached(said.get("content"))),
        result=_text(last.get("output")) if ended else None,
        offered=tuple(Offered(t["name"], t["type"], t.get("parameters")) for t in tools),
        mode=mode,
        parallel=body.get("parallel_tool_calls") is not False,
        wants=_WANTS[wanted["type"]],
        schema=wanted.get("schema"),
        reasons="reason" in body["model"] and effort != "none",
        limit=body.get("max_output_tokens"),
    )


def _counted(body: Body, items: Sequence[Body]) -> int:
    head = [{"content": body["instructions"]}] if body.get("instructions") else []
    return count_prompt({"messages": [*head, *items], "tools": body.get("tools")})


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part["text"] for part in parts if "text" in part)


def _attached(content: Any) -> list[str]:
    parts = content if isinstance(content, list) else []
    return [_PART_NAMES[part["type"]] for part in parts if part["type"] in _PART_NAMES]


def _offered(body: Body) -> tuple[Sequence[Body], Mode]:
    """The tools that the choice leaves, and its mode."""
    tools = [tool for tool in body.get("tools") or [] if tool["type"] in ("function", "custom")]
    choice = body.get("tool_choice") or "auto"
    if isinstance(choice, str):
        return tools, cast(Mode, choice)
    if choice.get("type") != "allowed_tools":
        return [tool for tool in tools if tool["name"] == choice.get("name")], "required"
    allowed = {tool.get("name") for tool in choice.get("tools") or ()}
    left = [tool for tool in tools if tool["name"] in allowed]
    return left, choice.get("mode", "auto")
