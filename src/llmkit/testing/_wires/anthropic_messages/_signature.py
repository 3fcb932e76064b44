"""The signature that goes with thinking: made here, and known again when the thinking comes back."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

__all__ = ["signature"]

_SALT: Final = "llmkit simulator: "


def signature(thinking: str) -> str:
    """The signature of *thinking*; like the real one it fits this text only, and hides nothing else."""
    digest = hashlib.sha512((_SALT + thinking).encode(errors="replace")).digest()
    return base64.b64encode(digest).decode()
