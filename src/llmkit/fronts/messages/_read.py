"""A Messages request in the internal form. What only this API knows is native; native blocks stay as they are.

Source: https://platform.claude.com/docs/en/api/messages, read 2026-11-22.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...wires.anthropic_messages._blocks import fields
from .. import Asked
from .._checks import invalid, listed, mapping, present, text
from .._riding import merge, unpack

__all__ = ["read"]

Json = dict[str, Any]
Block = Mapping[str, Any]
_ROLES = ("user", "assistant", "system")
_MARKS = ("cache_control",)
_BESIDE = ("title", "context", "citations")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_TIERS = {"standard_only": "default"}
_FUNCTION = ("name", "description", "strict")


def read(body: Mapping[str, Any]) -> Asked:
    """A request's body in the internal form. Raises ``InvalidRequestError``."""
    given = present(mapping(body, "the request"))
    turns = listed(given.get("messages"), "messages")
    if not turns:
        raise invalid("messages must have at least one message", "messages")
    messages = [*_system(given.get("system"))]
    for i, turn in enumerate(turns):
        messages += _turn(f"messages[{i}]", mapping(turn, f"messages[{i}]"))
    params = _Params()
    for name, value in given.items():
        if name not in _HANDLED:
            params.take(name, value)
    return Asked(
        model=text(given.get("model"), "model"),
        messages=messages,
        params=params.made,
        stream=bool(given.get("stream")),
        native=params.native,
    )


_HANDLED = frozenset({"model", "messages", "system", "stream"})


def _system(given: Any) -> Iterator[Json]:
    if given is None:
        return
    content = given if isinstance(given, str) else listed(given, "system")
    if content:
        yield {"role": "system", "content": content}


def _turn(path: str, turn: Block) -> Iterator[Json]:
    role, content = turn.get("role"), turn.get("content")
    if role not in _ROLES:
        raise invalid(f"{path}.role is {role!r:.80}; it must be one of {', '.join(_ROLES)}", path)
    if isinstance(content, str):
        yield {"role": role, "content": content}
        return
    blocks = [
        mapping(block, f"{path}.content[{i}]")
        for i, block in enumerate(listed(content, f"{path}.content"))
    ]
    if role == "assistant":
        yield _assistant(blocks)
    elif role == "user":
        yield from _user(blocks)
    else:
        yield {"role": role, "content": blocks}


def _user(blocks: list[Block]) -> Iterator[Json]:
    """Results are messages of their own; what is said between them keeps its place."""
    said: list[Any] = []
    for block in blocks:
        if block.get("type") != "tool_result":
            said.append(_part(block))
            continue
        if said:
            yield {"role": "user", "content": said}
            said = []
        yield _result(block)
    if said or not blocks:
        yield {"role": "user", "content": said}


def _result(block: Block) -> Json:
    content = block.get("content")
    if isinstance(content, list | tuple):
        content = [_part(part) if isinstance(part, Mapping) else part for part in content]
    made = {"role": "tool", "tool_call_id": block.get("tool_use_id")}
    made["content"] = "" if content is None else content
    return made | {name: block[name] for name in ("is_error", *_MARKS) if block.get(name)}


def _part(block: Block) -> Any:
    write = _PARTS.get(str(block.get("type")))
    return (write(block) if write is not None else None) or block


def _image(block: Block) -> Json | None:
    url = _url(block.get("source"))
    if url is None:
        return None
    return {"type": "image_url", "image_url": {"url": url}, **_marks(block)}


def _document(block: Block) -> Json | None:
    url = _url(block.get("source"))
    if url is None or not block.keys() <= {"type", "source", *_BESIDE, *_MARKS}:
        return None
    file = {"file_data": url} | {name: block[name] for name in _BESIDE[1:] if block.get(name)}
    if block.get("title"):
        file["filename"] = block["title"]
    return {"type": "file", "file": file, **_marks(block)}


def _url(source: Any) -> str | None:
    """Where the bytes are; ``None`` for what only the provider knows (a file's id, blocks as a document)."""
    if not isinstance(source, Mapping):
        return None
    kind, data = source.get("type"), source.get("data")
    if kind == "url" and isinstance(source.get("url"), str):
        return str(source["url"])
    if not isinstance(data, str):
        return None
    if kind == "base64":
        return f"data:{source.get('media_type')};base64,{data}"
    if kind == "text":
        return f"data:text/plain;base64,{base64.b64encode(data.encode()).decode()}"
    return None


def _marks(block: Block) -> Json:
    return {name: block[name] for name in _MARKS if block.get(name)}


_PARTS: dict[str, Callable[[Block], Json | None]] = {"image": _image, "document": _document}


