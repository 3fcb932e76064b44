"""``litellm.Cache`` and its kin: an ``llmkit.Cache`` by LiteLLM's arguments. What is kept is llmkit's affair."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .... import cache as _cache
from ...._control.caching.configured import configured
from ....errors import ConfigurationError
from .. import _settings

__all__ = ["Cache", "disable_cache", "enable_cache", "update_cache"]


class Cache(_cache.Cache):
    """Answers that are kept. Entries are those of llmkit: a store that LiteLLM has filled is empty for it.

    Args:
        type: ``local``, ``redis`` or ``disk``.
        mode: ``default_on``; or ``default_off``: for calls with ``cache={"use-cache": True}``.
        host: Redis'; by default the variable ``REDIS_HOST``, or ``REDIS_URL`` for all of it.
        port: its port.
        password: its password.
        namespace: entries of other namespaces are not found.
        ttl: seconds for which an answer is kept; ``default_in_memory_ttl`` and ``default_in_redis_ttl`` go before it.
        supported_call_types: LiteLLM's names of what is kept; by default all that can be.
        disk_cache_dir: the folder of ``cache.db``, with ``disk``.
        **more: ``username``, ``ssl``, ``db``, ``url``, ``redis_startup_nodes``: Redis', too.

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
        said = {
            "type": type, "mode": mode, "host": host, "port": port, "password": password, "namespace": namespace,
            "ttl": ttl, "supported_call_types": supported_call_types, "disk_cache_dir": disk_cache_dir, **more,
        }  # fmt: skip
        found = configured(said, os.environ)
        if found.refused:
            told = ", ".join(sorted(name for name, _ in found.refused))
            raise ConfigurationError(f"litellm.Cache: {told} cannot be honoured")
        disk = str(getattr(type, "value", type)) == "disk"
        super().__init__(_file(disk_cache_dir) if disk else found.store, **found.how)

    def flush_cache(self) -> None:
        """Throw out all entries."""
        self.clear()


def _file(folder: str | None) -> Path:
    path = Path(folder or ".litellm_cache")
    path.mkdir(parents=True, exist_ok=True)
    return path / "cache.db"


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
