"""Finding a local Ollama: whether one answers, and with which model.

One short question over loopback; a server that is slow, absent or something else is no Ollama.
"""

from __future__ import annotations

import json
import os
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

__all__ = ["find"]

# Environment variables with its address, the first one set wins; the second is Ollama's own.
_VARIABLES: Final = ("OLLAMA_API_BASE", "OLLAMA_HOST")
_PORT: Final = 11434
# Where models are listed, how, and below what they are asked.
_LISTS: Final = (("/api/tags", "models", "name", ""), ("/v1/models", "data", "id", "/v1"))
_TIMEOUT: Final = 0.3
_LARGEST: Final = 1024 * 1024


def find() -> tuple[str, str] | None:
    """The base URL and the first model of a running Ollama, if there is one; of what is only like it, OpenAI's form."""
    root = _root()
    for path, group, member, form in _LISTS:
        try:
            model = _get(f"{root}{path}")[group][0][member]
        except (OSError, HTTPException, ValueError, LookupError, TypeError):
            continue
        if isinstance(model, str) and model:
            return f"{root}{form}", model
    return None


def _root() -> str:
    """The server's root; a host alone, a port alone and the listening address 0.0.0.0 are meant."""
    stated = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "")
    address = stated if "//" in stated else f"http://{stated}"
    try:
        parts = urlsplit(address.strip().rstrip("/"))
        host, port = parts.hostname or "127.0.0.1", parts.port
    except ValueError:
        return f"http://127.0.0.1:{_PORT}"
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104 - replaced, not bound
    # A URL without a port means its scheme's; an address without a scheme, Ollama's own.
    known = f":{port}" if port else "" if "//" in stated else f":{_PORT}"
    return f"{parts.scheme}://{host}{known}{parts.path.removesuffix('/v1')}"


def _get(url: str) -> Any:
    # Straight to it: a proxy of the environment is not meant for a server on this machine.
    with build_opener(ProxyHandler({})).open(url, timeout=_TIMEOUT) as answer:
        return json.loads(answer.read(_LARGEST))
