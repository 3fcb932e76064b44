"""What a LiteLLM configuration says of its cache, as what a ``Cache`` is made of. Pure; nothing is opened here.

Source: https://docs.litellm.ai/docs/proxy/caching and litellm/caching/caching.py, read 2026-11-23.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from ...errors import ConfigurationError

__all__ = ["Configured", "configured"]

_KINDS: Final = {
    "completion": "chat",
    "embedding": "embedding",
    "rerank": "rerank",
    "responses": "responses",
    "text_completion": "text_completion",
    "transcription": "transcription",
    "image_generation": "image",
    "speech": "speech",
}
"""Types of call, without the ``a`` of those that are awaited."""
_MODES: Final = {"default_on": "on", "default_off": "off"}
_STORES: Final = ("local", "disk", "redis")
_WHERE: Final = (
    "type",
    "host",
    "port",
    "password",
    "username",
    "ssl",
    "db",
    "url",
    "redis_url",
    "disk_cache_dir",
)
_FILE: Final = "answers.db"


class Configured(NamedTuple):
    """Where entries are (a path, a URL, or ``None``: in memory), and keywords of a ``Cache``."""

    store: str | None
    how: dict[str, Any]
    refused: tuple[tuple[str, str], ...]
    """(key, why) of what is not honoured."""


def configured(params: Mapping[str, Any], environ: Mapping[str, str]) -> Configured:
    """What ``cache_params`` say, with the environment's place of Redis, as LiteLLM reads it.

    Raises:
        ConfigurationError: there is no such cache here.
    """
    said = {name: value for name, value in params.items() if value is not None}
    refused: list[tuple[str, str]] = []
    how: dict[str, Any] = {}
    for name, value in said.items():
        if name in ("ttl", "default_in_memory_ttl", "default_in_redis_ttl"):
            how["ttl"] = value
        elif name == "namespace":
            how["namespace"] = value
        elif name == "mode":
            how["mode"] = _MODES.get(value, value)
        elif name == "supported_call_types":
            how["kinds"] = _kinds(value, refused)
        elif name not in _WHERE:
            refused.append((name, "a cache here has no such setting: see llmkit.cache.Cache"))
    return Configured(_store(said, environ), how, tuple(refused))


def _kinds(given: Any, refused: list[tuple[str, str]]) -> list[str]:
    names = [given] if isinstance(given, str) else list(given)
    found = []
    for name in names:
        kind = _KINDS.get(name) or _KINDS.get(str(name).removeprefix("a"))
        if kind is None:
            refused.append((f"supported_call_types.{name}", "such calls are not kept"))
        else:
            found.append(kind)
    return found


def _store(said: Mapping[str, Any], environ: Mapping[str, str]) -> str | None:
    url = said.get("url") or said.get("redis_url") or environ.get("REDIS_URL")
    host = said.get("host") or environ.get("REDIS_HOST")
    kind = said.get("type", "redis" if url or host else "local")
    if kind not in _STORES:
        raise ConfigurationError(
            f"litellm_settings.cache_params.type is {', '.join(_STORES)}, not {kind!r:.80}"
        )
    if kind == "local":
        return None
    if kind == "disk":
        folder = str(said.get("disk_cache_dir") or ".")
        return f"{folder.rstrip('/')}/{_FILE}"
    return str(url) if url else _url(said, str(host or "localhost"), environ)


def _url(said: Mapping[str, Any], host: str, environ: Mapping[str, str]) -> str:
    scheme = "rediss" if said.get("ssl") else "redis"
    password = str(said.get("password") or environ.get("REDIS_PASSWORD") or "")
    user = str(said.get("username") or environ.get("REDIS_USERNAME") or "")
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if password else ""
    port = said.get("port") or environ.get("REDIS_PORT") or 6379
    return f"{scheme}://{who}{host}:{port}/{said.get('db') or 0}"
