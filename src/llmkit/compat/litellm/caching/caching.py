"""``litellm.caching.caching``: the path that LiteLLM's programs import ``Cache`` from, too."""

from __future__ import annotations

from . import Cache, disable_cache, enable_cache, update_cache

__all__ = ["Cache", "disable_cache", "enable_cache", "update_cache"]
