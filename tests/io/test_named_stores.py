"""Operations that name who performs them: the drivers ask that one, whatever it looks like."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmkit._flow import Flow, store
from llmkit._io._observe import Observers
from llmkit._io.aio import AsyncDriver
from llmkit._io.sync import SyncDriver
from llmkit._operations import Sweep


class Empty:
    """Performs, and is false as an empty list is."""

    def __len__(self) -> int:
        return 0

    def perform(self, operation: Any) -> str:
        """Say who did it."""
        return "the one that was named"


class Own:
    """The driver's own store, which nobody has named."""

    def perform(self, operation: Any) -> str:
        """Say who did it."""
        return "the driver's own"


def ask(on: Any) -> Flow[Any]:
    """One operation, on whoever is named."""
    return (yield from store(Sweep(), on))


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_who_is_named_performs_though_it_is_empty(colour: str) -> None:
    """What performs an operation may have a length of 0; only ``None`` is the driver's own store."""

    def run(flow: Flow[Any]) -> Any:
        given: Any = (lambda *_: None, Observers(()), Own())
        if colour == "sync":
            return SyncDriver(*given).run(flow)
        return asyncio.run(AsyncDriver(*given, lambda *_: None).run(flow))

    assert run(ask(Empty())) == "the one that was named"
    assert run(ask(None)) == "the driver's own"
