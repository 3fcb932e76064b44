"""Messages as the server takes them: a text, pictures beside it, thoughts, calls with objects, results by name.

Source: ``Message`` of the server's ``api/types.go`` (named in the package), read 2026-11-22.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from .._params import Ledger
from ._tools import is_made, sent_call

__all__ = ["Messages"]

_DATA_URL = re.compile(r"data:([^,]*?)(;base64)?,(.*)", re.DOTALL | re.IGNORECASE)
_LOSABLE = {
    "audio": "the model takes no sound back",
    "name": "the server tells no speakers apart",
    "cache_control": "prompts are cached by themselves",
    "is_error": "a result is told of as failed in its text only",
}


class Messages:
    """One call's messages on their way to the wire."""

    def __init__(self, ledger: Ledger, given: Any) -> None:
        self._ledger, self._given = ledger, given
        self._names: dict[str, str] = {}

    def encode(self) -> list[dict[str, Any]]:
        """Check and write all messages."""
        messages = self._given
        if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
            raise self._ledger.invalid(
                "messages must be a list of messages such as {'role': 'user', 'content': …}"
            )
        return [self._message(f"messages[{i}]", message) for i, message in enumerate(messages)]

    def _message(self, path: str, message: Any) -> dict[str, Any]:
        given = message if isinstance(message, Mapping) else _dumped(message)
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
        return _ROLES[role](self, path, given)

    def _said(self, path: str, message: Mapping[str, Any], role: str) -> dict[str, Any]:
        if "content" not in message:
            raise self._ledger.invalid(f"{path}.content is missing; give text or a list of parts")
        lost = ("is_error",) if role == "tool" else ("name",)
        self._note_lost(path, message, "audio", "cache_control", *lost)
        return {"role": role, **self._content(f"{path}.content", message["content"])}

    def _plain(self, path: str, message: Mapping[str, Any]) -> dict[str, Any]:
        return self._said(path, message, str(message["role"]))

    def _developer(self, path: str, message: Mapping[str, Any]) -> dict[str, Any]:
        why = "the role is not known there"
        self._ledger.adjust(f"{path}.role", "renamed", "developer", "system", why)
        return self._said(path, message, "system")

    def _assistant(self, path: str, message: Mapping[str, Any]) -> dict[str, Any]:
        said = message.get("content")
        content = message.get("refusal") if said is None else said
        made = {"role": "assistant", **self._content(f"{path}.content", content)}
        self._note_lost(path, message, "audio", "cache_control", "name")
        self._note_signed(path, message)
        if thinking := _thinking(message):
            made["thinking"] = thinking
        if message.get("images"):
            pictures = self._content(f"{path}.images", message["images"]).get("images", [])
            made["images"] = [*made.get("images", []), *pictures]
        older = message.get("function_call")
        if calls := message.get("tool_calls") or ([{"function": older}] if older else None):
            made["tool_calls"] = self._calls(f"{path}.tool_calls", calls)
        return made

    def _calls(self, path: str, calls: Any) -> list[dict[str, Any]]:
        if not isinstance(calls, Sequence) or isinstance(calls, str | bytes):
            raise self._ledger.invalid(f"{path} must be a list, not {type(calls).__name__}")
        made = [sent_call(self._ledger, f"{path}[{i}]", call) for i, call in enumerate(calls)]
        for call, sent in zip(calls, made, strict=True):
            # Results come back with ids alone, and are wanted with names.
            if call.get("id") is not None:
                self._names[str(call.get("id"))] = sent["function"]["name"]
        return made

    def _tool(self, path: str, message: Mapping[str, Any]) -> dict[str, Any]:
        made = self._said(path, message, "tool")
        call_id = message.get("tool_call_id")
        name = message.get("name") or self._names.get(str(call_id))
        if name is None and call_id is not None:
            raise self._ledger.invalid(
                f"{path} is the result of tool call {call_id!r}, which no assistant message before it has "
                "in its tool_calls; put the model's message into the history first"
            )
        if name is not None:
            made["tool_name"] = name
        if call_id is not None and not is_made(call_id):
            made["tool_call_id"] = call_id
        return made

    def _note_lost(self, path: str, message: Mapping[str, Any], *names: str) -> None:
        for name in names:
            if message.get(name):
                why = _LOSABLE[name]
                self._ledger.adjust(f"{path}.{name}", "dropped", message[name], None, why)

    def _note_signed(self, path: str, message: Mapping[str, Any]) -> None:
        """Thoughts are texts there: another provider's signatures, and what is encrypted, are lost."""
        blocks = message.get("thinking_blocks")
        listed = blocks if isinstance(blocks, list | tuple) else ()
        lost = [
            b for b in listed if isinstance(b, Mapping) and (b.get("signature") or b.get("data"))
        ]
        if lost:
            why = "thoughts are texts without signatures there"
            self._ledger.adjust(f"{path}.thinking_blocks", "dropped", lost, None, why)

    def _content(self, path: str, content: Any) -> dict[str, Any]:
        """A text, and the pictures that came with it: their places in the text cannot be told."""
        if content is None or isinstance(content, str):
            return {"content": content or ""}
        if not isinstance(content, Sequence) or isinstance(content, bytes):
            kind = type(content).__name__
            raise self._ledger.invalid(f"{path} must be text or a list of parts, not {kind}")
        texts: list[str] = []
        images: list[str] = []
        for i, part in enumerate(content):
            self._part(f"{path}[{i}]", part, texts, images)
        return {"content": "\n".join(texts)} | ({"images": images} if images else {})

    def _part(self, path: str, part: Any, texts: list[str], images: list[str]) -> None:
        if isinstance(part, str):
            texts.append(part)
            return
        if not isinstance(part, Mapping):
            kind = type(part).__name__
            raise self._ledger.invalid(f"{path} must be a dict with a type, not {kind}")
        self._note_lost(path, part, "cache_control")
        kind = str(part.get("type"))
        if kind in ("text", "refusal") and isinstance(part.get(kind), str):
            texts.append(part[kind])
        elif kind == "image_url":
            images.append(self._image(f"{path}.image_url", part.get("image_url")))
        else:
            provider = self._ledger.call.provider
            raise self._ledger.invalid(
                f"{path}: {provider} takes no {kind!r} parts; it takes text and image_url"
            )

    def _image(self, path: str, image: Any) -> str:
        url = image.get("url") if isinstance(image, Mapping) else image
        if not isinstance(url, str):
            raise self._ledger.invalid(f"{path}.url is missing")
        detail = image.get("detail") if isinstance(image, Mapping) else None
        if detail not in (None, "auto"):
            why = "pictures have one resolution there"
            self._ledger.adjust(f"{path}.detail", "dropped", detail, None, why)
        match = _DATA_URL.fullmatch(url)
        if match is None:
            raise self._ledger.invalid(
                f"{path}.url: {self._ledger.call.provider} does not read {url.partition('?')[0]!r:.200}; send the "
                "bytes as a data URL (data:image/png;base64,…), or set fetch_media=True to have it fetched"
            )
        _, is_base64, data = match.groups()
        return data if is_base64 else base64.b64encode(unquote_to_bytes(data)).decode("ascii")


_ROLES: dict[str, Callable[[Messages, str, Mapping[str, Any]], dict[str, Any]]] = {
    "system": Messages._plain,  # noqa: SLF001 - the class's own table
    "developer": Messages._developer,  # noqa: SLF001
    "user": Messages._plain,  # noqa: SLF001
    "assistant": Messages._assistant,  # noqa: SLF001
    "tool": Messages._tool,  # noqa: SLF001
    "function": Messages._tool,  # noqa: SLF001
}


def _thinking(message: Mapping[str, Any]) -> str | None:
    """What the model thought, under whichever name the message has it."""
    text = message.get("reasoning_content") or message.get("reasoning") or message.get("thinking")
    if isinstance(text, str):
        return text
    blocks = message.get("thinking_blocks")
    listed = blocks if isinstance(blocks, list | tuple) else ()
    found = [b.get("thinking") for b in listed if isinstance(b, Mapping)]
    return "".join(t for t in found if isinstance(t, str)) or None


def _dumped(message: Any) -> dict[str, Any] | None:
    """One of our (or the openai SDK's) message models, as the dict it stands for."""
    dump = getattr(message, "model_dump", None)
    return dump(exclude_none=True) if dump is not None else None
