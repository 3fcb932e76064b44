"""Every fault, in every colour and form, under a budget: the attempt's hold is settled once, and as the fault says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmkit import errors
from llmkit.testing import faults

from ..faults._cell import MODELS, Cell, Met, cell, is_tls, limits, run
from ..faults._later import LATER
from ..faults._later import expected as expected_later
from ..faults._table import TABLE, Outcome
from ..io._colour import COLOURS, Colour
from ._purse import Purse

# Each fault in two colours; where else it may happen, on the loop that neither has shown.
PLACES = [(n, c) for n in TABLE for c in (("sync", "asyncio") if n in faults.ALL else ("trio",))]
MOST = {"max_tokens": 50}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("name", "colour"), PLACES)
def test_each_fault(name: str, colour: str, *, stream: bool) -> None:
    """A hold is spent as its cost where that is known, as it stands where it is not, and not at all where refused."""
    _one(name, "openai", colour, stream=stream)


FEW = ["cut in an event", "408", "429, body", "error inside, later", "malformed, later", "unasked"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", ["anthropic", "gemini", "responses", "cohere", "ollama"])
@pytest.mark.parametrize("name", FEW)
def test_a_few_on_other_wires(name: str, wire: str, *, stream: bool) -> None:
    """The same on wires whose streams are of other kinds."""
    _one(name, wire, COLOURS[FEW.index(name) % 3], stream=stream)


def _one(name: str, wire: str, colour: str, *, stream: bool) -> None:
    """One call that meets the fault, and one behind it that goes well."""
    fault, purse = TABLE[name].fault, Purse.of()
    outcome = (
        expected_later(name, wire, stream=stream)
        if wire in LATER
        else TABLE[name].meets(wire, stream=stream)
    )
    given = {"stream": stream, "tls": is_tls(name), "budget": purse.manager}
    with cell(wire, Colour(colour), **given) as made:  # type: ignore[arg-type]

        async def body() -> None:
            made.sim.fail(fault)
            met = await made.ask(timeout=limits(outcome), **MOST)
            _check(purse, made, met, outcome)
            retries = int(isinstance(fault, faults.CloseEarly | faults.Reset))
            again = await made.ask(timeout=limits(), num_retries=retries, **MOST)
            assert again.error is None
            purse.check()

        run(made, body)
    # Its client is closed, and nothing is settled by that which was not before.
    purse.check()


def _check(purse: Purse, made: Cell, met: Met, outcome: Outcome) -> None:
    """The ledger has one entry, of what the fault comes to."""
    assert type(met.error) is (outcome.error or type(None))
    [entry] = purse.entries
    kind, usd = _expected(made, met, outcome)
    assert (entry.kind, entry.usd) == (kind, usd), entry
    assert (entry.kind == "unknown") == bool(entry.flag)
    purse.check(usd)


def _expected(made: Cell, met: Met, outcome: Outcome) -> tuple[str, Decimal]:
    """How the hold ends, and what it spends."""
    if outcome.error is None and met.answer.cost.status != "estimated":
        return "settle", met.answer.cost.total
    begun = outcome.settled == "interrupted"
    if outcome.error is not None and not begun and (outcome.sent == "no" or _refused(outcome)):
        return "release", Decimal(0)
    asked = {"model": MODELS[made.wire], "messages": [{"role": "user", "content": "hello there"}]}
    bound = made.client.cost_bound("completion", **asked, **MOST)
    # What has no price, and runs on this machine, costs nothing.
    return "unknown", bound.total if bound else Decimal(0)


def _refused(outcome: Outcome) -> bool:
    assert outcome.error is not None
    return issubclass(outcome.error, errors.APIStatusError) and outcome.status not in (
        408,
        502,
        504,
    )
