"""The cache that a configuration wants for its router. What it says is read in ``_control.caching``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._control.caching.configured import configured
from .._control.routing import checked
from .._control.routing.told import loose, resolved

__all__ = ["cache_in"]


def cache_in(
    sections: dict[str, Any], environ: Mapping[str, str]
) -> tuple[dict[str, Any], Any, tuple[tuple[str, str], ...]]:
    """A configuration without what it says of its cache, that cache, and (key, why) of what it cannot have.

    Raises:
        ConfigurationError: there is no such cache.
    """
    library = sections.get("litellm_settings")
    if not isinstance(library, Mapping) or "cache" not in library:
        return sections, None, ()
    path = "litellm_settings.cache"
    rest = {k: v for k, v in library.items() if k not in {"cache", "cache_params"}}
    sections = {**sections, "litellm_settings": rest}
    if not checked.flag(loose(resolved(library["cache"], path, environ)), path):
        return sections, None, ()
    from ..cache import Cache  # noqa: PLC0415 - few configurations have one

    path += "_params"
    said = resolved(library.get("cache_params") or {}, path, environ)
    found = configured(checked.table(said, path), environ)
    notes = tuple((f"{path}.{name}", why) for name, why in found.refused)
    return sections, Cache(found.store, **found.how), notes
