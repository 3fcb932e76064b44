"""Prices of deployments: a name that its owner chose has none; the call says the model, or the answer does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import llmkit
from llmkit import providers
from llmkit.testing import Simulator

HI: list[Any] = [{"role": "user", "content": "Hi"}]
KEY = "a-key-" + "1234567"


def priced(name: str, model: str, *, own_names: bool, **options: Any) -> Any:
    """The cost of a call to a provider with OpenAI's prices, whose answer says that it is gpt-4o."""
    provider = replace(providers.get("openai"), own_names=own_names, elsewhere=None, aliases=())
    body = {"model": "gpt-4o"}  # what the simulator says again
    with Simulator() as sim, providers.lend(provider), llmkit.Client(environ={}) as client:
        return client.completion(
            f"{name}/{model}",
            HI,
            api_key=KEY,
            base_url=sim.base_url,
            extra_body=body,
            **options,
        ).cost


def expected(model: str) -> Any:
    """What the same answer costs at the price of this model."""
    return priced("openai", "any", own_names=False, base_model=model).total


@pytest.mark.parametrize(
    ("model", "own_names", "options", "as_if"),
    [
        ("my-name", True, {}, "gpt-4o"),
        # It is called as another model is: that says nothing.
        ("gpt-4o-mini", True, {}, "gpt-4o"),
        # So is one that answers in place of another, as after a fallback of the provider's own.
        ("gpt-4o-mini", False, {}, "gpt-4o"),
        ("my-name", True, {"base_model": "gpt-4o-mini"}, "gpt-4o-mini"),
        ("my-name", True, {"base_model": "openai/gpt-4o-mini"}, "gpt-4o-mini"),
        ("my-name", False, {"base_model": "gpt-4o-mini"}, "gpt-4o-mini"),
        ("my-name", False, {}, "gpt-4o"),
        ("my-name", True, {"base_model": "nobody-knows"}, None),
    ],
)
def test_which_price(
    model: str, options: dict[str, Any], as_if: str | None, *, own_names: bool
) -> None:
    """What the call says goes first, then what the answer says; a name of one's own counts for nothing."""
    made = priced("openai", model, own_names=own_names, **options)
    wanted = None if as_if is None else expected(as_if)
    assert made.total == wanted
    assert (made.total is None) is (as_if is None)


def test_names_are_their_owners_at_azure() -> None:
    """Both of Azure's providers say so, and so does every family of theirs."""
    for name in ("azure", "azure_ai"):
        provider = providers.get(name)
        assert provider.own_names
        assert all(family.own_names for _, family in provider.families)
    assert not providers.get("vertex_ai").own_names
