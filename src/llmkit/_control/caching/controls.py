"""What a call says of the cache: ``cache={…}`` and ``caching=``, in LiteLLM's words. Values only.

Source: https://docs.litellm.ai/docs/proxy/caching_controls and litellm/caching/caching.py, read 2026-11-23. As there,
``no-cache`` does not look, ``no-store`` does not keep; other than there, a key that nobody knows is refused.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ...errors import ConfigurationError

__all__ = ["CONTROLS", "KNOWN", "Control", "control_of", "namespace_of", "seconds_of"]

CONTROLS: Final = ("no-cache", "no-store", "ttl", "s-maxage", "namespace", "use-cache")
_ALSO: Final = {"s-max-age": "s-maxage"}
KNOWN: Final = (*CONTROLS, *_ALSO)
"""All that can be said, in either spelling."""
_WANTS: Final = ("ttl", "s-maxage", "namespace", "use-cache")
"""What says nothing unless there is a cache."""
_LONGEST: Final = 256


class Control(NamedTuple):
    """What a call wants of the cache. Times are seconds; ``None``: as the cache says."""

    reads: bool = True
    keeps: bool = True
    ttl: float | None = None
    max_age: float | None = None
    namespace: str | None = None


def control_of(options: Mapping[str, Any], mode: str | None) -> Control | None:
    """What a call wants; ``None``: nothing of the cache.

    Args:
        options: the call's.
        mode: ``on`` or ``off``: what holds for calls that do not say it; ``None``: there is no cache.

    Raises:
        ConfigurationError: what is said cannot be meant, or there is no cache to do it.
    """
    given, caching = options.get("cache"), options.get("caching")
    said = {} if given is None else _checked(given)
    if not isinstance(caching, bool | None):
        raise ConfigurationError(f"caching is True or False, not {caching!r:.80}")
    if mode is None:
        _refuse_without(said, caching)
        return None
    wanted = mode == "on" if caching is None else caching
    if caching is None and "use-cache" in said:
        wanted = said["use-cache"]
    if not wanted:
        return None
    return Control(
        not said.get("no-cache", False),
        not said.get("no-store", False),
        said.get("ttl"),
        said.get("s-maxage"),
        said.get("namespace"),
    )


def _refuse_without(said: Mapping[str, Any], caching: Any) -> None:
    wants = [name for name in _WANTS if said.get(name)]
    if caching or wants:
        what = "caching=True" if caching else f"cache={{{wants[0]!r}: …}}"
        raise ConfigurationError(f"{what} needs a cache: Client(cache=Cache()), see llmkit.cache")


def _checked(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            f"cache says what a call wants of the cache, such as {{'no-cache': True}}, not {given!r:.80}"
        )
    said: dict[str, Any] = {}
    for name, value in given.items():
        name = _ALSO.get(name, name)  # noqa: PLW2901 - LiteLLM's other spelling
        if name not in CONTROLS:
            near = difflib.get_close_matches(str(name), CONTROLS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(CONTROLS)}"
            raise ConfigurationError(f"cache: there is no {name!r:.80}; {hint}")
        if value is not None:
            said[name] = _CHECKS[name](value, f"cache: {name}")
    return said


def _flag(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{what} is True or False, not {value!r:.80}")
    return value


def seconds_of(value: Any, what: str) -> float:
    """A number of seconds, at least 0."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise ConfigurationError(f"{what} is a number of seconds, at least 0, not {value!r:.80}")
    return float(value)


def namespace_of(value: Any, what: str = "namespace") -> str:
    """A name of entries that are kept apart from others."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ConfigurationError(
            f"{what} is a text of at most {_LONGEST} characters, not {value!r:.80}"
        )
    return value


_CHECKS: Final[dict[str, Callable[[Any, str], Any]]] = {
    "no-cache": _flag,
    "no-store": _flag,
    "use-cache": _flag,
    "ttl": seconds_of,
    "s-maxage": seconds_of,
    "namespace": namespace_of,
}
