"""pytest fixtures of the simulator, the clock, scripts and the guard; what they stand for knows nothing of pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ._clock import FrozenClock
from ._network import no_network
from ._scripted import Script, scripted
from ._simulator import Simulator

__all__ = ["llmkit_clock", "llmkit_no_network", "llmkit_scripted", "llmkit_simulator"]


@pytest.fixture
def llmkit_simulator() -> Iterator[Simulator]:
    """A running simulator: give a client its ``base_url``."""
    with Simulator() as running:
        yield running


@pytest.fixture
def llmkit_clock() -> FrozenClock:
    """A clock that stands still: ``Client(clock=llmkit_clock)``."""
    return FrozenClock()


@pytest.fixture
def llmkit_scripted() -> Iterator[Callable[..., Script]]:
    """``llmkit_scripted("Hello", 429, …)`` answers all calls of the rest of the test; what is left fails it."""
    with ExitStack() as stack:

        def start(*answers: Any, **options: Any) -> Script:
            return stack.enter_context(scripted(*answers, **options))

        yield start


@pytest.fixture
def llmkit_no_network() -> Iterator[no_network]:
    """Nothing in the process leaves this machine while the test runs; ``.attempts`` lists who tried."""
    with no_network() as guard:
        yield guard
