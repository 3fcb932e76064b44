"""Chat answers in OpenAI's form, and what llmkit adds to it: reasoning, cost, provenance.

Source of the form: https://platform.openai.com/docs/api-reference/chat/object, read 2026-11-22. Data only:
nothing here knows a provider or does arithmetic with money.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, PrivateAttr

from .._call import CallInfo
from .._cost import Cost, unknown
from ._model import Model

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


class PromptTokensDetails(Model):
    """What the prompt's tokens were; each part is included in ``prompt_tokens``."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset(
        {"text_tokens", "image_tokens", "video_tokens", "cache_write_tokens"}
    )

    cached_tokens: int | None = None
    audio_tokens: int | None = None
    text_tokens: int | None = None
    image_tokens: int | None = None
    video_tokens: int | None = None
    cache_write_tokens: int | None = None


class CompletionTokensDetails(Model):
    """What the answer's tokens were; each part is included in ``completion_tokens``."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"text_tokens", "image_tokens"})

    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None
    text_tokens: int | None = None
    image_tokens: int | None = None


class CacheCreation(Model):
    """Tokens written to the prompt cache, by how long they live there."""

    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class ServerToolUse(Model):
    """How often the provider's own tools ran; some are billed by the call."""

    web_search_requests: int | None = None


class Usage(Model):
    """Tokens of a call. ``None`` means that the provider did not say; it never means zero.

    ``prompt_tokens`` includes what was read from and written to the cache. ``completion_tokens`` includes
    reasoning at most providers, but not at all: where ``total_tokens`` shows that it does not (xAI), both
    are priced.
    """

    absent_when_none: ClassVar[frozenset[str]] = frozenset(
        {
            "prompt_tokens_details",
            "completion_tokens_details",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
            "cache_creation",
            "server_tool_use",
        }
    )

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: CompletionTokensDetails | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    server_tool_use: ServerToolUse | None = None


class _Accounted(Model):
    """What whole answers carry beside OpenAI's fields."""

    _cost: Any = PrivateAttr(default=None)
    _call: Any = PrivateAttr(default=None)

    @property
    def call(self) -> CallInfo:
        """What happened to the call: attempts, timings, parameter ledger, headers, request id."""
        if self._call is None:
            self._call = CallInfo(id=str(self.get("id", "")))
        return self._call  # type: ignore[no-any-return]

    @property
    def cost(self) -> Cost:
        """What the call cost in USD, line by line with sources; or unknown, with the reason."""
        if self._cost is None:
            self._cost = unknown("this answer was not priced")
        return self._cost  # type: ignore[no-any-return]


class ChatCompletion(_Accounted):
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

    def _repr_markdown_(self) -> str:
        usage = self.usage
        tokens = (
            f"{usage.prompt_tokens} + {usage.completion_tokens} tokens" if usage else "no usage"
        )
        return f"{self.text}\n\n---\n*{self.model} · {tokens} · {self.cost}*"


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
