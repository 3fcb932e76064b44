"""What no store performs, and what an operation becomes before one does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmkit._control.checking import checked
from llmkit._operations import (
    FOR_EVER,
    Admit,
    Attribution,
    Balances,
    Candidate,
    Charge,
    Claim,
    Cool,
    Leave,
    Look,
    Post,
    Quota,
    Reserve,
    Reset,
    SettleHold,
    Sweep,
    Window,
)
from llmkit.errors import StoreError
from llmkit.stores import MemoryStore

ONE = Decimal(1)
CLAIM = Claim("usd", Window(), ONE, Decimal(10))
HOLD = Reserve("h", (CLAIM,), 1000, ONE)
SETTLING = SettleHold("h", "settle", (ONE,), ONE)
BILL = Post("bill", (Charge("usd", Window(), ONE),), ONE)
CLEAN = Reset("clean", (("usd", Window()),))
QUOTA = Quota("tpm", 1000, 10, 1)
ADMIT = Admit("t", (Candidate("d", (QUOTA,), 3), Candidate("e")), 1000)
LEAVE = Leave("t", (("tpm", 5),))
COOL = Cool("d", 1000, "busy")
LOOK = Look(("d",), (("tpm", 1000),))
BAD_NAMES = ("", "a\0b")
BAD_NUMBERS: list[Any] = [-1, 10**12 + 1, 0.5, "1", True]
BAD_AMOUNTS = [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1e24"), 0.5, None]
UNFIT_WINDOWS = [
    Window(width=-1),
    Window(starts=()),
    Window(starts=(0,)),
    Window(starts=(0, 0)),
    Window(starts=(0, 2, 1)),
]


def claimed(**more: Any) -> Reserve:
    """A reserve of one odd claim."""
    return HOLD._replace(claims=(CLAIM._replace(**more),))


def asked(deployment: str = "d", parallel: Any = None, **more: Any) -> Admit:
    """An admission to one odd candidate, with an odd quota."""
    return ADMIT._replace(candidates=(Candidate(deployment, (QUOTA._replace(**more),), parallel),))


REFUSED = [
    *(ADMIT._replace(lease=lease) for lease in (0, -1, 2**42)),
    *(ADMIT._replace(ticket=name) for name in BAD_NAMES),
    *(asked(deployment=name) for name in BAD_NAMES),
    *(asked(parallel=number) for number in BAD_NUMBERS),
    *(asked(limit=number) for number in BAD_NUMBERS),
    *(asked(amount=number) for number in BAD_NUMBERS),
    *(asked(width=number) for number in (0, 2**42, *BAD_NUMBERS[2:])),
    asked(name="a\0b"),
    ADMIT._replace(candidates=(Candidate("d", (QUOTA, QUOTA._replace(limit=5))),)),
    *(LEAVE._replace(ticket=name) for name in BAD_NAMES),
    LEAVE._replace(used=(("tpm", 1), ("tpm", 2))),
    *(COOL._replace(deployment=name) for name in BAD_NAMES),
    *(COOL._replace(lease=lease) for lease in (-1, 2**42)),
    *(COOL._replace(strikes=number) for number in BAD_NUMBERS),
    *(LOOK._replace(deployments=(name,)) for name in BAD_NAMES),
    *(LOOK._replace(quotas=(("tpm", width),)) for width in (0, 2**42, 0.5)),
    LOOK._replace(quotas=(("tpm", 5), ("tpm", 5))),
    HOLD._replace(claims=(CLAIM, CLAIM)),
    HOLD._replace(claims=(CLAIM, CLAIM._replace(window=Window(width=5)))),
    CLEAN._replace(accounts=(("usd", Window()), ("usd", Window(width=5)))),
    *(op for lease in (0, -1, 2**42) for op in (HOLD._replace(lease=lease),)),
    *(op for id_ in ("", "a/expired", "a\0b") for op in (HOLD._replace(hold=id_),)),
    *(op for id_ in ("", "a/expired", "a\0b") for op in (BILL._replace(entry=id_),)),
    *(op for id_ in ("", "a/expired", "a\0b") for op in (CLEAN._replace(entry=id_),)),
    *(claimed(amount=amount) for amount in [*BAD_AMOUNTS, Decimal(-1)]),
    *(claimed(limit=amount) for amount in BAD_AMOUNTS[:-1]),
    *(claimed(extra=amount) for amount in BAD_AMOUNTS[:-1]),
    *(claimed(rollover=amount) for amount in [*BAD_AMOUNTS[:-1], Decimal(-1)]),
    *(claimed(window=window) for window in UNFIT_WINDOWS),
    *(HOLD._replace(usd=amount) for amount in [*BAD_AMOUNTS, Decimal(-1)]),
    *(SETTLING._replace(amounts=(amount,)) for amount in [*BAD_AMOUNTS, Decimal(-1)]),
    *(SETTLING._replace(usd=amount) for amount in [*BAD_AMOUNTS[:-1], Decimal(-1)]),
    *(BILL._replace(usd=amount) for amount in BAD_AMOUNTS),
    *(BILL._replace(charges=(Charge("usd", Window(), amount),)) for amount in BAD_AMOUNTS),
    *(BILL._replace(charges=(Charge("usd", window, ONE),)) for window in UNFIT_WINDOWS),
    *(CLEAN._replace(accounts=(("usd", window),)) for window in UNFIT_WINDOWS),
    Balances((CLAIM._replace(amount=Decimal("NaN")),)),
]


@pytest.mark.parametrize("operation", REFUSED, ids=repr)
def test_what_no_store_can_keep_rightly_is_refused(operation: Any) -> None:
    """By every store, since all ask the same; nothing was done."""
    store = MemoryStore()
    with pytest.raises(StoreError):
        store.perform(operation)
    assert store._rows.accounts == {}
    assert store._admission._rows._deployments == {}
    assert store._rows.entries == {}


@pytest.mark.parametrize(
    "operation",
    [HOLD, SETTLING, BILL, CLEAN, Balances((CLAIM,)), Sweep(), ADMIT, LEAVE, COOL, LOOK],
)
def test_what_is_right_stays_as_it_is(operation: Any) -> None:
    """Equal to what was asked."""
    assert checked(operation) == operation


def test_negative_amounts_are_right_where_something_is_given_back() -> None:
    """And a limit may be below 0: then nothing is let through."""
    credit = BILL._replace(charges=(Charge("usd", Window(), -ONE),), usd=-ONE)
    assert checked(credit) == credit
    assert checked(claimed(limit=-ONE)) == claimed(limit=-ONE)


def test_digits_that_no_sum_could_keep_are_rounded_up() -> None:
    """To 29 decimals, and never to nothing."""
    tiny, third = Decimal("1e-60"), Decimal("0." + "3" * 58)
    assert checked(claimed(amount=tiny)).claims[0].amount == Decimal("1e-29")
    (amount,) = checked(SETTLING._replace(amounts=(third,))).amounts
    assert str(amount) == "0." + "3" * 28 + "4"
    assert checked(BILL._replace(usd=-third)).usd >= -third


def test_sums_of_what_is_kept_are_exact() -> None:
    """The largest amount and the least: together they have fewer digits than the 60 that sums have."""
    large, small = Decimal(10**24 - 1), Decimal("1e-29")
    assert checked(claimed(amount=large)).claims[0].amount == large
    assert checked(claimed(amount=small)).claims[0].amount == small


def test_counts_that_cannot_be_do_not_lose_a_settlement() -> None:
    """A provider may say anything; none is below 0 or beyond what every store can hold."""
    odd = SETTLING._replace(prompt_tokens=-1, completion_tokens=10**30)
    assert checked(odd)[4:6] == (0, FOR_EVER)
    posted = checked(BILL._replace(prompt_tokens=-1, completion_tokens=10**30))
    assert (posted.prompt_tokens, posted.completion_tokens) == (0, FOR_EVER)


def test_a_scope_that_is_named_twice_is_counted_once() -> None:
    """In the order of their first mention."""
    whose = Attribution(("b", "a", "b"))
    assert checked(HOLD._replace(whose=whose)).whose.scopes == ("b", "a")


def test_what_a_call_used_is_never_refused() -> None:
    """A provider may say anything: its place must be free again."""
    odd = LEAVE._replace(used=(("tpm", -5), ("rpm", 10**30)))
    assert checked(odd).used == (("tpm", 0), ("rpm", 10**12))


def test_reasons_are_short_and_have_no_keys() -> None:
    """And are text that every store can hold."""
    key = "sk-" + "a1B2c3D4e5F6g7H8i9J0k1L2"
    found = checked(COOL._replace(reason=f"{key}\0\ud800" + "x" * 300)).reason
    assert key not in found
    assert "\0" not in found
    assert "\\ud800" in found
    assert len(found) == 200


def test_quotas_of_one_name_and_another_width_are_others() -> None:
    """Of a minute and of a day."""
    both = ADMIT._replace(candidates=(Candidate("d", (QUOTA, QUOTA._replace(width=5))),))
    assert checked(both) == both
