"""Messages to Mistral's form: no field that its schemas do not name, thinking as parts, ids as it wants them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from typing_extensions import override

from ..openai_chat._messages import Messages, has_part

__all__ = ["MistralMessages"]

_ID = re.compile(r"[a-zA-Z0-9]{9}")
_ID_LENGTH = 9
_NAMED = "messages have no names there"
_KEPT_ELSEWHERE = "there is no place for it in a message"
# Fields of OpenAI's messages that are not known there, and why nothing is lost or what is.
_UNKNOWN: dict[str, str] = {
    "name": _NAMED,
    **dict.fromkeys(
        ("refusal", "annotations", "audio", "images", "function_call"), _KEPT_ELSEWHERE
    ),
}


class MistralMessages(Messages):
    """One call's messages; ids that Mistral would refuse are replaced, the same one the same way."""

    foreign_part = "reasoning"

    @override
    def encode(self) -> list[Any]:
        """Check and write all messages."""
        encoded = [
            self._translated(f"messages[{i}]", message)
            for i, message in enumerate(super().encode())
        ]
        if encoded and _is_beginning(encoded[-1]):
            path, why = f"messages[{len(encoded) - 1}].prefix", "an answer that comes last is begun"
            self._adjust(path, "defaulted", None, True, why)
            encoded[-1] = {**encoded[-1], "prefix": True}
        return encoded

    @override
    def tools(self, tools: Sequence[Any]) -> list[Any]:
        """Write the tools; a function that takes nothing must say so."""
        return [_with_parameters(tool) for tool in super().tools(tools)]

    @override
    def _history(self, path: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """Thinking is sent back as parts: as they came, or made of what another provider thought."""
        own = message.get("content_parts") and not has_part(
            message["content_parts"], self.foreign_part
        )
        if not own and (thoughts := _thoughts(message)):
            said = message.get("content")
            parts = said if isinstance(said, list | tuple) else _texts(said)
            hidden = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks")
            message = {k: v for k, v in message.items() if k not in hidden}
            message["content_parts"] = [*thoughts, *parts]
        return super()._history(path, message)

    def _translated(self, path: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        role = message.get("role")
        if role == "function":
            raise self._invalid(f"{path}.role 'function' is not known there; use 'tool'")
        for name in _UNKNOWN:
            if name in message and not (name == "name" and role == "tool"):
                message = self._without(path, name, message)
        if message.get("tool_calls"):
            if not isinstance(message["tool_calls"], list | tuple):
                raise self._invalid(f"{path}.tool_calls must be a list")
            calls = enumerate(message["tool_calls"])
            made = [self._with_id(f"{path}.tool_calls[{i}].id", c, "id") for i, c in calls]
            message = {**message, "tool_calls": made}
        told: Mapping[str, Any] = self._with_id(f"{path}.tool_call_id", message, "tool_call_id")
        return told

    def _without(self, path: str, name: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        if message[name]:
            self._adjust(f"{path}.{name}", "dropped", message[name], None, _UNKNOWN[name])
        return {k: v for k, v in message.items() if k != name}

    def _with_id(self, path: str, holder: Any, name: str) -> Any:
        given = holder.get(name)
        if given is None or _ID.fullmatch(str(given)):
            return holder
        sent = hashlib.sha256(str(given).encode()).hexdigest()[:_ID_LENGTH]
        self._adjust(path, "renamed", given, sent, "an id has nine letters or digits there")
        fields = holder if isinstance(holder, Mapping) else holder.to_dict()
        return {**fields, name: sent}

    @override
    def _part(self, path: str, part: Any) -> Any:
        part = super()._part(path, part)
        translate = _PARTS.get(str(part.get("type")))
        return part if translate is None else translate(self, path, part)

    def _file(self, path: str, part: Mapping[str, Any]) -> Mapping[str, Any]:
        given = part.get("file")
        if not isinstance(given, Mapping):
            return part
        if given.get("file_id"):
            return {"type": "file", "file_id": given["file_id"]}
        data = given.get("file_data")
        if not isinstance(data, str):
            raise self._invalid(f"{path}.file must have a file_id or file_data")
        url = data if data.startswith(("data:", "https:", "http:")) else _PDF + data
        made = {"type": "document_url", "document_url": url}
        return {**made, "document_name": given["filename"]} if given.get("filename") else made

    def _audio(self, path: str, part: Mapping[str, Any]) -> Mapping[str, Any]:
        given = part.get("input_audio")
        # The form of the sound is heard, not told.
        return {**part, "input_audio": given.get("data")} if isinstance(given, Mapping) else part


_PDF = "data:application/pdf;base64,"
_PARTS: dict[str, Callable[[MistralMessages, str, Mapping[str, Any]], Mapping[str, Any]]] = {
    "file": MistralMessages._file,  # noqa: SLF001 - the class's own table
    "input_audio": MistralMessages._audio,  # noqa: SLF001
}


def _is_beginning(message: Mapping[str, Any]) -> bool:
    return (
        message.get("role") == "assistant"
        and message.get("prefix") is None
        and not message.get("tool_calls")
    )


def _with_parameters(tool: Any) -> Any:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping) or function.get("parameters") is not None:
        return tool
    nothing = {"type": "object", "properties": {}}
    return {**tool, "function": {**function, "parameters": nothing}}


def _thoughts(message: Mapping[str, Any]) -> list[Any]:
    """What was thought, as parts. Signatures and what is encrypted are for their own provider only."""
    blocks = message.get("thinking_blocks")
    listed = blocks if isinstance(blocks, list | tuple) else ()
    texts = [b.get("thinking") for b in listed if isinstance(b, Mapping)]
    said = [text for text in texts if isinstance(text, str) and text]
    if not said:
        text = message.get("reasoning_content") or message.get("reasoning")
        said = [text] if isinstance(text, str) and text else []
    return [{"type": "thinking", "thinking": _texts(text)} for text in said]


def _texts(text: Any) -> list[Any]:
    return [{"type": "text", "text": text}] if isinstance(text, str) and text else []
