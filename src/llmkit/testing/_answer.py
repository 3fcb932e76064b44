"""What the simulated model says: pure, and the same answer to the same request.

No HTTP and no wire format here; a wire reads a request into `Asked` and writes the answer down. A fault to be
simulated is not an answer and has its own place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ._asked import Asked, Offered
from ._schema import instance
from ._tokens import split

__all__ = ["Answer", "Choice", "ToolUse", "answer"]

_SAYS: Final = "This is llmkit's offline simulator, not a model."
_LONGEST_ECHO: Final = 300
_THINKS: Final = "The simulator pretends to think about the question."


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
    """``stop``, ``tool_calls`` or ``length``."""
    stopped_by: str | None = None
    """The stop sequence that ended it, if one did."""

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


def answer(asked: Asked) -> Answer:
    """The answer to *asked*."""
    choices = tuple(_choice(asked, index) for index in range(asked.count))
    return Answer(choices, asked.prompt_tokens)


def _choice(asked: Asked, index: int) -> Choice:
    tools = tuple(_tool_uses(asked, index))
    content = None if tools else _content(asked, index)
    reasoning = _THINKS if asked.reasons else ""
    full = Choice(index, content, reasoning, tools, "tool_calls" if tools else "stop")
    return _limited(_stopped(full, asked.stops), asked.limit)


def _content(asked: Asked, index: int) -> str:
    if asked.wants == "schema":
        return json.dumps(instance(asked.schema), ensure_ascii=False)
    text = _sentence(asked) + (f" (Choice {index + 1}.)" if index else "")
    return json.dumps({"answer": text}) if asked.wants == "object" else text


def _sentence(asked: Asked) -> str:
    if asked.result is not None:
        return f"{_SAYS} The tool answered: {_echo(asked.result)}"
    return f"{_SAYS} You said: {_echo(asked.text)}{_attached(asked.attached)}"


def _echo(text: str) -> str:
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}…"


def _attached(kinds: Sequence[str]) -> str:
    counted = {kind: list(kinds).count(kind) for kind in kinds}
    named = [f"{count} {kind}{'s' * (count > 1)}" for kind, count in counted.items()]
    return f" (with {', '.join(named)})" if named else ""


def _tool_uses(asked: Asked, index: int) -> Iterator[ToolUse]:
    # A result was just given: going on to call would keep an agent's loop running for ever.
    if asked.result is not None:
        return
    for position, tool in enumerate(_called(asked)):
        yield ToolUse(
            f"call_{asked.digest}_{index}_{position}", tool.kind, tool.name, _arguments(tool)
        )


def _arguments(tool: Offered) -> str:
    if tool.kind == "custom":
        return "sample input"
    return json.dumps(instance(tool.schema or {"type": "object"}, tool.name))


def _called(asked: Asked) -> Sequence[Offered]:
    """The tools to call: those that the choice names, or that the user's last words mention."""
    if asked.mode == "none":
        return ()
    mentioned = [tool for tool in asked.offered if tool.name in asked.text]
    called = mentioned or (asked.offered[:1] if asked.mode == "required" else ())
    return called if asked.parallel else called[:1]


def _stopped(choice: Choice, stops: Sequence[str]) -> Choice:
    """*choice* with its content cut before the first stop sequence in it."""
    content = choice.content or ""
    ends = [(content.find(stop), stop) for stop in stops if stop and stop in content]
    if not ends:
        return choice
    end, stop = min(ends)
    return replace(choice, content=content[:end], stopped_by=stop)


def _limited(choice: Choice, limit: int | None) -> Choice:
    """*choice* cut to the tokens that the request allows: reasoning first, as real models do."""
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
