"""Messages to OpenAI's form: checked and walked once, sent as given wherever nothing needs changing.

Nothing is copied that is not changed. What a host cannot take is reported or refused, never dropped quietly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..._call import Adjustment, ChatCall
from ..._json import NotJSON, load
from ...errors import InvalidRequestError

if TYPE_CHECKING:
    from . import OpenAIChat

__all__ = ["Messages", "has_part", "plain"]

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_PLAIN_FIELDS = {"role", "content"}
_PLAIN_ROLES = frozenset({"assistant", "system", "user"})
_OPENAI_FIELDS = (
    "role",
    "content",
    "name",
    "tool_calls",
    "function_call",
    "refusal",
    "tool_call_id",
)
# Ours alone: what they say is either in another field as well or cannot be said on this wire.
_OURS = ("thinking_blocks", "parsed", "provider_specific_fields", "malformed", "content_parts")
_REFUSABLE = ("image_url", "input_audio", "file", "video_url", "document_url")
_REASONING = ("reasoning_details", "reasoning", "reasoning_content")


class Messages:
    """One call's messages on their way to the wire; ``adjustments`` collects what was changed."""

    foreign_part = "thinking"
    """The type of thinking, as a part of a content, that is another dialect's: such parts do not go back."""

    def __init__(self, wire: OpenAIChat, call: ChatCall) -> None:
        self._wire, self._call = wire, call
        self._calls_seen: set[str] = set()
        self._tools_called = False
        self.adjustments: list[Adjustment] = []

    def encode(self) -> list[Any]:
        """Check and write all messages."""
        messages = self._call.messages
        if not isinstance(messages, Sequence) or isinstance(messages, str | bytes | Mapping):
            raise self._invalid(
                "messages must be a list of messages such as {'role': 'user', 'content': …}"
            )
        return [
            message if _is_plain(message) else self._message(f"messages[{i}]", message)
            for i, message in enumerate(messages)
        ]

    def _message(self, path: str, message: Any) -> Any:
        given = message if isinstance(message, Mapping) else _own(message, self._wire.history or ())
        if given is None:
            kind = type(message).__name__
            raise self._invalid(f"{path} must be a dict or a message of a response, not {kind}")
        role = given.get("role")
        if role not in _ROLES:
            raise self._invalid(f"{path}.role is {role!r}; it must be one of {', '.join(_ROLES)}")
        encoded = _CHECKS.get(role, Messages._other)(self, path, given)
        if encoded.get("content").__class__ in (list, tuple):
            encoded = self._parts(f"{path}.content", encoded)
        return encoded

    def _other(self, path: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        if "content" not in message:
            raise self._invalid(f"{path}.content is missing; give text or a list of parts")
        return message

    def _developer(self, path: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        if "developer" not in self._wire.refused:
            return self._other(path, message)
        self._adjust(
            f"{path}.role", "renamed", "developer", "system", "the role is not known there"
        )
        return {**self._other(path, message), "role": "system"}

    def _tool(self, path: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        call_id = message.get("tool_call_id")
        if not isinstance(call_id, str | None):
            raise self._invalid(f"{path}.tool_call_id must be a text, not {call_id!r:.80}")
        if not self._tools_called or (call_id is not None and call_id not in self._calls_seen):
            raise self._invalid(
                f"{path} is the result of tool call {call_id!r}, which no assistant message before it has "
                "in its tool_calls; put the model's message into the history first"
            )
        return self._plain_result(path, message)

    def _plain_result(self, path: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """A result without what only Anthropic's form says of one."""
        if "is_error" in message:
            why = "the form has no such field: the text must say it"
            self._adjust(f"{path}.is_error", "dropped", message["is_error"], None, why)
            message = {name: value for name, value in message.items() if name != "is_error"}
        return self._without_cache_control(path, message)

    def _assistant(self, path: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        calls = message.get("tool_calls") or ()
        if not isinstance(calls, Sequence) or isinstance(calls, str | bytes):
            raise self._invalid(f"{path}.tool_calls must be a list, not {type(calls).__name__}")
        for i, call in enumerate(calls):
            self._tool_call(f"{path}.tool_calls[{i}]", call)
        if not self._needs_change(message):
            return message
        return self._history(path, message)

    def _tool_call(self, path: str, call: Any) -> None:
        self._tools_called = True
        if not isinstance(call, Mapping) and not hasattr(call, "get"):
            raise self._invalid(f"{path} must be a dict, not {type(call).__name__}")
        if (call_id := call.get("id")) is not None:
            self._calls_seen.add(str(call_id))
        function = call.get("function")
        if function is not None and not hasattr(function, "get"):
            kind = type(function).__name__
            raise self._invalid(
                f"{path}.function must be a dict with name and arguments, not {kind}"
            )
        arguments = function.get("arguments") if function is not None else None
        if arguments not in (None, "") and not _is_json(arguments):
            raise self._invalid(
                f"{path}.function.arguments must be JSON text, not {arguments!r:.80}; "
                "use json.dumps(…), or '{}' where the model wrote something broken"
            )

    def _needs_change(self, message: Mapping[str, Any]) -> bool:
        return any(
            name in _OURS
            or (value is None and name != "content")
            or name == "audio"
            or (name == "tool_calls" and any(map(_marked, value or ())))
            or (name in _REASONING and self._wire.history is not None)
            for name, value in message.items()
        )

    def _history(self, path: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """Write an assistant message that carries more than OpenAI's form has room for."""
        if has_part(message.get("content_parts"), self.foreign_part):
            message = {k: v for k, v in message.items() if k != "content_parts"}
        kept = {
            k: v for k, v in message.items() if v is not None and k not in (*_OURS, *_REASONING)
        }
        if kept.get("tool_calls"):
            kept["tool_calls"] = [_unmarked(call) for call in kept["tool_calls"]]
        if isinstance(kept.get("audio"), Mapping):
            kept["audio"] = {"id": kept["audio"].get("id")}
        kept.setdefault("content", None)
        kept |= self._reasoning(path, message)
        if message.get("content_parts") and "content_parts" in (self._wire.history or ()):
            kept["content"] = message["content_parts"]
        elif message.get("thinking_blocks") and not (set(kept) & set(_REASONING)):
            self._adjust(
                f"{path}.thinking_blocks",
                "dropped",
                message["thinking_blocks"],
                None,
                "the provider takes no thinking back",
            )
        return kept

    def _reasoning(self, path: str, message: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: message[name] for name in _REASONING if message.get(name)}
        history = self._wire.history
        if not given or history is None:
            return given
        kept = {name: given[name] for name in history if name in given}
        if kept:
            return kept
        text = given.get("reasoning_content") or given.get("reasoning")
        for name in history:
            if name in ("reasoning", "reasoning_content") and isinstance(text, str):
                return {name: text}
        if not message.get("content_parts"):
            for name, value in given.items():
                why = "the provider takes no reasoning back"
                self._adjust(f"{path}.{name}", "dropped", value, None, why)
        return {}

    def _parts(self, path: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        parts = message["content"]
        encoded = [self._part(f"{path}[{i}]", part) for i, part in enumerate(parts)]
        same = all(new is old for new, old in zip(encoded, parts, strict=True))
        return message if same else {**message, "content": encoded}

    def _part(self, path: str, part: Any) -> Any:
        if isinstance(part, str):
            return {"type": "text", "text": part}
        if not isinstance(part, Mapping):
            raise self._invalid(f"{path} must be a dict with a type, not {type(part).__name__}")
        kind = part.get("type")
        if kind in _REFUSABLE and kind in self._wire.refused:
            raise self._invalid(
                f"{path}: {self._call.provider} takes no {kind!r} parts; leave it out, or ask another model"
            )
        return self._without_cache_control(path, part)

    def _without_cache_control(self, path: str, part: Mapping[str, Any]) -> Mapping[str, Any]:
        if "cache_control" not in part or "cache_control" not in self._wire.refused:
            return part
        self._adjust(
            f"{path}.cache_control",
            "dropped",
            part["cache_control"],
            None,
            "the provider caches prompts by itself",
        )
        return {k: v for k, v in part.items() if k != "cache_control"}

    def tools(self, tools: Sequence[Any]) -> list[Any]:
        """Write the tools: as given, but for what the host cannot take on them."""
        if not isinstance(tools, Sequence) or isinstance(tools, str):
            raise self._invalid(f"tools must be a list, not {type(tools).__name__}")
        return [
            self._without_cache_control(f"tools[{i}]", tool)
            if tool.__class__ is dict or isinstance(tool, Mapping)
            else tool
            for i, tool in enumerate(tools)
        ]

    def _adjust(self, parameter: str, change: Any, given: Any, sent: Any, reason: str) -> None:
        self.adjustments.append(Adjustment(parameter, change, given, sent, reason))

    def _invalid(self, message: str) -> InvalidRequestError:
        return InvalidRequestError(message, provider=self._call.provider, model=self._call.model)


_CHECKS: dict[str, Callable[[Messages, str, Mapping[str, Any]], Mapping[str, Any]]] = {
    "assistant": Messages._assistant,  # noqa: SLF001 - the class's own table
    "developer": Messages._developer,  # noqa: SLF001
    "tool": Messages._tool,  # noqa: SLF001
    "function": Messages._other,  # noqa: SLF001
}


def _is_plain(message: Any) -> bool:
    """Whether it is a role and a text and nothing else, as most messages are: every host takes it as it is."""
    return (
        type(message) is dict
        and message.keys() == _PLAIN_FIELDS
        and type(message["content"]) is str
        and message["role"] in ("assistant", "system", "user")
    )


def plain(messages: Any) -> list[Any] | None:
    """Messages that are a role and a text and nothing else, as most are: every host takes such as they are.

    ``None`` where one is more, or another thing: the wire's own ``Messages`` has to look at them.
    """
    if messages.__class__ is not list:
        return None
    try:
        found = [
            one
            for one in messages
            if one.__class__ is dict
            and len(one) == 2  # noqa: PLR2004 - these two
            and one["content"].__class__ is str
            and one["role"] in _PLAIN_ROLES
        ]
    except (KeyError, TypeError):
        return None
    return found if len(found) == len(messages) else None


def _marked(call: Any) -> bool:
    return call.get("provider_specific_fields") is not None


def has_part(parts: Any, kind: str) -> bool:
    """Whether one of these parts is of a type."""
    if not isinstance(parts, list | tuple):
        return False
    return any(isinstance(part, Mapping) and part.get("type") == kind for part in parts)


def _unmarked(call: Any) -> Any:
    """A call without another provider's signature on it, which strict hosts refuse."""
    if not _marked(call):
        return call
    fields = call if isinstance(call, Mapping) else call.to_dict()
    return {k: v for k, v in fields.items() if k != "provider_specific_fields"}


def _own(message: Any, history: Sequence[str]) -> dict[str, Any] | None:
    """One of our (or the openai SDK's) message models, as the dict it stands for."""
    dump = getattr(message, "model_dump", None)
    if dump is None:
        return None
    known = {*_OPENAI_FIELDS, "audio", *_OURS, *_REASONING, *history}
    fields = {k: v for k, v in dump(exclude_none=True).items() if k in known and v != []}
    if "reasoning" in fields:
        # ``reasoning_content`` is then our name for the same text.
        fields.pop("reasoning_content", None)
    return {"content": None, **fields}


def _is_json(text: Any) -> bool:
    if not isinstance(text, str):
        return False
    try:
        load(text)
    except NotJSON:
        return False
    return True
