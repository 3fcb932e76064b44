"""Messages to ``contents`` and ``systemInstruction``: walked once, turns of one role merged, results named.

Source: ``Content`` and ``FunctionResponse`` of the v1beta reference (docs/wires/gemini.md), read 2026-11-22: the roles
are ``user`` and ``model``; a result has its function's name. The results of one turn's calls are sent in one turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._call import ChatCall
from ..._json import NotJSON, load
from .._params import Ledger
from ._history import is_made, message_parts
from ._media import Media
from ._models import thinks_by_level

__all__ = ["Messages"]

# What a message may have that parts can say, and the part's field that says it.
_LOSABLE = (
    ("thinking_blocks", "thought"),
    ("reasoning_content", "thought"),
    ("images", "inlineData"),
    ("audio", "inlineData"),
)
_UNSIGNED = "skip_thought_signature_validator"
"""What is sent for calls that another model made: Google's FAQ on thought signatures, as
https://github.com/vercel/ai/issues/15550 and https://github.com/octos-org/octos/pull/1897 tell, read 2026-11-22."""


class Messages:
    """One call's messages on their way to the wire; ``system`` are the parts of the instruction."""

    def __init__(self, ledger: Ledger[ChatCall], media: Media) -> None:
        self._ledger, self._media = ledger, media
        self._names: dict[str, str] = {}
        self._order: dict[str, int] = {}
        self._contents: list[dict[str, Any]] = []
        self._results: list[tuple[int, dict[str, Any]]] = []
        self.system: list[dict[str, Any]] = []

    def encode(self) -> list[dict[str, Any]]:
        """Check and write all messages."""
        messages = self._ledger.call.messages
        if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
            raise self._invalid(
                "messages must be a list of messages such as {'role': 'user', 'content': …}"
            )
        for i, message in enumerate(messages):
            self._message(f"messages[{i}]", message)
        self._flush()
        if not self._contents and self.system:
            self._say_what_is_left()
        self._sign()
        return self._contents

    def _message(self, path: str, message: Any) -> None:
        given = message if isinstance(message, Mapping) else _dumped(message)
        if given is None:
            kind = type(message).__name__
            raise self._invalid(f"{path} must be a dict or a message of a response, not {kind}")
        role = given.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise self._invalid(f"{path}.role is {role!r}; it must be one of {', '.join(_ROLES)}")
        if role not in ("tool", "function"):
            self._flush()
        _ROLES[role](self, path, given)

    def _add(self, role: str, parts: list[dict[str, Any]]) -> None:
        """Append a turn, or add to the last one where it has the same role."""
        if self._contents and self._contents[-1]["role"] == role:
            self._contents[-1]["parts"] += parts
        elif parts:
            self._contents.append({"role": role, "parts": parts})

    def _system(self, path: str, message: Mapping[str, Any]) -> None:
        parts = self._media.parts(f"{path}.content", message.get("content"))
        if any("text" not in part for part in parts):
            raise self._invalid(f"{path}.content: a system message has text only")
        if self._contents:
            why = "the provider has one instruction, before all turns"
            self._ledger.adjust(path, "moved", message.get("content"), "systemInstruction", why)
        self.system += parts

    def _say_what_is_left(self) -> None:
        self._add("user", self.system)
        why = "the provider answers a user's turn; the system message stands for it"
        self._ledger.adjust("messages", "moved", "system", "user", why)
        self.system = []

    def _user(self, path: str, message: Mapping[str, Any]) -> None:
        if "content" not in message:
            raise self._invalid(f"{path}.content is missing; give text or a list of parts")
        if message.get("name") is not None:
            why = "the provider tells no users apart"
            self._ledger.adjust(f"{path}.name", "dropped", message["name"], None, why)
        self._add("user", self._media.parts(f"{path}.content", message["content"]))

    def _assistant(self, path: str, message: Mapping[str, Any]) -> None:
        message = {**message, "tool_calls": self._calls(path, message)}
        said = message.get("content")
        said = message.get("refusal") if said is None else said
        content = self._media.parts(f"{path}.content", said)
        text = "".join(part.get("text", "") for part in content)
        listed = len(content) > 1 or any("text" not in part for part in content)
        try:
            if listed and not message.get("provider_specific_fields"):
                parts = [*content, *message_parts({**message, "content": None}, "")]
            else:
                parts = message_parts({**message, "content": text}, text)
        except NotJSON:
            raise self._invalid(
                f"{path}.tool_calls: arguments must be a JSON object as text; use json.dumps(…), "
                "or '{}' where the model wrote something broken"
            ) from None
        self._note_lost(path, message, parts)
        self._add("model", parts)

    def _note_lost(
        self, path: str, message: Mapping[str, Any], parts: list[dict[str, Any]]
    ) -> None:
        for name, kind in _LOSABLE:
            if message.get(name) and not any(kind in part for part in parts):
                why = "only what the provider said itself goes back, and only unedited"
                self._ledger.adjust(f"{path}.{name}", "dropped", message[name], None, why)

    def _calls(self, path: str, message: Mapping[str, Any]) -> list[Any]:
        """The calls as dicts. Their names are kept: their results come back with ids alone."""
        if not isinstance(message.get("function_call") or {}, Mapping):
            raise self._invalid(f"{path}.function_call must be a dict with a name and arguments")
        given = message.get("tool_calls") or ()
        if not isinstance(given, Sequence) or isinstance(given, str):
            raise self._invalid(f"{path}.tool_calls must be a list, not {type(given).__name__}")
        calls = [call if isinstance(call, Mapping) else _dumped(call) or {} for call in given]
        for i, call in enumerate(calls):
            function = call.get("function")
            if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
                raise self._invalid(
                    f"{path}.tool_calls[{i}].function must have a name and arguments"
                )
            self._names[str(call.get("id"))] = function["name"]
            self._order[str(call.get("id"))] = i
        return calls

    def _tool(self, path: str, message: Mapping[str, Any]) -> None:
        call_id = message.get("tool_call_id")
        name = self._names.get(str(call_id)) or message.get("name")
        if not isinstance(name, str):
            raise self._invalid(
                f"{path} is the result of tool call {call_id!r}, which no assistant message before it has "
                "in its tool_calls; put the model's message into the history first"
            )
        parts = self._media.parts(f"{path}.content", message.get("content"))
        media = [part for part in parts if "text" not in part]
        known = {} if call_id is None or is_made(call_id) else {"id": call_id}
        response = {**known, "name": name, "response": _response(parts)}
        if media:
            response["parts"] = media
        self._results.append(
            (self._order.get(str(call_id), len(self._results)), {"functionResponse": response})
        )

    def _flush(self) -> None:
        """Write the results that have gathered: where calls have no ids, their order is what tells."""
        if any("id" not in part["functionResponse"] for _, part in self._results):
            self._results.sort(key=lambda result: result[0])
        if self._results:
            self._add("user", [part for _, part in self._results])
        self._results = []

    def _sign(self) -> None:
        """Mark the running turn's calls that have no signature: from version 3 they are refused without."""
        if not thinks_by_level(self._ledger.call.model):
            return
        for content in reversed(self._contents):
            said = [part for part in content["parts"] if "functionResponse" not in part]
            if content["role"] == "user" and said:
                return
            calls = [part for part in content["parts"] if "functionCall" in part]
            if calls and not any("thoughtSignature" in part for part in calls):
                calls[0]["thoughtSignature"] = _UNSIGNED
                why = "the calls come from a model without signatures, which are wanted here"
                self._ledger.adjust("messages.tool_calls", "emulated", None, _UNSIGNED, why)

    def _invalid(self, message: str) -> Exception:
        return self._ledger.invalid(message)


_ROLES: dict[str, Callable[[Messages, str, Mapping[str, Any]], None]] = {
    "system": Messages._system,  # noqa: SLF001 - the class's own table
    "developer": Messages._system,  # noqa: SLF001
    "user": Messages._user,  # noqa: SLF001
    "assistant": Messages._assistant,  # noqa: SLF001
    "tool": Messages._tool,  # noqa: SLF001
    "function": Messages._tool,  # noqa: SLF001
}


def _dumped(message: Any) -> dict[str, Any] | None:
    """One of our (or the openai SDK's) message models, as the dict it stands for."""
    dump = getattr(message, "model_dump", None)
    return dump(exclude_none=True) if dump is not None else None


def _response(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A result as the object it must be: a JSON object as it is, anything else as its ``output``."""
    text = "".join(part.get("text", "") for part in parts)
    if text.lstrip()[:1] in ("{", "["):
        try:
            made = load(text)
        except NotJSON:
            return {"output": text}
        return made if isinstance(made, dict) else {"output": made}
    return {"output": text}
