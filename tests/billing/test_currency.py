from __future__ import annotations

import decimal
import logging
import os
import random
import re
from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmkit._control.billing.currency import EXACT, Currency, amount, plain
from llmkit.errors import ConfigurationError

RATE = "ASKII_COIN_EXCHANGE_RATE"
PLAIN = re.compile(r"^-?\d+(\.\d+)?$")
WRONG_RATES = [
    "0", "-1", "-0.5", "nan", "NaN", "inf", "-Infinity", "coins", "", " ", "1e999", "1,000", "0x10", "1e12",
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "rate"),
    [
        (None, 1_000_000),
        ("1e6", 1_000_000),
        ("1_000_000", 1_000_000),
        ("250", 250),
        (" 2.5 ", "2.5"),
    ],
)
def test_the_rate_is_the_environments_or_a_million(said: str | None, rate: Any) -> None:
    """ASKII_COIN_EXCHANGE_RATE is read as Python reads numbers; without it a dollar is a million coins."""
    environ = {} if said is None else {RATE: said}
    assert Currency.askii(environ).rate == Decimal(rate)


@pytest.mark.parametrize("said", WRONG_RATES)
def test_a_bad_rate_is_an_error_at_construction(said: str) -> None:
    """Zero, negative, not finite, text or empty: the error names the variable."""
    with pytest.raises(ConfigurationError, match=RATE):
        Currency.askii({RATE: said})


@pytest.mark.parametrize("said", WRONG_RATES)
def test_with_compat_a_bad_rate_is_the_default_and_a_warning(
    said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As in the fork, nothing is raised; but it is said."""
    with caplog.at_level(logging.WARNING, "llmkit"):
        assert Currency.askii({RATE: said}, compat=True).convert(1) == 1_000_000
    assert RATE in caplog.text


@pytest.mark.parametrize("rate", [0, -1, "nan", float("inf"), "x", True, b"1", None])
def test_a_given_rate_is_checked_even_with_compat(rate: Any) -> None:
    """Only what comes from the environment is forgiven."""
    with pytest.raises(ConfigurationError):
        Currency(rate=rate, compat=True)


def test_a_given_rate_goes_before_the_environment() -> None:
    """``rate=`` wins, and the environment is not even read."""
    assert Currency.askii({RATE: "nonsense"}, rate=10).convert(2) == 20


@pytest.mark.parametrize(
    ("usd", "coins"),
    [
        (0.0042, "4200"), ("0.0042", "4200"), (Decimal("0.0042"), "4200"), (1, "1000000"), (0, "0"),
        ("1e-12", "0.000001"), (8e-07, "0.8"), (0.1, "100000"), ("1e9", "1000000000000000"), ("-0", "0"),
    ],
)  # fmt: skip
def test_dollars_become_exactly_so_many_coins(usd: Any, coins: str) -> None:
    """A float is what it is written as, and fractions of a coin stay."""
    converted = Currency().convert(usd)
    assert isinstance(converted, Decimal)
    assert str(converted) == plain(converted) == coins


@pytest.mark.parametrize(
    "usd",
    [-1, "-0.01", float("nan"), float("inf"), "inf", "sNaN", None, "", "x", True, [], "1e400"],
)
def test_what_is_no_amount_is_refused(usd: Any) -> None:
    """Nothing is made of it, and nothing else is raised."""
    with pytest.raises(ConfigurationError):
        Currency().convert(usd)


def test_with_compat_less_than_nothing_is_nothing() -> None:
    """The fork billed a negative cost as 0; NaN is still refused."""
    assert Currency(compat=True).convert(-3.5) == 0
    with pytest.raises(ConfigurationError):
        Currency(compat=True).convert("nan")


@pytest.mark.parametrize(
    ("rounding", "coins"),
    [(None, "2.5"), ("floor", "2"), ("ceiling", "3"), ("half_even", "2"), ("half_up", "3")],
)
def test_rounding_is_said_or_not_done(rounding: Any, coins: str) -> None:
    """``floor`` is the fork's ``int()``; by default nothing is rounded."""
    assert plain(Currency(rounding=rounding).convert("0.0000025")) == coins


def test_an_unknown_rounding_is_refused() -> None:
    """A typo does not round in some way of its own."""
    wrong: Any = "down"
    with pytest.raises(ConfigurationError, match="floor"):
        Currency(rounding=wrong)


def test_code_and_field_are_the_currencys_name_unless_said() -> None:
    """Lago's metric and its property are called like the currency."""
    coins = Currency("credits", rate=100)
    assert (coins.code, coins.field) == ("credits", "credits")
    assert Currency("credits", 100, code="c", field="f").field == "f"
    for wrong in ("", "  ", 3):
        with pytest.raises(ConfigurationError):
            Currency(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "text"),
    [("-0.0", "0"), ("-0.50", "-0.5"), ("1E+3", "1000"), ("8E-7", "0.0000008"), ("100", "100"), ("1.000", "1")],
)  # fmt: skip
def test_numbers_are_written_plainly(number: str, text: str) -> None:
    """No exponent, no zeros at the end of a fraction, and never a minus before nothing."""
    assert plain(Decimal(number)) == text


def test_a_thousandth_cents_calls_add_up() -> None:
    """10,000 calls of 0.0042 USD are 42 USD: no fraction is lost."""
    coins = [Currency().convert(0.0042) for _ in range(10_000)]
    assert sum(coins) == 42_000_000


@given(
    st.decimals("1e-12", "1e9", allow_nan=False, allow_infinity=False),
    st.decimals("0.000001", "999999999", allow_nan=False, allow_infinity=False).filter(bool),
)
def test_coins_are_always_written_plainly_and_exactly(usd: Decimal, rate: Decimal) -> None:
    """From 1e-12 to 1e9 USD at any rate: no exponent, no bare point, and the text is the very product."""
    text = plain(Currency(rate=rate).convert(usd))
    assert PLAIN.match(text)
    assert Decimal(text) == EXACT.multiply(usd, rate)
    assert "." not in text or text[-1] != "0"


@given(st.floats(1e-12, 1e9))
def test_a_float_is_never_calculated_with(usd: float) -> None:
    """What is converted is the number that its ``repr`` shows."""
    assert Currency().convert(usd) == Decimal(repr(usd)).scaleb(6)


def test_the_callers_context_rounds_nothing() -> None:
    """A program that sets three digits of precision, and traps nothing, is billed to the last digit."""
    with decimal.localcontext(Context(prec=3, traps=[])):
        assert Currency().convert("1.234567890123") == Decimal("1234567.890123")
        with pytest.raises(ConfigurationError):
            amount("no number")


def test_a_division_to_sixty_digits_is_still_an_amount() -> None:
    """Prices per hour are divided by 3600: all digits that a cost can have are kept."""
    usd = Context(prec=60).divide(Decimal("1e-7"), Decimal(3600))
    assert Currency(rate=1_234_567).convert(usd) == EXACT.multiply(usd, Decimal(1_234_567))


def test_the_sum_of_conversions_is_the_conversion_of_the_sum() -> None:
    """Over a hundred thousand random costs (a million under LLMKIT_FULL) not one digit is lost."""
    count = 1_000_000 if os.environ.get("LLMKIT_FULL") else 100_000
    rng, coins = random.Random(9), Currency()
    total = converted = Decimal(0)
    for _ in range(count):
        usd = Decimal(rng.randrange(10 ** rng.randrange(1, 34))).scaleb(-24)
        total = EXACT.add(total, usd)
        converted = EXACT.add(converted, Decimal(plain(coins.convert(usd))))
    assert converted == EXACT.multiply(total, Decimal(1_000_000))
