from __future__ import annotations

import logging

import pytest

from llmkit.compat.askii import (
    convert_budget_to_askii_coins,
    get_askii_coin_exchange_rate,
    usd_to_askii_coins,
)
from llmkit.errors import ConfigurationError

RATE = "ASKII_COIN_EXCHANGE_RATE"


def test_the_environment_is_read_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the fork: a rate that changes holds at once."""
    assert get_askii_coin_exchange_rate() == 1_000_000.0
    assert usd_to_askii_coins(0.0042) == 4200.0
    monkeypatch.setenv(RATE, "1e3")
    assert usd_to_askii_coins(0.0042) == 4.2
    assert isinstance(usd_to_askii_coins(1), float)


@pytest.mark.parametrize("rate", ["", "0", "-5", "nan", "inf", "many"])
def test_a_bad_rate_is_the_default_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, rate: str
) -> None:
    """Nothing is raised, and it is said."""
    monkeypatch.setenv(RATE, rate)
    with caplog.at_level(logging.WARNING, "llmkit"):
        assert get_askii_coin_exchange_rate() == 1_000_000.0
    assert RATE in caplog.text


def test_less_than_nothing_is_nothing_and_nothing_is_none() -> None:
    """Budgets that are not set stay so; what is no amount is no amount here either."""
    assert usd_to_askii_coins(-1) == 0.0
    assert convert_budget_to_askii_coins(None) is None
    assert convert_budget_to_askii_coins(25) == 25_000_000.0
    with pytest.raises(ConfigurationError):
        usd_to_askii_coins(float("nan"))
