"""The record of a cost: adding up, travelling, printing."""

from __future__ import annotations

import copy
import json
import pickle
from decimal import Decimal

import pytest

from llmkit import pricing
from llmkit.pricing import Cost, Measure, cost

from ._sheets import model, rate, usage

D = Decimal
PRICED = model(rate("input", "2", 1000), rate("output", "4", 1000, from_="2026-11-01"))
ONE = cost(usage(1000, 500), PRICED)
STATED = cost(usage(1000, 500), PRICED, reported=D("4.5"), said_in="usage.cost in the answer")
GUESSED = cost(usage(10, 10), PRICED, estimated=True)
UNKNOWN = pricing.unknown("no price for x")


def test_a_line_knows_since_when_its_rate_holds_and_whose_it_is() -> None:
    """The day it holds from, else the day it was read; and the catalogue's revision."""
    first, second = ONE.lines
    assert (first.effective, second.effective) == ("2026-11-01", "2026-11-01")
    assert first.read == "2026-11-01"
    assert {line.revision for line in ONE.lines} == {"2026-11-20"}


def test_a_sum() -> None:
    """The total of both; lines at one rate from one place are one."""
    both = ONE + ONE
    assert (both.total, both.status) == (D(8), "exact")
    assert [(line.dimension, line.quantity, line.amount) for line in both.lines] == [
        ("input", 2000, 4),
        ("output", 1000, 4),
    ]
    first, second = ONE.lines
    for change in ({"rate": D(3)}, {"source": "x"}, {"condition": {"ttl": "1h"}}, {"revision": ""}):
        other = Cost(first.amount, "exact", (first._replace(**change),))
        assert (ONE + other).lines == (first, second, *other.lines)
    half = Cost(D(1), "exact", (first._replace(quantity=D("0.5"), amount=D(1)),))
    assert (ONE + half).lines[0].quantity == D("1000.5")


def test_a_long_sum_is_a_short_bill() -> None:
    """A service adds up all that it ever spent: neither lines nor time may grow with what was added before."""
    total = sum([ONE, GUESSED] * 5_000, Cost.zero)
    assert (len(total.lines), total.total) == (2, sum(line.amount for line in total.lines))


def test_what_a_sum_says() -> None:
    """Of one, of none, and with nothing in it."""
    assert sum([ONE, ONE, ONE], Cost.zero).total == D(12)
    assert sum([ONE]) == ONE
    assert ONE + Cost.zero == Cost.zero + ONE == ONE
    assert sum([], Cost.zero) == Cost.zero


def test_a_sum_is_as_sure_as_its_weakest_part() -> None:
    """Estimates make an estimate, and an unknown part makes all of it unknown, with every reason."""
    assert (ONE + GUESSED).status == "estimated"
    assert (ONE + STATED).status == "provider_reported"
    lost = sum([ONE, UNKNOWN, GUESSED, UNKNOWN], Cost.zero)
    assert (lost.total, lost.status, lost.known) == (None, "unknown", False)
    assert lost.reason == "no price for x; the usage was estimated, not reported"
    assert lost.lines == (ONE + GUESSED).lines
    free = pricing.nothing("answered from the cache")
    assert (ONE + free).total == ONE.total
    assert (ONE + free).reason == "answered from the cache"


def test_a_sum_keeps_what_was_stated_beside_our_own() -> None:
    """What providers said adds up where all did; ours is that of all parts."""
    both = STATED + STATED
    assert (both.reported, both.total) == (D(9), D(9))
    assert both.ours is not None
    assert both.ours.total == D(8)
    mixed = STATED + ONE
    assert mixed.reported is None
    assert mixed.ours is not None
    assert mixed.ours.total == D(8)


def test_currencies_do_not_add_up() -> None:
    """There is no rate of exchange here; nor is a number a cost."""
    euros = Cost(D(1), "exact", currency="EUR")
    with pytest.raises(ValueError, match="USD and EUR"):
        _ = ONE + euros
    with pytest.raises(TypeError):
        _ = ONE + 1
    with pytest.raises(TypeError):
        _ = 1 + ONE


@pytest.mark.parametrize("made", [ONE, STATED, GUESSED, UNKNOWN, Cost.zero, ONE + UNKNOWN])
def test_a_cost_travels(made: Cost) -> None:
    """By JSON, by pickle and by copy it comes back as it was."""
    told = json.loads(json.dumps(made.to_dict()))
    back = Cost.from_dict(told)
    assert back == made
    assert hash(back) == hash(made)
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made  # noqa: S301


def test_quantities_keep_their_kind() -> None:
    """A count stays an int, seconds stay a decimal."""
    heard = model(rate("audio_input/second", "1"), mode="transcription")
    made = cost(None, heard, measures=[Measure("audio_input", D("2.5"), "second")])
    back = Cost.from_dict(made.to_dict())
    assert back.lines[0].quantity == D("2.5")
    assert isinstance(Cost.from_dict(ONE.to_dict()).lines[0].quantity, int)


@pytest.mark.parametrize("damaged", [{}, {"total": "x", "status": "exact", "lines": []}])
def test_what_is_no_cost_is_refused(damaged: dict[str, object]) -> None:
    """Rather an error than a wrong amount."""
    with pytest.raises((KeyError, ArithmeticError)):
        Cost.from_dict(damaged)


def test_a_table_for_notebooks() -> None:
    """A row for each line, and below it the total, how sure it is, and whose figure; no formula between two dollars."""
    told = STATED._repr_markdown_()
    assert told.startswith("| dimension | quantity |")
    assert "| reported | 1 | 4.5 | call | 4.5 |" in told
    assert told.endswith(
        r"**\$4.5** · provider_reported · by the catalogue \$4 · catalogue of 2026-11-20"
    )
    rows = ONE._repr_markdown_().split("\n")
    assert "| input | 1,000 | 2 | 1,000 tokens | 2 | 2026-11-01 |" in rows[2]
    assert "output (from 2026-11-01)" in rows[3]
    assert UNKNOWN._repr_markdown_() == "unknown: no price for x"


def test_a_source_ends_no_cell() -> None:
    """What others wrote breaks no table."""
    (line,) = STATED.lines
    odd = Cost(D(1), "exact", (line._replace(source="a|b\nc"),))
    assert r"a\|b c |" in odd._repr_markdown_()


def test_it_shows_itself_shortly() -> None:
    """An unknown cost says so once; one line is one line; a bound that is none prints its reason."""
    assert repr(ONE) == "<Cost $4 exact, 2 lines>"
    assert repr(STATED) == "<Cost $4.5 provider_reported, 1 line>"
    assert repr(UNKNOWN) == "<Cost unknown: no price for x, 0 lines>"
    assert str(pricing.Unbounded("nobody knows")) == "unbounded: nobody knows"
