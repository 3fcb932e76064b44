"""Messages to turns: walked once, the caller's objects never changed.

System messages go to their own field, results of tools into the user's turn, and neighbours of one role become one
turn, as the API itself would make them. What cannot be said is refused or listed, never dropped quietly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..._call import ChatCall
from ..._json import NotJSON, load
from .._params import Ledger
from ._blocks import KEPT, still_says
from ._parts import Parts

if TYPE_CHECKING:
    from . import AnthropicMessages

__all__ = ["Conversation"]

Turn = dict[str, Any]
_CACHE = "cache_control"
_MERGED = frozenset({"user", "assistant"})


class Conversation:
    """One call's messages on their way to the wire; ``kinds`` are the types of blocks that were met."""

    def __init__(self, wire: AnthropicMessages, ledger: Ledger[ChatCall]) -> None:
        self._ledger = ledger
        self._parts = Parts(wire, ledger)
        self._system_turns = wire.traits(ledger.call.model).system_turns
        self._system: list[Any] = []
        self._turns: list[Turn] = []
        self._called: set[str] = set()
        self.kinds = self._parts.kinds

    def encode(self) -> dict[str, Any]:
        """Check and write all messages: ``messages``, and ``system`` where there is one."""
        messages = self._ledger.call.messages
        if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
            raise self._ledger.invalid(
                "messages must be a list of messages such as {'role': 'user', 'content': …}"
            )
        for i, message in enumerate(messages):
            self._message(f"messages[{i}]", message)
        if not self._turns:
            raise self._ledger.invalid(
                "messages must have at least one message with content that is not the system's"
            )
        self._trim_prefill()
        system = _joined(self._system)
        return {"messages": self._turns} | ({} if system is None else {"system": system})

    def _message(self, path: str, message: Any) -> None:
        given = message if isinstance(message, Mapping) else _own(message)
        if given is None:
            kind = type(message).__name__
            raise self._ledger.invalid(
                f"{path} must be a dict or a message of a response, not {kind}"
            )
        role = given.get("role")
        if role not in _ROLES:
            raise self._ledger.invalid(
                f"{path}.role is {role!r}; it must be one of {', '.join(_ROLES)}"
            )
        if given.get("name") and role != "tool":
            reason = "speakers have no names there"
            self._ledger.adjust(f"{path}.name", "dropped", given["name"], None, reason)
        _ROLES[role](self, path, given)

    def _system_message(self, path: str, message: Mapping[str, Any]) -> None:
        content = self._content(path, message)
        if content is None:
            return
        if not self._turns:
            self._system.append(content)
        elif self._system_turns:
            self._turns.append({"role": "system", "content": content})
        else:
            reason = "the model takes system messages only before the first turn"
            self._ledger.adjust(path, "moved", dict(message), "system", reason)
            self._system.append(content)

    def _user(self, path: str, message: Mapping[str, Any]) -> None:
        self._add("user", self._content(path, message))

    def _tool(self, path: str, message: Mapping[str, Any]) -> None:
        call_id = message.get("tool_call_id")
        if not isinstance(call_id, str):
            raise self._ledger.invalid(f"{path}.tool_call_id must be a text, not {call_id!r:.80}")
        if call_id not in self._called:
            raise self._ledger.invalid(
                f"{path} is the result of tool call {call_id!r}, which no assistant message before it has "
                "in its tool_calls; put the model's message into the history first"
            )
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": call_id}
        content = message.get("content")
        if isinstance(content, list | tuple):
            result["content"] = self._parts.encode(f"{path}.content", content)
        elif content is not None:
            result["content"] = self._checked(path, content)
        result |= {k: message[k] for k in ("is_error", _CACHE) if message.get(k) is not None}
        self._add("user", [result])

    def _assistant(self, path: str, message: Mapping[str, Any]) -> None:
        kept = self._kept(path, message)
        content = self._written(path, message) if kept is None else kept
        for block in content if isinstance(content, list) else ():
            if isinstance(block, Mapping) and block.get("type") == "tool_use":
                self._called.add(str(block.get("id")))
        if not content:
            reason = "it says nothing, and empty turns are not taken"
            self._ledger.adjust(path, "dropped", dict(message), None, reason)
            return
        self._add("assistant", content)

    def _kept(self, path: str, message: Mapping[str, Any]) -> list[Any] | None:
        """The blocks as they came, unless the message was edited since."""
        beside = message.get("provider_specific_fields")
        blocks = beside.get(KEPT) if isinstance(beside, Mapping) else None
        if not isinstance(blocks, list) or not still_says(blocks, message):
            return None
        written = self._parts.encode(f"{path}.provider_specific_fields.{KEPT}", blocks)
        return _as_blocks(_cached(written, message.get(_CACHE)))

    def _written(self, path: str, message: Mapping[str, Any]) -> str | list[Any] | None:
        """An assistant's turn from OpenAI's fields: thinking, then what was said, then calls."""
        self._check_audio(path, message)
        thoughts = self._thoughts(path, message)
        calls = self._calls(path, message)
        given = {**message, "content": message.get("content") or message.get("refusal") or ""}
        said = self._content(path, given, silent=True)
        if isinstance(said, str) and not thoughts and not calls:
            return said
        return [*thoughts, *_as_blocks(said), *calls]

    def _check_audio(self, path: str, message: Mapping[str, Any]) -> None:
        if message.get("audio"):
            raise self._ledger.invalid(
                f"{path}.audio: {self._ledger.call.provider} hears nothing; put its transcript into content"
            )

    def _thoughts(self, path: str, message: Mapping[str, Any]) -> list[Any]:
        blocks = message.get("thinking_blocks") or []
        signed = [block for block in blocks if _is_signed(block)]
        unsigned = [block for block in blocks if not _is_signed(block)]
        lost = unsigned or (not signed and message.get("reasoning_content"))
        if lost:
            reason = "only thinking with its signature is taken back"
            self._ledger.adjust(f"{path}.reasoning_content", "dropped", lost, None, reason)
        return signed

    def _calls(self, path: str, message: Mapping[str, Any]) -> list[Any]:
        calls = message.get("tool_calls") or ()
        if not isinstance(calls, Sequence) or isinstance(calls, str | bytes):
            raise self._ledger.invalid(
                f"{path}.tool_calls must be a list, not {type(calls).__name__}"
            )
        if message.get("function_call"):
            raise self._ledger.invalid(f"{path}.function_call: use tool_calls, which have ids")
        return [self._call(f"{path}.tool_calls[{i}]", call) for i, call in enumerate(calls)]

    def _call(self, path: str, call: Any) -> dict[str, Any]:
        function = call.get("function") if hasattr(call, "get") else None
        if function is None or not hasattr(function, "get"):
            raise self._ledger.invalid(
                f"{path} must be a dict with a function of name and arguments"
            )
        given = function.get("arguments") or "{}"
        made = {"type": "tool_use", "id": call.get("id"), "name": function.get("name")}
        made["input"] = self._arguments(f"{path}.function.arguments", given)
        return made | ({_CACHE: call.get(_CACHE)} if call.get(_CACHE) else {})

    def _arguments(self, path: str, given: Any) -> Any:
        try:
            made = load(given) if isinstance(given, str) else given
        except NotJSON:
            made = None
        if not isinstance(made, Mapping):
            raise self._ledger.invalid(
                f"{path} must be the JSON text of an object, not {given!r:.80}; use json.dumps(…), or '{{}}' "
                "where the model wrote something broken"
            )
        return made

    def _content(
        self, path: str, message: Mapping[str, Any], *, silent: bool = False
    ) -> str | list[Any] | None:
        """A message's content as it is sent; ``None`` where nothing of it is left to send."""
        content = message.get("content")
        if isinstance(content, list | tuple):
            blocks = self._parts.encode(f"{path}.content", content)
            return _as_blocks(_cached(blocks, message.get(_CACHE))) or None
        text = self._checked(path, content)
        if not text.strip():
            if not silent:
                reason = "empty texts are not taken"
                self._ledger.adjust(f"{path}.content", "dropped", content, None, reason)
            return None
        mark = message.get(_CACHE)
        return text if mark is None else _as_blocks(_cached(text, mark))

    def _checked(self, path: str, content: Any) -> str:
        if not isinstance(content, str):
            raise self._ledger.invalid(
                f"{path}.content must be a text or a list of parts, not {type(content).__name__}"
            )
        return content

    def _add(self, role: str, content: str | list[Any] | None) -> None:
        if not content:
            return
        last = self._turns[-1] if self._turns else None
        if last is None or last["role"] != role or role not in _MERGED:
            self._turns.append({"role": role, "content": content})
        else:
            last["content"] = [*_as_blocks(last["content"]), *_as_blocks(content)]

    def _trim_prefill(self) -> None:
        """A last turn that is the assistant's is the beginning of the answer: it may not end in white space."""
        last = self._turns[-1]
        if last["role"] != "assistant":
            return
        *before, final = _as_blocks(last["content"])
        text = final.get("text") if final.get("type") == "text" else None
        if not isinstance(text, str) or text == text.rstrip():
            return
        reason = "the beginning of an answer may not end in white space"
        self._ledger.adjust("messages[-1].content", "clamped", text, text.rstrip(), reason)
        trimmed = {**final, "text": text.rstrip()}
        whole = isinstance(last["content"], str)
        last["content"] = trimmed["text"] if whole else [*before, trimmed]


