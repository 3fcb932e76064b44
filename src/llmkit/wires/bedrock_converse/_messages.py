"""Messages to turns: walked once, the caller's objects never changed.

System messages go to their own field, results of tools into the user's turn, and neighbours of one role become one
turn. What cannot be said is refused or listed, never dropped quietly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..._json import NotJSON, load
from .._params import Ledger
from ._blocks import KEPT, sendable, still_says
from ._parts import Parts, cache_point

if TYPE_CHECKING:
    from ._traits import Traits

__all__ = ["Conversation"]

_CACHE = "cache_control"


class Conversation:
    """One call's messages on their way to the wire."""

    def __init__(self, traits: Traits, ledger: Ledger, messages: Any) -> None:
        self._ledger, self._traits, self._messages = ledger, traits, messages
        self._parts = Parts(ledger)
        self._system: list[Any] = []
        self._turns: list[dict[str, Any]] = []
        self._called: set[str] = set()

    def encode(self) -> dict[str, Any]:
        """Check and write all messages: ``messages``, and ``system`` where there is one."""
        messages = self._messages
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
        return {"messages": self._turns} | ({"system": self._system} if self._system else {})

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
            reason = "speakers have no names there"
            self._ledger.adjust(f"{path}.name", "dropped", given["name"], None, reason)
        _ROLES[role](self, path, given)

    def _system_message(self, path: str, message: Mapping[str, Any]) -> None:
        blocks = self._content(path, message)
        if not self._turns:
            self._system += blocks
        elif self._traits.system_turns:
            self._add("system", blocks)
        elif blocks:
            reason = "the model takes system messages only before the first turn"
            self._ledger.adjust(path, "moved", dict(message), "system", reason)
            self._system += blocks

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
        result: dict[str, Any] = {"toolUseId": call_id, "content": self._result(path, message)}
        status = "error" if message.get("is_error") else message.get("status")
        result |= {} if status is None else {"status": status}
        mark = message.get(_CACHE)
        self._add("user", [{"toolResult": result}, *([] if mark is None else [cache_point(mark)])])

    def _result(self, path: str, message: Mapping[str, Any]) -> list[Any]:
        content = message.get("content")
        if isinstance(content, list | tuple):
            return self._parts.encode(f"{path}.content", content)
        # A result may be empty; it is the only text that may.
        return [] if content is None else [{"text": self._checked(path, content)}]

    def _assistant(self, path: str, message: Mapping[str, Any]) -> None:
        kept = self._kept(message)
        blocks = self._written(path, message) if kept is None else kept
        for block in blocks:
            use = block.get("toolUse") if isinstance(block, Mapping) else None
            if isinstance(use, Mapping):
                self._called.add(str(use.get("toolUseId")))
        if not blocks:
            reason = "it says nothing, and empty turns are not taken"
            self._ledger.adjust(path, "dropped", dict(message), None, reason)
        self._add("assistant", blocks)

    def _kept(self, message: Mapping[str, Any]) -> list[Any] | None:
        """The blocks as they came, unless the message was edited since."""
        beside = message.get("provider_specific_fields")
        blocks = beside.get(KEPT) if isinstance(beside, Mapping) else None
        if not isinstance(blocks, list) or not still_says(blocks, message):
            return None
        mark, kept = message.get(_CACHE), sendable(blocks)
        return kept if mark is None or not kept else [*kept, cache_point(mark)]

    def _written(self, path: str, message: Mapping[str, Any]) -> list[Any]:
        """An assistant's turn from OpenAI's fields: reasoning, then what was said, then calls."""
        if message.get("audio"):
            raise self._ledger.invalid(
                f"{path}.audio: {self._ledger.call.provider} does not take what a model spoke; put its "
                "transcript into content"
            )
        given = {**message, "content": message.get("content") or message.get("refusal") or ""}
        said = self._content(path, given, silent=True)
        return [*self._thoughts(path, message), *said, *self._calls(path, message)]

    def _thoughts(self, path: str, message: Mapping[str, Any]) -> list[Any]:
        blocks = message.get("thinking_blocks") or []
        if not isinstance(blocks, list | tuple):
            kind = type(blocks).__name__
            raise self._ledger.invalid(f"{path}.thinking_blocks must be a list, not {kind}")
        made = [_thought(block) for block in blocks]
        signed = [block for block in made if block is not None]
        lost = len(signed) < len(made) or (not made and message.get("reasoning_content"))
        if lost:
            reason = "only reasoning with its signature is taken back"
            given = blocks or message.get("reasoning_content")
            self._ledger.adjust(f"{path}.reasoning_content", "dropped", given, None, reason)
        return signed

    def _calls(self, path: str, message: Mapping[str, Any]) -> list[Any]:
        calls = message.get("tool_calls") or ()
        if not isinstance(calls, Sequence) or isinstance(calls, str | bytes):
            raise self._ledger.invalid(
                f"{path}.tool_calls must be a list, not {type(calls).__name__}"
            )
        if message.get("function_call"):
            raise self._ledger.invalid(f"{path}.function_call: use tool_calls, which have ids")
        made: list[Any] = []
        for i, call in enumerate(calls):
            made += self._call(f"{path}.tool_calls[{i}]", call)
        return made

    def _call(self, path: str, call: Any) -> list[Any]:
        function = call.get("function") if hasattr(call, "get") else None
        if function is None or not hasattr(function, "get"):
            raise self._ledger.invalid(
                f"{path} must be a dict with a function of name and arguments"
            )
        given = function.get("arguments") or "{}"
        use = {"toolUseId": call.get("id"), "name": function.get("name")}
        use["input"] = self._arguments(f"{path}.function.arguments", given)
        mark = call.get(_CACHE)
        return [{"toolUse": use}, *([] if mark is None else [cache_point(mark)])]

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

    def _content(self, path: str, message: Mapping[str, Any], *, silent: bool = False) -> list[Any]:
        """A message's content as blocks; none where nothing of it is left to send."""
        content, mark = message.get("content"), message.get(_CACHE)
        if isinstance(content, list | tuple):
            blocks = self._parts.encode(f"{path}.content", content)
        else:
            text = self._checked(path, content)
            # Of an answer that is put back, white space alone is not taken either.
            blocks = [{"text": text}] if (text.strip() if silent else text) else []
            if not blocks and not silent:
                reason = "empty texts are not taken"
                self._ledger.adjust(f"{path}.content", "dropped", content, None, reason)
        return blocks if mark is None or not blocks else [*blocks, cache_point(mark)]

    def _checked(self, path: str, content: Any) -> str:
        if not isinstance(content, str):
            raise self._ledger.invalid(
                f"{path}.content must be a text or a list of parts, not {type(content).__name__}"
            )
        return content

    def _add(self, role: str, blocks: list[Any]) -> None:
        if not blocks:
            return
        if self._turns and self._turns[-1]["role"] == role:
            self._turns[-1]["content"] += blocks
        else:
            self._turns.append({"role": role, "content": [*blocks]})


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


def _thought(block: Any) -> dict[str, Any] | None:
    """A signed or redacted block of reasoning in the dialect's form; ``None`` for any other."""
    if not isinstance(block, Mapping):
        return None
    if block.get("type") == "redacted_thinking" and "data" in block:
        return {"reasoningContent": {"redactedContent": block["data"]}}
    if not block.get("signature"):
        return None
    text = {"text": block.get("thinking") or "", "signature": block["signature"]}
    return {"reasoningContent": {"reasoningText": text}}
