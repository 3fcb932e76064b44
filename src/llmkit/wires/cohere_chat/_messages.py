"""Messages to the dialect's: checked and walked once, the caller's objects never changed.

Native parts (``document``, ``thinking``) and fields (``tool_plan``, ``citations``) go through as given. What
cannot be said is refused or listed, never dropped quietly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._call import ChatCall
from ..._json import NotJSON, dump_text, load
from .._params import Ledger
from ._blocks import PLAN

__all__ = ["Conversation"]

Message = dict[str, Any]
_CACHE = "cache_control"
_PLAIN_ROLES = ("user", "assistant", "system")
_PLAIN_FIELDS = {"role", "content"}
_NONE_OF = ("input_audio", "file", "video_url")


class Conversation:
    """One call's messages on their way to the wire."""

    def __init__(self, ledger: Ledger[ChatCall]) -> None:
        self._ledger = ledger
        self._called: set[str] = set()

    def encode(self) -> list[Any]:
        """Check and write all messages."""
        messages = self._ledger.call.messages
        if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
            raise self._ledger.invalid(
                "messages must be a list of messages such as {'role': 'user', 'content': …}"
            )
        written = [self._message(f"messages[{i}]", given) for i, given in enumerate(messages)]
        return [message for message in written if message is not None]

    def _message(self, path: str, message: Any) -> Any:
        if _is_plain(message):
            return message
        given = message if isinstance(message, Mapping) else _own(message)
        if given is None:
            kind = type(message).__name__
            raise self._ledger.invalid(
                f"{path} must be a dict or a message of a response, not {kind}"
            )
        role = given.get("role")
        if role not in _ROLES:
            raise self._ledger.invalid(
                f"{path}.role is {role!r:.40}; it must be one of {', '.join(_ROLES)}"
            )
        self._unsaid(path, given, "name", "speakers have no names there")
        self._unsaid(path, given, _CACHE, "the provider caches prompts by itself")
        return _ROLES[role](self, path, given)

    def _unsaid(self, path: str, given: Mapping[str, Any], name: str, reason: str) -> None:
        if given.get(name) and not (name == "name" and given.get("role") == "tool"):
            self._ledger.adjust(f"{path}.{name}", "dropped", given[name], None, reason)

    def _system(self, path: str, message: Mapping[str, Any]) -> Message:
        if message["role"] == "developer":
            reason = "the role is not known there"
            self._ledger.adjust(f"{path}.role", "renamed", "developer", "system", reason)
        return {"role": "system", "content": self._content(path, message)}

    def _user(self, path: str, message: Mapping[str, Any]) -> Message:
        return {"role": "user", "content": self._content(path, message)}

    def _tool(self, path: str, message: Mapping[str, Any]) -> Message:
        call_id = message.get("tool_call_id")
        if not isinstance(call_id, str):
            raise self._ledger.invalid(f"{path}.tool_call_id must be a text, not {call_id!r:.80}")
        if call_id not in self._called:
            raise self._ledger.invalid(
                f"{path} is the result of tool call {call_id!r}, which no assistant message before it has "
                "in its tool_calls; put the model's message into the history first"
            )
        self._unsaid(path, message, "is_error", "a result is told of as failed in its text only")
        content = "" if message.get("content") is None else self._content(path, message)
        for i, part in enumerate(content if isinstance(content, list) else ()):
            if part.get("type") == "image_url":
                raise self._ledger.invalid(
                    f"{path}.content[{i}]: results of tools are texts and documents there; put the picture "
                    "into a message of the user's"
                )
        return {"role": "tool", "tool_call_id": call_id, "content": content}

    def _assistant(self, path: str, message: Mapping[str, Any]) -> Message | None:
        self._check_audio(path, message)
        calls = self._calls(path, message)
        thoughts, plan = self._reasoning(path, message, calls=bool(calls))
        content = self._said(path, message, thoughts)
        made: Message = {"role": "assistant"}
        if content or not calls:
            made["content"] = content
        native = {PLAN: plan, "tool_calls": calls, "citations": message.get("citations")}
        made |= {name: value for name, value in native.items() if value}
        if len(made) > 1 and (made.get("content") or calls):
            return made
        reason = "it says nothing, and empty turns are not taken"
        self._ledger.adjust(path, "dropped", dict(message), None, reason)
        return None

    def _said(self, path: str, message: Mapping[str, Any], thoughts: list[Any]) -> Any:
        given = message.get("content") or message.get("refusal") or ""
        content = self._content(path, {**message, "content": given})
        if not thoughts or (isinstance(content, list) and any(map(_is_thought, content))):
            return content
        if isinstance(content, str):
            content = [{"type": "text", "text": content}] if content else []
        return [*thoughts, *content]

    def _reasoning(
        self, path: str, message: Mapping[str, Any], *, calls: bool
    ) -> tuple[list[Any], Any]:
        """Thinking as blocks, and the plan that goes before calls."""
        beside = message.get("provider_specific_fields")
        plan = message.get(PLAN) or (beside.get(PLAN) if isinstance(beside, Mapping) else None)
        blocks = message.get("thinking_blocks") or []
        ours = [block for block in blocks if _is_thought(block)]
        others = [block for block in blocks if not _is_thought(block)]
        told = message.get("reasoning_content")
        if calls and told and not (plan or blocks):
            # Another model's thoughts before its calls are what a plan is here.
            return [], told
        lost = others or (told if told and not (plan or ours) else None)
        if lost:
            reason = "another provider's thinking is not taken back"
            self._ledger.adjust(f"{path}.reasoning_content", "dropped", lost, None, reason)
        return [{"type": "thinking", "thinking": block["thinking"]} for block in ours], plan

    def _check_audio(self, path: str, message: Mapping[str, Any]) -> None:
        if message.get("audio"):
            raise self._ledger.invalid(
                f"{path}.audio: {self._ledger.call.provider} hears nothing; put its transcript into content"
            )

    def _calls(self, path: str, message: Mapping[str, Any]) -> list[Message]:
        calls = message.get("tool_calls") or ()
        if not isinstance(calls, Sequence) or isinstance(calls, str | bytes):
            raise self._ledger.invalid(
                f"{path}.tool_calls must be a list, not {type(calls).__name__}"
            )
        if message.get("function_call"):
            raise self._ledger.invalid(f"{path}.function_call: use tool_calls, which have ids")
        return [self._call(f"{path}.tool_calls[{i}]", call) for i, call in enumerate(calls)]

    def _call(self, path: str, call: Any) -> Message:
        function = call.get("function") if hasattr(call, "get") else None
        if function is None or not hasattr(function, "get"):
            raise self._ledger.invalid(
                f"{path} must be a dict with a function of name and arguments"
            )
        self._called.add(str(call.get("id")))
        given = function.get("arguments") or "{}"
        made = {"name": function.get("name")}
        made["arguments"] = self._arguments(f"{path}.function.arguments", given)
        return {"id": call.get("id"), "type": "function", "function": made}

    def _arguments(self, path: str, given: Any) -> str:
        if isinstance(given, Mapping):
            return dump_text(given)
        try:
            load(given)
        except (NotJSON, TypeError):
            raise self._ledger.invalid(
                f"{path} must be JSON text, not {given!r:.80}; use json.dumps(…), or '{{}}' where the "
                "model wrote something broken"
            ) from None
        return str(given)

    def _content(self, path: str, message: Mapping[str, Any]) -> Any:
        content = message.get("content")
        if isinstance(content, list | tuple):
            return [self._part(f"{path}.content[{i}]", part) for i, part in enumerate(content)]
        if not isinstance(content, str):
            raise self._ledger.invalid(
                f"{path}.content must be a text or a list of parts, not {type(content).__name__}"
            )
        return content

    def _part(self, path: str, part: Any) -> Mapping[str, Any]:
        if isinstance(part, str):
            return {"type": "text", "text": part}
        if not isinstance(part, Mapping):
            raise self._ledger.invalid(
                f"{path} must be a dict with a type, not {type(part).__name__}"
            )
        kind = part.get("type")
        if kind in _NONE_OF:
            raise self._ledger.invalid(
                f"{path}: {self._ledger.call.provider} takes no {kind!r} parts; texts for it to read go into "
                "'documents' (extra_body), anything else to another model"
            )
        self._unsaid(path, part, _CACHE, "the provider caches prompts by itself")
        kept = {k: v for k, v in part.items() if k != _CACHE}
        if kind == "image_url" and isinstance(part.get("image_url"), str):
            kept["image_url"] = {"url": part["image_url"]}
        if kind == "refusal":
            return {"type": "text", "text": part.get("refusal")}
        return kept


_ROLES: dict[str, Callable[[Conversation, str, Mapping[str, Any]], Message | None]] = {
    "system": Conversation._system,  # noqa: SLF001 - the class's own table
    "developer": Conversation._system,  # noqa: SLF001
    "user": Conversation._user,  # noqa: SLF001
    "assistant": Conversation._assistant,  # noqa: SLF001
    "tool": Conversation._tool,  # noqa: SLF001
}


def _is_plain(message: Any) -> bool:
    return (
        type(message) is dict
        and message.keys() == _PLAIN_FIELDS
        and type(message["content"]) is str
        and message["role"] in _PLAIN_ROLES
        and bool(message["content"])
    )


def _own(message: Any) -> Mapping[str, Any] | None:
    """One of our (or the openai SDK's) message models, as the dict that it stands for."""
    dump = getattr(message, "model_dump", None)
    made = None if dump is None else dump(exclude_none=True)
    return made if isinstance(made, Mapping) else None


def _is_thought(block: Any) -> bool:
    """Whether it is thinking that this dialect takes: what is signed or redacted is somebody else's."""
    if not isinstance(block, Mapping) or block.get("type") != "thinking":
        return False
    return isinstance(block.get("thinking"), str) and not block.get("signature")
