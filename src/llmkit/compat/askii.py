"""Askii coins as the fork of LiteLLM converted them: floats, with the environment read at each call.

For programs that are moving; what is billed is converted by ``llmkit.billing.Currency``, exactly, at a rate that is
read once.
"""

from __future__ import annotations

import os

from .._control.billing.currency import Currency

__all__ = ["convert_budget_to_askii_coins", "get_askii_coin_exchange_rate", "usd_to_askii_coins"]


def get_askii_coin_exchange_rate() -> float:
    """Coins a dollar: ``ASKII_COIN_EXCHANGE_RATE``, or 1,000,000 where that is not set, or (logged) is none."""
    return float(_currency().rate)


def usd_to_askii_coins(usd: float) -> float:
    """So many dollars in coins; less than nothing is nothing.

    Raises:
        ConfigurationError: it is NaN, infinite or no number.
    """
    return float(_currency().convert(usd))


def convert_budget_to_askii_coins(usd: float | None) -> float | None:
    """A budget in coins; ``None`` is none.

    Raises:
        ConfigurationError: it is NaN, infinite or no number.
    """
    return None if usd is None else usd_to_askii_coins(usd)


def _currency() -> Currency:
    return Currency.askii(os.environ, compat=True)
