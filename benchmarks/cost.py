"""How long a cost takes: ``pricing.cost`` of usages as answers have them.

Run: ``PYTHONPATH=src python benchmarks/cost.py``. Prints microseconds (the fastest and the median of the rounds), and
the ratio to reading the same usage into its model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from llmkit import catalogue, pricing
from llmkit.types.usage import Usage

_ROUNDS, _EACH = 40, 500
_OPENAI = {
    "prompt_tokens": 1000,
    "completion_tokens": 100,
    "total_tokens": 1100,
    "prompt_tokens_details": {"cached_tokens": 600, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 20,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
_CLAUDE = {
    "prompt_tokens": 10_000,
    "completion_tokens": 100,
    "total_tokens": 10_100,
    "prompt_tokens_details": {"cached_tokens": 4000, "cache_write_tokens": 3000},
    "cache_read_input_tokens": 4000,
    "cache_creation_input_tokens": 3000,
    "cache_creation": {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 1000},
}
_LONG = {"prompt_tokens": 250_000, "completion_tokens": 1000, "total_tokens": 251_000}


class _Case(NamedTuple):
    name: str
    provider: str
    model: str
    usage: dict[str, Any]
    tier: str | None = None


_CASES = (
    _Case("two counts", "openai", "gpt-4o", {"prompt_tokens": 1000, "completion_tokens": 100}),
    _Case("OpenAI's usage, cached", "openai", "gpt-4o", _OPENAI, "default"),
    _Case("in a tier", "openai", "gpt-5", _OPENAI, "flex"),
    _Case("Anthropic's, read and written", "anthropic", "claude-sonnet-4-5", _CLAUDE, "standard"),
    _Case("a long prompt", "gemini", "gemini-2.5-pro", _LONG),
    _Case("by the hour", "deepseek", "deepseek-v4-pro", _OPENAI),
)


def _times(run: Callable[[], object]) -> tuple[float, float]:
    """Microseconds: the fastest and the median of the rounds."""
    found = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        for _ in range(_EACH):
            run()
        found.append((time.perf_counter() - began) / _EACH * 1e6)
    found.sort()
    return found[0], found[len(found) // 2]


def _measured(case: _Case) -> None:
    usage = Usage.model_validate(case.usage)
    model = catalogue.find(case.provider, case.model)

    def run() -> pricing.Cost:
        return pricing.cost(usage, model, service_tier=case.tier, on=1_795_089_600.0, seconds=2)

    least, median = _times(run)
    reading, _ = _times(lambda: Usage.model_validate(case.usage))
    ratio = least / reading
    print(f"{case.name:<32}{least:>8.1f} µs{median:>8.1f} µs{ratio:>7.1f} x  {run()}")


def main() -> None:
    """Print one line for each usage: the time (fastest, median), the ratio, and the cost."""
    for case in _CASES:
        _measured(case)


if __name__ == "__main__":
    main()
