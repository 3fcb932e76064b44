"""Answers and parameters in the form of Anthropic's Messages API.

Source: https://platform.claude.com/docs/en/api/messages, read 2026-11-22. Data only: nothing here knows a provider.
Blocks and events are of many kinds: their fields are reached by name, known here or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, PrivateAttr
from typing_extensions import TypedDict, override

from ._model import Model
from .answer import Answer
from .params import CallOptions
from .usage import Usage

__all__ = [
    "ContentBlock",
    "MessageEvent",
    "MessageResponse",
    "MessageUsage",
    "MessagesModelParams",
    "MessagesParams",
]


class MessagesModelParams(TypedDict, total=False):
    """What goes to the model. A key that is absent is not sent; ``None`` counts as absent."""

    max_tokens: int | None
    """Most tokens of the answer, thinking included."""
    system: str | Sequence[Mapping[str, Any]] | None
    """The instruction: a text, or blocks of text."""
    temperature: float | None
    """Randomness, 0 to 1."""
    top_p: float | None
    """Sample from the likeliest tokens that make up this probability, 0 to 1."""
    top_k: int | None
    """Sample from this many likeliest tokens."""
    stop_sequences: Sequence[str] | None
    """Texts that end the answer; they are not part of it."""
    tools: Sequence[Mapping[str, Any]] | None
    """Tools, in this API's form: ``name``, ``description``, ``input_schema``; and the provider's own."""
    tool_choice: Mapping[str, Any] | None
    """``{"type": "auto" | "any" | "none"}``, or one tool by its name."""
    thinking: Mapping[str, Any] | None
    """Whether and how much to think: ``{"type": "enabled", "budget_tokens": …}`` …"""
    output_config: Mapping[str, Any] | None
    """``effort``, and the ``format`` of the answer."""
    metadata: Mapping[str, Any] | None
    """``user_id``: your end user's id, for the provider's abuse detection."""
    service_tier: str | None
    """``auto`` or ``standard_only``; it changes the price."""
    container: Any
    """The container that the provider's own code execution goes on in."""
    context_management: Mapping[str, Any] | None
    """When and what to clear or compact of a long conversation."""
    mcp_servers: Sequence[Mapping[str, Any]] | None
    """Servers whose tools the provider calls by itself."""
    inference_geo: str | None
    """Where the model shall run."""
    cache_control: Mapping[str, Any] | None
    """Cache the prompt as far as it goes."""
    speed: str | None
    """``fast`` or ``standard``; it changes the price."""
    output_format: Mapping[str, Any] | None
    """The answer's format, by its older name: see ``output_config``."""


class MessagesParams(MessagesModelParams, CallOptions, total=False):
    """All keywords of ``messages`` but ``model``, ``messages`` and ``stream``."""


class ContentBlock(Model):
    """One block of an answer: a text, thinking, a tool's call …, as ``type`` says."""

    type: str = "text"


class MessageUsage(Model):
    """Tokens of a call. ``input_tokens`` leaves out what the cache was read from and written to."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset(
        {"cache_creation_input_tokens", "cache_read_input_tokens"}
    )

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class MessageResponse(Answer):
    """A whole answer."""

    id: str = ""
    type: str = "message"
    role: str = "assistant"
    model: str = ""
    content: list[ContentBlock] = Field(default_factory=list)
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: MessageUsage | None = None

    _counted: Usage | None = PrivateAttr(default=None)

    def count(self, usage: Usage | None) -> None:
        """Say what was used, in a chat's terms; whoever reads the answer does."""
        self._counted = usage

    @override
    def counted(self) -> Usage | None:
        """The tokens used, in a chat's terms: the cache's included."""
        return self._counted

    @override
    def tier(self) -> str | None:
        """The service tier: this API tells it beside the tokens."""
        told = self.usage.get("service_tier") if self.usage is not None else None
        return told if isinstance(told, str) else None

    @override
    def wrote(self) -> Any:
        """The blocks."""
        return self.content

    @property
    def text(self) -> str:
        """All texts of the answer, one after another."""
        return "".join(str(block.get("text", "")) for block in self.content if block.type == "text")

    @override
    def _parts(self) -> list[tuple[str, str, str]]:
        kinds = {"text": ("text", "text"), "thinking": ("reasoning", "thinking")}
        found = []
        for block in self.content:
            if block.type in kinds:
                kind, field = kinds[block.type]
                found.append((kind, "", str(block.get(field, ""))))
            elif block.get("name"):
                found.append(("call", str(block["name"]), str(block.get("input", ""))))
        return found

    @override
    def _repr_markdown_(self) -> str:
        return self._markdown()

    def _repr_html_(self) -> str:
        return self._html()


class MessageEvent(Model):
    """One event of a stream: ``type`` says which, and its own fields are beside."""

    type: str = ""

    @property
    def said(self) -> str:
        """The text that the answer gains by this event."""
        delta = self.get("delta")
        told = delta.get("text") if isinstance(delta, Mapping) else None
        return told if isinstance(told, str) else ""
