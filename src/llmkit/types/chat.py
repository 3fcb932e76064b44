"""Chat answers in OpenAI's form, and the reasoning that llmkit adds to it.

Source of the form: https://platform.openai.com/docs/api-reference/chat/object, read 2026-11-22. Data only:
nothing here knows a provider or does arithmetic with money.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from ._model import Model
from .answer import Answer
from .usage import (
    CacheCreation,
    CompletionTokensDetails,
    PromptTokensDetails,
    ServerToolUse,
    Usage,
)

__all__ = [
    "Audio",
    "CacheCreation",
    "ChatCompletion",
    "ChatCompletionChunk",
    "Choice",
    "ChunkChoice",
    "CompletionTokensDetails",
    "Delta",
    "FunctionCall",
    "Logprobs",
    "Message",
    "PromptTokensDetails",
    "ServerToolUse",
    "TokenLogprob",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
]


class FunctionCall(Model):
    """A function the model wants called; ``arguments`` is JSON text as the model wrote it."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(Model):
    """One tool call. ``function`` is ``None`` only for a custom tool, whose call is in ``custom``."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"function", "index", "custom"})

    id: str | None = None
    type: str = "function"
    function: FunctionCall = Field(default=None)  # type: ignore[assignment]
    custom: dict[str, Any] | None = None
    index: int | None = None


class Audio(Model):
    """Spoken output: base64 ``data``, its ``transcript``, and the ``id`` to refer back to it."""

    id: str | None = None
    data: str | None = None
    transcript: str | None = None
    expires_at: int | None = None


_BEYOND = frozenset(
    {
        "annotations",
        "audio",
        "function_call",
        "images",
        "name",
        "parsed",
        "reasoning_content",
        "refusal",
        "thinking_blocks",
        "tool_calls",
    }
)


class Message(Model):
    """What the model said. Put it back into ``messages`` as it is: reasoning and signatures round-trip.

    ``reasoning_content`` is the thinking as text; ``thinking_blocks`` are its signed or redacted blocks;
    ``parsed`` is the instance of the pydantic class given as ``response_format``.
    """

    absent_when_none: ClassVar[frozenset[str]] = _BEYOND - {"refusal"}

    role: str = "assistant"
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: FunctionCall | None = None
    annotations: list[dict[str, Any]] | None = None
    audio: Audio | None = None
    images: list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    thinking_blocks: list[dict[str, Any]] | None = None
    parsed: Any = None

    def parts(self) -> list[tuple[str, str, str]]:
        """What it says, for who shows it: (what it is, a name, the text)."""
        said = {"reasoning": self.reasoning_content, "text": self.content, "refusal": self.refusal}
        found = [(kind, "", text) for kind, text in said.items() if text]
        for call in self.tool_calls or ():
            function = call.function
            name = "a custom tool" if function is None else function.name
            given = call.custom if function is None else function.arguments
            found.append(("call", name or "", str(given or "")))
        return found


class TokenLogprob(Model):
    """The log-probability of one token, and of the likeliest ones in its place."""

    token: str | None = None
    logprob: float | None = None
    bytes: list[int] | None = None
    top_logprobs: list[TokenLogprob] | None = None


class Logprobs(Model):
    """Log-probabilities, token by token."""

    content: list[TokenLogprob] | None = None
    refusal: list[TokenLogprob] | None = None


class Choice(Model):
    """One of ``n`` answers."""

    index: int = 0
    message: Message = Field(default_factory=Message)
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class ChatCompletion(Answer):
    """A complete answer."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"service_tier", "system_fingerprint"})

    id: str = ""
    object: str = "chat.completion"
    created: int | None = None
    model: str = ""
    choices: list[Choice] = Field(default_factory=list)
    usage: Usage | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None

    @property
    def text(self) -> str:
        """The text of the first choice; empty where there is none."""
        return (self.choices[0].message.content or "") if self.choices else ""

    @property
    def parsed(self) -> Any:
        """The first choice as an instance of the class given as ``response_format``."""
        return self.choices[0].message.parsed if self.choices else None

    @override
    def wrote(self) -> Any:
        """Texts, reasoning, refusals and calls. A host's own ``reasoning`` says the same as ``reasoning_content``."""
        said = [choice.message for choice in self.choices]
        texts = [(one.content, one.reasoning_content, one.refusal) for one in said]
        return [*texts, *((one.tool_calls, one.function_call) for one in said)]

    @override
    def _parts(self) -> list[tuple[str, str, str]]:
        found = []
        for choice in self.choices:
            if len(self.choices) > 1:
                found.append(("choice", str(choice.index), ""))
            found += choice.message.parts()
            if choice.finish_reason not in {None, "stop", "tool_calls"}:
                found.append(("end", choice.finish_reason, ""))
        return found

    @override
    def _repr_markdown_(self) -> str:
        return self._markdown()

    def _repr_html_(self) -> str:
        return self._html()


class ToolCallDelta(Model):
    """A piece of a tool call; pieces with one ``index`` belong together."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"function", "custom"})

    index: int = 0
    id: str | None = None
    type: str | None = None
    function: FunctionCall | None = None
    custom: dict[str, Any] | None = None


class Delta(Model):
    """What a chunk adds to the message."""

    absent_when_none: ClassVar[frozenset[str]] = _BEYOND | {"role", "content"}

    role: str | None = None
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCallDelta] | None = None
    function_call: FunctionCall | None = None
    annotations: list[dict[str, Any]] | None = None
    audio: Audio | None = None
    images: list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    thinking_blocks: list[dict[str, Any]] | None = None


class ChunkChoice(Model):
    """One choice's part of a chunk."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"logprobs"})

    index: int = 0
    delta: Delta = Field(default_factory=Delta)
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class ChatCompletionChunk(Model):
    """One piece of a streamed answer."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset(
        {"service_tier", "system_fingerprint", "usage"}
    )

    id: str = ""
    object: str = "chat.completion.chunk"
    created: int | None = None
    model: str = ""
    choices: list[ChunkChoice] = Field(default_factory=list)
    usage: Usage | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None

    @property
    def text(self) -> str:
        """The text that the first choice gains by this chunk."""
        return (self.choices[0].delta.content or "") if self.choices else ""
