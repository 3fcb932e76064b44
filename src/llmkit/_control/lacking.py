"""What to say where a provider does not offer a kind of call: what it has, and who has the call. No decision."""

from __future__ import annotations

from collections.abc import Iterator

from .. import providers
from ..errors import ConfigurationError
from ..providers import Provider

__all__ = ["lacking"]

# Kinds whose function has another name; of those with several, the one to begin with.
_FUNCTIONS = {
    "chat": "completion",
    "image": "image_generation",
    "files": "create_file",
    "batches": "create_batch",
    "caches": "create_cache",
    "models": "list_models",
    "stored_responses": "get_responses",
}
_MOST = 6


def lacking(provider: Provider, model: str, kind: str, function: str) -> ConfigurationError:
    """The error for a call that is not there, at all or for this model."""
    if kind in provider.kinds:
        return ConfigurationError(
            f"{provider.name} has no {function}() for {model!r:.80}: other models have it"
        )
    has = ", ".join(f"{_FUNCTIONS.get(name, name)}()" for name in provider.kinds) or "nothing"
    others = list(_offering(kind))
    more = " …" if len(others) > _MOST else ""
    return ConfigurationError(
        f"{provider.name} has no {function}(), it has {has}; "
        f"{function}() is offered by {', '.join(others[:_MOST]) or 'nobody'}{more}"
    )


def _offering(kind: str) -> Iterator[str]:
    """Those who are looked for first by others, too, and then all."""
    known = dict.fromkeys((*providers.preferred(), *providers.names()))
    return (name for name in known if kind in providers.get(name).kinds)
