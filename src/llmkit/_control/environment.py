"""What a model needs of the environment, and what of that is not there: ``validate_environment``. Pure.

The environment is passed in, and so is what tells whether a file is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..providers import Provider
from .address import resolve

__all__ = ["missing_keys"]

_VARIABLE = re.compile(r"\{(\w+)\}")


def missing_keys(
    model: str, environ: Mapping[str, str], is_file: Callable[[str], bool] = lambda _: False
) -> dict[str, Any]:
    """LiteLLM's ``validate_environment``: which variables a model needs, and whether they are there."""
    provider, name = resolve(model, None)
    host = provider.family_of(name)
    present = [name for name in host.key_env if environ.get(name)]
    missing: list[str] = []
    for ways in _needs(host, environ):
        missing += _missing(ways, environ, is_file)
    return {
        "keys_in_environment": not missing,
        "missing_keys": list(dict.fromkeys(missing)),
        "key_source": next(iter(present), None),
    }


def _needs(host: Provider, environ: Mapping[str, str]) -> Iterator[Sequence[str]]:
    if host.key_env and not host.key_optional:
        yield host.key_env
    yield from host.needs
    if host.base_url is None and not host.needs:
        yield host.base_env
    # Who says another address needs nothing of what this one is made of.
    if not any(environ.get(name) for name in host.base_env):
        for variable in sorted(set(_VARIABLE.findall(host.base_url or ""))):
            yield [name for name in host.names_of(variable) if not name.islower()]


def _missing(
    ways: Sequence[str], environ: Mapping[str, str], is_file: Callable[[str], bool]
) -> list[str]:
    """What the way lacks that has been gone the farthest, or the first; nothing where one has all."""
    lacking = []
    for way in ways:
        names = way.split()
        left = [n for n in names if not (is_file(n) if n.startswith("~") else environ.get(n))]
        if not left:
            return []
        lacking.append((len(left) - len(names), left))
    return min(lacking, key=lambda found: found[0])[1] if lacking else []
