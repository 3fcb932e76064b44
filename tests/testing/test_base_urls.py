"""Where clients of each API find the simulator."""

from __future__ import annotations

import pytest

import llmkit
from llmkit.testing import Simulator


def test_each_client_gets_the_path_it_knows() -> None:
    """The path is that of the provider's own address, so that a client may take it for granted."""
    with Simulator() as sim:
        assert sim.origin.startswith("http://127.0.0.1:")
        assert sim.base_url == f"{sim.origin}/v1"
        assert sim.base_url_for("openai") == f"{sim.origin}/v1"
        assert sim.base_url_for("anthropic") == sim.origin


def test_an_unknown_provider_is_the_registry_s_to_refuse() -> None:
    """The error is the one that a call would get, near misses included."""
    with Simulator() as sim, pytest.raises(llmkit.UnknownProviderError, match="anthropic"):
        sim.base_url_for("antropic")


def test_one_that_does_not_run_is_nowhere() -> None:
    """There is no address before the start."""
    sim = Simulator()
    for ask in (lambda: sim.origin, lambda: sim.base_url, lambda: sim.base_url_for("openai")):
        with pytest.raises(RuntimeError, match="not running"):
            ask()
