"""What a gate is made of: its pace, its memory of outages, what settings make of it; and how quick it is when warm."""

from __future__ import annotations

import time
import tracemalloc
from decimal import Decimal
from typing import Any

import anyio
import pytest

from llmkit._control.billing.entitlement import Check, Entitlement, OpenUntil
from llmkit._control.billing.lago import Lago
from llmkit._control.billing.settings import settings_of
from llmkit._control.billing.terms import terms_of
from llmkit._http import HTTPResponse
from llmkit.billing._cells import Breaker, Cells, Key
from llmkit.billing._gate import EntitlementGate
from llmkit.billing._gating import OwnGate, gate_of
from llmkit.billing._pacer import Pacer
from llmkit.errors import ConfigurationError
from llmkit.testing import FrozenClock

from ._gates import World

D = Decimal


# --- pace -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.5, 1, 7, 50, 200, 500])
def test_in_no_second_is_more_taken_than_the_rate(rate: float) -> None:
    """Whoever wants as much as there is gets the rate, at the beginning, too."""
    clock = FrozenClock()
    pacer = Pacer({"other": rate}, clock.now)
    times = []
    for _ in range(int(rate * 4) + 3):
        wait = pacer.take("other", 1e9)
        assert wait is not None
        clock.advance(wait)
        times.append(clock.now())
    for at in times:
        assert sum(at <= one < at + 1 - 1e-9 for one in times) <= max(1, rate)
    assert times[-1] <= len(times) / (rate * 0.85)


def test_who_would_wait_too_long_takes_nothing() -> None:
    """A refused request uses up no place of others."""
    pacer = Pacer({"other": 1}, lambda: 0.0)
    assert [pacer.take("other", 0.5), pacer.take("other", 0.5), pacer.take("other", 0.5)] == [
        0,
        None,
        None,
    ]
    assert pacer.take("other", 1) == 1


@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "3"}, 3),
        (200, {"x-ratelimit-remaining": "1", "x-ratelimit-reset": "3"}, 0),
        (429, {"x-ratelimit-reset": "2.5"}, 2.5),
        (429, {}, 1),
        (429, {"x-ratelimit-reset": "soon"}, 1),
        (429, {"x-ratelimit-reset": "-4"}, 1),
        (429, {"x-ratelimit-reset": "inf"}, 1),
        (429, {"x-ratelimit-reset": "86400"}, 60),
    ],
)
def test_what_lago_says_of_its_limit_is_kept_to(
    status: int, headers: dict[str, str], pause: float
) -> None:
    """Until the limit is reset nobody asks: as many seconds as the header says, at most a minute."""
    pacer = Pacer({"other": 1000, "usage": 1}, lambda: 0.0)
    pacer.told("other", HTTPResponse(status, headers))
    assert pacer.take("other", 100) == pause
    assert pacer.take("usage", 0) == 0


# --- memory -----------------------------------------------------------------------------------


def test_a_breaker_lets_one_try_at_a_time() -> None:
    """After three failures nobody asks for a while; then one does, and the others wait for what comes of it."""
    breaker = Breaker()
    for _ in range(3):
        assert not breaker.is_open(0)
        breaker.begun(0)
        breaker.ended(0, failed=True)
    assert breaker.is_open(0.9)
    assert not breaker.is_open(1)
    breaker.begun(1)
    assert breaker.is_open(1)
    breaker.ended(1, failed=None)
    assert not breaker.is_open(1)
    breaker.begun(1)
    breaker.ended(1, failed=True)
    assert breaker.is_open(2.9)
    breaker.begun(3)
    assert breaker.is_open(60)
    assert not breaker.is_open(63), "who tries is not waited for for ever"
    breaker.ended(3, failed=False)
    assert not breaker.is_open(3)


def test_cells_are_bounded() -> None:
    """The one that nobody looked at for longest goes first."""
    cells = Cells(2)
    one, two, three = (Key("funds", name) for name in "abc")
    for key in (one, two, one, three):
        cells.of(key)
    assert (cells.find(one) is not None, cells.find(two)) == (True, None)


def test_any_number_of_customers_takes_so_much_memory_and_no_more() -> None:
    """However many come, there are never more than the bound (the table itself may have grown once)."""
    cells = Cells(5_000)
    tracemalloc.start()
    try:
        for n in range(5_000):
            cells.of(Key("funds", str(n)))
        first = tracemalloc.get_traced_memory()[0]
        for n in range(5_000, 25_000):
            cells.of(Key("funds", str(n)))
        assert tracemalloc.get_traced_memory()[0] < first * 1.5
    finally:
        tracemalloc.stop()
    assert len(cells) == 5_000


