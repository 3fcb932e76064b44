"""Cohere's first chat as its server speaks it: read into the second's form, answered, and written in the first's.

Pure: a request's parts in, a `Reply` out. What the second refuses of ranges and messages, this one refuses, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from .._answer import Answer, Choice
from .._asked import fingerprint
from .._tokens import split
from ._wire import Reply, Say
from .cohere_chat._check import check
from .cohere_chat._door import Refusal, answered, encoded, refused
from .cohere_chat._read import asked
from .openai_chat import OpenAIChat

__all__ = ["CohereChatV1"]

_PATH: Final = re.compile(r".*/v1/chat")
_LINES: Final = {"content-type": "application/stream+json"}
_ROLES: Final = {"SYSTEM": "system", "USER": "user", "CHATBOT": "assistant"}
_TYPES: Final = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
}
_REASONS: Final = {"stop": "COMPLETE", "tool_calls": "COMPLETE", "length": "MAX_TOKENS"}
# What only the first version has, and what is written otherwise there.
_OWN: Final = frozenset({
    "message", "chat_history", "tool_results", "tools", "preamble", "raw_prompting", "connectors", "conversation_id",
    "prompt_truncation", "search_queries_only", "citation_quality", "force_single_step", "max_input_tokens",
})  # fmt: skip


def _is_openais(body: bytes) -> bool:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(sent, dict) and "messages" in sent and "message" not in sent


class CohereChatV1:
    """The first version of the chat, under any prefix of its path."""

    name: Final = "cohere_chat_v1"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether the path is the chat's."""
        return _PATH.fullmatch(path.partition("?")[0].rstrip("/")) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request. One host has OpenAI's chat at this path; the body tells."""
        if _is_openais(body):
            return OpenAIChat().reply(method, path + "/completions", headers, body, say)

        def answer(given: dict[str, Any]) -> Reply:
            second = _second(given)
            check(second)
            said = say(asked(second))
            if given.get("stream"):
                return Reply(200, frames=tuple(_lines(given, said)), headers=_LINES)
            return Reply(200, encoded(_whole(given, said)))

        return answered(method, headers, body, answer)

    def failure(self, status: int, message: str) -> Reply:
        """An error answer."""
        return refused(Refusal(status, message))

    def failure_frame(self, status: int, message: str) -> bytes:
        """The error as the last line of a stream: an answer that ended with one."""
        reason = "TIMEOUT" if status == 504 else "ERROR"  # noqa: PLR2004
        response = {"text": "", "error": message, "finish_reason": reason}
        return _line("stream-end", is_finished=True, finish_reason=reason, response=response)


def _second(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request as one of the second version."""
    if not isinstance(body.get("message"), str):
        raise Refusal(400, "invalid request: message must be a string")
    turns = body.get("chat_history") or []
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise Refusal(400, "invalid request: chat_history must be a list of objects")
    messages = [message for turn in turns for message in _messages(turn)]
    results = body.get("tool_results")
    if results:
        messages += _messages({"role": "TOOL", "tool_results": results})
    elif not body["message"]:
        raise Refusal(400, "invalid request: message must be at least 1 token long")
    if body["message"]:
        messages.append({"role": "user", "content": body["message"]})
    rest = {name: value for name, value in body.items() if name not in _OWN}
    tools = [_tool(tool) for tool in _objects(body.get("tools"))]
    return {**rest, "messages": messages, **({"tools": tools} if tools else {})}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    found: Sequence[Any] = value if isinstance(value, list) else ()
    return [item for item in found if isinstance(item, Mapping)]


def _messages(turn: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A turn as messages; a call is known by its name, as it has no id."""
    role = str(turn.get("role")).upper()
    if role == "TOOL":
        return [
            {
                "role": "tool",
                "tool_call_id": str((result.get("call") or {}).get("name")),
                "content": json.dumps(result.get("outputs")),
            }
            for result in _objects(turn.get("tool_results"))
        ]
    if role not in _ROLES:
        raise Refusal(400, f"invalid request: valid role is required, not {role!r}")
    made: dict[str, Any] = {"role": _ROLES[role], "content": turn.get("message")}
    calls = [
        {"id": str(call.get("name")), "function": {"arguments": json.dumps(call.get("parameters"))}}
        for call in _objects(turn.get("tool_calls"))
    ]
    return [made | ({"tool_calls": calls} if calls else {})]


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    found = tool.get("parameter_definitions")
    definitions: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    properties = {
        name: {"type": _TYPES.get(str(definition.get("type")), "string")}
        for name, definition in definitions.items()
        if isinstance(definition, Mapping)
    }
    needed = [name for name in properties if definitions[name].get("required")]
    schema = {"type": "object", "properties": properties, "required": needed}
    return {"type": "function", "function": {"name": tool.get("name"), "parameters": schema}}


def _whole(body: Mapping[str, Any], said: Answer) -> dict[str, Any]:
    (choice,) = said.choices
    counts = {"input_tokens": said.prompt_tokens, "output_tokens": said.completion_tokens}
    made = {
        "response_id": fingerprint(body, "response"),
        "generation_id": fingerprint(body),
        "text": choice.content or "",
        "chat_history": [*(body.get("chat_history") or ()), _said("USER", body["message"])],
        "finish_reason": _reason(choice),
        "meta": {"api_version": {"version": "1"}, "billed_units": counts, "tokens": counts},
    }
    return made | ({"tool_calls": _calls(choice)} if choice.tools else {})


def _said(role: str, message: str) -> dict[str, str]:
    return {"role": role, "message": message}


def _reason(choice: Choice) -> str:
    return "STOP_SEQUENCE" if choice.stopped_by else _REASONS[choice.finish_reason]


def _calls(choice: Choice) -> list[dict[str, Any]]:
    return [{"name": tool.name, "parameters": _parameters(tool.arguments)} for tool in choice.tools]


def _parameters(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        # A limit has cut them off.
        return {}


def _lines(body: Mapping[str, Any], said: Answer) -> Iterator[bytes]:
    (choice,) = said.choices
    whole = _whole(body, said)
    yield _line("stream-start", generation_id=whole.pop("generation_id"))
    for token in split(choice.content or ""):
        yield _line("text-generation", text=token)
    if choice.tools:
        yield _line("tool-calls-generation", tool_calls=_calls(choice))
    ended = {"finish_reason": whole["finish_reason"], "response": whole}
    yield _line("stream-end", is_finished=True, **ended)


def _line(kind: str, *, is_finished: bool = False, **members: Any) -> bytes:
    return encoded({"is_finished": is_finished, "event_type": kind, **members}) + b"\n"
