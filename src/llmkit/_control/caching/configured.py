"""What a LiteLLM configuration says of its cache, as what a ``Cache`` is made of. Pure; nothing is opened here.

Source: https://docs.litellm.ai/docs/proxy/caching and litellm/caching/caching.py, read 2026-11-23.
"""

from __future__ import annotations

import json
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
    "moderation": "moderation",
    "anthropic_messages": "messages",
}
"""Types of call, without the ``a`` of those that are awaited."""
_MODES: Final = {"default_on": "on", "default_off": "off"}
_TTLS: Final = ("default_in_memory_ttl", "default_in_redis_ttl")
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
    "redis_startup_nodes",
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
        if name in ("ttl", *_TTLS):
            continue
        if name == "namespace":
            how["namespace"] = value
        elif name == "mode":
            how["mode"] = _mode(value)
        elif name == "supported_call_types":
            how["kinds"] = _kinds(value, refused)
        elif name not in _WHERE:
            refused.append((name, "a cache here has no such setting: see llmkit.cache.Cache"))
    store = _store(said, environ)
    if (ttl := _ttl(said, store)) is not None:
        how["ttl"] = ttl
    return Configured(store, how, tuple(refused))


def _ttl(said: Mapping[str, Any], store: str | None) -> Any:
    """That of the kind of store goes before that of all."""
    kind = "default_in_memory_ttl" if store is None else "default_in_redis_ttl"
    return said.get(kind if store is None or "://" in store else "ttl", said.get("ttl"))


def _mode(value: Any) -> str:
    if not isinstance(value, str) or value not in _MODES:
        raise ConfigurationError(f"mode is 'default_on' or 'default_off', not {value!r:.80}")
    return _MODES[value]


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
    """Where entries are: what is said here goes before what the environment says."""
    url, host, port = said.get("url") or said.get("redis_url"), said.get("host"), said.get("port")
    if not url and not host:
        host, port = _node(said, environ) or (None, port)
    if not url and not host:
        url, host = environ.get("REDIS_URL"), environ.get("REDIS_HOST")
    kind = said.get("type", "redis" if url or host else "local")
    kind = str(getattr(kind, "value", kind))
    if kind not in _STORES:
        raise ConfigurationError(f"a cache's type is {', '.join(_STORES)}, not {kind!r:.80}")
    if kind == "local":
        return None
    if kind == "disk":
        folder = str(said.get("disk_cache_dir") or ".")
        return f"{folder.rstrip('/')}/{_FILE}"
    return str(url) if url else _url(said, (str(host or "localhost"), port), environ)


def _node(said: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Any, Any] | None:
    """One of a cluster's, which knows where the entries are: they are all at one."""
    nodes = said.get("redis_startup_nodes") or environ.get("REDIS_CLUSTER_NODES")
    if not nodes:
        return None
    try:
        first = (json.loads(nodes) if isinstance(nodes, str) else nodes)[0]
        return first["host"], first["port"]
    except (ValueError, LookupError, TypeError):
        raise ConfigurationError(
            "redis_startup_nodes is a list of nodes, such as [{'host': '10.0.0.1', 'port': 7001}]"
        ) from None


def _url(said: Mapping[str, Any], where: tuple[str, Any], environ: Mapping[str, str]) -> str:
    ssl = said.get("ssl")
    secure = ssl if isinstance(ssl, bool) else str(ssl or "").lower() in {"true", "1", "yes", "on"}
    scheme = "rediss" if secure else "redis"
    password = str(said.get("password") or environ.get("REDIS_PASSWORD") or "")
    user = str(said.get("username") or environ.get("REDIS_USERNAME") or "")
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if password else ""
    host, port = where
    port = port or environ.get("REDIS_PORT") or 6379
    return f"{scheme}://{who}{host}:{port}/{said.get('db') or 0}"
