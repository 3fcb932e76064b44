"""Tokens of a call in OpenAI's chat form, with what other providers count beside it. Data only, no arithmetic.

Source of the form: https://platform.openai.com/docs/api-reference/chat/object, read 2026-11-22.
"""

from __future__ import annotations

from typing import ClassVar

from ._model import Model

__all__ = [
    "CacheCreation",
    "CompletionTokensDetails",
    "PromptTokensDetails",
    "ServerToolUse",
    "Usage",
]


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
            "beside",
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
    beside: list[Usage] | None = None
    """What is billed beside these counts, which leave it out: rounds of the same model (compacting a
    conversation), and those of others, which ``model`` names."""
