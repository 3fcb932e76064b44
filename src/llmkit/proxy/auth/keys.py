"""Keys: how one is made, what is kept of it, and how it is shown. Who may have one, and for what, is not here."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

__all__ = ["LONGEST", "generate", "key_name", "same", "token_of"]

LONGEST: Final = 16 * 1024
"""Characters of the longest thing that is looked at as a key; tokens of identity providers are the long ones."""
_RANDOM_BYTES: Final = 32
_SHOWN: Final = 4


def generate(beginning: str = "sk-") -> str:
    """A new key: 256 random bits, in 43 characters of letters, digits, ``-`` and ``_``."""
    return beginning + secrets.token_urlsafe(_RANDOM_BYTES)


def token_of(key: str) -> str:
    """What is kept of a key: its SHA-256, in 64 hexadecimal digits.

    No salt and no slow hash: a key that was made here has 256 bits that nobody guesses, and it is looked up by this.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def key_name(key: str) -> str:
    """How a key is shown: ``sk-...abcd``; of a short one, nothing."""
    return f"sk-...{key[-_SHOWN:]}" if len(key) >= 4 * _SHOWN else "sk-..."


def same(one: str, other: str) -> bool:
    """Whether two tokens are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
