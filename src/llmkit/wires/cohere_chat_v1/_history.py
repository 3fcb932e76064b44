"""Messages to the first version's: the last is the message (or its tool results), those before are the history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._call import ChatCall
from ..._json import NotJSON, load
from .._params import Ledger

__all__ = ["History"]

Turn = dict[str, Any]
_CACHE = "cache_control"
_UNSAID = {
    "name": "speakers have no names there",
    "is_error": "a result is told of as failed in its text only",
    _CACHE: "prompts are not marked there",
}


class History:
    """One call's messages on their way to the wire."""

    def __init__(self, ledger: Ledger[ChatCall]) -> None:
        self._ledger = ledger
        self._calls: dict[str, Turn] = {}
        self._turns: list[Turn] = []

    def encode(self) -> dict[str, Any]:
        """Check and write all messages: ``message``, ``chat_history``, ``tool_results``."""
        messages = self._ledger.call.messages
        if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
            raise self._ledger.invalid(
                "messages must be a list of messages such as {'role': 'user', 'content': …}"
            )
        for i, message in enumerate(messages):
            self._message(f"messages[{i}]", message)
        last = self._turns.pop() if self._turns else {}
        if last.get("role") == "USER":
            made: dict[str, Any] = {"message": last["message"]}
        elif last.get("role") == "TOOL":
            made = {"message": "", "tool_results": last["tool_results"]}
        else:
            raise self._ledger.invalid("the last message must be the user's, or a tool's result")
        # In the order in which it was said, which a reader of the request is glad of.
        return ({"chat_history": self._turns} if self._turns else {}) | made

    def _message(self, path: str, message: Any) -> None:
        dump = getattr(message, "model_dump", None)
        given = message if dump is None else dump(exclude_none=True)
        role = given.get("role") if isinstance(given, Mapping) else None
        if not isinstance(given, Mapping) or role not in _ROLES:
            raise self._ledger.invalid(
                f"{path} must be a message whose role is one of {', '.join(_ROLES)}, not {role!r:.40}"
            )
        for name, reason in _UNSAID.items():
            if given.get(name) and (name, role) != ("name", "tool"):
                self._ledger.adjust(f"{path}.{name}", "dropped", given[name], None, reason)
        if given.get("function_call") or given.get("audio"):
            raise self._ledger.invalid(
                f"{path}: use tool_calls, which have ids, for a function_call, and the transcript for audio"
            )
        _ROLES[role](self, path, given)

    def _system(self, path: str, message: Mapping[str, Any]) -> None:
        if message["role"] == "developer":
            reason = "the role is not known there"
            self._ledger.adjust(f"{path}.role", "renamed", "developer", "system", reason)
        self._turns.append({"role": "SYSTEM", "message": self._text(path, message)})

    def _user(self, path: str, message: Mapping[str, Any]) -> None:
        self._turns.append({"role": "USER", "message": self._text(path, message)})

    def _assistant(self, path: str, message: Mapping[str, Any]) -> None:
        told = message.get("reasoning_content") or message.get("thinking_blocks")
        if told:
            reason = "no thinking is taken back"
            self._ledger.adjust(f"{path}.reasoning_content", "dropped", told, None, reason)
        calls = message.get("tool_calls") or ()
        if not isinstance(calls, Sequence) or isinstance(calls, str | bytes):
            raise self._ledger.invalid(f"{path}.tool_calls must be a list")
        written = [self._call(f"{path}.tool_calls[{i}]", call) for i, call in enumerate(calls)]
        said = {"content": message.get("content") or message.get("refusal")}
        turn: Turn = {"role": "CHATBOT", "message": self._text(path, said)}
        self._turns.append(turn | ({"tool_calls": written} if written else {}))

    def _call(self, path: str, call: Any) -> Turn:
        function: Any = call.get("function") if hasattr(call, "get") else None
        given = function.get("arguments") if hasattr(function, "get") else None
        try:
            parameters = load(given) if isinstance(given, str) and given else (given or {})
        except NotJSON:
            parameters = None
        if not hasattr(function, "get") or not isinstance(parameters, Mapping):
            raise self._ledger.invalid(
                f"{path} must be a function with a name, and arguments that are the JSON text of an object"
            )
        made = {"name": function.get("name"), "parameters": parameters}
        self._calls[str(call.get("id"))] = made
        return made

    def _tool(self, path: str, message: Mapping[str, Any]) -> None:
        call = self._calls.get(str(message.get("tool_call_id")))
        if call is None:
            raise self._ledger.invalid(
                f"{path} is the result of tool call {message.get('tool_call_id')!r:.80}, which no assistant "
                "message before it has in its tool_calls; put the model's message into the history first"
            )
        result = {"call": call, "outputs": _outputs(self._text(path, message))}
        if self._turns[-1]["role"] == "TOOL":
            self._turns[-1]["tool_results"].append(result)
        else:
            self._turns.append({"role": "TOOL", "tool_results": [result]})

    def _text(self, path: str, message: Mapping[str, Any]) -> str:
        content = message.get("content") or ""
        if isinstance(content, str):
            return content
        if not isinstance(content, list | tuple):
            raise self._ledger.invalid(f"{path}.content must be a text or a list of parts")
        for i, part in enumerate(content):
            if isinstance(part, Mapping) and part.get(_CACHE):
                place = f"{path}.content[{i}].{_CACHE}"
                self._ledger.adjust(place, "dropped", part[_CACHE], None, _UNSAID[_CACHE])
        texts = [part if isinstance(part, str) else _text_of(part) for part in content]
        if None in texts:
            raise self._ledger.invalid(
                f"{path}.content: {self._ledger.call.provider} reads texts only; ask the second version"
            )
        return "".join(filter(None, texts))


_ROLES: dict[str, Callable[[History, str, Mapping[str, Any]], None]] = {
    "system": History._system,  # noqa: SLF001 - the class's own table
    "developer": History._system,  # noqa: SLF001
    "user": History._user,  # noqa: SLF001
    "assistant": History._assistant,  # noqa: SLF001
    "tool": History._tool,  # noqa: SLF001
}


def _text_of(part: Any) -> str | None:
    is_text = isinstance(part, Mapping) and part.get("type") == "text"
    text = part.get("text") if is_text else None
    return text if isinstance(text, str) else None


def _outputs(text: str) -> list[Any]:
    """A result as the objects that are demanded: its JSON where it is such, else under a name that says nothing."""
    try:
        told = load(text)
    except NotJSON:
        told = None
    if isinstance(told, list) and told and all(isinstance(item, Mapping) for item in told):
        return told
    return [told if isinstance(told, Mapping) else {"output": text}]
