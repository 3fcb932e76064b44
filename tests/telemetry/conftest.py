"""Clients whose provider is a script, with a made-up key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import llmkit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "sk-" + "telemetry-0123456789abcdefghij"


@pytest.fixture
def client() -> Iterator[Callable[..., llmkit.Client]]:
    """Makes clients; they are closed, and with them what their callbacks have put off."""
    made: list[llmkit.Client] = []

    def make(*callbacks: Any, **how: Any) -> llmkit.Client:
        how.setdefault("environ", {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY})
        made.append(llmkit.Client(callbacks=callbacks, **how))
        return made[-1]

    yield make
    for one in made:
        one.close()
