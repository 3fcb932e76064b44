"""What the simulated model says to a chat request: pure, and the same answer to the same request.

No HTTP and no wire format here; `_chat` writes the answer down. A fault to be simulated is not
an answer and has its own place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ._schema import instance
from ._tokens import count_prompt, split

__all__ = ["Answer", "Choice", "ToolUse", "answer", "fingerprint"]

_SAYS: Final = "This is llmkit's offline simulator, not a model."
_LONGEST_ECHO: Final = 300
_PART_NAMES: Final[Mapping[str, str]] = {
    "image_url": "image",
    "input_audio": "audio clip",
    "file": "file",
}

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One call that the model asks for; *arguments* is JSON for a function, text for a custom."""

    id: str
    kind: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the `n` answers."""

    index: int
    content: str | None
    reasoning: str
    tools: tuple[ToolUse, ...]
    finish_reason: str

    @property
    def tokens(self) -> int:
        """The completion tokens, reasoning included."""
        spoken = [self.reasoning, self.content or ""]
        for tool in self.tools:
            spoken += [tool.name, tool.arguments]
        return sum(len(split(text)) for text in spoken)


@dataclass(frozen=True, slots=True)
class Answer:
    """All choices, and the counts that a bill would rest on."""

    choices: tuple[Choice, ...]
    prompt_tokens: int

    @property
    def completion_tokens(self) -> int:
        """The tokens of all choices."""
        return sum(choice.tokens for choice in self.choices)

    @property
    def reasoning_tokens(self) -> int:
        """The part of `completion_tokens` that was reasoning."""
        return sum(len(split(choice.reasoning)) for choice in self.choices)


def answer(body: Body) -> Answer:
    """The answer to *body*, a request that `check` let pass."""
    choices = tuple(_choice(body, index) for index in range(body.get("n") or 1))
    return Answer(choices, count_prompt(body))


def fingerprint(body: Body, *salt: object) -> str:
    """24 hexadecimal digits that stand for *body*: ids are made of them."""
    text = json.dumps([body, *map(str, salt)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _choice(body: Body, index: int) -> Choice:
    tools = tuple(_tool_uses(body, index))
    content = None if tools else _content(body, index)
    full = Choice(index, content, _reasoning(body), tools, "tool_calls" if tools else "stop")
    return _limited(_stopped(full, body.get("stop")), body)


def _content(body: Body, index: int) -> str:
    wanted = body.get("response_format") or {"type": "text"}
    if wanted["type"] == "json_schema":
        return json.dumps(instance(wanted["json_schema"]["schema"]), ensure_ascii=False)
    text = _sentence(body["messages"]) + (f" (Choice {index + 1}.)" if index else "")
    return json.dumps({"answer": text}) if wanted["type"] == "json_object" else text


def _sentence(messages: Sequence[Body]) -> str:
    last = messages[-1]
    if last["role"] == "tool":
        return f"{_SAYS} The tool answered: {_echo(_text(last))}"
    asked = next((message for message in reversed(messages) if message["role"] == "user"), last)
    return f"{_SAYS} You said: {_echo(_text(asked))}{_attached(asked)}"


def _echo(text: str) -> str:
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}…"


def _text(message: Body) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _attached(message: Body) -> str:
    content = message.get("content")
    kinds = [part["type"] for part in content] if isinstance(content, list) else []
    named = [
        f"{kinds.count(kind)} {name}{'s' * (kinds.count(kind) > 1)}"
        for kind, name in _PART_NAMES.items()
        if kind in kinds
    ]
    return f" (with {', '.join(named)})" if named else ""


def _reasoning(body: Body) -> str:
    thinks = "reason" in body["model"] and body.get("reasoning_effort") != "none"
    return "The simulator pretends to think about the question." if thinks else ""


def _tool_uses(body: Body, index: int) -> Iterator[ToolUse]:
    # A result was just given: going on to call would keep an agent's loop running for ever.
    if body["messages"][-1]["role"] == "tool":
        return
    for position, tool in enumerate(_called(body)):
        kind = tool["type"]
        declared = tool[kind]
        yield ToolUse(
            f"call_{fingerprint(body, index, position)}",
            kind,
            declared["name"],
            json.dumps(_arguments(declared)) if kind == "function" else "sample input",
        )


def _arguments(function: Body) -> Any:
    return instance(function.get("parameters") or {"type": "object"}, function["name"])


def _called(body: Body) -> list[Body]:
    """The tools to call: those that the choice names, or that the user's last words mention."""
    offered, mode = _offered(body)
    if mode == "none":
        return []
    asked: Body = next((m for m in reversed(body["messages"]) if m["role"] == "user"), {})
    mentioned = [tool for tool in offered if _name(tool) in _text(asked)]
    called = mentioned or (offered[:1] if mode == "required" else [])
    return called[:1] if body.get("parallel_tool_calls") is False else called


def _offered(body: Body) -> tuple[list[Body], str]:
    """The tools that the choice leaves, and its mode: none, auto or required."""
    tools, choice = body.get("tools") or [], body.get("tool_choice") or "auto"
    if isinstance(choice, str):
        return tools, choice
    inner = choice[choice["type"]]
    if choice["type"] != "allowed_tools":
        return [tool for tool in tools if _name(tool) == inner["name"]], "required"
    allowed = {_name(tool) for tool in inner.get("tools") or ()}
    return [tool for tool in tools if _name(tool) in allowed], inner.get("mode", "auto")


def _name(tool: Body) -> str:
    return str(tool[tool["type"]]["name"])


def _stopped(choice: Choice, stop: str | Sequence[str] | None) -> Choice:
    """*choice* with its content cut before the first stop sequence in it."""
    sequences = [stop] if isinstance(stop, str) else stop or ()
    content = choice.content or ""
    ends = [content.find(sequence) for sequence in sequences if sequence and sequence in content]
    return replace(choice, content=content[: min(ends)]) if ends else choice


def _limited(choice: Choice, body: Body) -> Choice:
    """*choice* cut to the tokens that the request allows: reasoning first, as real models do."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit is None or choice.tokens <= limit:
        return choice
    reasoning, left = _cut(choice.reasoning, limit)
    content, left = _cut(choice.content or "", left)
    tools = []
    for tool in choice.tools:
        name, left = _cut(tool.name, left)
        arguments, left = _cut(tool.arguments, left)
        # A call whose name did not come out whole is not a call yet.
        tools += [replace(tool, arguments=arguments)] if name == tool.name else []
    spoken = None if choice.content is None else content
    return Choice(choice.index, spoken, reasoning, tuple(tools), "length")


def _cut(text: str, limit: int) -> tuple[str, int]:
    """The first *limit* tokens of *text*, and how many more there may be."""
    tokens = split(text)[:limit]
    return "".join(tokens), limit - len(tokens)