def _assistant(blocks: list[Block]) -> Json:
    """The model's turn, with what rode along in it put back."""
    own: list[Block] = []
    packed: list[Json] = []
    for block in blocks:
        rode = unpack(block.get("data")) if block.get("type") == "redacted_thinking" else None
        if rode is None:
            own.append(block)
        else:
            packed.append(rode)
    made = fields(own)
    # They are in the blocks; as a field they are what answers have.
    made.pop("annotations", None)
    for rode in packed:
        merge(made, rode)
    return made


class _Params:
    """A request's other fields on their way to params, or to what is native."""

    def __init__(self) -> None:
        self.made: Json = {}
        self.native: Json = {}

    def take(self, name: str, value: Any) -> None:
        """Sort one field in."""
        write = _FIELDS.get(name)
        if write is None:
            self.native[name] = value
        else:
            write(self, name, value)

    def _same(self, name: str, value: Any) -> None:
        self.made[name] = value

    def _stop(self, name: str, value: Any) -> None:
        self.made["stop"] = listed(value, name)

    def _tools(self, name: str, value: Any) -> None:
        tools = [mapping(tool, f"tools[{i}]") for i, tool in enumerate(listed(value, name))]
        if tools:
            self.made["tools"] = [_tool(tool) for tool in tools]

    def _choice(self, name: str, value: Any) -> None:
        choice = mapping(value, name)
        kind = choice.get("type")
        if kind == "tool":
            self.made[name] = {"type": "function", "function": {"name": choice.get("name")}}
        elif isinstance(kind, str) and kind in _CHOICES:
            self.made[name] = _CHOICES[kind]
        else:
            raise invalid(f"tool_choice.type is {kind!r:.80}; it must be auto, any, none or tool")
        if choice.get("disable_parallel_tool_use") is not None:
            self.made["parallel_tool_calls"] = not choice["disable_parallel_tool_use"]

    def _metadata(self, name: str, value: Any) -> None:
        given = present(mapping(value, name))
        if "user_id" in given:
            self.made["user"] = given.pop("user_id")
        if given:
            self.native[name] = given

    def _tier(self, name: str, value: Any) -> None:
        self.made[name] = _TIERS.get(value, value) if isinstance(value, str) else value

    def _thinking(self, name: str, value: Any) -> None:
        thinking = dict(mapping(value, name))
        if thinking == {"type": "adaptive"} and "reasoning_effort" in self.made:
            return
        self.made[name] = thinking
        if thinking.get("type") == "adaptive":
            self._effort(self.native.get("output_config", {}).get("effort"))

    def _effort(self, effort: Any) -> None:
        """How much to think, now that it is known that the model is to."""
        if effort is None:
            return
        self.made["reasoning_effort"] = effort
        config = self.native["output_config"]
        del config["effort"]
        if not config:
            del self.native["output_config"]
        if self.made["thinking"] == {"type": "adaptive"}:
            del self.made["thinking"]

    def _output(self, name: str, value: Any) -> None:
        config = present(mapping(value, name))
        form = config.get("format")
        if isinstance(form, Mapping) and set(form) == {"type", "schema"}:
            described = {"name": "answer", "schema": form["schema"], "strict": True}
            self.made["response_format"] = {"type": "json_schema", "json_schema": described}
            del config["format"]
        if config:
            self.native[name] = config
        thinking = self.made.get("thinking")
        if isinstance(thinking, Mapping) and thinking.get("type") == "adaptive":
            self._effort(config.get("effort"))


_FIELDS: dict[str, Callable[[_Params, str, Any], None]] = {
    "max_tokens": _Params._same,  # noqa: SLF001 - the class's own table
    "temperature": _Params._same,  # noqa: SLF001
    "top_p": _Params._same,  # noqa: SLF001
    "top_k": _Params._same,  # noqa: SLF001
    "stop_sequences": _Params._stop,  # noqa: SLF001
    "tools": _Params._tools,  # noqa: SLF001
    "tool_choice": _Params._choice,  # noqa: SLF001
    "metadata": _Params._metadata,  # noqa: SLF001
    "service_tier": _Params._tier,  # noqa: SLF001
    "thinking": _Params._thinking,  # noqa: SLF001
    "output_config": _Params._output,  # noqa: SLF001
}


def _tool(tool: Block) -> Any:
    """A tool of the caller's as chat's; the provider's own as it is."""
    if tool.get("type") not in (None, "custom") or not tool.get("input_schema"):
        return tool
    function = {name: tool[name] for name in _FUNCTION if tool.get(name) is not None}
    function["parameters"] = tool["input_schema"]
    rest = {k: v for k, v in tool.items() if k not in (*_FUNCTION, "type", "input_schema")}
    return {"type": "function", "function": function, **present(rest)}
