"""Lets the examples run without a key: they ask OpenAI if its key is set, else the simulator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from llmkit.testing import Simulator


@contextmanager
def a_provider() -> Iterator[None]:
    """Make `openai/...` answer, from a simulator on this machine if need be."""
    if os.environ.get("OPENAI_API_KEY"):
        yield
        return
    with Simulator() as simulator:
        os.environ["OPENAI_API_KEY"] = "offline"
        os.environ["OPENAI_BASE_URL"] = simulator.base_url
        yield
