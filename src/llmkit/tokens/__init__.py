"""Tokens of a prompt, counted without asking anyone. Rules of models are the catalogue's; nothing here is sent.

``count`` answers for a rule (``catalogue.counting``): exact where the encoding is public and recorded usage shows what
stands around texts, else a stated estimate with a bound. ``encode`` and ``decode`` need an encoding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigurationError, InvalidRequestError
from . import _text
from ._attached import apart
from ._chat import count_chat
from ._counted import CountedTokens
from ._estimate import prompt_tokens, text_tokens
from ._given import checked_text, plain_messages, texts
from ._media import part_tokens
from ._trim import CannotTrimError, Trimmed, trim, trimmed

__all__ = [
    "CannotTrimError",
    "CountedTokens",
    "Trimmed",
    "checked_text",
    "count",
    "decode",
    "encode",
    "plain_messages",
    "texts",
    "trim",
    "trimmed",
]

Rule = Mapping[str, Any]


def count(
    rule: Rule,
    *,
    text: str | Sequence[str] | None = None,
    messages: Sequence[Mapping[str, Any]] | None = None,
    **params: Any,
) -> CountedTokens:
    """The tokens of a text (or of each of several, added up), of messages, or of both.

    Args:
        rule: how a model counts, from ``catalogue.counting``.
        text: plain text, as an embedding model takes it: nothing is put around it.
        messages: a conversation in chat's form, with what the provider puts around it.
        **params: ``tools``, ``functions``, ``tool_choice``, ``function_call``, ``response_format``, as they are sent.

    Raises:
        ConfigurationError: the encoding cannot be loaded, or the rule is none.
        InvalidRequestError: something contains itself, or is nested deeper than any request can be.
    """
    if not isinstance(rule, Mapping):
        raise ConfigurationError(
            f"a rule is what catalogue.counting gives, not {rule!r:.80}: llmkit.token_counter takes a model's name"
        )
    total = CountedTokens(0)
    for one in [text] if isinstance(text, str) else text or ():
        total += _count_text(rule, one)
    if messages is None:
        return total
    try:
        return total + _count_messages(rule, messages, params)
    except RecursionError:
        raise InvalidRequestError(
            "messages or tools contain themselves, or are nested too deeply", param="messages"
        ) from None


def encode(rule: Rule, text: str) -> list[int]:
    """The tokens of a text. Special tokens in it are ordinary text.

    Raises:
        ConfigurationError: no public encoding is known for the model; or it cannot be loaded.
        InvalidRequestError: it is no text.
    """
    return _text.encode(_encoding(rule), checked_text(text))


def decode(rule: Rule, tokens: Sequence[int]) -> str:
    """The text of tokens; bytes that are no UTF-8 become U+FFFD.

    Raises:
        ConfigurationError: as ``encode``; or a number is no token.
    """
    return _text.decode(_encoding(rule), tokens)


def _encoding(rule: Rule) -> str:
    encoding = rule.get("encoding")
    if not isinstance(encoding, str):
        raise ConfigurationError(
            "no public encoding is known for this model, so there are no tokens to show; token_counter "
            "estimates how many there are, or asks the provider with exact=True"
        )
    return encoding


def _count_text(rule: Rule, text: str) -> CountedTokens:
    encoding = rule.get("encoding")
    if encoding is None:
        return text_tokens(text, rule)
    found = _text.count_text(encoding, text)
    if not rule.get("assumed"):
        return found
    most = None if found.at_most is None else max(found.at_most, len(text.encode(errors="replace")))
    return CountedTokens(
        found, exact=False, at_most=most, notes=(*found.notes, *rule.get("notes", ()))
    )


def _count_messages(
    rule: Rule, messages: Sequence[Mapping[str, Any]], params: Mapping[str, Any]
) -> CountedTokens:
    if rule.get("encoding") is not None:
        return count_chat(rule, messages, params)
    parts: list[Mapping[str, Any]] = []
    total = prompt_tokens(apart(messages, parts), rule, params)
    for part in parts:
        total += part_tokens(part, rule) or CountedTokens(0)
    return total
