"""Each fault of the table over reqwest: class, status, ``retryable``, settlement and cost are those over httpx.

What that meets stands in ``tests/faults``. Two things differ: of a request that nothing was heard of it is not known
whether it has left, and an answer that is no stream has begun only when it is whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from llmkit import errors

from ...faults._cell import FULL, cell, is_tls
from ...faults._table import TABLE, WIRES
from ...faults.test_matrix import A_FEW, outcome_of, run_one
from .._colour import COLOURS, Colour

if TYPE_CHECKING:
    from ...faults._table import Outcome

pytest.importorskip("llmkit._io._reqwest", exc_type=ImportError)
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
# Connections that end before a head has come whole.
HEADLESS = ("reset before", "garbage", "cut in the head", "reset in the head")
EVERY = [(name, wire, colour) for name in TABLE for wire in WIRES for colour in COLOURS]
SOME = [(name, "openai", "sync") for name in TABLE]
SOME += [(name, "openai", colour) for name in (*A_FEW, *HEADLESS) for colour in COLOURS[1:]]


def over_reqwest(name: str, outcome: Outcome, *, stream: bool) -> Outcome:
    """What this outcome is over reqwest."""
    if outcome.late == "idle" and not stream:
        outcome = replace(outcome, late="first token")
    silent = outcome.error is errors.APITimeoutError and outcome.late == "first token"
    if name == "stall" and stream:  # behind some bytes that are no chunk yet
        silent = False
    if name in HEADLESS or silent:
        return replace(outcome, sent="maybe")
    return outcome


@each_form
@pytest.mark.parametrize(("name", "wire", "colour"), EVERY if FULL else SOME)
def test_each_fault(name: str, wire: str, colour: str, *, stream: bool) -> None:
    """The outcome, its settlement and its time are as expected, and the next call goes well."""
    expected = over_reqwest(name, outcome_of(name, wire, stream=stream), stream=stream)
    options = {"tls": is_tls(name), "transport": "reqwest"}
    with cell(wire, Colour(colour), stream=stream, **options) as made:  # type: ignore[arg-type]
        run_one(made, name, expected)