_ROLES: dict[str, Callable[[Conversation, str, Mapping[str, Any]], None]] = {
    "system": Conversation._system_message,  # noqa: SLF001 - the class's own table
    "developer": Conversation._system_message,  # noqa: SLF001
    "user": Conversation._user,  # noqa: SLF001
    "assistant": Conversation._assistant,  # noqa: SLF001
    "tool": Conversation._tool,  # noqa: SLF001
}


def _own(message: Any) -> Mapping[str, Any] | None:
    """One of our (or the openai SDK's) message models, as the dict that it stands for."""
    dump = getattr(message, "model_dump", None)
    made = None if dump is None else dump(exclude_none=True)
    return made if isinstance(made, Mapping) else None


def _is_signed(block: Any) -> bool:
    if not isinstance(block, Mapping):
        return False
    return "data" in block if block.get("type") == "redacted_thinking" else "signature" in block


def _as_blocks(content: Any) -> list[Any]:
    if content is None:
        return []
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _cached(content: Any, mark: Any) -> Any:
    """Content with a mark for the cache on its last block."""
    blocks = _as_blocks(content)
    if mark is None or not blocks:
        return content
    return [*blocks[:-1], {**blocks[-1], _CACHE: mark}]


def _joined(parts: Sequence[Any]) -> Any:
    """The system's texts: one stays as it was given, several become blocks."""
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else [b for part in parts for b in _as_blocks(part)]
