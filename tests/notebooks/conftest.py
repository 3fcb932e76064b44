"""A provider on this machine that ``openai/…`` reaches, and rows to ask it for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from llmkit import Client
from llmkit.testing import Simulator

KEY = "sk-" + "notebooks-0123456789"
MODEL = "openai/gpt-4o-mini"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    """A client of it."""
    with Client(api_key=KEY, base_url=simulator.base_url, num_retries=0) as made:
        yield made


@pytest.fixture
def ask(client: Client) -> dict[str, Any]:
    """What every map here is told."""
    return {"model": MODEL, "max_tokens": 20, "client": client, "progress": False}
