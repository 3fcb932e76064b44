"""Chat messages to input items: walked once, the caller's objects never changed.

The first system message becomes ``instructions``, as this API has them; what cannot be said is refused or listed.
Source: https://platform.openai.com/docs/api-reference/responses/create#input, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._json import dump_text
from .._params import Ledger
from ._items import KEPT, rebuilt, still_says

__all__ = ["Conversation"]

Item = dict[str, Any]
_BYTES = "file_data"
_URL = ("http://", "https://")


class Conversation:
    """One call's messages on their way to ``input`` and ``instructions``."""

    def __init__(self, ledger: Ledger, given: Sequence[Any], *, stores: bool) -> None:
        self._ledger, self._given, self._stores = ledger, given, stores
        self._items: list[Item] = []
        self._custom: set[str] = set()
        self._called: set[str] = set()
        self._instructions: str | None = None

    def encode(self) -> dict[str, Any]:
        """Check and write all messages."""
        messages = self._given
        if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
            raise self._ledger.invalid(
                "messages must be a list of messages such as {'role': 'user', 'content': …}"
            )
        for i, message in enumerate(messages):
            self._message(f"messages[{i}]", message)
        head = {} if self._instructions is None else {"instructions": self._instructions}
        return {"input": self._items} | head

    def _message(self, path: str, message: Any) -> None:
        given = message if isinstance(message, Mapping) else _own(message)
        if given is None:
            kind = type(message).__name__
            raise self._ledger.invalid(
                f"{path} must be a dict or a message of a response, not {kind}"
            )
        role = given.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise self._ledger.invalid(
                f"{path}.role is {role!r}; it must be one of {', '.join(_ROLES)}"
            )
        if given.get("name") and role != "tool":
            why = "speakers have no names there"
            self._ledger.adjust(f"{path}.name", "dropped", given["name"], None, why)
        _ROLES[role](self, path, given)

    def _said(self, path: str, message: Mapping[str, Any]) -> None:
        content = message.get("content")
        first = not self._items and self._instructions is None
        if message["role"] == "system" and isinstance(content, str) and first:
            self._instructions = content
            return
        made = self._content(f"{path}.content", content, message["role"])
        self._items.append({"role": message["role"], "content": made})

    def _content(self, path: str, content: Any, role: str) -> Any:
        if isinstance(content, str):
            return content
        if not isinstance(content, list | tuple):
            kind = type(content).__name__
            raise self._ledger.invalid(f"{path} must be a text or a list of parts, not {kind}")
        return [self._part(f"{path}[{i}]", part, role) for i, part in enumerate(content)]

    def _part(self, path: str, part: Any, role: str) -> Item:
        part = {"type": "text", "text": part} if isinstance(part, str) else part
        kind = part.get("type") if isinstance(part, Mapping) else None
        if not isinstance(kind, str) or kind not in _PARTS:
            known = ", ".join(_PARTS)
            raise self._ledger.invalid(f"{path} must be a part of one of the types {known}")
        if "cache_control" in part:
            why = "the provider caches prompts by itself"
            self._ledger.adjust(
                f"{path}.cache_control", "dropped", part["cache_control"], None, why
            )
        if role == "assistant" and kind == "text":
            return {"type": "output_text", "text": part.get("text"), "annotations": []}
        return _PARTS[kind](self, path, part)

    def _text(self, path: str, part: Mapping[str, Any]) -> Item:
        if not isinstance(part.get("text"), str):
            raise self._ledger.invalid(f"{path}.text must be a text")
        return {"type": "input_text", "text": part["text"]}

    def _refusal(self, path: str, part: Mapping[str, Any]) -> Item:
        return {"type": "refusal", "refusal": part.get("refusal")}

    def _image(self, path: str, part: Mapping[str, Any]) -> Item:
        given = part.get("image_url")
        image = {"url": given} if isinstance(given, str) else given
        if not isinstance(image, Mapping) or not isinstance(image.get("url"), str):
            raise self._ledger.invalid(f"{path}.image_url must have a url")
        detail = {} if image.get("detail") is None else {"detail": image["detail"]}
        return {"type": "input_image", "image_url": image["url"], **detail}

    def _file(self, path: str, part: Mapping[str, Any]) -> Item:
        given = part.get("file")
        if not isinstance(given, Mapping):
            raise self._ledger.invalid(f"{path}.file must be a dict with file_id or file_data")
        names = ("file_id", _BYTES, "file_url", "filename")
        made = {name: given[name] for name in names if given.get(name) is not None}
        data = made.get(_BYTES)
        if isinstance(data, str) and data.startswith(_URL):
            made["file_url"] = made.pop(_BYTES)
        elif isinstance(data, str) and not data.startswith("data:"):
            kind = given.get("format") or given.get("mime_type") or "application/pdf"
            made[_BYTES] = f"data:{kind};base64,{data}"
        return {"type": "input_file", **made}

    def _audio(self, path: str, part: Mapping[str, Any]) -> Item:
        return {"type": "input_audio", "input_audio": part.get("input_audio")}

    def _assistant(self, path: str, message: Mapping[str, Any]) -> None:
        kept = self._kept(path, message)
        for item in self._written(path, message) if kept is None else kept:
            if item.get("type") in ("function_call", "custom_tool_call"):
                self._called.add(str(item.get("call_id")))
            if item.get("type") == "custom_tool_call":
                self._custom.add(str(item.get("call_id")))
            self._items.append(item)

    def _kept(self, path: str, message: Mapping[str, Any]) -> list[Item] | None:
        """The items as they came, unless the message was edited since."""
        beside = message.get("provider_specific_fields")
        items = beside.get(KEPT) if isinstance(beside, Mapping) else None
        if not isinstance(items, list) or not still_says(items, message):
            return None
        return [dict(item) for item in items if self._is_known(path, item)]

    def _is_known(self, path: str, item: Mapping[str, Any]) -> bool:
        """Whether the provider knows what a reasoning item means: it has it, or the item says it all."""
        bare = item.get("type") == "reasoning" and not item.get("encrypted_content")
        if not bare or self._stores or item.get("content"):
            return True
        why = "the provider has not kept it, and only encrypted reasoning can be sent back"
        self._ledger.adjust(f"{path}.{KEPT}", "dropped", dict(item), None, why)
        return False

    def _written(self, path: str, message: Mapping[str, Any]) -> list[Item]:
        if message.get("audio") and not message.get("content"):
            raise self._ledger.invalid(f"{path}.audio: put its transcript into content")
        if message.get("function_call"):
            raise self._ledger.invalid(f"{path}.function_call: use tool_calls, which have ids")
        for name in ("thinking_blocks", "reasoning_content"):
            if message.get(name):
                why = "only reasoning that the provider encrypted is taken back"
                self._ledger.adjust(f"{path}.{name}", "dropped", message[name], None, why)
                break
        self._check_calls(path, message)
        content = message.get("content")
        if not isinstance(content, list | tuple):
            return [*rebuilt(message)]
        parts = self._content(f"{path}.content", content, "assistant")
        said = {"type": "message", "role": "assistant", "content": parts}
        return [said, *rebuilt({**message, "content": None})]

    def _check_calls(self, path: str, message: Mapping[str, Any]) -> None:
        calls = message.get("tool_calls") or ()
        if not isinstance(calls, Sequence) or isinstance(calls, str | bytes):
            raise self._ledger.invalid(
                f"{path}.tool_calls must be a list, not {type(calls).__name__}"
            )
        for i, call in enumerate(calls):
            inner = (call.get("custom") or call.get("function")) if hasattr(call, "get") else None
            if not hasattr(inner, "get"):
                raise self._ledger.invalid(
                    f"{path}.tool_calls[{i}] must be a dict with a function of name and arguments"
                )

    def _tool(self, path: str, message: Mapping[str, Any]) -> None:
        call_id = message.get("tool_call_id")
        if not isinstance(call_id, str) or call_id not in self._called:
            raise self._ledger.invalid(
                f"{path} is the result of tool call {call_id!r:.80}, which no assistant message before it "
                "has in its tool_calls; put the model's message into the history first"
            )
        kind = "custom_tool_call" if call_id in self._custom else "function_call"
        content = message.get("content")
        output = "" if content is None else content
        if not isinstance(output, str | list | tuple):
            output = dump_text(output)
        made = self._content(f"{path}.content", output, "tool")
        self._items.append({"type": f"{kind}_output", "call_id": call_id, "output": made})


_ROLES: dict[str, Callable[[Conversation, str, Mapping[str, Any]], None]] = {
    "system": Conversation._said,  # noqa: SLF001 - the class's own table
    "developer": Conversation._said,  # noqa: SLF001
    "user": Conversation._said,  # noqa: SLF001
    "assistant": Conversation._assistant,  # noqa: SLF001
    "tool": Conversation._tool,  # noqa: SLF001
}
_PARTS: dict[str, Callable[[Conversation, str, Mapping[str, Any]], Item]] = {
    "text": Conversation._text,  # noqa: SLF001
    "refusal": Conversation._refusal,  # noqa: SLF001
    "image_url": Conversation._image,  # noqa: SLF001
    "file": Conversation._file,  # noqa: SLF001
    "input_audio": Conversation._audio,  # noqa: SLF001
}


def _own(message: Any) -> Mapping[str, Any] | None:
    """One of our (or the openai SDK's) message models, as the dict that it stands for."""
    dump = getattr(message, "model_dump", None)
    made = None if dump is None else dump(exclude_none=True)
    return made if isinstance(made, Mapping) else None
