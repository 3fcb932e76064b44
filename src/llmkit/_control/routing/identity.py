"""By what a deployment is known: the same in every process and every run, and nothing can be told from it.

It is made of where calls go and what they say: group, model, keys, options, parameters, tags, region, order. How much
it may do (limits, weight, timeouts, prices) can be changed without its becoming another.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..._secret import Secret
from ..budget.scopes import fingerprint
from ..prices import without_prices

if TYPE_CHECKING:
    from .deployment import Deployment

__all__ = ["identity_of"]

_CHANGING: Final = frozenset({"max_cost", "num_retries", "stream_timeout", "timeout"})
_UNREADABLE: Final = re.compile(r"[^A-Za-z0-9._]+")
_LONGEST: Final = 40
_DIGITS: Final = 16


def identity_of(one: Deployment) -> str:
    """``gpt-4o-`` and 64 bits of a digest."""
    options = {k: v for k, v in without_prices(one.options).items() if k not in _CHANGING}
    parts = [
        one.group,
        one.model,
        [_plain(key) for key in one.keys],
        _plain(options),
        _plain(one.params),
        sorted(one.tags),
        sorted(one.tag_regex),
        one.region,
        one.order,
    ]
    text = json.dumps(parts, separators=(",", ":"))
    digest = hashlib.sha256(b"llmkit.deployment:" + text.encode()).hexdigest()[:_DIGITS]
    name = _UNREADABLE.sub("-", one.model.rpartition("/")[2])[:_LONGEST].strip("-")
    return f"{name or 'any'}-{digest}"


def _plain(value: Any) -> Any:
    """A value as JSON that two processes write alike: secrets are fingerprints, functions their names."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Secret):
        return fingerprint(value)
    if isinstance(value, Mapping):
        return {"of": sorted([str(name), _plain(each)] for name, each in value.items())}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return _called(value) if callable(value) else repr(value)


def _called(function: Callable[..., Any]) -> str:
    """Its name; an object's address would be another one in each process."""
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"
