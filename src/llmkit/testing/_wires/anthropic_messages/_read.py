"""A checked request, read into what it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from ..._asked import Asked, Offered, fingerprint
from ..._tokens import split
from ._check import wanted_format
from ._terms import traits_of
from ._turns import Turn, turns

__all__ = ["asked", "count_tokens", "thinks"]

Body = Mapping[str, Any]
# What a block counts as, whatever is in it.
_FLAT: Final[Mapping[str, int]] = {"image": 85, "document": 200}
_PER_MESSAGE: Final = 3
# What a model does not read.
_UNREAD: Final = frozenset({"cache_control", "signature", "type"})
_MODES: Final[Mapping[str, Literal["none", "auto", "required"]]] = {
    "none": "none",
    "auto": "auto",
    "any": "required",
    "tool": "required",
}


def asked(body: Body) -> Asked:
    """What *body*, a request that `check` let pass, asks for."""
    conversation = turns(body["messages"])
    said = next((turn for turn in reversed(conversation) if turn.role == "user"), conversation[-1])
    choice = body.get("tool_choice") or {"type": "auto"}
    wanted = wanted_format(body)
    return Asked(
        model=body["model"],
        digest=fingerprint(body),
        prompt_tokens=count_tokens(body),
        text=_text(said),
        attached=[block["type"] for _, block in said.of(*_FLAT)],
        result=_result(conversation[-1]),
        offered=_offered(body.get("tools") or (), choice),
        mode=_MODES[choice["type"]],
        parallel=not choice.get("disable_parallel_tool_use"),
        wants="text" if wanted is None else "schema",
        schema=None if wanted is None else wanted["schema"],
        reasons=thinks(body),
        stops=tuple(body.get("stop_sequences") or ()),
        limit=body["max_tokens"],
    )


def thinks(body: Body) -> bool:
    """Whether the model thinks first: where it is told to, and where it always does."""
    kind = (body.get("thinking") or {}).get("type")
    if kind == "between_tools":
        return _result(turns(body["messages"])[-1]) is not None
    return kind in ("enabled", "adaptive") or traits_of(body["model"]).thinking == "always"


def count_tokens(body: Body) -> int:
    """The tokens of the prompt: three a message, its text and blocks, the system's and the tools'."""
    messages = sum(_PER_MESSAGE + _count(message) for message in body["messages"])
    return messages + _count(body.get("system")) + _count(body.get("tools"))


def _count(value: Any) -> int:
    if isinstance(value, str):
        return len(split(value))
    if isinstance(value, list):
        return sum(map(_count, value))
    if not isinstance(value, Mapping):
        return 0
    flat = _FLAT.get(str(value.get("type")))
    read = (inner for name, inner in value.items() if name not in _UNREAD)
    return sum(map(_count, read)) if flat is None else flat


def _text(turn: Turn) -> str:
    return "\n".join(block["text"] for _, block in turn.of("text"))


def _result(last: Turn) -> str | None:
    """The results that the conversation ends with, if it does."""
    if not last.blocks or last.blocks[-1][1]["type"] != "tool_result":
        return None
    return "\n".join(_result_text(block.get("content", "")) for _, block in last.of("tool_result"))


def _result_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content if block["type"] == "text")


def _offered(tools: Sequence[Body], choice: Body) -> tuple[Offered, ...]:
    """The tools that *choice* leaves."""
    left = [tool for tool in tools if choice.get("name", tool["name"]) == tool["name"]]
    return tuple(Offered(tool["name"], "function", tool["input_schema"]) for tool in left)
