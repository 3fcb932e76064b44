"""pytest fixtures of the simulator, the clock, scripts and the guard; what they stand for knows nothing of pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ._clock import FrozenClock
from ._network import no_network as guarded
from ._scripted import Script
from ._scripted import scripted as answered
from ._simulator import Simulator

__all__ = ["frozen_clock", "no_network", "scripted", "simulator"]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running simulator: give a client its ``base_url``."""
    with Simulator() as running:
        yield running


@pytest.fixture
def frozen_clock() -> FrozenClock:
    """A clock that stands still: ``Client(clock=frozen_clock)``."""
    return FrozenClock()


@pytest.fixture
def scripted() -> Iterator[Callable[..., Script]]:
    """``scripted("Hello", 429, …)`` answers all calls of the rest of the test; what is left fails it."""
    with ExitStack() as stack:

        def start(*answers: Any, **options: Any) -> Script:
            return stack.enter_context(answered(*answers, **options))

        yield start


@pytest.fixture
def no_network() -> Iterator[guarded]:
    """Nothing in the process leaves this machine while the test runs; ``.attempts`` lists who tried."""
    with guarded() as guard:
        yield guard
