"""Ollama, on this machine as a rule; ollama.com with a key.

Its default address and what ``OLLAMA_HOST`` may hold are in the server's ``envconfig/config.go``
(github.com/ollama/ollama), the key in https://docs.ollama.com/cloud; both read 2026-11-22.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from .._flow import Flow
from .._http import Endpoint
from ..errors import ConfigurationError
from ..wires.ollama_chat import OllamaChat
from ._provider import Provider, Where

__all__ = ["PROVIDER", "located"]

_PORT = 11434
# Addresses to listen at, on every interface: nobody can be called there.
_LISTENING = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - replaced, not bound


def located(where: Where) -> Flow[Endpoint]:
    """The server's address: as the server itself reads it, a host alone has its port."""
    yield from ()
    stated = where.base_url if where.given else _stated(where)
    return Endpoint(_connectable(stated or str(where.base_url)), where.headers, where.query)


def _stated(where: Where) -> str | None:
    """The environment's own words: whether they had a scheme decides which port is meant."""
    names = where.provider.base_env
    return next((where.environ[name].strip() for name in names if where.environ.get(name)), None)


def _connectable(stated: str) -> str:
    address = stated if "://" in stated else f"http://{stated}"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "127.0.0.1", parts.port
    except ValueError:
        raise ConfigurationError(f"{stated!r:.200} is no address of a server") from None
    host = _LISTENING.get(host, f"[{host}]" if ":" in host else host)
    if port is None and "://" not in stated:
        port = _PORT
    known = f"{host}:{port}" if port else host
    return urlunsplit((parts.scheme, known, parts.path.rstrip("/"), parts.query, ""))


PROVIDER = Provider(
    name="ollama",
    base_url=f"http://localhost:{_PORT}",
    chat=OllamaChat(),
    calls={
        "embedding": "llmkit.wires.ollama_embed:OLLAMA_EMBED",
        "text_completion": "llmkit.wires.ollama_generate:OLLAMA_GENERATE",
        "models": "llmkit.wires.ollama_models:OLLAMA_MODELS",
    },
    locate=located,
    key_env=("OLLAMA_API_KEY",),
    base_env=("OLLAMA_API_BASE", "OLLAMA_HOST"),
    key_optional=True,
    aliases=("ollama_chat",),
    docs="https://docs.ollama.com/api/chat",
    read="2026-11-22",
)
