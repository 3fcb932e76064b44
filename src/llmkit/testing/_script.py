"""What a script may say, and what that is as an answer: pure, no wire and no transport.

An entry is a text, tool calls, a message or a whole completion, chunks, an error, a status, or a function of the
request that returns one of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from typing_extensions import override

from .._fold import Fold
from ..errors import APIStatusError, ContentPolicyViolationError, ContextWindowExceededError
from ..types._model import lenient
from ..types.chat import ChatCompletion, ChatCompletionChunk
from ._answer import Answer, Choice
from ._answer import ToolUse as Called
from ._asked import Asked

__all__ = ["Cut", "Entry", "Raw", "Refused", "ToolUse", "answer_of", "check", "refused"]

Entry = Any
"""See the module's head; `check` tells at run time."""

_LEAST, _MOST = 300, 599
_MESSAGE: Final = frozenset({"content", "tool_calls", "reasoning_content"})
# Providers that give no code for these say them in words, and those every wire reads.
_WORDS: Final[Mapping[type, str]] = {
    ContextWindowExceededError: "the token count exceeds the maximum context length",
    ContentPolicyViolationError: "refused under the content policy, a safety policy",
}


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call for a script to answer with. ``arguments`` are a mapping, or JSON text as a model wrote it."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    id: str | None = None
    """By default one is made up, the same for the same request."""


@dataclass(frozen=True, slots=True)
class Cut:
    """An answer that begins with a 200 and does not come to its end.

    A stream gives ``after`` events of ``answer``, a whole answer half of its body. Then comes ``error``: an error with
    a status (or the status) as the provider writes it inside a 200, another exception as the connection's failure, and
    with ``None`` the connection just ends.
    """

    answer: Any
    after: int = 3
    error: BaseException | int | None = field(
        default_factory=lambda: ConnectionResetError("the connection was reset")
    )


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as the provider's server sends it, for any kind of call: bytes, a text, or what is sent as JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside a ``content-type`` of JSON, unless this says another."""

    @property
    def content(self) -> bytes:
        """The body's bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass(frozen=True, slots=True)
class Refused:
    """An error answer: its status, what it says, and headers."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Counted(Answer):
    """An answer whose tokens were told; slots of their own would hide the properties."""

    completed: int | None = None
    reasoned: int | None = None

    @property
    @override
    def completion_tokens(self) -> int:
        counted = sum(choice.tokens for choice in self.choices)
        return counted if self.completed is None else self.completed

    @property
    @override
    def reasoning_tokens(self) -> int:
        # By its class: a slotted dataclass is not the class that super() was compiled for.
        counted = Answer.reasoning_tokens.fget(self)  # type: ignore[attr-defined]
        return int(counted) if self.reasoned is None else self.reasoned


def check(entry: Entry) -> None:
    """Raise ``TypeError`` for what is no answer, before anything is asked."""
    if isinstance(entry, Cut) and entry.after >= 0 and _is_said(entry.answer):
        return
    if isinstance(entry, bool) or not (_is_plain(entry) or _is_said(entry)):
        raise TypeError(
            f"a script cannot answer {entry!r:.200}: give a text, ToolUse, Cut, a message or completion as a dict, "
            "a ChatCompletion, chunks, a pydantic object, Raw, an exception, a status from 300 to 599, or a function"
        )


def _is_plain(entry: Entry) -> bool:
    if isinstance(entry, int):
        return _LEAST <= entry <= _MOST
    return isinstance(entry, BaseException | Raw) or callable(entry)


def _is_said(entry: Entry) -> bool:
    if isinstance(entry, Mapping):
        return "choices" in entry or bool(_MESSAGE & entry.keys())
    if isinstance(entry, Sequence) and not isinstance(entry, str | bytes):
        return _is_parts(entry) or _is_chunks(entry)
    return isinstance(entry, str | ToolUse) or hasattr(entry, "model_dump_json")


def _is_parts(entry: Sequence[Any]) -> bool:
    return bool(entry) and all(isinstance(item, str | ToolUse) for item in entry)


