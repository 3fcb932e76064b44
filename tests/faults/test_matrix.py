"""Every fault on every wire, in every colour and form: what the table says, in time, and nothing is left open."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmkit import errors
from llmkit.testing import faults

from ..io._colour import Colour
from ._cell import (
    FULL,
    LIMIT,
    SAID,
    SLACK,
    TOTAL,
    Cell,
    Met,
    cell,
    check,
    each_colour_name,
    each_form,
    each_wire,
    is_tls,
    limits,
    run,
    spread,
)
from ._later import LATER, expected
from ._later import told as told_later
from ._places import AtOnce, Ends, told, unchunked
from ._table import TABLE, WIRES, Outcome


def test_every_fault_has_a_row() -> None:
    """A new fault cannot be forgotten."""
    assert faults.ALL.keys() <= TABLE.keys()
    for name, fault in faults.ALL.items():
        assert TABLE[name].fault is fault


FORMS = (False, True)
ELSEWHERE = [name for name in TABLE if name not in faults.ALL]
CELLS = [
    *spread(list(faults.ALL), WIRES, FORMS, full=True),
    # Where else it may happen: each on every wire and in both forms, the colours by turns.
    *spread(ELSEWHERE, WIRES, FORMS),
]


@pytest.mark.parametrize(("name", "wire", "stream", "name_of_colour"), CELLS)
def test_each_cell(name: str, wire: str, name_of_colour: str, *, stream: bool) -> None:
    """The outcome, its settlement and its time are as expected, and the next call goes well."""
    with cell(wire, Colour(name_of_colour), stream=stream, tls=is_tls(name)) as made:
        run_one(made, name)


A_FEW = ["503", "cut in an event", "reset in an event", "unasked", "length too short by one"]


@each_form
@each_colour_name
@each_wire
@pytest.mark.parametrize("name", [n for n in TABLE if not is_tls(n)] if FULL else A_FEW)
def test_each_cell_over_tls(name: str, wire: str, name_of_colour: str, *, stream: bool) -> None:
    """The same, encrypted."""
    with cell(wire, Colour(name_of_colour), stream=stream, tls=True) as made:
        run_one(made, name)


@pytest.mark.parametrize(
    ("name", "wire", "stream", "name_of_colour"), spread(list(TABLE), list(LATER), FORMS)
)
def test_each_cell_of_later_wires(
    name: str, wire: str, name_of_colour: str, *, stream: bool
) -> None:
    """The same for the chats whose streams are of other kinds."""
    with cell(wire, Colour(name_of_colour), stream=stream, tls=is_tls(name)) as made:
        run_one(made, name)


def run_one(made: Cell, name: str, expected: Outcome | None = None) -> None:
    """One call that meets the fault, and one behind it."""
    fault = TABLE[name].fault
    outcome = expected or outcome_of(name, made.wire, stream=made.stream)

    async def body() -> None:
        made.sim.fail(fault)
        met = await made.ask(timeout=limits(outcome))
        check(made, met, outcome)
        check_time(met, outcome)
        check_chunks(made, met, fault)
        await check_next(made, fault, outcome)

    run(made, body)


def outcome_of(name: str, wire: str, *, stream: bool) -> Outcome:
    """What a call over this wire meets."""
    if wire in LATER:
        return expected(name, wire, stream=stream)
    return TABLE[name].meets(wire, stream=stream)


def check_time(met: Met, expected: Outcome) -> None:
    """In time, and where the time had to run out, not before."""
    assert met.seconds < TOTAL + SLACK
    assert not expected.late or met.seconds > 0.9 * LIMIT


def check_chunks(made: Cell, met: Met, fault: faults.Fault) -> None:
    """Whatever the connection did behind a whole event, its reader got it."""
    if not (made.stream and isinstance(fault, Ends | AtOnce) and met.answer is not None):
        return
    if made.wire in LATER:
        assert met.text == told_later(made.wire, unchunked(fault.sent))
    else:
        assert met.text == told(made.wire, fault.sent)


DIE_IDLE = (faults.CloseEarly(), faults.Reset("after"))


async def check_next(made: Cell, fault: faults.Fault, expected: Outcome) -> None:
    """The fault's connection is gone or of use, and the next call on the same client goes well.

    Where a connection dies just while it is taken for use, nobody can know: that is what retries are for.
    """
    before = 0 if expected.sent == "no" else 1
    await made.received(before)
    await made.open_at_most(1)
    met = await made.ask(timeout=limits(), num_retries=int(fault in DIE_IDLE))
    assert met.error is None
    assert SAID in met.text
    assert len(made.settlements) == 2
    assert len(made.sim.requests) == before + 1
    # pyreqwest's thread may still have been giving the first one back.
    await made.open_at_most(1 if made.client._transport_name == "httpx" else 2)


def documented() -> dict[str, str]:
    """What the page says that llmkit does, by the fault's class."""
    page = Path(__file__).parents[2].joinpath("docs", "faults.md").read_text(encoding="utf-8")
    section = page.partition("## What llmkit does\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return {name: row for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def kind_of(fault: faults.Fault) -> str:
    """The class that this fault is of, or is like."""
    if isinstance(fault, Ends):
        return fault.name.split()[0].title()
    return type(fault.inner if isinstance(fault, AtOnce) else fault).__name__


def test_every_kind_is_documented() -> None:
    """The page's table has each kind of fault, and each error that the table here has for it."""
    said = documented()
    assert said.keys() == {name for name in faults.__all__ if name not in ("ALL", "Fault")}
    said["Reset"] += said["Cut"]
    for name, row in TABLE.items():
        kind = kind_of(row.fault)
        for met in (
            outcome_of(name, wire, stream=s) for wire in (*WIRES, *LATER) for s in (False, True)
        ):
            if met.error is None:
                assert "an answer" in said[kind], name
            elif not issubclass(met.error, errors.APIStatusError):
                assert f"`{met.error.__name__}`" in said[kind], name
            else:
                assert "the class" in said[kind] or f"`{met.error.__name__}`" in said[kind], name
