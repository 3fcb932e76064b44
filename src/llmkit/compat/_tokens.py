"""LiteLLM's ``token_counter``, ``encode``, ``decode`` and ``trim_messages``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._api._default import default_client
from .._kinds import tokens as counting
from ..errors import ConfigurationError, LLMKitError

__all__ = ["decode", "encode", "token_counter", "trim_messages"]

_ANY = "gpt-3.5-turbo"
"""Where no model is named: LiteLLM counts by ``cl100k_base`` then, which is this model's encoding."""


def token_counter(  # noqa: PLR0917 - as LiteLLM has it
    model: str = "",
    custom_tokenizer: Any = None,
    text: str | Sequence[str] | None = None,
    messages: Sequence[Any] | None = None,
    count_response_tokens: bool | None = False,  # noqa: FBT001, FBT002 - as LiteLLM has it
    tools: Sequence[Any] | None = None,
    tool_choice: Any = None,
    use_default_image_token_count: bool | None = False,  # noqa: FBT001, FBT002
    default_token_count: int | None = None,
) -> int:
    """How many tokens a text or a conversation has; whether that is exact, ``llmkit.token_counter`` says.

    ``use_default_image_token_count`` changes nothing: nothing is fetched to count it. ``default_token_count`` is the
    answer where nothing can be counted.

    Raises:
        ConfigurationError: a ``custom_tokenizer`` was given: only the encodings that llmkit knows are taken.
        InvalidRequestError: there is nothing to count.
    """
    _refused(custom_tokenizer)
    try:
        counted = default_client().token_counter(
            model or _ANY,
            messages,
            text=text,
            tools=tools,
            tool_choice=tool_choice,
            count_response_tokens=bool(count_response_tokens),
        )
    except LLMKitError:
        if default_token_count is None:
            raise
        return default_token_count
    return int(counted)


def encode(model: str = "", text: str = "", custom_tokenizer: Any = None) -> list[int]:
    """The tokens of a text.

    Raises:
        ConfigurationError: no public encoding is known for the model (LiteLLM takes another one then); or a
            ``custom_tokenizer`` was given.
    """
    _refused(custom_tokenizer)
    return counting.encode(model or _ANY, text)


def decode(
    model: str = "",
    tokens: Sequence[int] = (),
    custom_tokenizer: Any = None,
    skip_special_tokens: bool = True,  # noqa: FBT001, FBT002 - as LiteLLM has it
) -> str:
    """The text of tokens; special ones are ordinary text here, and none is skipped. Raises as ``encode``."""
    _refused(custom_tokenizer)
    return counting.decode(model or _ANY, tokens)


def trim_messages(
    messages: Sequence[Any],
    model: str | None = None,
    trim_ratio: float = 0.75,
    return_response_tokens: bool = False,  # noqa: FBT001, FBT002 - as LiteLLM has it
    max_tokens: int | None = None,
) -> Any:
    """The conversation without its oldest messages, so that it fits; see ``llmkit.trim_messages``.

    A tool's call and its result stay together, which LiteLLM does not see to. With ``return_response_tokens``:
    the messages, and how many tokens are left. Without a model and ``max_tokens`` there is no limit.
    """
    if model is None and max_tokens is None:
        return (list(messages), None) if return_response_tokens else list(messages)
    return default_client().trim_messages(
        messages,
        model or _ANY,
        max_tokens=max_tokens,
        trim_ratio=trim_ratio,
        return_response_tokens=return_response_tokens,  # type: ignore[call-overload]
    )


def _refused(tokenizer: Any) -> None:
    if tokenizer is not None:
        raise ConfigurationError(
            "custom_tokenizer is not taken: the model says how tokens are counted"
        )
