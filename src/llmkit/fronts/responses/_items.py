"""Input items to messages: what the assistant did in one go (thoughts, texts, calls) is one, with its items kept.

Source: https://platform.openai.com/docs/api-reference/responses/create#input, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..._json import dump_text
from ...wires.openai_responses._items import fields
from .._checks import invalid, listed, mapping, text
from .._riding import merge, unpack

__all__ = ["Messages"]

Json = dict[str, Any]
_SAID = ("user", "system", "developer")
# What chat calls a prompt_cache_breakpoint.
_MARK = {"type": "ephemeral"}
_RESULTS = frozenset({"function_call_output", "custom_tool_call_output"})
# A result of a hosted tool, or a word on one, which chat has no message for.
_NATIVE = ("item_reference", "compaction", "mcp_approval_response")


class Messages:
    """A request's input on its way to messages."""

    def __init__(self) -> None:
        self._messages: list[Json] = []
        self._turn: list[Json] = []

    def made(self) -> list[Json]:
        """All messages. Raises ``InvalidRequestError`` where there is nothing to answer."""
        self._close()
        if not self._messages:
            raise invalid("input must be a text or a list of items that is not empty", "input")
        return self._messages

    def say(self, role: str, content: Any) -> None:
        """A message that is not the assistant's."""
        self._close()
        self._messages.append({"role": role, "content": content})

    def take(self, given: Any) -> None:
        """The request's input."""
        if isinstance(given, str):
            self.say("user", given)
            return
        for i, item in enumerate(listed(given, "input")):
            self._item(f"input[{i}]", mapping(item, f"input[{i}]"))

    def _item(self, path: str, item: Mapping[str, Any]) -> None:
        kind = text(item.get("type") or "message", f"{path}.type")
        if kind in _RESULTS:
            self._result(path, item)
        elif kind == "message" and item.get("role") != "assistant":
            role = item.get("role")
            if not isinstance(role, str) or role not in _SAID:
                known = ", ".join((*_SAID, "assistant"))
                raise invalid(f"{path}.role is {role!r:.80}; it must be one of {known}", path)
            self.say(role, self._content(f"{path}.content", item.get("content")))
        elif kind in _NATIVE or kind.endswith("_output"):
            raise invalid(
                f"{path} is a {kind!r:.80}, which only a provider that keeps answers and runs tools itself can read",
                path,
            )
        else:
            self._turn.append({"type": kind, **item})

    def _result(self, path: str, item: Mapping[str, Any]) -> None:
        self._close()
        output = item.get("output")
        if isinstance(output, list | tuple):
            content: Any = self._content(f"{path}.output", output)
        else:
            content = output if isinstance(output, str) else dump_text(output)
        call_id = text(item.get("call_id"), f"{path}.call_id")
        self._messages.append({"role": "tool", "tool_call_id": call_id, "content": content})

    def _close(self) -> None:
        """The assistant's turn is over: its items are one message, with what rode along put back."""
        if not self._turn:
            return
        own: list[Json] = []
        packed: list[Json] = []
        for item in self._turn:
            rode = unpack(item.get("encrypted_content")) if item["type"] == "reasoning" else None
            if rode is None:
                own.append(item)
            else:
                packed.append(rode)
        self._turn = []
        made = fields(own)
        # They are among the items; as fields they are what answers have.
        for name in ("annotations", "images"):
            made.pop(name, None)
        for rode in packed:
            merge(made, rode)
        self._messages.append(made)

    def _content(self, path: str, content: Any) -> Any:
        if isinstance(content, str):
            return content
        parts = listed(content, path)
        return [self._part(f"{path}[{i}]", part) for i, part in enumerate(parts)]

    def _part(self, path: str, part: Any) -> Json:
        given = mapping(part, path)
        write = _PARTS.get(str(given.get("type")))
        if write is None:
            known = ", ".join(_PARTS)
            raise invalid(f"{path}.type is {given.get('type')!r:.80}; there are {known}", path)
        mark = {"cache_control": _MARK} if given.get("prompt_cache_breakpoint") else {}
        return write(path, given) | mark


def _text(path: str, part: Mapping[str, Any]) -> Json:
    return {"type": "text", "text": text(part.get("text"), f"{path}.text")}


def _image(path: str, part: Mapping[str, Any]) -> Json:
    url = part.get("image_url")
    if not isinstance(url, str):
        raise invalid(
            f"{path} must have an image_url; an image by its file_id only its provider can read",
            path,
        )
    detail = {} if part.get("detail") is None else {"detail": part["detail"]}
    return {"type": "image_url", "image_url": {"url": url, **detail}}


def _file(path: str, part: Mapping[str, Any]) -> Json:
    names = ("file_id", "file_data", "file_url", "filename")
    file = {name: part[name] for name in names if part.get(name) is not None}
    if not file.keys() - {"filename"}:
        raise invalid(f"{path} must have file_data, file_url or file_id", path)
    return {"type": "file", "file": file}


def _audio(path: str, part: Mapping[str, Any]) -> Json:
    return {"type": "input_audio", "input_audio": part.get("input_audio")}


def _refusal(path: str, part: Mapping[str, Any]) -> Json:
    return {"type": "text", "text": text(part.get("refusal"), f"{path}.refusal")}


_PARTS: dict[str, Callable[[str, Mapping[str, Any]], Json]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
    "refusal": _refusal,
}
