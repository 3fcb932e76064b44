"""The lists that the command line prints: providers and models, as aligned text.

Rows come from the registry and the catalogue; nothing is asked of a provider.
"""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Final

from .. import catalogue, providers, validate_environment
from ._usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..catalogue import ModelInfo
    from ..providers import Provider

__all__ = ["aligned", "models", "providers_table"]

_MILLION: Final = 1_000_000
_UNKNOWN: Final = "?"


def providers_table() -> Iterator[str]:
    """A line for each provider: its name, key variable, whether that is set, address, docs."""
    rows = [_provider(providers.get(name)) for name in providers.names()]
    return aligned([("NAME", "KEY", "SET", "BASE URL", "DOCS"), *rows])


def _provider(provider: Provider) -> tuple[str, ...]:
    found = next((name for name in provider.key_env if os.environ.get(name, "").strip()), None)
    # Credentials of another kind than a key are named by the first way to have them.
    first = next(iter(provider.key_env), None) or next(iter(provider.needs), ("-",))[0].split()[0]
    return (
        provider.name,
        found or first,
        "yes" if found else _without_key(provider),
        provider.base_url or "-",
        provider.docs or "-",
    )


def _without_key(provider: Provider) -> str:
    """Whether it can be asked all the same."""
    if provider.key_optional and not provider.needs:
        return "not needed"
    told = validate_environment(f"{provider.name}/model")
    return "yes" if provider.key_optional and told["keys_in_environment"] else "no"


def models(provider: str | None) -> Iterator[str]:
    """A line for each model of the catalogue: limits in tokens, prices in USD per million.

    Raises `UsageError` if the catalogue has no models of *provider*.
    """
    known = provider is not None and providers.has(provider)
    name = providers.get(str(provider)).name if known else provider
    found = catalogue.models(name)
    if not found:
        listed = sorted(catalogue.default().providers())
        near = difflib.get_close_matches(str(provider), listed) or listed
        raise UsageError(f"the catalogue has no models of {provider}; it has {', '.join(near)}")
    head = ("NAME", "CONTEXT", "MAX OUTPUT", "IN $/1M", "OUT $/1M")
    return aligned([head, *map(_model, found)], right=range(1, 5))


def _model(model: ModelInfo) -> tuple[str, ...]:
    return (
        f"{model.provider}/{model.name}",
        _count(model.max_input_tokens),
        _count(model.max_output_tokens),
        _price(model, "input"),
        _price(model, "output"),
    )


def _count(tokens: int | None) -> str:
    return _UNKNOWN if tokens is None else f"{tokens:,}"


_SIDES: Final = {
    "input": ("input", "audio_input", "image_input", "video_input", "time", "search", "request"),
    "output": ("output", "audio_output", "image_output", "video_output"),
}


def _price(model: ModelInfo, side: str) -> str:
    """The rate that holds when nothing special was asked for: of a million tokens, else of the unit it names."""
    plain = [rate for rate in model.rates if not rate.condition and rate.dimension in _SIDES[side]]
    # Tokens first, then as the sides are listed.
    plain.sort(key=lambda rate: (rate.unit != "token", _SIDES[side].index(rate.dimension)))
    if not plain:
        return _UNKNOWN
    rate = plain[0]
    if rate.unit == "token":
        return f"{(rate.usd * _MILLION / rate.per).normalize():f}"
    return f"{(rate.usd / rate.per).normalize():.6g}/{rate.unit}"


def aligned(rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> Iterator[str]:
    """The rows with their columns one under the other; numbers end where the others end."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    to_right = set(right)
    for row in rows:
        cells = enumerate(zip(row, widths, strict=True))
        padded = (c.rjust(w) if i in to_right else c.ljust(w) for i, (c, w) in cells)
        yield "  ".join(padded).rstrip()
