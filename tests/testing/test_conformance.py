"""The conformance suite, on every provider there is, and on adapters that are broken on purpose."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from llmkit import providers
from llmkit.providers import Provider
from llmkit.testing._wires import WIRES
from llmkit.testing.conformance import ProviderConformance
from llmkit.wires.openai_chat import OpenAIChat

SPOKEN = {wire.name for wire in WIRES}
NATIVE = {"anthropic": "anthropic_messages", "gemini": "gemini"}
ROWS = [name for name in providers.names() if name not in NATIVE]


def suite_of(provider: Provider, **more: Any) -> ProviderConformance:
    """The suite of a provider, to be run by hand."""
    return type("Suite", (ProviderConformance,), {"provider": provider, **more})()  # type: ignore[no-any-return]


def checks(suite: ProviderConformance) -> Iterator[tuple[str, Callable[[], None]]]:
    """Every check with each of its parameters, as pytest would run it."""
    for name, method in inspect.getmembers(suite, inspect.ismethod):
        if not name.startswith("test_"):
            continue
        cases: list[dict[str, Any]] = [{}]
        for mark in getattr(method, "pytestmark", ()):
            argument, values = mark.args
            cases = [{**case, argument: value} for case in cases for value in values]
        for case in cases:
            label = "-".join([name, *map(str, case.values())])
            yield label, lambda method=method, case=case: method(**case)  # type: ignore[misc]


def elsewhere(provider: Provider) -> dict[str, Any]:
    """What a provider needs to be addressed."""
    host = "https://somewhere.example"
    environ = dict.fromkeys(provider.variables.values(), host)
    return {"environ": environ, "base_url": None if provider.base_url else f"{host}/v1"}


@pytest.mark.parametrize("name", ROWS)
def test_every_compatible_provider(name: str) -> None:
    """Each row passes all checks; what is the wire's own is sampled, for the wire is one and the same."""
    provider = providers.get(name)
    for _, check in checks(suite_of(provider, cut_every=97, **elsewhere(provider))):
        check()
