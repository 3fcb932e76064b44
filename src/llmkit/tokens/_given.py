"""What somebody gave to be counted, checked and made plain. How it is counted is not known here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import InvalidRequestError

__all__ = ["checked_text", "plain_messages", "texts"]


def plain_messages(messages: Any) -> list[Mapping[str, Any]]:
    """Messages as dicts: those that an answer holds are models.

    Raises:
        InvalidRequestError: it is no list of messages; the message says what is wanted.
    """
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Iterable):
        raise InvalidRequestError(
            "messages must be a list of messages such as {'role': 'user', 'content': …}, "
            f"not {type(messages).__name__}; a text alone is text=…",
            param="messages",
        )
    return [_plain(message) for message in messages]


def _plain(message: Any) -> Mapping[str, Any]:
    if isinstance(message, Mapping):
        return message
    dump = getattr(message, "model_dump", None)
    if dump is None or isinstance(message, type):
        raise InvalidRequestError(
            f"a message must be a dict or an answer's message, not {type(message).__name__}",
            param="messages",
        )
    plain: dict[str, Any] = dump(exclude_none=True)
    return plain


def checked_text(text: Any, param: str = "text") -> str:
    """The text. Raises InvalidRequestError for what is none."""
    if not isinstance(text, str):
        raise InvalidRequestError(f"{param} must be a str, not {type(text).__name__}", param=param)
    return text


def texts(text: str | Sequence[str] | None) -> Sequence[str]:
    """Texts in a list: the one, or the several. Raises InvalidRequestError for what is neither."""
    several: Sequence[Any] = (
        () if text is None else text if isinstance(text, list | tuple) else [text]
    )
    if not all(isinstance(each, str) for each in several):
        raise InvalidRequestError("text must be a str or a list of str", param="text")
    return several
