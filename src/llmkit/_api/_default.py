"""The default client, made when first needed: the only global. And what can be said of the environment without it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from ..client import Client

__all__ = ["default_client", "validate_environment"]

_default: Client | None = None
_lock = threading.Lock()


def default_client() -> Client:
    """The client behind the module's functions; it is made on first use and closed at exit."""
    global _default  # noqa: PLW0603 - the one global, as documented
    if _default is None:
        with _lock:
            if _default is None:
                _default = Client()
    return _default


def validate_environment(model: str) -> dict[str, Any]:
    """Say whether the environment has what a model needs: ``keys_in_environment``, ``missing_keys``.

    That is a key, or the credentials, the region, the project or the address that the provider wants to be told; the
    files of AWS' and Google's own tools count. What a machine has by its role is not asked for.

    Raises:
        UnknownProviderError: the model's provider is not known.
    """
    from .._control.environment import missing_keys  # noqa: PLC0415 - few programs ask

    return missing_keys(model, os.environ, lambda path: Path(path).expanduser().is_file())
