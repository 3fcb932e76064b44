from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmkit._control.billing.charge import Charge
from llmkit._control.billing.currency import Currency
from llmkit._control.billing.metric import Metric, measured
from llmkit.errors import ConfigurationError

COINS = Currency()
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "measures": [
        {"dimension": "audio_input", "quantity": "12.5", "unit": "second"},
        {"dimension": "audio_input", "quantity": "2", "unit": "second"},
    ],
}


def charge(**changed: Any) -> Charge:
    """A chat's, of half a dollar, but for what is said."""
    made = Charge("c1", 1_000, "completed", "openai", "gpt", "chat", Decimal("0.5"), usage=USAGE)
    return made._replace(**changed)


@pytest.mark.parametrize(
    ("measure", "units"),
    [
        ("cost", "500000"), ("usd", "0.5"), ("requests", "1"), ("prompt_tokens", "10"), ("completion_tokens", "5"),
        ("total_tokens", "15"), ("audio_input/second", "14.5"), (lambda _: 3, "3"), (lambda c: c.usd, "0.5"),
    ],
)  # fmt: skip
def test_a_metric_counts_what_it_is_named_after(measure: Any, units: str) -> None:
    """Money in both forms, requests, counts of the usage, what is not counted in tokens, functions."""
    assert measured(Metric("m", measure=measure), charge(), COINS).units == Decimal(units)


@pytest.mark.parametrize("measure", ["cost", "usd"])
def test_money_that_is_not_known_is_not_nothing(measure: str) -> None:
    """An unknown cost has a reason and no units; never 0."""
    found = measured(Metric("m", measure=measure), charge(usd=None, reason="no price"), COINS)
    assert (found.units, found.reason, found.nothing) == (None, "no price", False)


def test_a_cost_of_zero_is_zero() -> None:
    """What a provider gives for nothing is measured: 0, and that is not unknown."""
    assert measured(Metric("m"), charge(usd=Decimal(0)), COINS).units == 0


@pytest.mark.parametrize("usd", [Decimal("NaN"), Decimal(-1), Decimal("Infinity"), "x"])
def test_a_strange_cost_is_unknown(usd: Any) -> None:
    """Nothing is raised into a call for it, and nothing billed."""
    found = measured(Metric("m"), charge(usd=usd), COINS)
    assert found.units is None
    assert found.reason


def test_a_count_that_was_not_reported_is_not_billed_and_one_that_nobody_knows_waits() -> None:
    """A usage without completion tokens had none; without any usage nobody knows."""
    metric = Metric("m", measure="completion_tokens")
    assert measured(metric, charge(usage={"prompt_tokens": 1}), COINS).nothing
    found = measured(metric, charge(usage={}), COINS)
    assert not found.nothing
    assert found.units is None
    assert found.reason


def test_a_total_that_was_reported_goes_before_the_sum() -> None:
    """Where a host's total says more than its parts, it holds."""
    usage = {"prompt_tokens": 1, "total_tokens": 9}
    assert measured(Metric("m", measure="total_tokens"), charge(usage=usage), COINS).units == 9


def test_a_function_that_fails_is_a_reason() -> None:
    """Somebody's function does not fail somebody's call; neither does what it returns."""
    for measure in (lambda _: 1 / 0, lambda _: -1, lambda _: "x"):
        found = measured(Metric("m", measure=measure), charge(), COINS)
        assert found.units is None
        assert "m" in found.reason
    assert measured(Metric("m", measure=lambda _: None), charge(), COINS).nothing


def test_when_says_whether_a_call_counts() -> None:
    """A metric of embeddings does not count chats."""
    metric = Metric("m", when=lambda charge: charge.kind == "embedding")
    assert measured(metric, charge(), COINS).nothing
    assert measured(metric, charge(kind="embedding"), COINS).units == 500_000
    failing = Metric("m", when=lambda _: bool(1 / 0))
    assert measured(failing, charge(), COINS).reason


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": ""}, {"code": 3}, {"field": 3}, {"measure": ""}, {"measure": None}, {"mode": "static"},
        {"when": "always"}, {"field": "model"}, {"field": "usd"}, {"field": "prompt_tokens"},
    ],
)  # fmt: skip
def test_a_metric_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    """No code, no measure, or a field that every event has already."""
    with pytest.raises(ConfigurationError):
        Metric(**{"code": "m", **wrong})


def test_a_field_may_be_called_after_its_own_measure() -> None:
    """prompt_tokens under prompt_tokens says one thing."""
    assert Metric("prompt_tokens", measure="prompt_tokens").field == "prompt_tokens"
