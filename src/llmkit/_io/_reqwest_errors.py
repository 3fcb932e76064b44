"""pyreqwest's failures under httpcore's names, which ``_failures`` knows how to judge.

Its classes say little: a connection that breaks while the answer is awaited is a ``ConnectError`` there, and every
limit of its own a ``ConnectTimeoutError``. What tells is the chain of causes that each of them carries as text.
"""

from __future__ import annotations

from typing import Any

from ..errors import APIResponseValidationError
from ._faults import (
    ConnectError,
    ConnectTimeout,
    LocalProtocolError,
    ProxyError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    WriteError,
)

__all__ = ["fault_of", "head_has_come"]

_CONNECTING = "client error (Connect)"
# Rows: what a cause says, in lower case, and what httpcore calls that.
_KINDS: tuple[tuple[str, type[Exception]], ...] = (
    ("tunnel", ProxyError),
    ("proxy", ProxyError),
    ("socks", ProxyError),
)
_READING: tuple[tuple[str, type[Exception]], ...] = (
    ("brotli", APIResponseValidationError),
    ("zstd", APIResponseValidationError),
    ("frame descriptor", APIResponseValidationError),
    ("reset by peer", ReadError),
    ("broken pipe", WriteError),
)
_OF_BODIES = frozenset({"BodyDecodeError", "ReadError", "ReadTimeoutError"})


def head_has_come(error: Exception) -> bool:
    """Whether it was the answer's body that failed."""
    return type(error).__name__ in _OF_BODIES


def fault_of(error: Exception) -> Exception:
    """The one of ours that says the same."""
    causes = _causes(error)
    words = "; ".join(dict.fromkeys(causes)) or str(error)
    name = type(error).__name__
    if name in ("BuilderError", "ValueError"):
        return LocalProtocolError(words)
    if _CONNECTING in causes:
        words = "; ".join(cause for cause in causes if cause != _CONNECTING)
        kind = ConnectTimeout if "Timeout" in name else ConnectError
        return _named(words, _KINDS, kind)
    if "Timeout" in name:
        return ReadTimeout(words)
    return _named(words, _READING, RemoteProtocolError)


def _named(
    words: str, rows: tuple[tuple[str, type[Exception]], ...], default: type[Exception]
) -> Exception:
    lower = words.lower()
    kind = next((kind for part, kind in rows if part in lower), default)
    if kind is APIResponseValidationError:
        return kind(f"the answer cannot be decompressed: {words}", sent="yes")
    return kind(words)


def _causes(error: Any) -> list[str]:
    """What it says of where it came from, but for the first of it, which names the address with all that it holds."""
    details = getattr(error, "details", None) or {}
    said = [str(cause.get("message", "")) for cause in details.get("causes") or ()]
    return [text for text in said if text and " for url (" not in text]