def _is_chunks(entry: Sequence[Any]) -> bool:
    return bool(entry) and all(isinstance(item, Mapping | ChatCompletionChunk) for item in entry)


def refused(entry: Entry) -> Refused | None:
    """An entry that is an error with a status, as that; ``None`` for any other."""
    if isinstance(entry, int):
        return Refused(entry, f"scripted status {entry}")
    if not isinstance(entry, APIStatusError) or entry.status_code is None:
        return None
    words = next((w for kind, w in _WORDS.items() if isinstance(entry, kind)), "")
    message = (
        f"{entry.message} ({words})" if words and words not in entry.message else entry.message
    )
    wait = entry.retry_after
    return Refused(entry.status_code, message, {} if wait is None else {"retry-after": str(wait)})


def answer_of(entry: Entry, asked: Asked) -> Answer:
    """What an entry says, as the answer to a request."""
    if isinstance(entry, str | ToolUse):
        entry = [entry]
    if isinstance(entry, Sequence):
        if _is_parts(entry):
            return Answer((_of_parts(entry, asked),), asked.prompt_tokens)
        entry = _folded(entry)
    if isinstance(entry, ChatCompletion):
        entry = entry.to_dict()
    if isinstance(entry, Mapping):
        return _of_mapping(entry, asked)
    return answer_of(entry.model_dump_json(), asked)


def _of_parts(parts: Sequence[str | ToolUse], asked: Asked) -> Choice:
    texts = [part for part in parts if isinstance(part, str)]
    uses = [part for part in parts if isinstance(part, ToolUse)]
    tools = tuple(_called(use, asked, position) for position, use in enumerate(uses))
    content = "".join(texts) if texts else None
    return Choice(0, content, "", tools, "tool_calls" if tools else "stop")


def _called(use: ToolUse, asked: Asked, position: int) -> Called:
    arguments = use.arguments if isinstance(use.arguments, str) else json.dumps(use.arguments)
    return Called(use.id or f"call_{asked.digest}_0_{position}", "function", use.name, arguments)


def _folded(chunks: Sequence[Any]) -> ChatCompletion:
    fold = Fold()
    for chunk in chunks:
        made = (
            chunk
            if isinstance(chunk, ChatCompletionChunk)
            else lenient(ChatCompletionChunk, dict(chunk))
        )
        fold.add(made)
    return fold.result()


def _of_mapping(data: Mapping[str, Any], asked: Asked) -> Answer:
    choices = data.get("choices") or [{"message": data, "finish_reason": data.get("finish_reason")}]
    usage = data.get("usage") or {}
    details = usage.get("completion_tokens_details") or {}
    prompt = usage.get("prompt_tokens")
    return _Counted(
        tuple(_of_choice(position, choice, asked) for position, choice in enumerate(choices)),
        asked.prompt_tokens if prompt is None else prompt,
        usage.get("completion_tokens"),
        details.get("reasoning_tokens"),
    )


def _of_choice(position: int, choice: Mapping[str, Any], asked: Asked) -> Choice:
    message = choice.get("message") or {}
    calls = message.get("tool_calls") or ()
    tools = tuple(_told(call, asked, place) for place, call in enumerate(calls))
    reason = choice.get("finish_reason") or ("tool_calls" if tools else "stop")
    thought = message.get("reasoning_content") or ""
    return Choice(choice.get("index", position), message.get("content"), thought, tools, reason)


def _told(call: Any, asked: Asked, position: int) -> Called:
    if isinstance(call, ToolUse):
        return _called(call, asked, position)
    kind = call.get("type") or "function"
    inner = call.get(kind) or {}
    text = inner.get("arguments" if kind == "function" else "input") or ""
    arguments = text if isinstance(text, str) else json.dumps(text)
    made_up = f"call_{asked.digest}_0_{position}"
    return Called(call.get("id") or made_up, kind, inner.get("name", ""), arguments)


Function = Callable[[Any], Entry]
