"""What programs of LiteLLM's leave behind in a process is taken away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmkit import catalogue

REGISTERED = (("my-llm", "known"), ("openai", "my-new-model"))


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """Models that they register are in the default catalogue, which all tests of a process see."""
    yield
    for provider, model in REGISTERED:
        catalogue.default().unregister(provider, model)
