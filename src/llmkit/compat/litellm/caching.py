"""``litellm.Cache`` and its kin: an ``llmkit.Cache`` by LiteLLM's arguments. What is kept is llmkit's affair."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ... import cache as _cache
from ...errors import ConfigurationError
from . import _settings

__all__ = ["Cache", "disable_cache", "enable_cache", "update_cache"]

_KINDS: Final = {
    "completion": "chat",
    "embedding": "embedding",
    "rerank": "rerank",
    "responses": "responses",
    "text_completion": "text_completion",
    "transcription": "transcription",
}
_MODES: Final = {"default_on": "on", "default_off": "off"}


class Cache(_cache.Cache):
    """Answers that are kept. Entries are those of llmkit: a store that LiteLLM has filled is empty for it.

    Args:
        type: ``local``, ``redis`` or ``disk``.
        mode: ``default_on``; or ``default_off``: for calls with ``cache={"use-cache": True}``.
        host: Redis'; by default the variable ``REDIS_HOST``, or ``REDIS_URL`` for all of it.
        port: its port.
        password: its password.
        namespace: entries of other namespaces are not found.
        ttl: seconds for which an answer is kept.
        supported_call_types: LiteLLM's names of what is kept; by default all that can be.
        disk_cache_dir: the folder of ``cache.db``, with ``disk``.

    Raises:
        ConfigurationError: another type, or an argument that is not honoured.
    """

    def __init__(  # noqa: PLR0917 - as LiteLLM has it
        self,
        type: str = "local",  # noqa: A002 - LiteLLM's name
        mode: str = "default_on",
        host: str | None = None,
        port: str | int | None = None,
        password: str | None = None,
        namespace: str | None = None,
        ttl: float | None = None,
        supported_call_types: Sequence[str] | None = None,
        disk_cache_dir: str | None = None,
        **more: Any,
    ) -> None:
        if told := sorted(name for name, value in more.items() if value is not None):
            raise ConfigurationError(f"litellm.Cache: {', '.join(told)} cannot be honoured")
        if str(mode) not in _MODES:
            raise ConfigurationError(f"mode is 'default_on' or 'default_off', not {mode!r:.80}")
        super().__init__(
            _store(str(type), (host, port, password), disk_cache_dir),
            ttl=ttl,
            namespace=namespace or "",
            mode=_MODES[str(mode)],  # type: ignore[arg-type] # one of the two
            kinds=None if supported_call_types is None else _kinds(supported_call_types),
        )

    def flush_cache(self) -> None:
        """Throw out all entries."""
        self.clear()


def _kinds(names: Sequence[str]) -> set[str]:
    plain = {name if name in _KINDS else name.removeprefix("a") for name in names}
    return {_KINDS.get(name, name) for name in plain}


def _store(
    kind: str, where: tuple[str | None, str | int | None, str | None], folder: str | None
) -> Any:
    if kind == "local":
        return None
    if kind == "disk":
        path = Path(folder or ".litellm_cache")
        path.mkdir(parents=True, exist_ok=True)
        return path / "cache.db"
    if kind != "redis":
        raise ConfigurationError(
            f"litellm.Cache: type is 'local', 'redis' or 'disk', not {kind!r:.80}"
        )
    host, port, password = where
    environ = os.environ
    if host is None and (url := environ.get("REDIS_URL")):
        return url
    secret = password or environ.get("REDIS_PASSWORD")
    entry = f":{quote(secret, safe='')}@" if secret else ""
    host = host or environ.get("REDIS_HOST") or "localhost"
    return f"redis://{entry}{host}:{port or environ.get('REDIS_PORT') or 6379}"


def enable_cache(**arguments: Any) -> None:
    """``litellm.cache = Cache(…)``, where there is none."""
    if _settings.setting("cache") is None:
        update_cache(**arguments)


def update_cache(**arguments: Any) -> None:
    """``litellm.cache = Cache(…)``."""
    _settings.put("cache", Cache(**arguments))


def disable_cache() -> None:
    """``litellm.cache = None``."""
    _settings.put("cache", None)