# --- how quick it is --------------------------------------------------------------------------


def test_a_warm_decision_takes_less_than_a_millisecond() -> None:
    """99 of 100 checks that reserve, with their settlements, by a wide margin (of the thread's own time)."""
    gate = World(balance_cents=10**9).gate()
    gate.perform(Check("cus_1"))
    taken = []
    for n in range(3000):
        name = f"call-{n}"
        began = time.thread_time()
        gate.perform(Check("cus_1", usd=D("0.01"), reserve=name))
        gate.settled(name, D("0.001"))
        taken.append(time.thread_time() - began)
    taken.sort()
    assert taken[int(len(taken) * 0.99)] < 0.001


# --- settings ---------------------------------------------------------------------------------


def made(**options: Any) -> Any:
    """The gate of these settings."""
    clock = FrozenClock()
    environ: dict[str, str] = {}
    settings = settings_of("https://lago.example", "key-" + "of-nobody", options, environ, clock)  # type: ignore[arg-type]
    lago = Lago(settings.api_url, settings.key)
    return gate_of(settings, terms_of(settings), lago, World().link())


def test_settings_make_the_gate() -> None:
    """Each setting arrives where it is decided by."""
    gate = made(
        fresh=1, stale=2, overshoot="0.5", unbounded="3", feature="llm", plan="pro", unseen=7,
        require_wallet=True, unreachable=OpenUntil(seconds=5), timeout=4, rate=1000,
    )  # fmt: skip
    assert isinstance(gate, EntitlementGate)
    known, asking = gate._known, gate._asking
    assert (known.ages.fresh, known.ages.stale, known.feature, gate._unseen) == (1, 2, "llm", 7)
    assert known.room == (D("0.5"), D(3))
    assert known.policy == OpenUntil(seconds=5)
    assert (known.rules.plan, known.rules.require_wallet) == ("pro", True)
    assert known.rules.rates == {"askii_coins": 1000}
    assert (asking.timeout, asking.authorizing, known.authorizing) == (4, None, False)
    assert made(entitlement=None) is None
    authorizing = made(entitlement="authorize", publisher_id="me")
    assert authorizing._asking.authorizing.publisher == "me"


def test_an_outage_policy_that_is_none_is_refused_at_once() -> None:
    """Whatever the gate: a word that is misspelt would be found in the first outage otherwise."""
    with pytest.raises(ConfigurationError, match="unreachable is"):
        made(unreachable="opne")


class Own:
    """A gate of one's own."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.told: list[Any] = []

    def perform(self, check: Check) -> Any:
        """May it?"""
        self.told.append(check.customer)
        return self.answer


class Whole(Own):
    """One that has all there is."""

    async def aperform(self, check: Check) -> Any:
        """May it?"""
        self.told.append("awaited")
        return self.answer

    def written(self, call: str) -> None:
        """Told."""
        self.told.append(("written", call))

    def raised(self, call: str, usd: Decimal | None) -> bool:
        """Told."""
        self.told.append(("raised", call, usd))
        return False

    def settled(self, call: str, usd: Decimal | None) -> None:
        """Told."""
        self.told.append(("settled", call, usd))


def test_ones_own_gate_decides() -> None:
    """An object with ``perform`` is enough, in both colours; what else it has is told."""
    allowed = Entitlement(True, source="gate")
    own, whole = Own(allowed), Whole(allowed)
    gate, other = made(entitlement=own), OwnGate(whole)
    assert gate.perform(Check("c")) is allowed
    assert anyio.run(gate.aperform, Check("d")) is allowed
    assert gate.raised("x", D(1))
    gate.written("x")
    gate.settled("x", None)
    assert own.told == ["c", "d"]
    assert anyio.run(other.aperform, Check("c")) is allowed
    assert not other.raised("x", D(1))
    other.written("x")
    other.settled("x", D(2))
    assert whole.told == [
        "awaited",
        ("raised", "x", D(1)),
        ("written", "x"),
        ("settled", "x", D(2)),
    ]


@pytest.mark.parametrize("given", [object(), Own, 5, "vault"])
def test_what_no_gate_is_is_refused_at_once(given: Any) -> None:
    """Neither a class nor what cannot perform a check."""
    with pytest.raises(ConfigurationError, match="entitlement is"):
        made(entitlement=given)


def test_a_gate_that_answers_something_else_lets_nothing_out() -> None:
    """``True`` is no entitlement: somebody's gate has a fault, and says so."""
    with pytest.raises(ConfigurationError, match="answers with an Entitlement"):
        OwnGate(Own(True)).perform(Check("c"))
