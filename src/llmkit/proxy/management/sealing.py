"""Credentials at rest: sealed with the master key, so that the database alone tells nobody. Nothing is stored here."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ..._secret import Secret, redact_url
from ..failure import Refused
from ..settings import Settings

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

__all__ = ["sealed", "unsealed"]

_SEALED: Final = "sealed"
_SALT: Final = b"llmkit.proxy.models"
_WORK: Final = 2**14
"""scrypt's: a twentieth of a second, once a process. Master keys can be short."""
_REFERENCE: Final = "os.environ/"
_PLAIN: Final = frozenset({
    "api_base",
    "api_version",
    "base_url",
    "input_cost_per_token",
    "max_parallel_requests",
    "max_retries",
    "max_tokens",
    "model",
    "num_retries",
    "order",
    "output_cost_per_token",
    "rpm",
    "stream_timeout",
    "tags",
    "temperature",
    "timeout",
    "tpm",
    "weight",
})  # fmt: skip
"""What may stand in the database as it is, where there is nothing to seal it with."""


@lru_cache(2)
def _fernet(key: Secret) -> Fernet:
    from cryptography.fernet import Fernet  # noqa: PLC0415 - it is large, and few keep models here

    made = hashlib.scrypt(key.reveal().encode(), salt=_SALT, n=_WORK, r=8, p=1, dklen=32)
    return Fernet(base64.urlsafe_b64encode(made))


def sealed(settings: Settings, params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a deployment as they are stored.

    Raises:
        Refused: 400, there are credentials among them, and no master key that is known at every start.
    """
    if settings.master is not None:
        text = json.dumps(dict(params), separators=(",", ":")).encode()
        return {_SEALED: _fernet(settings.master).encrypt(text).decode()}
    secret = sorted(name for name, value in params.items() if not _harmless(name, value))
    if secret:
        raise Refused(
            400,
            f"{', '.join(secret):.300}: to be stored, this is sealed with a master key that is set: start the gateway "
            "with LLMKIT_MASTER_KEY, or name a variable of its environment: os.environ/NAME",
            "bad_request_error",
            param="litellm_params",
        )
    return dict(params)


def _harmless(name: str, value: Any) -> bool:
    if isinstance(value, str) and value.startswith(_REFERENCE):
        return True
    plain = not isinstance(value, str) or (redact_url(value) == value and "@" not in value)
    return name in _PLAIN and plain


def unsealed(settings: Settings, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as they were given.

    Raises:
        ValueError: they were sealed with another master key.
    """
    text = stored.get(_SEALED)
    if text is None:
        return dict(stored)
    if settings.master is None:
        raise ValueError("it is sealed, and no master key is set")
    from cryptography.fernet import InvalidToken  # noqa: PLC0415

    try:
        found: dict[str, Any] = json.loads(_fernet(settings.master).decrypt(text.encode()))
    except InvalidToken:
        raise ValueError("it was sealed with another master key") from None
    return found
