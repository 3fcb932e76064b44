"""The error that means: the command was used wrongly. Nothing else lives here."""

from __future__ import annotations

__all__ = ["UsageError"]


class UsageError(Exception):
    """The arguments or the input cannot be used; the text says what to change. Exit code 2."""
