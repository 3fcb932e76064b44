"""What a call leaves behind: nothing that waits for the collector."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from llmkit._control.job import Job
from llmkit._control.routing.flow import Way
from llmkit._control.routing.route import Route
from llmkit.router import Router
from llmkit.testing import Cut

from ._kit import ASK, answering, deployment, router

A, B = deployment("a", order=1), deployment("b", order=2, model="openai/gpt-4o")
OTHER = deployment("c", "h", "anthropic/claude-haiku-4-5")


@contextmanager
def uncollected() -> Iterator[Callable[[], list[str]]]:
    """Nothing is collected within; tells what there is of calls."""
    gc.collect()
    before = {id(one) for one in _of_calls()}
    gc.disable()
    try:
        yield lambda: [type(one).__name__ for one in _of_calls() if id(one) not in before]
    finally:
        gc.enable()


def _of_calls() -> list[Any]:
    return [one for one in gc.get_objects() if isinstance(one, Job | Way | Route)]


def _asked(made: Router) -> None:
    made.completion("g", ASK)


def _read(made: Router) -> None:
    assert list(made.completion("g", ASK, stream=True))


def _decided(made: Router) -> None:
    assert made.route("g").excluded == {}


CALLS: dict[str, tuple[Callable[[Router], None], dict[str, Any], dict[str, Any]]] = {
    "asked": (_asked, {}, {"a": "hi"}),
    "rerouted": (_asked, {}, {"a": 500, "b": "hi"}),
    "fallen back": (_asked, {"num_retries": 0}, {"a": 500, "b": 500, "c": "hi"}),
    "read": (_read, {}, {"a": "one two"}),
    "continued": (_read, {"continue_streams": True}, {"a": Cut("a b c d", after=2), "b": " e f"}),
    "hedged": (_asked, {"hedge": {"after": 5}}, {"a": "hi"}),
    "decided": (_decided, {}, {}),
}


@pytest.mark.parametrize("name", CALLS)
def test_nothing_of_a_call_waits_for_the_collector(name: str) -> None:
    """However a call goes, it holds on to nothing that holds on to it."""
    call, how, answers = CALLS[name]
    made = router(A, B, OTHER, fallbacks=[{"g": ["h"]}], **how)
    with answering(**answers), uncollected() as left:
        call(made)
        assert left() == []
