"""What went wrong, in our words: which of the server's codes mean what, and no password in any of it."""

from __future__ import annotations

from typing import Final

from ...._secret import redact
from ....errors import StoreError, StoreUnavailableError

__all__ = ["Lost", "refusal"]

# https://www.postgresql.org/docs/18/errcodes-appendix.html, read 2026-11-22. The first two characters are the class.
_LOST: Final = ("08", "57P01", "57P02", "57P03", "57P05", "25006")
"""The connection is no good: broken, shut down, or to a server that has become a standby."""
_AGAIN: Final = ("40001", "40P01", "23505")
"""Somebody else's transaction was in the way, or the same operation sent twice: repeated, it sees what that one did."""
_UNAVAILABLE: Final = ("53", "55P03", "57", "58")
"""No room, memory or connection left; a lock or an answer took too long; the operating system's failures."""
_RAISED: Final = "P0001"
"""By our own functions: the operation is one that the rules refuse."""
_NO_SCHEMA: Final = ("42883", "42P01", "3F000")


class Lost(Exception):
    """What became of the operation is not known. It can be repeated on another connection."""


def refusal(code: str, text: str) -> Exception:
    """The server's error as an exception."""
    text = redact(text.strip())
    if code.startswith(_LOST + _AGAIN):
        return Lost(text)
    if code.startswith(_UNAVAILABLE):
        return StoreUnavailableError(f"PostgreSQL cannot do it now: {text} ({code})")
    if code == _RAISED:
        return StoreError(text)
    if code in _NO_SCHEMA:
        return StoreError(f"the schema is not llmkit's, or was dropped meanwhile: {text} ({code})")
    return StoreError(f"PostgreSQL refused: {text} ({code})")
